"""What is on record about the person who has signed on, whoever's application it belongs to (Personal Information Protection Law, articles 44 to 50)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from anju.registry.v1 import registry_pb2 as registry
from pydantic import Field

from web_gateway.api import fields as f
from web_gateway.api.convert import to_model
from web_gateway.api.layer import Access, Answer, Api, Body, Call, Params
from web_gateway.api.problems import Kind
from web_gateway.api.vocabulary import CodeOf

PROBLEMS = (
    Kind(
        "WHO_IS_NOT_KNOWN", 409, "账号没有实名认证", "The account is not verified",
        "请先在登录的平台完成实名认证，或带身份证到街道办事处窗口查询。", "Have your identity verified where you sign on, or ask at the counter of your street office.",
    ),
    Kind(
        "QUERY_OBJECTION_OPEN", 409, "异议正在核查", "The objection is being looked into",
        "请等待答复；答复后如仍有疑问，可以再次提出。", "Wait for the answer; after it you may object again.",
    ),
    Kind(
        "QUERY_GROUND_ANSWERED", 409, "这项理由已经答复过", "These grounds have been answered",
        "如有新的事实，请写明后再提出。", "With new facts you may object again.",
    ),
)  # fmt: skip
api = Api("myself", "本人信息 Myself", PROBLEMS)


class QueryObjection(Answer):
    id: str
    state: Annotated[str, CodeOf("query_objection_states")]
    text: str
    raised_at: datetime
    due_at: datetime = Field(description="Auditors answer by then.")
    answer: str = Field(description="Empty while it is open.")
    answered_at: datetime | None


class ObjectToQuery(Body):
    text: Annotated[str, Field(min_length=1, max_length=2000)]


class OfQuery(Params):
    id: f.Id


class QueryAboutMe(Answer):
    id: str
    at: datetime
    register_: f.Register = Field(alias="register", serialization_alias="register")
    endpoint: str
    purpose: Annotated[str, CodeOf("purposes")]
    legal_basis: Annotated[str, CodeOf("legal_bases")]
    fields: list[str] = Field(description="What was sent about the person, by the register's own names.")
    outcome: f.Outcome | None = Field(description="Null while there is no answer.")
    application_no: str = Field(description="Empty when it was asked in the application of another household.")
    consent_channel: Annotated[str, CodeOf("consent_channels")] = Field(description="How the person had agreed to be asked about.")
    consent_given_at: datetime = Field(description="When the person had agreed.")
    objection: QueryObjection | None = Field(description="The reader's latest to it.")


@api.get("/myself/queries", access=Access.CITIZEN)
async def list_queries_about_me(call: Call, params: f.Paged) -> f.Page[QueryAboutMe]:
    """Which registers were asked about the reader himself, in whoever's application, when and why; the latest first.

    409 WHO_IS_NOT_KNOWN when the sign-on has not verified who the account belongs to.
    """
    request = registry.ListQueriesAboutMeRequest(page=params.page())
    found = await call.rpc("registry-gateway", call.services.registry.ListQueriesAboutMe, request)
    return f.Page[QueryAboutMe](items=[to_model(QueryAboutMe, query) for query in found.queries], next_cursor=found.page.next_cursor)


@api.post("/myself/queries/{id}/objection", access=Access.CITIZEN, status=201)
async def object_to_query(call: Call, params: OfQuery, body: ObjectToQuery) -> QueryObjection:
    """Objects to a query about the reader himself. An auditor answers within the city's days; one objection to a query is open at a time.

    404 also for a query about somebody else.
    """
    request = registry.ObjectToQueryRequest(idempotency_key=call.idempotency_key, query_id=params.id, text=body.text)
    answer = await call.rpc("registry-gateway", call.services.registry.ObjectToQuery, request)
    return to_model(QueryObjection, answer.objection)
