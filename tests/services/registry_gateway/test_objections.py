"""Objections to queries: of whom a query was about and nobody else, one at a time, answered once with words, and kept as they were said."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import anju_calendar as calendar
import pytest
from anju.common.v1 import common_pb2 as common
from anju.registry.v1 import registry_pb2 as pb
from chassis.errors import Refusal
from chassis.identity import Caller
from chassis.ids import new_id
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from tests.services.registry_gateway.conftest import World
from tests.support.keys import citizen, staff

VEHICLES, MARRIAGE = "vehicles", "marriage"
WORDS = "我没有同意过这次查询"
AUDITOR = staff("auditor", "4102", sub="auditor-1")


async def reason(call: Any) -> str:
    with pytest.raises(Refusal) as caught:
        await call
    return caught.value.problem.reason


async def queries(world: World, caller: Caller) -> list[pb.QueryAboutMe]:
    request = pb.ListQueriesAboutMeRequest(page=common.PageRequest(limit=50))
    return list((await world.call("ListQueriesAboutMe", request, "web-gateway", caller)).queries)


async def objects(world: World, caller: Caller, query_id: str, said: str = WORDS, key: str = "") -> pb.QueryObjection:
    request = pb.ObjectToQueryRequest(idempotency_key=key or new_id(), query_id=query_id, text=said)
    answer: pb.ObjectToQueryResponse = await world.call("ObjectToQuery", request, "web-gateway", caller)
    return answer.objection


async def listed(world: World, caller: Caller = AUDITOR, state: str = "", limit: int = 20) -> list[pb.ObjectedQuery]:
    found, cursor = [], ""
    while True:
        request = pb.ListQueryObjectionsRequest(state=state, page=common.PageRequest(limit=limit, cursor=cursor))
        page = await world.call("ListQueryObjections", request, "web-gateway", caller)
        found += page.objections
        cursor = page.page.next_cursor
        if not cursor:
            return found


async def answers(
    world: World,
    objection: pb.QueryObjection,
    answer: str = "查询依据您 11 月 20 日的授权。",
    *,
    founded: bool = False,
    by: Caller = AUDITOR,
) -> pb.QueryObjection:
    request = pb.AnswerQueryObjectionRequest(id=objection.id, founded=founded, answer=answer)
    response: pb.AnswerQueryObjectionResponse = await world.call("AnswerQueryObjection", request, "web-gateway", by)
    return response.objection


def people(world: World) -> tuple[str, Caller, Caller]:
    """The number of another's case, and two persons it names, the first of whom applies nowhere."""
    household = world.persona("family")
    no = world.case(household, owner="citizen-2")
    first, second = (world.casework.people.of(member.id_number) for member in household.declared[:2])
    return no, replace(citizen("citizen-1"), person=first), replace(citizen("citizen-3"), person=second)


async def test_a_person_objects_and_is_answered(world: World) -> None:
    no, me, _ = people(world)
    await world.lookup(no, VEHICLES)
    [query] = await queries(world, me)
    assert not query.HasField("objection")
    before = datetime.now(UTC)
    raised = await objects(world, me, query.id)
    assert (raised.state, raised.text, raised.answer, raised.HasField("answered_at")) == ("open", WORDS, "", False)
    # The city's days for objections, working days in China, to the end of the last one.
    due = raised.due_at.ToDatetime(UTC)
    assert due in {calendar.working_days_after(at, 15) for at in (before, datetime.now(UTC))}
    assert due > before + timedelta(days=15)
    assert (await queries(world, me))[0].objection == raised

    [item] = await listed(world)
    assert item.objection == raised
    assert (item.query.id, item.query.application_no, item.query.register) == (query.id, no, VEHICLES)
    assert await listed(world, state="founded") == []
    answered = await answers(world, raised, founded=True, answer="经核查，\n授权书不是您本人签的，已停止使用。")
    assert (answered.state, answered.answer, answered.HasField("answered_at")) == (
        "founded",
        "经核查，\n授权书不是您本人签的，已停止使用。",
        True,
    )
    assert (await queries(world, me))[0].objection == answered
    assert await listed(world, state="open") == []
    assert [each.objection.id for each in await listed(world, state="founded")] == [raised.id]


async def test_one_is_open_at_a_query_and_a_repeat_is_the_same(world: World) -> None:
    no, me, _ = people(world)
    await world.lookup(no, VEHICLES)
    await world.lookup(no, MARRIAGE)
    one, other = await queries(world, me)
    first = await objects(world, me, one.id, key="key-1")
    assert await objects(world, me, one.id, key="key-1") == first
    assert await reason(objects(world, me, one.id, "别的话", key="key-1")) == "IDEMPOTENCY_KEY_REUSED"
    assert await reason(objects(world, me, one.id, "还有一句")) == "QUERY_OBJECTION_OPEN"
    at_once = await asyncio.gather(*(objects(world, me, other.id, key=f"at-once-{n}") for n in range(4)), return_exceptions=True)
    assert sum(isinstance(each, pb.QueryObjection) for each in at_once) == 1
    assert {each.problem.reason for each in at_once if isinstance(each, Refusal)} == {"QUERY_OBJECTION_OPEN"}
    await answers(world, first)
    # After the answer there may be another; the repeat of the first one's request still gets the first.
    second = await objects(world, me, one.id, "答复没有说明是谁查的")
    assert second.id != first.id
    assert (await objects(world, me, one.id, key="key-1")).state == "unfounded"
    shown = {query.id: query.objection.id for query in await queries(world, me)}
    assert shown[one.id] == second.id


