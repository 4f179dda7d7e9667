"""Two administrators: one gives duties, the other looks; nobody his own, and no work is left lying."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from anju.common.v1 import common_pb2 as common
from anju.organisation.v1 import organisation_pb2 as pb
from chassis.errors import Refusal

from tests.services.organisation.office import ANOTHER, CITY, DISTRICT, STREET, Office, on, who

USERS, AUDIT = who("users", "user_admin"), who("audit", "audit_admin")


def appointment(account: str = "new", duty: str = "street_clerk", unit: str = STREET, **changes: Any) -> pb.AppointRequest:
    asked = {"name": f"姓名{account}", "person": f"person of {account}", "from_on": on(), "until_on": "", "idempotency_key": str(uuid4())}
    return pb.AppointRequest(account=account, duty=duty, unit=unit, **{**asked, **changes})


async def appoint(town: Office, *given: Any, **changes: Any) -> pb.Person:
    return (await town.ask("Appoint", appointment(*given, **changes), USERS)).person


async def the_appointment(town: Office, account: str) -> str:
    person = (await town.ask("GetPerson", pb.GetPersonRequest(account=account), USERS)).person
    return str(person.appointments[0].id)


async def end(town: Office, account: str, work_to: str, until_on: str = "", by: Any = USERS) -> pb.Person:
    request = pb.EndAppointmentRequest(
        idempotency_key=str(uuid4()), id=await the_appointment(town, account), until_on=until_on, work_to=work_to
    )
    return (await town.ask("EndAppointment", request, by)).person


async def test_a_duty_is_given_from_its_day_on_and_said_twice_is_given_once(town: Office) -> None:
    request = appointment()
    for _ in range(2):
        person = (await town.ask("Appoint", request, USERS)).person
    assert [(each.duty, each.unit, each.unit_name, each.state) for each in person.appointments] == [
        ("street_clerk", STREET, person.appointments[0].unit_name, "in_force")
    ]
    assert (person.name, person.verified) == ("姓名new", True)
    assert await town.standing("new") == [("", ("street_clerk",), (STREET,))]
    await appoint(town, "soon", from_on=on(3))
    assert await town.standing("soon") == []


@pytest.mark.parametrize(
    ("request_", "pointer"),
    [
        (appointment(duty="king"), "/duty"),
        (appointment(unit="9999"), "/unit"),
        (appointment(unit=CITY), "/unit"),
        (appointment(duty="district_reviewer"), "/unit"),
        (appointment(from_on=on(-1)), "/from_on"),
        (appointment(until_on=on(-1)), "/until_on"),
        (appointment(person=""), "/person"),
        (appointment(name=" "), "/name"),
    ],
)
async def test_a_form_that_is_wrong_is_refused_at_its_field(town: Office, request_: pb.AppointRequest, pointer: str) -> None:
    with pytest.raises(Refusal, match="INVALID_FIELDS") as refused:
        await town.ask("Appoint", request_, USERS)
    assert [each.pointer for each in refused.value.fields] == [pointer]


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (appointment("users", "finance", CITY), "OWN_APPOINTMENT"),
        # Nor under another account of his own.
        (appointment("users-2", "finance", CITY, person="person of users"), "OWN_APPOINTMENT"),
        (appointment("clerk", "finance", CITY, person="person of another"), "ANOTHERS_ACCOUNT"),
        (appointment("clerk", until_on=on(5)), "ALREADY_APPOINTED"),
        (appointment("clerk", "user_admin", CITY), "KEPT_APART"),
        (appointment("clerk-2", "audit_admin", CITY, person="person of clerk"), "KEPT_APART"),
        (appointment("audit", "city_reviewer", CITY), "KEPT_APART"),
    ],
)
async def test_what_may_not_be_given_is_refused(town: Office, request_: pb.AppointRequest, reason: str) -> None:
    before = await town.version()
    with pytest.raises(Refusal, match=reason):
        await town.ask("Appoint", request_, USERS)
    assert await town.version() == before


async def test_an_administrator_takes_four_eyes(town: Office) -> None:
    await appoint(town, "second", "user_admin", CITY)
    assert await town.standing("second") == []
    confirmation = pb.ConfirmAppointmentRequest(idempotency_key=str(uuid4()), id=await the_appointment(town, "second"), confirmed=True)
    for caller, reason in (
        # Neither whoever has entered it, under another account, nor the one who gets it.
        (who("users-2", "audit_admin", person="person of users"), "SAME_ADMINISTRATOR"),
        (who("second-2", "audit_admin", person="person of second"), "OWN_APPOINTMENT"),
        (USERS, "NOT_ALLOWED"),
    ):
        with pytest.raises(Refusal, match=reason):
            await town.ask("ConfirmAppointment", confirmation, caller)
    assert await town.standing("second") == []
    for _ in range(2):
        person = (await town.ask("ConfirmAppointment", confirmation, AUDIT)).person
    assert (person.appointments[0].state, person.appointments[0].confirmed_by) == ("in_force", "audit")
    assert await town.standing("second") == [("", ("user_admin",), (CITY,))]
    confirmation.confirmed = False
    with pytest.raises(Refusal, match="NOT_PROPOSED"):
        await town.ask("ConfirmAppointment", confirmation, AUDIT)


async def test_what_is_rejected_never_holds(town: Office) -> None:
    await appoint(town, "second", "auditor", CITY)
    request = pb.ConfirmAppointmentRequest(idempotency_key=str(uuid4()), id=await the_appointment(town, "second"), confirmed=False)
    await town.ask("ConfirmAppointment", request, AUDIT)
    assert await town.standing("second") == []


async def test_who_leaves_says_where_the_work_goes(town: Office) -> None:
    # Whoever stays has the duty there; the one elsewhere has not, nor the one who is gone.
    for work_to, reason in (("", "INVALID_FIELDS"), ("elsewhere", "NOBODY_LEFT"), ("gone", "NOBODY_LEFT"), ("clerk", "NOBODY_LEFT")):
        with pytest.raises(Refusal, match=reason):
            await end(town, "clerk", work_to)
    with pytest.raises(Refusal, match="OWN_APPOINTMENT"):
        await end(town, "clerk", "colleague", by=who("clerk-2", "user_admin", person="person of clerk"))
    person = await end(town, "clerk", "colleague")
    assert (person.appointments[0].state, person.appointments[0].work_to) == ("over", "colleague")
    assert await town.standing("clerk") == []
    with pytest.raises(Refusal, match="ALREADY_OVER"):
        await end(town, "clerk", "colleague")
    # The last one of a place does not leave it empty.
    with pytest.raises(Refusal, match="NOBODY_LEFT"):
        await end(town, "elsewhere", "pool")
    await appoint(town, "successor", unit=ANOTHER)
    assert (await end(town, "elsewhere", "pool", until_on=on(2))).appointments[0].until_on == on(2)
    assert await town.standing("elsewhere") != [], "the last day is his"


async def test_whoever_is_appointed_to_an_office_works_where_its_estates_lie(town: Office) -> None:
    person = await appoint(town, "manager", "house_manager", "FG-03")
    assert person.appointments[0].unit_name == "第三房管所（示例）"
    assert await town.standing("manager") == [("", ("house_manager",), ("410204", "410205"))]
    # A reviewer of a level is one of a division, not of an office.
    with pytest.raises(Refusal, match="INVALID_FIELDS"):
        await appoint(town, "reviewer", "district_reviewer", "FG-03")
    units = {each.code: each for each in (await town.ask("ListUnits", pb.ListUnitsRequest(), AUDIT)).units}
    assert (units["FG-03"].kind, units["FG-03"].people) == ("house_office", 1)
    # Another of the city's managers takes over; one of a single district does not have it everywhere there.
    await appoint(town, "district-manager", "house_manager", "410204")
    with pytest.raises(Refusal, match="NOBODY_LEFT"):
        await end(town, "manager", "district-manager")
    await appoint(town, "city-manager", "house_manager", CITY)
    assert (await end(town, "manager", "city-manager")).appointments[0].state == "over"


async def test_whoever_could_take_over_is_offered_and_nobody_else(town: Office) -> None:
    # Not himself under another account, nor one elsewhere, gone or yet to come.
    await appoint(town, "clerk-2", person="person of clerk")
    person = (await town.ask("GetPerson", pb.GetPersonRequest(account="clerk"), USERS)).person
    assert [(each.account, each.name) for each in person.appointments[0].colleagues] == [
        ("both", "姓名both"),
        ("colleague", "姓名colleague"),
    ]
    for each in person.appointments[0].colleagues:
        assert (await end(town, "clerk-2", each.account, until_on=on(3))).appointments[0].work_to == each.account
    alone = (await town.ask("GetPerson", pb.GetPersonRequest(account="elsewhere"), USERS)).person
    assert list(alone.appointments[0].colleagues) == []
    over = (await town.ask("GetPerson", pb.GetPersonRequest(account="gone"), USERS)).person
    assert list(over.appointments[0].colleagues) == [], "what is over has nothing to take over"


async def test_whose_work_somebody_gets_he_is_told_before_and_for_thirty_days(town: Office) -> None:
    async def told(account: str) -> list[tuple[str, str, str, str]]:
        found = await town.ask("ListHandedOver", pb.ListHandedOverRequest(), who(account))
        return [(each.name, each.duty, each.unit, each.until_on) for each in found.handed_over]

    assert await told("colleague") == []
    await end(town, "clerk", "colleague", until_on=on(2))
    assert await told("colleague") == [("姓名clerk", "street_clerk", STREET, on(2))]
    assert (await told("both"), await told("clerk")) == ([], []), "nobody else is"
    for days, still in ((30, 1), (31, 0)):
        begun = f"begins = current_date - {days + 5}"
        await town.sql("ALTER TABLE appointment DISABLE TRIGGER USER")
        await town.sql(
            f"UPDATE appointment SET {begun}, ends = (now() AT TIME ZONE 'Asia/Shanghai')::date - {days} WHERE account = 'clerk'"
        )
        assert len(await told("colleague")) == still


async def test_there_is_always_an_administrator(town: Office) -> None:
    other = who("other", "user_admin")
    with pytest.raises(Refusal, match="NOBODY_LEFT"):
        await end(town, "users", "pool", by=other)


async def test_who_stands_in_has_the_others_duties_for_the_days_and_says_so(town: Office) -> None:
    request = pb.SetCoverRequest(idempotency_key=str(uuid4()), absent="clerk", substitute="elsewhere", from_on=on(), until_on=on(5))
    person = (await town.ask("SetCover", request, USERS)).person
    assert [(each.absent, each.substitute_name, each.state) for each in person.covers] == [("clerk", "姓名elsewhere", "in_force")]
    assert await town.standing("elsewhere") == [("", ("street_clerk",), (ANOTHER,)), ("clerk", ("street_clerk",), (STREET,))]
    answer = await town.ask("GetStanding", pb.GetStandingRequest(), who("elsewhere"))
    assert answer.capacities[1].acting_for_name == "姓名clerk"
    await town.ask("EndCover", pb.EndCoverRequest(idempotency_key=str(uuid4()), id=person.covers[0].id), USERS)
    assert await town.standing("elsewhere") == [("", ("street_clerk",), (ANOTHER,))]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"substitute": "clerk"}, "INVALID_FIELDS"),
        ({"substitute": "stranger"}, "INVALID_FIELDS"),
        ({"until_on": ""}, "INVALID_FIELDS"),
        ({"until_on": on(400)}, "INVALID_FIELDS"),
        ({"substitute": "users"}, "OWN_APPOINTMENT"),
        ({"absent": "users"}, "OWN_APPOINTMENT"),
    ],
)
async def test_nobody_stands_in_for_himself_or_by_himself(town: Office, changes: dict[str, str], reason: str) -> None:
    asked = {"absent": "clerk", "substitute": "elsewhere", "from_on": on(), "until_on": on(5), **changes}
    with pytest.raises(Refusal, match=reason):
        await town.ask("SetCover", pb.SetCoverRequest(idempotency_key=str(uuid4()), **asked), USERS)


async def test_standing_in_gives_no_administration(town: Office) -> None:
    request = pb.SetCoverRequest(idempotency_key=str(uuid4()), absent="audit", substitute="clerk", from_on=on(), until_on=on(5))
    await town.ask("SetCover", request, USERS)
    assert await town.standing("clerk") == [("", ("street_clerk",), (STREET,))]


async def test_every_change_is_in_the_log_with_who_and_what(town: Office) -> None:
    await appoint(town)
    await end(town, "new", "pool", until_on=on(9))
    request = pb.ListChangesRequest(account="new", page=common.PageRequest(count=True))
    found = await town.ask("ListChanges", request, AUDIT)
    assert [(each.kind, each.by_account, each.account) for each in found.changes] == [
        ("ended", "users", "new"),
        ("appointed", "users", "new"),
    ]
    details = {each.name: (each.before, each.after) for each in found.changes[0].details}
    assert details["until"] == ("", on(9))
    assert details["work_to"] == ("", "pool")
    assert found.page.total == 2
    assert "姓名" not in str(found)
    today = pb.ListChangesRequest(from_on=on(), until_on=on(), kind="appointed")
    assert [each.account for each in (await town.ask("ListChanges", today, AUDIT)).changes] == ["new"]
    assert list((await town.ask("ListChanges", pb.ListChangesRequest(until_on=on(-1)), AUDIT)).changes) == []


async def test_the_log_is_narrowed_by_who_and_whom_and_what_and_sorted(town: Office) -> None:
    await appoint(town, "b-new")
    other = who("other", "user_admin")
    await town.ask("Appoint", appointment("a-new"), other)

    async def found(sort: str = "", **only: str) -> list[tuple[str, str]]:
        request = pb.ListChangesRequest(page=common.PageRequest(sort=sort, limit=100), **only)
        return [(each.by_account, each.account) for each in (await town.ask("ListChanges", request, AUDIT)).changes]

    assert await found(by_account="other") == [("other", "a-new")]
    assert await found(account="other") == [], "about whom is not by whom"
    assert await found(kind="appointed") == [("other", "a-new"), ("users", "b-new")]
    assert await found("-account", kind="appointed") == [("users", "b-new"), ("other", "a-new")]
    assert await found("by_account", kind="appointed", from_on=on(), until_on=on()) == [("other", "a-new"), ("users", "b-new")]
    assert await found(kind="appointed", from_on=on(1)) == []
    with pytest.raises(Refusal, match="INVALID_FIELDS"):
        await found("details")


async def test_that_the_log_was_taken_away_is_a_line_of_it(town: Office) -> None:
    taken = pb.ListChangesRequest(kind="log_taken")
    for page in (common.PageRequest(count=True, only_count=True), common.PageRequest(limit=2, purpose="audit", only_count=True)):
        await town.ask("ListChanges", pb.ListChangesRequest(page=page), AUDIT)
    with pytest.raises(Refusal, match="INVALID_FIELDS"):
        await town.ask("ListChanges", pb.ListChangesRequest(page=common.PageRequest(purpose="curiosity")), AUDIT)
    assert list((await town.ask("ListChanges", taken, AUDIT)).changes) == []
    first = await town.ask("ListChanges", pb.ListChangesRequest(page=common.PageRequest(limit=2, purpose="audit")), AUDIT)
    await town.ask("ListChanges", pb.ListChangesRequest(page=common.PageRequest(purpose="audit", cursor=first.page.next_cursor)), AUDIT)
    (line,) = (await town.ask("ListChanges", taken, AUDIT)).changes
    assert (line.by_account, line.account, line.details[0].name, line.details[0].after) == ("audit", "audit", "purpose", "audit")


async def test_people_of_a_unit_and_the_units_of_a_day(town: Office) -> None:
    request = pb.ListAppointmentsRequest(unit=STREET, state="in_force", page=common.PageRequest(sort="account"))
    found = await town.ask("ListAppointments", request, AUDIT)
    assert [each.account for each in found.appointments] == ["both", "clerk", "colleague"]
    assert found.appointments[0].name == "姓名both"
    waiting = pb.ListAppointmentsRequest(state="proposed")
    assert list((await town.ask("ListAppointments", waiting, AUDIT)).appointments) == []
    units = {each.code: each for each in (await town.ask("ListUnits", pb.ListUnitsRequest(), AUDIT)).units}
    assert (units[STREET].people, units[STREET].parent, units[DISTRICT].kind) == (3, DISTRICT, "district")


@pytest.mark.parametrize("method", ["Appoint", "EndAppointment", "SetCover", "EndCover"])
async def test_whoever_looks_enters_nothing(town: Office, method: str) -> None:
    request = getattr(pb, {"Appoint": "AppointRequest", "EndAppointment": "EndAppointmentRequest"}.get(method, f"{method}Request"))()
    for caller in (AUDIT, who("auditor", "auditor"), who("clerk", "street_clerk")):
        with pytest.raises(Refusal, match="NOT_ALLOWED"):
            await town.ask(method, request, caller)
