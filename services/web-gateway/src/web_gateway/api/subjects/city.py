"""What the city publishes: its divisions and the conditions of admission."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Annotated, Literal

from anju.eligibility.v1 import eligibility_pb2 as eligibility
from anju_calendar import local_date
from anju_profile import NotInForceError
from pydantic import Field

from web_gateway.api import fields as f
from web_gateway.api.convert import to_model
from web_gateway.api.layer import EMBLEM_PATH, Access, Answer, Api, Call, Params
from web_gateway.api.vocabulary import CodeOf

api = Api("city", "公开信息 What everybody may see")


class Division(Answer):
    code: str
    level: Literal["city", "district", "street", "community"]
    name: str
    parent: str
    begins: str = Field(description="First day; empty for none.")
    ends: str = Field(description="Last day of one that was split, merged or abolished; empty for none. Nobody applies in it after that.")


class Demonstration(Answer):
    """A point others are shown (示范点)."""

    since: date
    criteria: list[str] = Field(description="What it was found to meet.")
    assessor: str


class AcceptancePoint(Answer):
    code: str
    kind: Annotated[str, CodeOf("point_kinds")]
    division: str = Field(description="The district, street or community it serves.")
    division_name: str
    name: str
    address: str
    hours: str
    telephone: str
    step_free: bool = Field(description="One comes in without a step, and there is a low counter.")
    demonstration: Demonstration | None = Field(description="While it is one: since when, for what, and who has said so.")
    sample: bool = Field(description="Made up: the city has not confirmed it.")


class NamedDistrict(Answer):
    code: str
    name: str


class City(Answer):
    code: str
    name: str
    service_name: str
    colour: str = Field(description="Of headers, links and buttons, #rrggbb; white on it can be read.")
    hotline: str = Field(description="Number people call; empty for none.")
    emblem: str = Field(description="Path of the city's emblem, an image.")
    districts: list[NamedDistrict] = Field(description="Districts and counties in which there are counters to go to.")


class RuleCriterion(Answer):
    code: str
    category: f.Category
    title: str
    threshold: str
    legal_ref: str
    confirmed: bool = Field(description="False: a sample value, not the law's or the city's own number.")


class RuleSet(Answer):
    version: str
    criteria: list[RuleCriterion]
    registers: list[f.Register] = Field(
        description="Registers a case submitted on that day asks, in order: what the household consents to."
    )


class PointFilter(Params):
    district: f.MaybeDistrict = ""
    street: Annotated[str, Field(pattern=r"^([0-9]{9})?$", description="Its counters first.")] = ""
    kind: Annotated[str, CodeOf("point_kinds"), Field(pattern=r"^[a-z_]{0,30}$", description="Only this kind.")] = ""
    step_free: bool = Field(default=False, description="Only those one comes into without a step.")
    most: int = Field(default=0, ge=0, le=500, description="Only so many; 0 for all.")


class OnDate(Params):
    on_date: str = Field(default="", pattern=r"^([0-9]{4}-[0-9]{2}-[0-9]{2})?$", description="YYYY-MM-DD; empty for today.")


@api.get("/city", access=Access.PUBLIC, max_age=3600)
async def get_city(call: Call) -> City:
    """Whose pages these are: the city's name, its colour and emblem, the number to call, and where there are counters."""
    profile, look = call.edge.profile, call.edge.look
    there = {point.division[:6] for point in call.edge.places.points}
    return City(
        code=profile.city_code,
        name=profile.name_of(profile.city_code),
        service_name=look.service_name_en if call.locale == "en" else look.service_name,
        colour=look.colour,
        hotline=look.hotline,
        emblem=EMBLEM_PATH,
        districts=[NamedDistrict(code=each.code, name=each.name) for each in profile.districts if each.code in there],
    )


@api.get("/acceptance-points", access=Access.PUBLIC, max_age=3600)
async def list_acceptance_points(call: Call, params: PointFilter) -> f.Listing[AcceptancePoint]:
    """The counters where people are helped in person: those of the street first, then the district's own, then its other streets'."""
    profile, today = call.edge.profile, local_date(datetime.now(UTC))
    found = call.edge.places.points_in(params.district, params.street)
    shown = [point for point in found if params.kind in ("", point.kind) and (point.step_free or not params.step_free)]
    return f.Listing[AcceptancePoint](
        items=[
            AcceptancePoint(
                division_name=profile.name_of(point.division),
                demonstration=Demonstration(since=mark.begins, criteria=list(mark.criteria), assessor=mark.assessor)
                if (mark := point.demonstration) is not None and mark.holds(today)
                else None,
                **point.model_dump(exclude={"demonstration"}),
            )
            for point in shown[: params.most or None]
        ]
    )


@api.get("/divisions", access=Access.PUBLIC, max_age=3600)
async def list_divisions(call: Call) -> f.Listing[Division]:
    """City, districts, streets and communities with their codes; those that are no more as well, for the cases of their days."""
    profile = call.edge.profile
    return f.Listing[Division](
        items=[
            Division(
                code=d.code,
                level=d.level,
                name=d.name,
                parent=d.parent,
                begins=d.begins.isoformat() if d.begins else "",
                ends=d.ends.isoformat() if d.ends else "",
            )
            for d in profile.divisions.values()
        ]
    )


@api.get("/conditions", access=Access.PUBLIC, max_age=60)
async def get_conditions(call: Call, params: OnDate) -> RuleSet:
    """The admission criteria in force on a date, with their legal reference.

    A criterion with ``confirmed: false`` is a sample value and not the text of the law.
    """
    request = eligibility.GetRuleSetRequest(on_date=params.on_date)
    found = await call.rpc("eligibility", call.services.eligibility.GetRuleSet, request)
    try:
        registers = call.edge.profile.registers.on(date.fromisoformat(params.on_date) if params.on_date else local_date(datetime.now(UTC)))
    except (ValueError, NotInForceError):
        # What is no day eligibility has refused already.
        registers = ()
    return to_model(RuleSet, found, call.locale, registers=list(registers))
