"""Who of the city's staff may do what: the pages of the two administrators (ADR 18)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final

from anju.common.v1 import common_pb2 as common
from anju.organisation.v1 import organisation_pb2 as organisation
from anju_profile.places import Office
from pydantic import Field

from web_gateway.api import fields as f
from web_gateway.api.convert import to_model
from web_gateway.api.layer import Access, Answer, Api, Body, Call, Empty, Params
from web_gateway.api.problems import Kind
from web_gateway.api.vocabulary import CodeOf, OneOf

PROBLEMS = (
    Kind(
        "OWN_APPOINTMENT", 403, "不能办理自己的岗位", "Your own duty",
        "请由另一位管理员办理。", "Another administrator has to do it.",
    ),
    Kind("SAME_ADMINISTRATOR", 403, "登记的人不能自己确认", "You entered it yourself", "请由另一位确认。", "Somebody else has to confirm it."),
    Kind(
        "ANOTHERS_ACCOUNT", 409, "该账号登记的是另一个人", "The account is another person's",
        "请核对账号和证件号码；一个账号只属于一个人。", "Check account and number; an account is one person's.",
    ),
    Kind(
        "ALREADY_APPOINTED", 409, "已有这个岗位", "Has this duty already",
        "任期与已有的重叠，请核对日期。", "The days overlap with those there are; check them.",
    ),
    Kind(
        "KEPT_APART", 409, "不能兼任", "Duties that are kept apart",
        "用户管理员和安全审计员不能兼任其他岗位，请先结束其中一个。", "The two administrators have no other duty; end one of the two first.",
    ),
    Kind(
        "NOBODY_LEFT", 409, "移交后没有人能办", "Nobody could do the work",
        "请先任命接替的人，再办理离岗。", "Appoint the successor first.",
    ),
    Kind("NOT_PROPOSED", 409, "不在等待确认", "Does not wait for confirmation", "请刷新后查看。", "Reload and look again."),
    Kind("ALREADY_OVER", 409, "已经结束", "Over already", "不用再办理。", "There is nothing left to end."),
)  # fmt: skip
api = Api("organisation", "组织机构 Organisation", PROBLEMS)

SEEN_BY: Final = ("user_admin", "audit_admin", "auditor")
Account = Annotated[str, Field(pattern=r"^[\x21-\x7e]{1,100}$", description="As the city sign-on names the person (sub).")]
MaybeAccount = Annotated[str, Field(pattern=r"^[\x21-\x7e]{0,100}$", description="Only this account.")]
UnitCode = Annotated[str, Field(pattern=r"^[0-9A-Za-z-]{2,20}$", description="Code of the unit.", examples=["410202001"])]
Day = Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$", examples=["2026-12-01"])]
MaybeDay = Annotated[str, Field(pattern=r"^([0-9]{4}-[0-9]{2}-[0-9]{2})?$", examples=["2026-12-01"])]
Duty = Annotated[str, OneOf("roles")]
CHANGES_BY: Final = ("seq", "account", "by_account", "kind")
AppointmentState = Annotated[str, CodeOf("appointment_states")]


class Appointment(Answer):
    id: str
    account: str
    name: str
    duty: f.Role
    unit: str
    unit_name: str
    from_on: str
    until_on: str = Field(description="The last day; empty for none.")
    state: AppointmentState
    entered_by: str
    confirmed_by: str
    work_to: str = Field(description="Where the work of somebody who left went: an account, or pool for all who have the duty there.")


class Colleague(Answer):
    account: str
    name: str


class HeldAppointment(Appointment):
    colleagues: list[Colleague] = Field(
        description="Who could take over the work of this duty today, having it everywhere there; none of one that is over."
    )


class Cover(Answer):
    id: str
    absent: str
    absent_name: str
    substitute: str
    substitute_name: str
    from_on: str
    until_on: str
    state: AppointmentState


class StaffMember(Answer):
    account: str
    name: str
    verified: bool = Field(description="Whether the number of his identity document is known; else the account alone is.")
    appointments: list[HeldAppointment]
    covers: list[Cover]


class OrganisationUnit(Answer):
    code: str
    kind: Annotated[str, CodeOf("unit_kinds")]
    name: str
    parent: str
    from_on: str
    until_on: str
    successors: list[str]
    people: int = Field(description="How many have a duty in the unit itself.")
    address: str = Field(description="Of an office, as its telephone.")
    telephone: str
    divisions: list[str] = Field(description="Of an office: the divisions its people work in.")
    estates: list[str] = Field(description="Of an office: the ids of the estates it looks after.")
    sample: bool = Field(description="Made up: the city has not confirmed it.")


class ChangedDetail(Answer):
    name: str
    before: str
    after: str


class OrganisationChange(Answer):
    seq: int
    at: datetime
    kind: Annotated[str, CodeOf("organisation_changes")]
    by_account: str
    account: str
    subject_id: str
    details: list[ChangedDetail]


class AppointmentFilter(f.Sorted):
    sort: str = f.sorting("unit", "account", "begins", "id")
    unit: Annotated[str, Field(pattern=r"^[0-9A-Za-z-]{0,20}$")] = ""
    duty: Annotated[str, Field(pattern=r"^[a-z_]{0,30}$")] = ""
    account: MaybeAccount = ""
    state: f.State = ""


class ChangeFilter(f.Sorted):
    sort: str = f.sorting(*CHANGES_BY)
    account: MaybeAccount = ""
    by_account: MaybeAccount = ""
    kind: Annotated[str, Field(pattern=r"^[a-z_]{0,30}$")] = ""
    from_on: MaybeDay = ""
    until_on: MaybeDay = ""


class OfDay(Params):
    day: MaybeDay = Field(default="", description="The units of this day; empty: today.")


class OfAccount(Params):
    account: Account


class OfAppointment(Params):
    id: f.Id


class OfCover(Params):
    id: f.Id


class Appoint(Body):
    account: Account
    name: Annotated[str, Field(min_length=1, max_length=100)]
    id_number: Annotated[str, Field(min_length=1, max_length=40, description="Of the identity document; only a blind index of it is kept.")]
    duty: Duty
    unit: UnitCode
    from_on: Day
    until_on: MaybeDay = ""


class EndAppointment(Body):
    until_on: MaybeDay = Field(default="", description="The last day; empty: at once.")
    work_to: Account = Field(description="Where the work goes that is not done: an account with the same duty there, or pool.")


class ConfirmAppointment(Body):
    confirmed: bool


class SetCover(Body):
    absent: Account
    substitute: Account
    from_on: Day
    until_on: Day


@api.get("/organisation/units", access=Access.STAFF, roles=SEEN_BY)
async def list_units(call: Call, params: OfDay) -> f.Listing[OrganisationUnit]:
    """The city's units of a day, its divisions and house-management offices, each with how many people have a duty in it."""
    request = organisation.ListUnitsRequest(day=params.day)
    found = await call.rpc("organisation", call.services.organisation.ListUnits, request)
    offices = {each.code: each for each in call.edge.places.offices}
    return f.Listing[OrganisationUnit](
        items=[to_model(OrganisationUnit, each, **_of_office(offices.get(each.code))) for each in found.units]
    )


