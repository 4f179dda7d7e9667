"""A household's application: submit, follow, correct, withdraw, object; and what reviewers see and decide."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

from anju.casework.v1 import casework_pb2 as casework
from anju.common.v1 import common_pb2 as common
from anju.eligibility.v1 import eligibility_pb2 as eligibility
from anju.housing.v1 import housing_pb2 as housing
from anju.registry.v1 import registry_pb2 as registry
from chassis.errors import Refusal
from pydantic import Field

from web_gateway.api import cases as c
from web_gateway.api import models as m
from web_gateway.api.city import MaybeDistrict
from web_gateway.api.convert import answered, enum_number, to_dict, to_model
from web_gateway.api.layer import DECISION_SECONDS, Access, Api, Call, Empty, IfMatch, Params
from web_gateway.api.titles import REGISTERS, STAGES, title

api = Api("/api/v1")
REVIEWERS = ("street_clerk", "district_reviewer", "city_reviewer")
_DECISION = casework.DESCRIPTOR.enum_types_by_name["Decision"]


class ApplicationFilter(m.Paged):
    stage: Annotated[str, Field(pattern=r"^[a-z_]{0,30}$", description="Only this stage.", examples=["street_review"])] = ""
    district: MaybeDistrict = ""


class OfObjection(Params):
    no: m.ApplicationNo
    id: m.Id


def application(call: Call, message: casework.Application) -> c.Application:
    """The whole case in the reader's language, and its version as ETag."""
    raw = to_dict(message)
    raw["stage_title"] = title(STAGES, raw["stage"], call.locale)
    raw["timeline"] = [{**entry, "stage_title": title(STAGES, entry["stage"], call.locale)} for entry in raw["timeline"]]
    call.version(message.version)
    return answered(c.Application, raw)


def relative_to_body(refusal: Refusal) -> Refusal:
    """Casework points into the dossier; the reader sent it as a part of the body."""
    fields = tuple(
        f if f.pointer.startswith(("/dossier", "/consent")) else replace(f, pointer="/dossier" + f.pointer) for f in refusal.fields
    )
    return replace(refusal, fields=fields)


async def with_dossier(call: Call, method: Any, request: Any) -> Any:
    try:
        return await call.rpc("casework", method, request, seconds=DECISION_SECONDS)
    except Refusal as refusal:
        raise relative_to_body(refusal) from None


def location(no: str) -> str:
    return f"/api/v1/applications/{no}"


@api.post("/applications", tag="applications", access=Access.CITIZEN, status=202)
async def submit_application(call: Call, body: c.SubmitApplication) -> c.Application:
    """Hands in an application. The registers are asked next; follow it at the Location.

    Field errors point into this body, for example ``/dossier/members/0/id_number``. 409 HOUSEHOLD_HAS_APPLICATION when a member already
    stands in an active application.
    """
    consent = casework.Consent(text_version=body.consent.text_version, registers=body.consent.registers)
    request = casework.SubmitApplicationRequest(
        idempotency_key=call.idempotency_key, dossier=casework.Dossier(**body.dossier.model_dump()), consent=consent
    )
    answer = await with_dossier(call, call.services.casework.SubmitApplication, request)
    call.location(location(answer.application.no))
    return application(call, answer.application)


@api.get("/applications", tag="applications")
async def list_applications(call: Call, params: ApplicationFilter) -> m.Page[c.ApplicationSummary]:
    """A citizen's own applications, or an official's division's, newest first and masked."""
    request = casework.ListApplicationsRequest(
        page=common.PageRequest(limit=params.limit, cursor=params.cursor), stage=params.stage, district=params.district
    )
    found = await call.rpc("casework", call.services.casework.ListApplications, request)
    items = [to_model(c.ApplicationSummary, item, stage_title=title(STAGES, item.stage, call.locale)) for item in found.applications]
    return m.Page[c.ApplicationSummary](items=items, next_cursor=found.page.next_cursor)


@api.get("/applications/{no}", tag="applications", etag=True)
async def get_application(call: Call, params: m.OfApplication) -> c.Application:
    """The whole case for the household and its reviewers. Poll it with If-None-Match, or listen to its events."""
    answer = await call.rpc("casework", call.services.casework.GetApplication, casework.GetApplicationRequest(no=params.no))
    return application(call, answer.application)


@api.get("/applications/{no}/lookups", tag="applications")
async def list_lookups(call: Call, params: m.OfApplication) -> m.Listing[c.Lookup]:
    """What the registers have said so far. ``outcome`` is null while a register has not been asked; silence is never a refusal."""
    found = await call.rpc("registry-gateway", call.services.registry.ListLookups, registry.ListLookupsRequest(application_no=params.no))
    items = []
    for state in found.states:
        items.append(to_model(c.Lookup, state, call.locale, title=title(REGISTERS, state.register, call.locale)))
    return m.Listing[c.Lookup](items=items)


