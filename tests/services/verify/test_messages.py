"""C3: a decision nobody was told of, and a message that went nowhere, are found."""

from __future__ import annotations

import pytest_asyncio

from tests.services.verify.records import NOW, Records

NO = "KF-2026-000001"
BROKEN = [
    ("DELETE FROM inbox_message", "1 steps began a legal time and were told 0 times (returned_for_correction)"),
    ("UPDATE inbox_message SET template = 'correction_received'", "told 0 times (returned_for_correction)"),
    ("UPDATE delivery SET state = 'refused' WHERE channel = 'letter'", "went by letter refused, sms refused"),
    ("UPDATE delivery SET state = 'given_up' WHERE channel = 'letter'", "went by letter given_up, sms refused"),
    (
        "DELETE FROM letter; DELETE FROM delivery WHERE channel = 'letter'; UPDATE delivery SET state = 'sent', state_at = '2026-01-01'",
        "went by sms sent",
    ),
    ("DELETE FROM letter; DELETE FROM delivery", "went by no way at all"),
]


@pytest_asyncio.fixture(loop_scope="session")
async def told(records: Records) -> Records:
    """A household whose case was returned to it: the text message failed, its letter is on its way."""
    await records.need("casework", "notifications", "housing", "payments", "oversight")
    await records.sabotage(
        "casework",
        f"""
        INSERT INTO timeline (application_no, seq, step_id, word_id, at, event, source, stage, actor, actor_kind, waiting_on, overdue, note_sealed, objection_id, recorded_at)
        VALUES ('{NO}', 5, 'application/{NO}/5/street_returned', '', now(), 'street_returned', 'street', 'correction', 'clerk', 'staff', 'citizen', false, '', '', now())
        """,
    )
    message = {"owner": "owner", "application_no": NO, "template": "returned_for_correction", "content": b"x", "at": NOW}
    await records.put(
        "notifications", "inbox_message", id="m-1", role="", division="410202001", template_version="", bill="", created_at=NOW, **message
    )
    for channel, state in (("sms", "refused"), ("letter", "sent")):
        await records.put(
            "notifications", "delivery", id=f"m-1.{channel}", message_id="m-1", channel=channel, state=state,
            address_index="", due_at=NOW, state_at=NOW,
        )  # fmt: skip
    await records.put("notifications", "letter", id="m-1.letter", at=NOW, state="printed", printed_at=NOW)
    return records


async def test_what_begins_a_legal_time_and_reaches_nobody_is_found(told: Records) -> None:
    await told.passes("C3")
    whole = await told.snapshot()
    for statement, words in BROKEN:
        await told.sabotage("notifications", statement)
        result = await told.check("C3")
        assert any(words in each for each in result.violations), (statement, result.violations, result.notes)
        await told.restore(whole)
    # A letter that came back is with the street's clerks, who see it in their queue: no fault of the record.
    await told.sabotage(
        "notifications",
        "UPDATE delivery SET state = 'refused'",
        "UPDATE letter SET state = 'returned', posted_on = '2026-11-24', ended_on = '2026-11-25'",
    )
    await told.passes("C3")