def _of_office(office: Office | None) -> dict[str, Any]:
    if office is None:
        return {"address": "", "telephone": "", "divisions": [], "estates": [], "sample": False}
    return office.model_dump(include={"address", "telephone", "divisions", "estates", "sample"})


@api.get("/organisation/appointments", access=Access.STAFF, roles=SEEN_BY)
async def list_appointments(call: Call, params: AppointmentFilter) -> f.Page[Appointment]:
    """Who has which duty where, a line a duty."""
    request = organisation.ListAppointmentsRequest(
        page=params.page(), unit=params.unit, duty=params.duty, account=params.account, state=params.state
    )
    found = await call.rpc("organisation", call.services.organisation.ListAppointments, request)
    items = [to_model(Appointment, each) for each in found.appointments]
    return f.Page[Appointment](items=items, next_cursor=found.page.next_cursor, total=params.total(found.page))


@api.get("/organisation/people/{account}", access=Access.STAFF, roles=SEEN_BY)
async def get_staff_member(call: Call, params: OfAccount) -> StaffMember:
    """One of the staff with every duty he ever had, and whom he covers or is covered by."""
    request = organisation.GetPersonRequest(account=params.account)
    return _member(await call.rpc("organisation", call.services.organisation.GetPerson, request))


@api.post("/organisation/appointments", access=Access.STAFF, roles=("user_admin",), status=201)
async def appoint(call: Call, body: Appoint) -> StaffMember:
    """Gives a duty. That of an administrator or auditor waits for the audit administrator's confirmation."""
    request = organisation.AppointRequest(
        idempotency_key=call.idempotency_key,
        person=call.edge.people.of(body.id_number),
        **body.model_dump(exclude={"id_number"}),
    )
    return _member(await call.rpc("organisation", call.services.organisation.Appoint, request))


