"""Messages: what begins a time the law gives a household has gone out to it, and is not left at silence.

Casework's book of what was decided is compared with the messages, and those with what became of them. (Offers are compared with their workflows: I4.)
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Final

from anju_profile.messages import Messages

from anju_verify.check import Findings, Register
from anju_verify.sources import Sources
from anju_verify.workflow_records import handed_on

check: Final = Register()

# By the checker's own knowledge: steps on record that begin a legal time, and the text the household is told by. Step by step, not by stage: a case that
# is returned twice is told twice.
_STEPS: Final = (
    ("returned_for_correction", r"SELECT application_no AS no FROM timeline WHERE event LIKE '%\_returned'"),
    ("refused", r"SELECT application_no AS no FROM timeline WHERE stage = 'rejected' AND event LIKE '%\_refused'"),
    ("objection_upheld", "SELECT application_no AS no FROM timeline WHERE event = 'objection_upheld'"),
)
_CLOCKS: Final = (
    *(template for template, _ in _STEPS),
    "confirmation_awaited",
    "member_refused",
    "consent_withdrawn_awaited",
    "consent_withdrawn_returned",
    "offer_made",
    "offer_accepted",
    "deposit_issued",
)
# The city's longest wait for a receipt, where its own is not known; and a day for the letter to be put into the queue.
_LONGEST: Final = timedelta(days=30)
_HANDED_ON_WITHIN: Final = timedelta(days=1)


@check("C3", "every decision that starts a clock has a delivery on record: it arrived, is under way, or its letter came back to the street")
async def c3(sources: Sources, found: Findings) -> None:
    told = {
        (row["application_no"], row["template"]): row["many"]
        for row in await sources.rows(
            "notifications",
            """
            SELECT application_no, template, count(*) AS many FROM inbox_message WHERE owner <> '' AND template = ANY($1)
            GROUP BY application_no, template
            """,
            [*_CLOCKS],
        )
    }
    soon = await handed_on(sources)
    for template, steps in _STEPS:
        taken = Counter(row["no"] for row in await sources.rows("casework", steps))
        found.looked(sum(taken.values()))
        for no, many in taken.items():
            have = told.get((no, template), 0) + soon[no, template]
            found.unless(
                have >= many, f"{no}: {many} steps began a legal time and were told {have} times ({template})", about=f"{no} {template}"
            )
    folder = sources.deployment.profile_dir
    waits = Messages.of(folder).receipt_within if folder is not None else _LONGEST
    rows = await sources.rows(
        "notifications",
        """
        SELECT inbox_message.id, template, application_no,
               array_agg(delivery.channel || ' ' || delivery.state) FILTER (WHERE delivery.id IS NOT NULL) AS ways,
               bool_or(
                   delivery.state IN ('queued', 'delivered') OR (delivery.state = 'sent' AND (channel = 'letter' OR state_at > $2))
               ) AS under_way,
               bool_or(letter.state = 'returned') AS came_back
        FROM inbox_message LEFT JOIN delivery ON delivery.message_id = inbox_message.id LEFT JOIN letter ON letter.id = delivery.id
        WHERE owner <> '' AND template = ANY($1) GROUP BY inbox_message.id ORDER BY inbox_message.id
        """,
        [*_CLOCKS],
        # "Sent" is the gateway's word, and no receipt ever came: somebody else had to take it.
        datetime.now(UTC) - waits - _HANDED_ON_WITHIN,
    )
    found.looked(len(rows))
    for row in rows:
        ways = ", ".join(sorted(row["ways"] or ())) or "no way at all"
        reached = row["under_way"] or row["came_back"]
        found.unless(
            reached, f"message {row['id']} about {row['application_no']} begins a legal time ({row['template']}) and went by {ways}"
        )
