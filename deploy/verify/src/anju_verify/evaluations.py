"""Evaluations: a bad one is followed up by somebody else, and nobody has evaluated what was not rendered."""

from __future__ import annotations

from typing import Final

from anju_verify.check import Findings, Register
from anju_verify.sources import Sources

check: Final = Register()

_SERVICE: Final = "oversight"
# By the checker's own knowledge, and not by what opened the follow-ups.
_BAD: Final = ["dissatisfied", "very_dissatisfied"]
_LEVELS: Final = {5: "very_satisfied", 4: "satisfied", 3: "fairly_satisfied", 2: "dissatisfied", 1: "very_dissatisfied"}
_AT_ONCE: Final = 5_000


@check("E1", "every bad evaluation has a follow-up with a deadline, which nobody who was rated has answered, and no other has one")
async def e1(sources: Sources, found: Findings) -> None:
    rows = await sources.rows(
        _SERVICE,
        """
        SELECT finished.id, evaluation.level, evaluation.level = ANY($1) AS bad, follow_up.finished_id IS NOT NULL AS followed,
               follow_up.due_at > follow_up.opened_at AND follow_up.opened_at >= evaluation.at AS timely,
               follow_up.state = 'done' AS done, follow_up.result <> '' AND length(follow_up.answer_sealed) > 0 AS answered,
               COALESCE(handlers @> jsonb_build_array(jsonb_build_object('sub', answered_by))
                        OR (answered_by_person <> '' AND handlers @> jsonb_build_array(jsonb_build_object('person', answered_by_person))), false) AS rated
        FROM evaluation JOIN finished ON finished.id = evaluation.finished_id LEFT JOIN follow_up ON follow_up.finished_id = evaluation.finished_id
        """,
        _BAD,
    )
    for row in rows:
        found.looked()
        named = f"the evaluation of {row['id']}"
        found.unless(
            row["bad"] == row["followed"], f"{named} ({row['level']}) " + ("is followed by nothing" if row["bad"] else "is followed up")
        )
        if row["followed"]:
            found.unless(row["timely"], f"{named} is followed up without a deadline after it")
            found.unless(not row["rated"], f"{named} was answered by who was rated")
            found.unless(not row["done"] or row["answered"], f"{named} is done without an answer")


@check("E2", "whatever may be evaluated was finished by the service that says so: its own fact is on record there, of the same household")
async def e2(sources: Sources, found: Findings) -> None:
    rows = await sources.rows(_SERVICE, "SELECT id, source, fact_id, application_no FROM finished WHERE source <> $1", _SERVICE)
    for service in sorted({row["source"] for row in rows}):
        if not sources.has(service):
            found.note(f"no database of {service} is known: what it finished was not looked at")
            continue
        mine = [row for row in rows if row["source"] == service]
        for begin in range(0, len(mine), _AT_ONCE):
            some = mine[begin : begin + _AT_ONCE]
            told = await sources.rows(service, "SELECT id, application_no FROM fact WHERE id = ANY($1)", [row["fact_id"] for row in some])
            facts = {fact["id"]: fact["application_no"] for fact in told}
            for row in some:
                found.looked()
                known = facts.get(row["fact_id"])
                found.unless(known is not None, f"{row['id']} may be evaluated, and {service} has never finished it")
                # Of an answered objection the household is not named.
                same = known is None or row["application_no"] in ("", known)
                found.unless(same, f"{row['id']} is said to be of another household than {service} has on record")


@check(
    "E3", "what was rated with a complaint is one evaluation of its answer, as good or bad as it was rated, and there is none of another"
)
async def e3(sources: Sources, found: Findings) -> None:
    rows = await sources.rows(
        _SERVICE,
        """
        SELECT complaint.no, complaint.score, complaint.owner, finished.subject, finished.owner AS whose, evaluation.level
        FROM (SELECT * FROM complaint WHERE score > 0) AS complaint
        FULL JOIN (SELECT * FROM finished WHERE item = 'complaint_answered') AS finished ON finished.subject = complaint.no
        LEFT JOIN evaluation ON evaluation.finished_id = finished.id
        """,
    )
    for row in rows:
        found.looked()
        if row["no"] is None:
            found.violation(f"the answer to complaint {row['subject']} was evaluated, and nobody has rated it")
        elif row["level"] is None:
            found.violation(f"complaint {row['no']} was rated, and no evaluation says so")
        else:
            found.unless(
                row["level"] == _LEVELS[row["score"]], f"complaint {row['no']} was rated {row['score']}, its evaluation says {row['level']}"
            )
            found.unless(row["whose"] == row["owner"], f"the evaluation of complaint {row['no']} is said to be somebody else's")
