"""Objections to queries, as auditors find and answer them."""

from __future__ import annotations

from typing import Annotated

from anju.common.v1 import common_pb2 as common
from anju.registry.v1 import registry_pb2 as registry
from pydantic import Field

from web_gateway.api import fields as f
from web_gateway.api.convert import to_model
from web_gateway.api.layer import Access, Answer, Api, Body, Call, Params
from web_gateway.api.problems import Kind
from web_gateway.api.subjects.myself import QueryAboutMe, QueryObjection

PROBLEMS = (
    Kind(
        "QUERY_OBJECTION_NEAR", 403, "应当回避", "Not yours to answer",
        "请交由其他审计人员答复。", "Leave it to another auditor.",
    ),
    Kind(
        "QUERY_OBJECTION_ANSWERED", 409, "异议已经答复", "The objection has been answered",
        "请刷新页面查看答复。", "Reload the page to see the answer.",
    ),
)  # fmt: skip
api = Api("query-objections", "对查询的异议 Objections to queries", PROBLEMS)


class ObjectedQuery(Answer):
    objection: QueryObjection
    query: QueryAboutMe


class QueryObjections(f.Paged):
    """Not counted: whose case the auditor may not see is left out after the page is cut."""

    sort: str = f.sorting("due_at", "raised_at")
    skip: int = Field(default=0, ge=0, le=10_000, description="Leave out so many from the beginning, instead of going on by cursor.")
    state: f.State = ""

    def page(self) -> common.PageRequest:
        return common.PageRequest(limit=self.limit, cursor=self.cursor, sort=self.sort, skip=self.skip)


class OfQueryObjection(Params):
    id: f.Id


class AnswerQueryObjection(Body):
    founded: bool = Field(description="Whether the query should not have been made.")
    answer: Annotated[str, Field(min_length=1, max_length=2000)]


@api.get("/query-objections", access=Access.STAFF, roles=("auditor",))
async def list_query_objections(call: Call, params: QueryObjections) -> f.Page[ObjectedQuery]:
    """What people of the auditor's divisions have against queries about themselves, as far as it is his to answer; what is due first comes first. A page may
    have fewer items than asked."""
    request = registry.ListQueryObjectionsRequest(state=params.state, page=params.page())
    found = await call.rpc("registry-gateway", call.services.registry.ListQueryObjections, request)
    return f.Page[ObjectedQuery](items=[to_model(ObjectedQuery, item) for item in found.objections], next_cursor=found.page.next_cursor)


@api.post("/query-objections/{id}/answer", access=Access.STAFF, roles=("auditor",))
async def answer_query_objection(call: Call, params: OfQueryObjection, body: AnswerQueryObjection) -> QueryObjection:
    """The auditor's answer, which the person reads. Nobody answers about himself, his household, a relative or his community."""
    request = registry.AnswerQueryObjectionRequest(id=params.id, founded=body.founded, answer=body.answer)
    answer = await call.rpc("registry-gateway", call.services.registry.AnswerQueryObjection, request)
    return to_model(QueryObjection, answer.objection)
