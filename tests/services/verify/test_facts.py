"""F1: a change without its fact, a fact without its change, and a fact that says something else are found."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest_asyncio
from anju_verify.check import Status
from anju_verify.facts import CHANGES
from anju_workflows.application import calls
from anju_workflows.calling import Step

from tests.services.verify.records import NOW, Records

NO, LEASE_NO = "KF-2026-000001", "L-2026-000001"
BILL = f"{LEASE_NO}/202612"


@pytest_asyncio.fixture(loop_scope="session")
async def told(records: Records) -> Records:
    """A case that was registered, given a home and billed, and one register that was asked; each change with its fact."""
    await records.need("casework", "housing", "payments", "registry-gateway")
    await records.application(NO)
    step = Step(step_id=f"application/{NO}/1/start_verification", as_of=NOW)
    await records.timeline([calls.Advance(no=NO, step=step, event="start_verification", stage="verifying", waiting_on="registers")])
    await records.estate()
    await records.waiting(NO, "leased")
    await records.offer("O1", "U1", NO, "accepted")
    await records.lease(LEASE_NO, "O1", "U1", NO, signed_at=NOW)
    await records.put(
        "payments", "bills", id=BILL, lease_no=LEASE_NO, application_no=NO, owner=f"c-{NO}", district="410202", street="410202001", kind="rent",
        period="202612", amount_fen=35_000, paid_fen=35_000, state="paid", issued_at=NOW, due_at=NOW, paid_at=NOW, arrears_at=NOW + timedelta(days=9),
    )  # fmt: skip
    await records.run(
        "payments",
        "INSERT INTO transfers (id, key, kind, bill_id, amount_fen, entries, as_of) "
        f"VALUES (1, 'issue/{BILL}', 'issue', '{BILL}', 35000, 2, '{NOW.isoformat()}')",
        "INSERT INTO postings (transfer_id, account, amount_fen) VALUES (1, 'receivable:L', 35000), (1, 'income:rent', -35000)",
    )
    await records.put(
        "registry-gateway", "access_log", seq=1, kind="answer", attempt_id="rq_1", request_id="", application_no=NO, round=1,
        register_name="marriage", endpoint="", subject_index=0, person="", purpose="", legal_basis="", consent_id="", consent_channel="",
        consent_version="", operator="worker", fields="", request_hash="", outcome="found", code="", evidence_hash="", as_of=NOW, recorded_at=NOW,
        prev_hash="", hash="",
    )  # fmt: skip
    for service, (tables, changes) in CHANGES.items():
        change = changes.format(**dict.fromkeys(tables, "true"))
        await records.run(
            service,
            "INSERT INTO fact (id, code, application_no, subject, division, at, day, codes, figures) "  # of this package
            f"SELECT id, code, application_no, 'x', '', COALESCE(at, '{NOW.isoformat()}'), "
            f"(COALESCE(at, '{NOW.isoformat()}') AT TIME ZONE 'Asia/Shanghai')::date, codes, figures FROM ({change}) AS change WHERE must",
        )
    return records


BROKEN = [
    ("casework", f"DELETE FROM fact WHERE id = 'application/{NO}'", f"application/{NO} is on record and has no fact"),
    ("casework", "UPDATE fact SET id = 'invented' WHERE code = 'application_moved'", "fact invented tells of nothing on record"),
    ("casework", "UPDATE fact SET codes = '{\"events\": \"withdrawn\"}' WHERE code = 'application_moved'", "says something else"),
    ("casework", "UPDATE fact SET day = day + 1", "says something else"),
    ("housing", f"DELETE FROM fact WHERE id = 'lease/{LEASE_NO}/active'", f"lease/{LEASE_NO}/active is on record and has no fact"),
    ("housing", "UPDATE offers SET state = 'declined', released = true", "fact offer/O1/ended says something else"),
    ("housing", "DELETE FROM leases", f"fact lease/{LEASE_NO}/signing tells of nothing on record"),
    ("payments", f"DELETE FROM fact WHERE id = 'transfer/issue/{BILL}'", f"transfer/issue/{BILL} is on record and has no fact"),
    ("payments", "UPDATE fact SET figures = '{\"amount_fen\": 1}'", f"fact transfer/issue/{BILL} says something else"),
    ("payments", "UPDATE bills SET state = 'open', paid_fen = 0, paid_at = NULL", f"fact bill/{BILL}/paid tells of nothing on record"),
    (
        "payments",
        "INSERT INTO fact (id, code, application_no, subject, division, at, day, codes, figures) "
        f"SELECT 'bill/{BILL}/arrears', 'bill_arrears', application_no, subject, '', at, day, codes, figures FROM fact WHERE code = 'bill_paid'",
        f"bill/{BILL}/taken_back is on record and has no fact",
    ),
    ("registry-gateway", "DELETE FROM fact", "answer/rq_1 is on record and has no fact"),
    ("registry-gateway", "UPDATE access_log SET outcome = 'unavailable'", "fact answer/rq_1 says something else"),
]


async def test_what_is_broken_is_found(told: Records) -> None:
    await told.passes("F1")
    whole = await told.snapshot()
    for service, statement, words in BROKEN:
        await told.sabotage(service, statement)
        result = await told.check("F1")
        assert any(words in text for text in result.violations), (statement, result.violations)
        await told.restore(whole)


async def test_what_keeps_a_fact_as_it_was_told_is_missed(told: Records) -> None:
    await told.sabotage("payments", "ALTER TABLE fact DISABLE TRIGGER fact_kept")
    await told.violates("F1", "no trigger refuses updates of fact")


async def test_a_second_run_reads_what_is_new(told: Records, tmp_path: Path) -> None:
    marks = {"marks_file": tmp_path / "marks.json"}
    first = await told.check("F1", **marks)
    assert first.looked_at > 10
    await told.put("casework", "fact", id="forged", code="application_moved", application_no=NO, subject=NO, division="", at=NOW, day=NOW.date(),
                   codes={}, figures={})  # fmt: skip
    found = await told.check("F1", **marks)
    assert (found.status, found.violations) == (Status.VIOLATED, ("casework: fact forged tells of nothing on record",))
    assert found.looked_at < first.looked_at
