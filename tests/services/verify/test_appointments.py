"""I6 and I7: what officials have said against what they had been given, and that against its log; each broken as somebody would who can write there."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from anju.organisation.v1 import organisation_pb2 as pb

from tests.conftest import MakeDatabase
from tests.services.organisation import office as town
from tests.services.verify.records import NOW, Records
from tests.services.verify.test_complaints import heard
from tests.services.verify.test_requests import NO, Office, office

__all__ = ["heard", "office"]
ORG, CASE, DESK = "organisation", "casework", "oversight"
TODAY = NOW.date()


async def given(records: Records, account: str, duty: str, unit: str) -> None:
    await records.put(ORG, "member", account=account, person="", name_sealed=b"", entered_at=NOW)
    values: dict[str, Any] = {"id": f"ap-{account}", "account": account, "duty": duty, "unit": unit, "begins": TODAY, "ends": TODAY}
    kept = {
        "state": "in_force",
        "entered_by": "users",
        "entered_by_person": "",
        "entered_at": NOW,
        "confirmed_by": "",
        "confirmed_by_person": "",
    }
    await records.put(ORG, "appointment", **values, **kept, work_to="")


BROKEN = [
    (ORG, "DELETE FROM appointment WHERE account = 'clerk-1'", "clerk-1 had no such duty then"),
    (ORG, "UPDATE appointment SET unit = '410203' WHERE account = 'district-1'", "district-1 had that duty somewhere else"),
    (ORG, "UPDATE appointment SET ends = begins - 1, begins = begins - 1", "had no such duty then"),
    (ORG, "UPDATE appointment SET begins = begins + 1, ends = NULL", "had no such duty then"),
    (ORG, "UPDATE appointment SET state = 'proposed' WHERE account = 'city-1'", "city-1 had no such duty then"),
    (ORG, "UPDATE appointment SET revoked_at = '2026-01-01' WHERE account = 'city-1'", "city-1 had no such duty then"),
    (CASE, "UPDATE word SET acting_for = 'clerk-1' WHERE level = 'district'", "clerk-1 had no such duty then"),
    (CASE, "UPDATE word SET acting_for = 'city-1', sub = 'x' WHERE level = 'city'", "nobody had him stand in for city-1 then"),
]


@pytest.mark.usefixtures("office")
async def test_i6_finds_whoever_decides_what_he_was_not_given(office: Office) -> None:
    records = office.records
    await records.need(CASE, ORG)
    await records.sabotage(CASE, f"UPDATE word SET said_at = '{NOW.isoformat()}'")
    for account, duty, unit in (
        ("clerk-1", "street_clerk", "410202001"),
        ("district-1", "district_reviewer", "410202"),
        ("city-1", "city_reviewer", "4102"),
    ):
        await given(records, account, duty, unit)
    await records.passes("I6")
    whole = await records.snapshot()
    for service, statement, words in BROKEN:
        await records.sabotage(service, statement)
        result = await records.check("I6")
        assert any(words in text for text in result.violations), (statement, result.violations, result.notes)
        await records.restore(whole)
    # Who stands in for somebody does it with the other's duty, while he is told to.
    await records.sabotage(CASE, "UPDATE word SET acting_for = 'city-1', sub = 'x' WHERE level = 'city'")
    await records.put(ORG, "member", account="x", person="", name_sealed=b"", entered_at=NOW)
    days = {"begins": TODAY - timedelta(days=1), "ends": TODAY}
    await records.put(ORG, "cover", id="co-1", absent="city-1", substitute="x", **days, entered_by="users", entered_at=NOW)
    await records.passes("I6")
    assert NO


async def test_i6_looks_at_what_desks_have_said_to_complaints(heard: Records) -> None:
    await heard.need(CASE, ORG)
    await heard.sabotage(DESK, f"UPDATE word SET said_at = '{NOW.isoformat()}'")
    for account, duty, unit in (
        ("officer-1", "district_reviewer", "410202"),
        ("city-1", "city_reviewer", "4102"),
        ("city-2", "city_reviewer", "4102"),
    ):
        await given(heard, account, duty, unit)
    await heard.passes("I6")
    whole = await heard.snapshot()
    for service, statement, words in (
        (ORG, "DELETE FROM appointment WHERE account = 'officer-1'", "officer-1 had no such duty then"),
        (ORG, "UPDATE appointment SET unit = '410203' WHERE account = 'officer-1'", "officer-1 had that duty somewhere else"),
        (DESK, "UPDATE word SET sub = 'city-1' WHERE level = 'district'", "city-1 had no such duty then"),
    ):
        await heard.sabotage(service, statement)
        await heard.violates("I6", "complaint TS-", words)
        await heard.restore(whole)
    # One that went to another desk: where it lay when that was said is not known any more, the duty still is.
    await heard.sabotage(ORG, "UPDATE appointment SET unit = '410203' WHERE account = 'officer-1'")
    await heard.sabotage(DESK, "UPDATE complaint_step SET event = 'reassigned' WHERE event IN ('assigned', 'flagged')")
    await heard.passes("I6")


TAMPERED = [
    ("UPDATE appointment SET ends = ends + 300 WHERE account = 'clerk'", "and the log says"),
    ("UPDATE appointment SET unit = '4102' WHERE account = 'colleague'", "is another than was given"),
    ("UPDATE appointment SET duty = 'finance' WHERE account = 'colleague'", "is another than was given"),
    ("UPDATE appointment SET state = 'in_force' WHERE account = 'proposed'", "is in_force, and the log says proposed"),
    ("UPDATE appointment SET state = 'proposed' WHERE account = 'second'", "is proposed, and the log says in_force"),
    ("UPDATE appointment SET revoked_at = NULL WHERE account = 'both' AND duty = 'street_clerk'", "was taken away at once in one of"),
    ("UPDATE appointment SET work_to = 'elsewhere' WHERE account = 'clerk'", "where its work went is not what the log says"),
    ("DELETE FROM change WHERE account = 'colleague'", "was given by nobody"),
    ("DELETE FROM appointment WHERE account = 'colleague'", "is in the log and nowhere else"),
    ("UPDATE change SET by_account = account WHERE kind = 'confirmed'", "was given, confirmed or ended by himself"),
    ("UPDATE change SET by_person = 'person of second' WHERE kind = 'confirmed'", "was given, confirmed or ended by himself"),
    ("UPDATE cover SET ends = ends + 1", "is another than was arranged"),
    ("UPDATE cover SET substitute = 'both'", "is another than was arranged"),
    ("DELETE FROM change WHERE kind = 'cover_set'", "was arranged by nobody"),
    (
        "UPDATE appointment SET work_to = '' WHERE account = 'clerk'; "
        "UPDATE change SET after = after || '{\"work_to\": \"\"}' WHERE account = 'clerk' AND kind = 'ended'",
        "nobody said where its work goes",
    ),
]  # fmt: skip


async def test_i7_finds_a_duty_that_is_not_as_the_log_has_it(records: Records, make_database: MakeDatabase, keys_dir: Path) -> None:
    users, audit = town.who("users", "user_admin"), town.who("audit", "audit_admin")
    async with town.office(make_database, keys_dir) as running:

        async def duty(account: str, place: int = 0) -> str:
            person = (await running.ask("GetPerson", pb.GetPersonRequest(account=account), users)).person
            return str(sorted(person.appointments, key=lambda each: each.duty)[place].id)

        async def act(method: str, request: Any, by: Any = users) -> None:
            request.idempotency_key = str(uuid4())
            await running.ask(method, request, by)

        for account in ("second", "proposed"):
            asked = {"name": account, "person": f"person of {account}", "duty": "auditor", "unit": town.CITY, "from_on": town.on()}
            await act("Appoint", pb.AppointRequest(account=account, **asked))
        await act("ConfirmAppointment", pb.ConfirmAppointmentRequest(id=await duty("second"), confirmed=True), audit)
        await act("EndAppointment", pb.EndAppointmentRequest(id=await duty("clerk"), until_on=town.on(3), work_to="colleague"))
        await act("EndAppointment", pb.EndAppointmentRequest(id=await duty("both", 1), work_to="pool"))
        cover = {"absent": "colleague", "substitute": "elsewhere", "from_on": town.on(), "until_on": town.on(5)}
        await act("SetCover", pb.SetCoverRequest(**cover))
        records.urls[ORG] = running.database_url
        await records.need(CASE)
        await records.passes("I7")
        whole = await records.snapshot()
        for statement, words in TAMPERED:
            await records.sabotage(ORG, statement)
            result = await records.check("I7")
            assert any(words in text for text in result.violations), (statement, result.violations)
            await records.restore(whole)
        await records.passes("I7")


async def test_i7_tells_of_open_work_which_nobody_may_do_today(office: Office) -> None:
    records = office.records
    await records.need(CASE, ORG)
    await records.put(CASE, "task", id=1, application_no=NO, level="street", opened_at=NOW, deadline_at=NOW, overdue=False, closed_by="")
    told = [text for text in (await records.check("I7")).notes if "nobody has the duty there today" in text]
    assert len(told) == 1
    assert "1 open tasks of the street level in 410202001" in told[0]
    await records.put(ORG, "member", account="x", person="", name_sealed=b"", entered_at=NOW)
    await records.sabotage(
        ORG,
        "INSERT INTO appointment (id, account, duty, unit, begins, state, entered_by, entered_by_person, entered_at, confirmed_by, confirmed_by_person, work_to) "
        "SELECT duty, 'x', duty, '4102', '2026-01-01', 'in_force', 'users', '', now(), '', '', '' FROM unnest(ARRAY['street_clerk', 'district_reviewer', 'city_reviewer']) AS duty",
    )
    assert not [text for text in (await records.check("I7")).notes if "nobody has the duty there today" in text]
