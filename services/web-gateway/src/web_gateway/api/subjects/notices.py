"""Public notices, and the objections to cases on notice with their answers."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from anju.casework.v1 import casework_pb2 as casework
from pydantic import Field

from web_gateway.api import fields as f
from web_gateway.api.convert import to_model
from web_gateway.api.layer import DECISION_SECONDS, Access, Answer, Api, Body, Call, Params
from web_gateway.api.problems import Kind
from web_gateway.api.subjects.applications import Application, Objection, application

PROBLEMS = (
    Kind(
        "NOT_ON_NOTICE", 409, "不在公示期", "Not on public notice",
        "只能对正在公示的申请提出异议，请查看公示名单。", "Objections are to cases on public notice only; see the list of notices.",
    ),
    Kind(
        "OBJECTION_PENDING", 409, "异议正在复核", "An objection is being examined",
        "请等待答复；答复后如有新的理由，可以再次提出。", "Wait for the answer; with new grounds you may object again after it.",
    ),
    Kind(
        "OBJECTION_ANSWERED", 409, "异议已经答复", "The objection has been answered",
        "同样的理由只答复一次；有新的事实或材料时，请写明后再提出。", "The same grounds are answered once; say what is new to object again.",
    ),
)  # fmt: skip
api = Api("notices", "公示与异议 Public notices and objections", PROBLEMS)


class Notice(Answer):
    application_no: str
    masked_name: str
    district: str
    street: str
    household_size: int
    category: f.Category
    published_at: datetime
    closes_at: datetime


class RaiseObjection(Body):
    text: Annotated[str, Field(min_length=1, max_length=2000)]


class DecideObjection(Body):
    upheld: bool
    answer: Annotated[str, Field(min_length=1, max_length=2000)]


class OfObjection(Params):
    no: f.ApplicationNo
    id: f.Id


@api.get("/notices", access=Access.PUBLIC, max_age=10)
async def list_notices(call: Call, params: f.PagedInDistrict) -> f.Page[Notice]:
    """Public notices now on show, names masked."""
    request = casework.ListNoticesRequest(page=params.page(), district=params.district)
    found = await call.rpc("casework", call.services.casework.ListNotices, request)
    return f.Page[Notice](items=[to_model(Notice, item) for item in found.notices], next_cursor=found.page.next_cursor)


@api.post("/applications/{no}/objections", status=201, assisted=True)
async def raise_objection(call: Call, params: f.OfApplication, body: RaiseObjection) -> Objection:
    """Objects to a case on public notice; anybody signed on may. The objector is not shown to the household."""
    request = casework.RaiseObjectionRequest(idempotency_key=call.idempotency_key, application_no=params.no, text=body.text)
    answer = await call.rpc("casework", call.services.casework.RaiseObjection, request, seconds=DECISION_SECONDS)
    return to_model(Objection, answer.objection)


@api.post("/applications/{no}/objections/{id}/decision", access=Access.STAFF, roles=("district_reviewer",))
async def decide_objection(call: Call, params: OfObjection, body: DecideObjection) -> Application:
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
