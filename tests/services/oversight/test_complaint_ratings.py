"""The rating of a complaint is an evaluation of its answer: entered with the step, followed up when it is bad, and asked for nowhere else."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from anju.oversight.v1 import oversight_pb2 as oversight
from anju.oversight.v1 import oversight_pb2_grpc as oversight_rpc
from chassis.identity import Caller

from tests.services.oversight.desk import CITIZEN, CITY, CITY_SECOND, COLLEAGUE, EVERYBODY, OFFICER, OTHER, STREET, Desk, reason
from tests.support.keys import staff

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def ask(desk: Desk, method: str, request: Any, caller: Caller) -> Any:
    return await desk.edge.call(getattr(oversight_rpc.OversightServiceStub(desk.edge.channel), method), request, caller=caller)


async def services(desk: Desk, caller: Caller = CITIZEN) -> list[oversight.Service]:
    return list((await ask(desk, "ListServices", oversight.ListServicesRequest(), caller)).services)


async def follow_ups(desk: Desk, caller: Caller) -> list[str]:
    return [each.subject for each in (await ask(desk, "ListFollowUps", oversight.ListFollowUpsRequest(), caller)).services]


async def answered(desk: Desk, writer: Caller = CITIZEN, **more: Any) -> tuple[str, str]:
    filed = await desk.file(writer, **more)
    await desk.act(filed.no, "accept")
    await desk.act(filed.no, "answer", said="已派人处理。")
    return filed.no, filed.code


async def test_a_good_mark_counts_once_and_opens_nothing(desk: Desk) -> None:
    no, _ = await answered(desk)
    assert await services(desk) == []
    await desk.respond(no, "rate", score=4, text="来得很快，谢谢。")
    (mine,) = await services(desk)
    assert (mine.item, mine.subject, mine.division, mine.evaluation.level, mine.evaluation.channel, mine.application_no) == (
        "complaint_answered",
        no,
        STREET,
        "satisfied",
        "web",
        "",
    )
    # What he wrote stays with the complaint, where it is read by who may read it.
    assert mine.evaluation.words == ""
    assert not mine.HasField("follow_up")
    # No second way to rate it.
    again = oversight.EvaluateServiceRequest(service_id=mine.id, opinion=oversight.Opinion(level="very_dissatisfied"))
    assert await reason(ask(desk, "EvaluateService", again, CITIZEN)) == "EVALUATED"
    assert await reason(ask(desk, "EvaluateService", again, OTHER)) == "NOT_FOUND"
    told = await desk.sql("SELECT code, codes->>'evaluated_services' FROM fact WHERE code = 'service_evaluated'")
    assert [tuple(row) for row in told] == [("service_evaluated", "complaint_answered")]


@pytest.mark.parametrize(
    ("score", "level"), [(1, "very_dissatisfied"), (2, "dissatisfied"), (3, "fairly_satisfied"), (5, "very_satisfied")]
)
async def test_each_mark_is_its_level_and_two_are_followed_up(desk: Desk, score: int, level: str) -> None:
    no, _ = await answered(desk)
    await desk.respond(no, "rate", score=score)
    (mine,) = await services(desk)
    assert (mine.evaluation.level, mine.HasField("follow_up")) == (level, score <= 2)


async def test_a_bad_mark_is_followed_up_by_somebody_who_has_not_answered_and_its_writer_is_told(desk: Desk) -> None:
    no, _ = await answered(desk)
    await desk.respond(no, "rate", score=1)
    assert [await follow_ups(desk, who) for who in (OFFICER, COLLEAGUE)] == [[], [no]]
    (mine,) = await services(desk)
    answer = oversight.AnswerFollowUpRequest(service_id=mine.id, result="explained", answer="已电话说明。")
    assert await reason(ask(desk, "AnswerFollowUp", answer, OFFICER)) == "RATED_ONESELF"
    await ask(desk, "AnswerFollowUp", answer, COLLEAGUE)
    (mine,) = await services(desk)
    assert (mine.follow_up.state, mine.follow_up.answer) == ("done", "已电话说明。")
    keys = [row[0] for row in await desk.sql("SELECT payload->>'key' FROM outbox WHERE kind = 'tell'")]
    assert [key for key in keys if "follow_up_done" in key] == [f"follow-up/{mine.id}/done/tell-follow_up_done"]


async def test_without_a_name_it_counts_and_stays_nobodys(desk: Desk) -> None:
    no, code = await answered(desk, EVERYBODY)
    await desk.respond(no, "rate", EVERYBODY, code=code, score=2)
    ((owner, person, said_by, level),) = await desk.sql(
        "SELECT owner, person, said_by, level FROM finished JOIN evaluation ON finished_id = finished.id"
    )
    assert (owner, person, said_by, level) == ("", "", "", "dissatisfied")
    assert await services(desk, EVERYBODY) == []
    assert await follow_ups(desk, COLLEAGUE) == [no]


async def test_what_is_about_staff_is_followed_up_by_the_city_and_not_by_those_beside_them(desk: Desk) -> None:
    filed = await desk.file(about_staff=True, about_name="王强", said="窗口的人说话很难听。")
    await desk.act(filed.no, "accept", CITY, about="city-9")
    await desk.act(filed.no, "answer", CITY, said="已批评教育。")
    await desk.act(filed.no, "agree", CITY_SECOND)
    await desk.respond(filed.no, "rate", score=1)
    third, accused = (staff("city_reviewer", "4102", sub=sub) for sub in ("city-3", "city-9"))
    assert [await follow_ups(desk, who) for who in (OFFICER, COLLEAGUE, CITY, CITY_SECOND, accused, third)] == [
        [],
        [],
        [],
        [],
        [],
        [filed.no],
    ]
    keys = [row[0] for row in await desk.sql("SELECT payload->>'key' FROM outbox WHERE kind = 'tell'")]
    assert [key.rpartition("/")[2] for key in keys if "follow_up" in key] == ["tell-follow_up_opened-city_reviewer-4102"]


async def test_a_step_recorded_twice_is_one_evaluation(desk: Desk) -> None:
    no, _ = await answered(desk)
    await desk.respond(no, "rate", score=5)
    step = (await desk.sql(f"SELECT step_id, word_id, actor FROM complaint_step WHERE no = '{no}' AND event = 'rated'"))[0]
    request = desk.walker.recorded[-1]
    assert request.step.step_id == step[0]
    await asyncio.gather(desk.walker.advance(request), desk.walker.advance(request))
    assert (await desk.sql("SELECT count(*) FROM evaluation"))[0][0] == 1
    assert datetime.now(UTC) >= (await desk.sql("SELECT at FROM evaluation"))[0][0]
