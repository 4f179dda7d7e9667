"""E1, E2, E3: a bad evaluation that nobody follows up, one who follows up what he was rated for, a service nobody has rendered and a complaint rated otherwise are found."""

from __future__ import annotations

from datetime import timedelta

from oversight.tables import Complaint

from tests.services.verify.records import NOW, Records

NO = "KF-2026-000001"
STEP = f"application/{NO}/5/notice_closed"
FACT = (
    "INSERT INTO fact (id, code, application_no, subject, division, at, day, codes, figures) "
    f"VALUES ('{STEP}', 'application_moved', '{NO}', '{NO}', '410202001', now(), current_date, '{{}}', '{{}}')"
)
BROKEN = [
    (
        "E1",
        "oversight",
        "DELETE FROM follow_up WHERE finished_id = 'sv-bad'",
        "the evaluation of sv-bad (dissatisfied) is followed by nothing",
    ),
    (
        "E1",
        "oversight",
        "UPDATE evaluation SET level = 'satisfied' WHERE finished_id = 'sv-bad'",
        "the evaluation of sv-bad (satisfied) is followed up",
    ),
    ("E1", "oversight", "UPDATE follow_up SET answered_by = 'rated'", "was answered by who was rated"),
    ("E1", "oversight", "UPDATE follow_up SET answered_by_person = 'index of rated'", "was answered by who was rated"),
    ("E1", "oversight", "UPDATE follow_up SET due_at = opened_at", "without a deadline after it"),
    ("E1", "oversight", "UPDATE follow_up SET answer_sealed = ''", "is done without an answer"),
    ("E2", "casework", "DELETE FROM fact", "sv-bad may be evaluated, and casework has never finished it"),
    ("E2", "oversight", "UPDATE finished SET fact_id = 'invented'", "sv-bad may be evaluated, and casework has never finished it"),
    (
        "E3",
        "oversight",
        "DELETE FROM evaluation WHERE finished_id = 'sv-heard'",
        "complaint TS-2026-000001 was rated, and no evaluation says so",
    ),
    (
        "E3",
        "oversight",
        "UPDATE evaluation SET level = 'satisfied' WHERE finished_id = 'sv-heard'",
        "was rated 1, its evaluation says satisfied",
    ),
    (
        "E3",
        "oversight",
        "UPDATE finished SET subject = 'TS-2026-000002' WHERE id = 'sv-heard'",
        "complaint TS-2026-000002 was evaluated, and nobody",
    ),
    ("E3", "oversight", "UPDATE finished SET owner = 'another' WHERE id = 'sv-heard'", "somebody else's"),
    ("E2", "oversight", "UPDATE finished SET application_no = 'KF-2026-000002'", "of another household"),
]


async def test_what_is_broken_is_found(records: Records) -> None:
    await records.need("oversight", "casework")
    await records.run("casework", FACT)
    row = {
        "item": "application_decided",
        "source": "casework",
        "fact_id": STEP,
        "application_no": NO,
        "subject": NO,
        "division": "410202001",
    }
    said = {"reasons": [], "words_sealed": b"", "channel": "web", "at": NOW, "day": NOW.date(), "said_by": "owner"}
    handlers = '[{"sub": "rated", "person": "index of rated"}]'
    for id, level in (("sv-good", "satisfied"), ("sv-bad", "dissatisfied")):
        await records.put("oversight", "finished", id=id, **row, at=NOW, owner="owner", person="", handlers=handlers)
        await records.put("oversight", "evaluation", finished_id=id, level=level, **said)
    await records.put(
        "oversight", "follow_up", finished_id="sv-bad", state="done", opened_at=NOW, due_at=NOW + timedelta(days=7), next_at=NOW, told=0,
        result="explained", answer_sealed=b"x", answered_by="somebody", answered_by_person="index of somebody", answered_at=NOW,
    )  # fmt: skip
    rated = Complaint(
        no="TS-2026-000001", seq=1, kind="complaint", channel="online", district="410202", street="410202001", level="district", about_staff=False,
        flags=[], stage="closed", waiting_on="nobody", received_at=NOW, updated_at=NOW, owner="writer", request_index="r", fingerprint="",
        text_index="", text_sealed=b"x", score=1,
    )  # fmt: skip
    await records.put("oversight", "complaint", **rated.model_dump())
    heard = {**row, "item": "complaint_answered", "source": "oversight", "fact_id": "", "application_no": "", "subject": "TS-2026-000001"}
    await records.put("oversight", "finished", id="sv-heard", **heard, at=NOW, owner="writer", person="", handlers=handlers)
    await records.put("oversight", "evaluation", finished_id="sv-heard", level="very_dissatisfied", **said)
    await records.put(
        "oversight", "follow_up", finished_id="sv-heard", state="open", opened_at=NOW, due_at=NOW + timedelta(days=7), next_at=NOW, told=0,
        result="", answer_sealed=b"", answered_by="", answered_by_person="",
    )  # fmt: skip
    await records.passes("E3")
    await records.passes("E1")
    await records.passes("E2")
    whole = await records.snapshot()
    for check, service, statement, words in BROKEN:
        await records.sabotage(service, statement)
        result = await records.check(check)
        assert any(words in each for each in result.violations), (statement, result.violations, result.notes)
        await records.restore(whole)
