"""The first page of the staff console: how much of what waits for whom, each a list he may open."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import date
from typing import Final, Literal

from anju.casework.v1 import casework_pb2 as casework
from anju.common.v1 import common_pb2 as common
from anju.housing.v1 import housing_pb2 as housing
from anju.organisation.v1 import organisation_pb2 as organisation
from anju.oversight.v1 import complaints_pb2 as complaints
from anju.payments.v1 import payments_pb2 as payments
from chassis.errors import Refusal
from pydantic import Field

from web_gateway.api import fields as f
from web_gateway.api.convert import to_model, yesterday
from web_gateway.api.layer import Access, Answer, Api, Call
from web_gateway.api.subjects.reads import readers

api = Api("desk", "工作首页 The desk")

Number = Literal[
    "tasks", "tasks_overdue", "tasks_second", "cases_changed", "cases_overdue", "cases_blocked",
    "leases_signing", "leases_deposit", "bills_arrears", "bills_overdue", "bills_failed",
    "complaints_open", "complaints_overdue", "readers_alarmed",
]  # fmt: skip
_REVIEWER: Final[tuple[Number, ...]] = ("tasks", "tasks_overdue", "tasks_second", "cases_changed")
_HEARS: Final[tuple[Number, ...]] = ("complaints_open", "complaints_overdue")
# What each duty begins its day with, in this order.
OF_DUTY: Final[dict[str, tuple[Number, ...]]] = {
    "street_clerk": _REVIEWER,
    "district_reviewer": (*_REVIEWER, *_HEARS),
    "city_reviewer": (*_REVIEWER, *_HEARS),
    "house_manager": ("leases_signing", "leases_deposit", "bills_arrears", "bills_overdue", "bills_failed"),
    "finance": ("bills_arrears", "bills_overdue", "bills_failed"),
    "operator": ("cases_blocked", "cases_overdue", "cases_changed"),
    "auditor": ("readers_alarmed", "complaints_overdue", "cases_overdue", "cases_blocked", "cases_changed"),
}


class Figure(Answer):
    name: Number
    count: int | None = Field(description="Counted up to 10,000 and one more; null when the service it comes from does not answer now.")


class HandedOver(Answer):
    account: str
    name: str
    duty: f.Role
    unit: str
    unit_name: str
    until_on: str = Field(description="The last day of who hands it over.")


class Desk(Answer):
    figures: list[Figure]
    handed_over: list[HandedOver] = Field(
        description="Whose work was handed to the reader within thirty days, or will be; none while organisation is away."
    )
    since: date = Field(description="What has changed is counted from the beginning of this day: yesterday, in China.")


_COUNT: Final = common.PageRequest(count=True, only_count=True)
Ask = Callable[[Call, date], Awaitable[common.PageInfo]]


def _cases(**only: bool) -> Ask:
    async def ask(call: Call, _since: date) -> common.PageInfo:
        request = casework.ListApplicationsRequest(page=_COUNT, **only)  # type: ignore[arg-type]  # names of flags
        return (await call.rpc("casework", call.services.casework.ListApplications, request)).page  # type: ignore[no-any-return]

    return ask


async def _changed(call: Call, since: date) -> common.PageInfo:
    request = casework.ListApplicationsRequest(page=_COUNT, changed_since=since.isoformat())
    return (await call.rpc("casework", call.services.casework.ListApplications, request)).page  # type: ignore[no-any-return]


def _tasks(*, state: str = "", overdue: bool = False) -> Ask:
    async def ask(call: Call, _since: date) -> common.PageInfo:
        request = casework.ListTasksRequest(page=_COUNT, state=state, overdue=overdue)
        return (await call.rpc("casework", call.services.casework.ListTasks, request)).page  # type: ignore[no-any-return]

    return ask


def _leases(state: str) -> Ask:
    async def ask(call: Call, _since: date) -> common.PageInfo:
        request = housing.ListLeasesRequest(page=_COUNT, state=state)
        return (await call.rpc("housing", call.services.housing.ListLeases, request)).page  # type: ignore[no-any-return]

    return ask


def _bills(*, state: str = "", failed: bool = False) -> Ask:
    async def ask(call: Call, _since: date) -> common.PageInfo:
        request = payments.ListBillsRequest(page=_COUNT, state=state, failed_payment=failed)
        return (await call.rpc("payments", call.services.payments.ListBills, request)).page  # type: ignore[no-any-return]

    return ask


def _complaints(**only: bool) -> Ask:
    async def ask(call: Call, _since: date) -> common.PageInfo:
        request = complaints.ListComplaintsRequest(page=_COUNT, official=call.person.name, **only)  # type: ignore[arg-type]  # names of flags
        return (await call.rpc("oversight", call.services.complaints.ListComplaints, request)).page  # type: ignore[no-any-return]

    return ask


async def _readers(call: Call, since: date) -> common.PageInfo:
    """Of all services that show households' affairs, as their list has them: one official may be in it once for each."""
    return (await readers(call, _COUNT, alarmed=True, since=since.isoformat()))[1]


_ASK: Final[dict[Number, Ask]] = {
    "tasks": _tasks(),
    "tasks_overdue": _tasks(overdue=True),
    "tasks_second": _tasks(state="second"),
    "cases_changed": _changed,
    "cases_overdue": _cases(overdue=True),
    "cases_blocked": _cases(blocked=True),
    "leases_signing": _leases("signing"),
    "leases_deposit": _leases("deposit"),
    "bills_arrears": _bills(state="arrears"),
    "bills_overdue": _bills(state="overdue"),
    "bills_failed": _bills(failed=True),
    "complaints_open": _complaints(open=True),
    "complaints_overdue": _complaints(overdue=True),
    "readers_alarmed": _readers,
}


@api.get("/desk", access=Access.STAFF)
async def get_desk(call: Call) -> Desk:
    """The numbers of the reader's duties, within his reach: each counts what the list of its name shows. It shows nobody's affairs.

    A service that does not answer takes nothing from the others: its numbers are null.
    """
    since = yesterday()
    names = list(dict.fromkeys(name for role in call.person.roles for name in OF_DUTY.get(role, ())))
    handed_over, *figures = await asyncio.gather(_handed_over(call), *(_figure(call, name, since) for name in names))
    return Desk(figures=figures, handed_over=handed_over, since=since)


async def _handed_over(call: Call) -> list[HandedOver]:
    try:
        found = await call.rpc("organisation", call.services.organisation.ListHandedOver, organisation.ListHandedOverRequest())
    except Refusal:
        return []
    return [to_model(HandedOver, each) for each in found.handed_over]


async def _figure(call: Call, name: Number, since: date) -> Figure:
    try:
        return Figure(name=name, count=(await _ASK[name](call, since)).total)
    except Refusal:
        return Figure(name=name, count=None)
