"""What everybody may see without signing on: divisions, conditions, public notices, estates, waiting lists."""

from __future__ import annotations

from typing import Annotated

from anju.casework.v1 import casework_pb2 as casework
from anju.common.v1 import common_pb2 as common
from anju.eligibility.v1 import eligibility_pb2 as eligibility
from anju.housing.v1 import housing_pb2 as housing
from pydantic import Field

from web_gateway.api.convert import to_model
from web_gateway.api.layer import Access, Api, Call, Params
from web_gateway.api.models import DistrictCode, Division, Estate, Listing, Notice, Page, Paged, RuleSet, WaitingEntry

api = Api("/api/v1")
MaybeDistrict = Annotated[str, Field(pattern=r"^([0-9]{6})?$", description="Only this district or county.", examples=["410202"])]


class OnDate(Params):
    on_date: str = Field(default="", pattern=r"^([0-9]{4}-[0-9]{2}-[0-9]{2})?$", description="YYYY-MM-DD; empty for today.")


class InDistrict(Params):
    district: MaybeDistrict = ""


class PagedInDistrict(Paged):
    district: MaybeDistrict = ""


class WaitingListOf(Paged):
    code: DistrictCode


@api.get("/divisions", tag="city", access=Access.PUBLIC, max_age=3600)
async def list_divisions(call: Call) -> Listing[Division]:
    """City, districts, streets and communities with their codes."""
    profile = call.edge.profile
    return Listing[Division](items=[Division(code=d.code, level=d.level, name=d.name, parent=d.parent) for d in profile.divisions.values()])


@api.get("/conditions", tag="city", access=Access.PUBLIC, max_age=60)
async def get_conditions(call: Call, params: OnDate) -> RuleSet:
    """The admission criteria in force on a date, with their legal reference.

    A criterion with ``confirmed: false`` is a sample value and not the text of the law.
    """
    request = eligibility.GetRuleSetRequest(on_date=params.on_date)
    return to_model(RuleSet, await call.rpc("eligibility", call.services.eligibility.GetRuleSet, request), call.locale)


@api.get("/notices", tag="city", access=Access.PUBLIC, max_age=10)
async def list_notices(call: Call, params: PagedInDistrict) -> Page[Notice]:
    """Public notices now on show, names masked."""
    request = casework.ListNoticesRequest(page=common.PageRequest(limit=params.limit, cursor=params.cursor), district=params.district)
    found = await call.rpc("casework", call.services.casework.ListNotices, request)
    return Page[Notice](items=[to_model(Notice, item) for item in found.notices], next_cursor=found.page.next_cursor)


@api.get("/estates", tag="city", access=Access.PUBLIC, max_age=10)
async def list_estates(call: Call, params: InDistrict) -> Listing[Estate]:
    """Estates with their number of units and of vacant ones."""
    found = await call.rpc("housing", call.services.housing.ListEstates, housing.ListEstatesRequest(district=params.district))
    return Listing[Estate](items=[to_model(Estate, item) for item in found.estates])


@api.get("/districts/{code}/waiting-list", tag="city", access=Access.PUBLIC, max_age=10)
async def list_waiting(call: Call, params: WaitingListOf) -> Page[WaitingEntry]:
    """The waiting list of a district in order, names masked."""
    request = housing.ListWaitingRequest(district=params.code, page=common.PageRequest(limit=params.limit, cursor=params.cursor))
    found = await call.rpc("housing", call.services.housing.ListWaiting, request)
    return Page[WaitingEntry](items=[to_model(WaitingEntry, item) for item in found.entries], next_cursor=found.page.next_cursor)