async def test_an_answer_is_given_once(world: World) -> None:
    no, me, _ = people(world)
    await world.lookup(no, VEHICLES)
    raised = await objects(world, me, (await queries(world, me))[0].id)
    answered = await answers(world, raised)
    assert await answers(world, raised) == answered, "a repeat of the same answer"
    for changes in ({"founded": True}, {"answer": "另一个答复"}, {"by": staff("auditor", "4102", sub="auditor-2")}):
        assert await reason(answers(world, raised, **changes)) == "QUERY_OBJECTION_ANSWERED"


async def test_nobody_objects_for_another_nor_answers_what_he_may_not_see(world: World) -> None:
    no, me, wife = people(world)
    await world.lookup(no, VEHICLES)
    [mine] = await queries(world, me)
    assert await reason(objects(world, wife, mine.id)) == "NOT_FOUND"
    assert await reason(objects(world, me, "rq_404.1")) == "NOT_FOUND"
    assert await reason(objects(world, citizen("citizen-1"), mine.id)) == "WHO_IS_NOT_KNOWN"
    for said, key in ((" \n ", ""), ("长" * 2001, ""), ("坏\x07字", "")):
        assert await reason(objects(world, me, mine.id, said, key)) == "INVALID_FIELDS"
    assert await reason(objects(world, AUDITOR, mine.id)) == "NOT_ALLOWED"
    raised = await objects(world, me, mine.id)
    assert not (await queries(world, wife))[0].HasField("objection")
    elsewhere = staff("auditor", "410203", sub="auditor-2")
    assert await listed(world, elsewhere) == []
    assert await reason(answers(world, raised, by=elsewhere)) == "NOT_FOUND"
    himself = replace(AUDITOR, person=me.person)
    assert await reason(answers(world, raised, by=himself)) == "QUERY_OBJECTION_NEAR"
    assert await listed(world, himself) == []
    assert await reason(answers(world, raised, " ")) == "INVALID_FIELDS"
    assert await reason(answers(world, pb.QueryObjection(id="qo-404"))) == "NOT_FOUND"
    for other in (me, staff("district_reviewer", "4102"), staff("operator", "4102")):
        assert await reason(listed(world, other)) == "NOT_ALLOWED"
        assert await reason(answers(world, raised, by=other)) == "NOT_ALLOWED"
    assert await reason(listed(world, state="closed")) == "INVALID_FIELDS"


async def test_what_is_due_first_comes_first_page_by_page(world: World) -> None:
    no, me, wife = people(world)
    await world.lookup(no, VEHICLES)
    raised = [await objects(world, who, (await queries(world, who))[0].id) for who in (me, wife)]
    in_order = [each.id for each in sorted(raised, key=lambda each: (each.due_at.ToDatetime(), each.id))]
    assert [item.objection.id for item in await listed(world, limit=1)] == in_order


async def test_what_was_said_is_sealed_and_stays(world: World) -> None:
    no, me, _ = people(world)
    await world.lookup(no, VEHICLES)
    raised = await objects(world, me, (await queries(world, me))[0].id)
    async with world.database.statements() as session:
        [row] = (await session.execute(text("SELECT query_objection::text FROM query_objection"))).scalars().all()
    assert WORDS.encode().hex() not in row
    assert WORDS not in row
    for statement in (
        "UPDATE query_objection SET text_sealed = 'x'",
        "UPDATE query_objection SET due_at = due_at + interval '1 year'",
        "DELETE FROM query_objection",
        "TRUNCATE query_objection",
    ):
        with pytest.raises(DBAPIError):
            async with world.database.statements() as session:
                await session.execute(text(statement))
    await answers(world, raised)
    with pytest.raises(DBAPIError):
        async with world.database.statements() as session:
            await session.execute(text("UPDATE query_objection SET answer_sealed = 'x'"))


async def test_an_auditor_who_is_near_the_household_neither_reads_nor_answers_it(world: World) -> None:
    no, me, _ = people(world)
    await world.lookup(no, VEHICLES)
    raised = await objects(world, me, (await queries(world, me))[0].id)
    uncle = staff("auditor", "4102", sub="auditor-uncle")
    world.casework.cases[no].near = frozenset({uncle.sub})
    assert await listed(world, uncle) == []
    assert await reason(answers(world, raised, by=uncle)) == "QUERY_OBJECTION_NEAR"
    assert [item.objection.id for item in await listed(world)] == [raised.id]
    await answers(world, raised)
    assert await reason(answers(world, raised, by=uncle)) == "QUERY_OBJECTION_NEAR", "nor does he learn the answer by repeating it"


async def test_the_same_ground_is_answered_once(world: World) -> None:
    no, me, wife = people(world)
    await world.lookup(no, VEHICLES)
    await world.lookup(no, MARRIAGE)
    one, other = await queries(world, me)
    await answers(world, await objects(world, me, one.id))
    assert await reason(objects(world, me, one.id, f" {WORDS}！ ")) == "QUERY_GROUND_ANSWERED"
    # Against another query, and of another person, it is another matter.
    await answers(world, await objects(world, me, other.id))
    await objects(world, wife, (await queries(world, wife))[0].id)
    for said in ("授权书不是我签的", "我当时不是这家的人"):
        await answers(world, await objects(world, me, one.id, said), founded=True)
        assert await reason(objects(world, me, one.id, said)) == "QUERY_GROUND_ANSWERED"
    assert await reason(objects(world, me, one.id, "第四个理由")) == "QUERY_GROUND_ANSWERED"