@api.post("/organisation/appointments/{id}/end", access=Access.STAFF, roles=("user_admin",))
async def end_appointment(call: Call, params: OfAppointment, body: EndAppointment) -> StaffMember:
    """Ends a duty, and says where its work goes. 409 NOBODY_LEFT when nobody could do it afterwards."""
    request = organisation.EndAppointmentRequest(
        idempotency_key=call.idempotency_key, id=params.id, until_on=body.until_on, work_to=body.work_to
    )
    return _member(await call.rpc("organisation", call.services.organisation.EndAppointment, request))


@api.post("/organisation/appointments/{id}/confirmation", access=Access.STAFF, roles=("audit_admin",))
async def confirm_appointment(call: Call, params: OfAppointment, body: ConfirmAppointment) -> StaffMember:
    """Confirms or rejects what the user administrator has proposed."""
    request = organisation.ConfirmAppointmentRequest(idempotency_key=call.idempotency_key, id=params.id, confirmed=body.confirmed)
    return _member(await call.rpc("organisation", call.services.organisation.ConfirmAppointment, request))


@api.post("/organisation/covers", access=Access.STAFF, roles=("user_admin",), status=201)
async def set_cover(call: Call, body: SetCover) -> StaffMember:
    """Has somebody stand in for another while he is on leave. What he does then is on record with both."""
    request = organisation.SetCoverRequest(idempotency_key=call.idempotency_key, **body.model_dump())
    return _member(await call.rpc("organisation", call.services.organisation.SetCover, request))


@api.post("/organisation/covers/{id}/end", access=Access.STAFF, roles=("user_admin",))
async def end_cover(call: Call, params: OfCover, body: Empty) -> StaffMember:
    """Ends the standing in at once."""
    request = organisation.EndCoverRequest(idempotency_key=call.idempotency_key, id=params.id)
    return _member(await call.rpc("organisation", call.services.organisation.EndCover, request))


@api.get("/organisation/changes", access=Access.STAFF, roles=("audit_admin",))
async def list_organisation_changes(call: Call, params: ChangeFilter) -> f.Page[OrganisationChange]:
    """Who has changed what about whom, the newest first."""
    found = await changes(call, params.page(), **params.model_dump(include={"account", "by_account", "kind", "from_on", "until_on"}))
    items = [to_model(OrganisationChange, each) for each in found.changes]
    return f.Page[OrganisationChange](items=items, next_cursor=found.page.next_cursor, total=params.total(found.page))


async def changes(call: Call, page: common.PageRequest, **only: str) -> organisation.ListChangesResponse:
    request = organisation.ListChangesRequest(page=page, **only)
    return await call.rpc("organisation", call.services.organisation.ListChanges, request)  # type: ignore[no-any-return]


def _member(answer: Any) -> StaffMember:
    return to_model(StaffMember, answer.person)
