"""What people think of finished services (好差评): said once, followed up when it was bad, and counted for everybody."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from anju.oversight.v1 import oversight_pb2 as oversight
from pydantic import Field

from web_gateway.api import fields as f
from web_gateway.api.convert import to_model
from web_gateway.api.layer import Access, Answer, Api, Body, Call, Params
from web_gateway.api.problems import Kind
from web_gateway.api.vocabulary import CodeOf, OneOf

PROBLEMS = (
    Kind(
        "EVALUATED", 409, "已经评价过", "Evaluated already",
        "评价提交后不能修改。还有话要说，请提出投诉建议。", "What was said stays; make a complaint or a suggestion if you have more to say.",
    ),
    Kind(
        "RATED_ONESELF", 403, "须由其他人员办理", "Not yours to do",
        "请交由没有办理这项服务的人员。", "Leave it to somebody who had no part in the service.",
    ),
    Kind(
        "FOLLOWED_UP", 409, "回访已经办结", "Followed up already",
        "请刷新页面查看。", "Reload the page to see how.",
    ),
    Kind(
        "FOLLOW_UP_NEAR", 403, "应当回避", "Not yours to do",
        "请交由其他人员回访。", "Leave it to somebody else.",
    ),
)  # fmt: skip
api = Api("evaluations", "好差评 Evaluations", PROBLEMS)
FOLLOWERS = ("district_reviewer", "city_reviewer")
READERS = (*FOLLOWERS, "auditor")

Item = Annotated[str, CodeOf("evaluated_services")]
Level = Annotated[str, CodeOf("satisfaction_levels")]
ServiceId = Annotated[str, Field(pattern=r"^[a-z0-9-]{1,64}$", description="Of a finished service.")]
Receipt = Annotated[str, Field(pattern=r"^[A-Za-z2-7]{16}$", description="The code on a receipt.")]


class EvaluationView(Answer):
    level: Level
    reasons: list[Annotated[str, CodeOf("satisfaction_reasons")]]
    words: str = Field(description="What the person wrote; empty for readers it is not meant for.")
    channel: Annotated[str, CodeOf("evaluation_channels")]
    at: datetime


class FollowUpView(Answer):
    state: Annotated[str, CodeOf("follow_up_states")]
    due_at: datetime
    escalated_at: datetime | None = Field(description="Since when it is overdue and lies with the city.")
    result: Annotated[str, CodeOf("follow_up_results")] = Field(description="Empty until it is done.")
    answer: str
    answered_at: datetime | None


class FinishedService(Answer):
    id: str
    item: Item
    application_no: str = Field(description="Empty for what is about no case of the reader's own.")
    subject: str = Field(description="The lease, bill or whatever it was about.")
    division: str
    division_name: str
    finished_at: datetime
    evaluation: EvaluationView | None = Field(description="null while nothing was said.")
    follow_up: FollowUpView | None = Field(description="Of a bad evaluation.")


class MyServices(f.Paged):
    application_no: Annotated[str, Field(pattern=r"^([A-Z]{2}-[0-9]{4}-[0-9]{6})?$", description="Only this application's.")] = ""


class OfService(Params):
    id: ServiceId


class OfReceipt(Params):
    code: Receipt


class Opinion(Body):
    level: Annotated[str, OneOf("satisfaction_levels")]
    reasons: Annotated[list[Annotated[str, OneOf("satisfaction_reasons")]], Field(max_length=10)] = Field(
        default=[], description="Praise goes with the two best levels, criticism with the others; none is needed."
    )
    words: Annotated[str, Field(max_length=500)] = Field(default="", description="Read by whoever follows it up; never published.")


class ServedAtCounter(Body):
    application_no: f.ApplicationNo


class VisitReceipt(Answer):
    code: str = Field(description="Printed on the receipt; whoever has it may evaluate the visit, once.")
    path: str = Field(description="Of the page the receipt's QR code leads to.")


class FollowUps(f.Sorted):
    sort: str = f.sorting("due_at", "said_at", "item")
    state: f.State = ""


class AnswerFollowUp(Body):
    result: Annotated[str, OneOf("follow_up_results")]
    answer: Annotated[str, Field(min_length=1, max_length=1000)] = Field(description="The person reads it.")


class OfMonth(Params):
    month: Annotated[str, Field(pattern=r"^([0-9]{4}-(0[1-9]|1[0-2]))?$", description="A month that is over; empty for the last.")] = ""


class GroupFigures(Answer):
    code: str
    name: str
    counts: list[int] = Field(description="In the order of the vocabulary satisfaction_levels, best first.")


class GroupsFigures(Answer):
    groups: list[GroupFigures]
    hidden: int = Field(description="How many are in groups too small to be shown, together.")


class EvaluationFigures(Answer):
    month: str
    counts: list[int] = Field(description="Of all; empty when there were fewer than five.")
    items: GroupsFigures
    channels: GroupsFigures
    divisions: GroupsFigures
    months: list[str] = Field(description="Months that are over and have figures, newest first.")


@api.get("/services", access=Access.CITIZEN)
async def list_services(call: Call, params: MyServices) -> f.Page[FinishedService]:
    """The services that were finished for the reader, newest first, with what he has said of them and what came of it."""
    request = oversight.ListServicesRequest(page=params.page(), application_no=params.application_no)
    found = await call.rpc("oversight", call.services.oversight.ListServices, request)
    return f.Page[FinishedService](items=[_service(call, each) for each in found.services], next_cursor=found.page.next_cursor)


@api.post("/services/{id}/evaluation", access=Access.CITIZEN, idempotent=False)
async def evaluate_service(call: Call, params: OfService, body: Opinion) -> FinishedService:
    """What the reader thought of a service that was finished for him: once, and never required. The same again changes nothing."""
    request = oversight.EvaluateServiceRequest(service_id=params.id, opinion=_opinion(body))
    return _service(call, (await call.rpc("oversight", call.services.oversight.EvaluateService, request)).service)


@api.post("/counter-visits", access=Access.STAFF, roles=("street_clerk",), idempotent=False)
async def open_counter_visit(call: Call, body: ServedAtCounter) -> VisitReceipt:
    """The code for the receipt of a household the clerk has served at the counter; the same for one day, clerk and household."""
    request = oversight.OpenCounterVisitRequest(application_no=body.application_no)
    code = (await call.rpc("oversight", call.services.oversight.OpenCounterVisit, request)).code
    return VisitReceipt(code=code, path=f"/receipts/{code}")


@api.get("/receipts/{code}", access=Access.PUBLIC)
async def get_visit(call: Call, params: OfReceipt) -> FinishedService:
    """The visit a receipt is of, without whose it was."""
    found = await call.rpc("oversight", call.services.oversight.GetVisit, oversight.GetVisitRequest(code=params.code))
    return _service(call, found.service)


@api.post("/receipts/{code}/evaluation", access=Access.ANYONE, idempotent=False)
async def evaluate_visit(call: Call, params: OfReceipt, body: Opinion) -> FinishedService:
    """What whoever has the receipt thought of the visit, once, without signing on; an official types in what was written on paper, unless it is about himself."""
    request = oversight.EvaluateVisitRequest(code=params.code, opinion=_opinion(body))
    return _service(call, (await call.rpc("oversight", call.services.oversight.EvaluateVisit, request)).service)


@api.get("/evaluations", access=Access.PUBLIC, max_age=60)
async def get_evaluation_figures(call: Call, params: OfMonth) -> EvaluationFigures:
    """How many said what in a month that is over, by service, channel and district. Groups under five are not shown, and cannot be worked out."""
    request = oversight.GetEvaluationFiguresRequest(month=params.month)
    found = await call.rpc("oversight", call.services.oversight.GetEvaluationFigures, request)
    return EvaluationFigures(
        month=found.month,
        counts=list(found.total.counts),
        items=_groups(call, found.items),
        channels=_groups(call, found.channels),
        divisions=_groups(call, found.divisions),
        months=list(found.months),
    )


@api.get("/follow-ups", access=Access.STAFF, roles=READERS)
async def list_follow_ups(call: Call, params: FollowUps) -> f.Page[FinishedService]:
    """Bad evaluations of the reader's divisions, what is due first comes first; none that is about himself. Auditors read what was done, not what was written."""
    request = oversight.ListFollowUpsRequest(page=params.page(), state=params.state)
    found = await call.rpc("oversight", call.services.oversight.ListFollowUps, request)
    items = [_service(call, each) for each in found.services]
    return f.Page[FinishedService](items=items, next_cursor=found.page.next_cursor, total=params.total(found.page))


@api.post("/follow-ups/{id}/answer", access=Access.STAFF, roles=FOLLOWERS, idempotent=False)
async def answer_follow_up(call: Call, params: OfService, body: AnswerFollowUp) -> FinishedService:
    """What was found out and done, which the person reads; never by whom it is about. The same again changes nothing."""
    request = oversight.AnswerFollowUpRequest(service_id=params.id, result=body.result, answer=body.answer)
    return _service(call, (await call.rpc("oversight", call.services.oversight.AnswerFollowUp, request)).service)


def _opinion(body: Opinion) -> oversight.Opinion:
    return oversight.Opinion(level=body.level, reasons=body.reasons, words=body.words)


def _service(call: Call, said: oversight.Service) -> FinishedService:
    return to_model(FinishedService, said, call.locale, division_name=_place(call, said.division))


def _groups(call: Call, said: oversight.Breakdown) -> GroupsFigures:
    groups = [GroupFigures(code=each.code, name=_place(call, each.code), counts=list(each.counts)) for each in said.groups]
    return GroupsFigures(groups=groups, hidden=said.hidden)


def _place(call: Call, code: str) -> str:
    """Empty for what is no division."""
    return call.edge.profile.name_of(code) if code[:1].isdigit() else ""