@api.get("/applications/{no}/assessment", tag="applications")
async def get_assessment(call: Call, params: m.OfApplication) -> c.Assessment:
    """The newest assessment: a verdict and a reason for every criterion, in the reader's language. 404 before there is one."""
    request = eligibility.GetAssessmentRequest(application_no=params.no)
    answer = await call.rpc("eligibility", call.services.eligibility.GetAssessment, request)
    return to_model(c.Assessment, answer.assessment, call.locale)


@api.get("/applications/{no}/access-log", tag="applications")
async def list_access(call: Call, params: m.OfApplicationPaged) -> m.Page[c.AccessEntry]:
    """Who asked which register about this case, when and why (Personal Information Protection Law, articles 44 to 50)."""
    request = registry.ListAccessRequest(application_no=params.no, page=common.PageRequest(limit=params.limit, cursor=params.cursor))
    found = await call.rpc("registry-gateway", call.services.registry.ListAccess, request)
    return m.Page[c.AccessEntry](items=[to_model(c.AccessEntry, entry) for entry in found.entries], next_cursor=found.page.next_cursor)


@api.get("/applications/{no}/tenancy", tag="homes")
async def get_tenancy(call: Call, params: m.OfApplication) -> m.Tenancy:
    """The household's place on the waiting list, its offers and its lease. 404 before it is registered."""
    answer = await call.rpc("housing", call.services.housing.GetTenancy, housing.GetTenancyRequest(application_no=params.no))
    return to_model(m.Tenancy, answer)


@api.put("/applications/{no}/dossier", tag="applications", access=Access.CITIZEN, status=202, if_match=IfMatch.REQUIRED)
async def correct_dossier(call: Call, params: m.OfApplication, body: c.CorrectDossier) -> c.Application:
    """The household's answer to a return for correction: the whole dossier again, and verification starts over."""
    request = casework.CorrectApplicationRequest(
        idempotency_key=call.idempotency_key,
        no=params.no,
        dossier=casework.Dossier(**body.dossier.model_dump()),
        if_version=call.if_version,
    )
    answer = await with_dossier(call, call.services.casework.CorrectApplication, request)
    call.location(location(params.no))
    return application(call, answer.application)


@api.post("/applications/{no}/withdrawal", tag="applications", access=Access.CITIZEN)
async def withdraw_application(call: Call, params: m.OfApplication, body: c.Withdraw) -> c.Application:
    """Withdraws the application, at any moment before registration."""
    request = casework.WithdrawApplicationRequest(idempotency_key=call.idempotency_key, no=params.no, reason=body.reason)
    answer = await call.rpc("casework", call.services.casework.WithdrawApplication, request, seconds=DECISION_SECONDS)
    return application(call, answer.application)


@api.post("/applications/{no}/objections", tag="applications", status=201)
async def raise_objection(call: Call, params: m.OfApplication, body: c.RaiseObjection) -> c.Objection:
    """Objects to a case on public notice; anybody signed on may. The objector is not shown to the household."""
    request = casework.RaiseObjectionRequest(idempotency_key=call.idempotency_key, application_no=params.no, text=body.text)
    answer = await call.rpc("casework", call.services.casework.RaiseObjection, request, seconds=DECISION_SECONDS)
    return to_model(c.Objection, answer.objection)


@api.post("/applications/{no}/objections/{id}/decision", tag="review", access=Access.STAFF, roles=("district_reviewer",))
async def decide_objection(call: Call, params: OfObjection, body: c.DecideObjection) -> c.Application:
    """The district's answer to an objection. Upheld refuses the case; not upheld lets the notice go on."""
    request = casework.DecideObjectionRequest(
        idempotency_key=call.idempotency_key,
        application_no=params.no,
        objection_id=params.id,
        upheld=body.upheld,
        answer=body.answer,
    )
    answer = await call.rpc("casework", call.services.casework.DecideObjection, request, seconds=DECISION_SECONDS)
    return application(call, answer.application)


@api.post("/applications/{no}/decision", tag="review", access=Access.STAFF, roles=REVIEWERS, if_match=IfMatch.OPTIONAL)
async def decide_application(call: Call, params: m.OfApplication, body: c.Decide) -> c.Application:
    """A reviewer's decision on the open task of his level. Returning and refusing need a reason; the household reads it."""
    request = casework.DecideTaskRequest(
        idempotency_key=call.idempotency_key,
        application_no=params.no,
        decision=enum_number(_DECISION, body.decision),  # type: ignore[arg-type]  # a number is the enum
        reason=body.reason,
        if_version=call.if_version,
    )
    answer = await call.rpc("casework", call.services.casework.DecideTask, request, seconds=DECISION_SECONDS)
    return application(call, answer.application)


@api.post("/applications/{no}/waiting-exit", tag="homes", access=Access.CITIZEN)
async def leave_waiting_list(call: Call, params: m.OfApplication, body: Empty) -> m.WaitingEntry:
    """The household leaves the waiting list of its own will."""
    request = housing.LeaveWaitingListRequest(idempotency_key=call.idempotency_key, application_no=params.no)
    answer = await call.rpc("housing", call.services.housing.LeaveWaitingList, request, seconds=DECISION_SECONDS)
    return to_model(m.WaitingEntry, answer.waiting)
