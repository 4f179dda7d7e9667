"""What the workflow records: only legal moves, each once, with the tasks, notices and reasons they open and close."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest
from anju.casework.v1 import casework_pb2 as pb
from anju.common.v1 import common_pb2 as common
from anju_calendar import SHANGHAI
from chassis.errors import Refusal
from chassis.identity import Caller
from chassis.ids import new_id
from chassis.wire import stamp

from tests.services.casework.conftest import Office
from tests.services.casework.support import (
    CITY_REVIEWER,
    CLERK,
    DISTRICT_REVIEWER,
    MOVES,
    TO_NOTICE,
    TO_STREET,
    Desk,
    page,
    reason_of,
    someone,
    worker,
)
from tests.support.keys import citizen


async def listed(desk: Desk, caller: Caller, no: str) -> list[pb.Task]:
    tasks = await desk.call(caller, "ListTasks", pb.ListTasksRequest(page=page()))
    return [task for task in tasks.tasks if task.application_no == no]


async def test_a_whole_course_is_a_path_of_the_table(office: Office) -> None:
    desk, owner = office.desk, someone()
    no = (await desk.submit(owner)).no
    await desk.bring_to(no, *TO_STREET, "escalated", "street_returned")
    assert (await desk.get(owner, no)).waiting_on == "street"
    await desk.bring_to(no, "withdrawn")
    case = await desk.get(owner, no)
    events = [row[0] for row in await office.rows("SELECT event FROM timeline WHERE application_no = $1 ORDER BY seq", no)]
    assert MOVES.is_path(events)
    assert [entry.event for entry in case.timeline] == ["submitted", *events]
    assert (case.version, case.outcome, case.stage) == (1 + len(events), "withdrawn", "withdrawn")
    assert not case.HasField("deadline_at")


async def test_an_illegal_move_changes_nothing(office: Office) -> None:
    desk = office.desk
    no = (await desk.submit(someone())).no
    for event, stage in (("notice_closed", "registered"), ("start_verification", "street_review"), ("nonsense", "verifying")):
        with pytest.raises(Refusal) as caught:
            await desk.advance(no, event, stage)
        assert caught.value.problem.reason == "ILLEGAL_MOVE"
    assert await office.rows("SELECT version, stage FROM application WHERE no = $1", no) == [(1, "submitted")]
    assert await reason_of(desk.advance("KF-2026-999999", "start_verification", "verifying")) == "NOT_FOUND"


async def test_a_step_is_recorded_once_however_often_it_is_asked(office: Office) -> None:
    desk = office.desk
    no = (await desk.submit(someone())).no
    step = f"application/{no}/1/start_verification"
    versions = await asyncio.gather(*(desk.advance(no, "start_verification", "verifying", step=step) for _ in range(20)))
    assert set(versions) == {2}
    assert await office.rows("SELECT count(*) FROM timeline WHERE application_no = $1", no) == [(1,)]
    # A worker that comes late, after the case went on, gets the same answer.
    await desk.advance(no, "verification_done", "street_review")
    assert await desk.advance(no, "start_verification", "verifying", step=step) == 2


async def test_tasks_follow_the_levels(desk: Desk) -> None:
    no = (await desk.submit(someone())).no
    levels = ((CLERK, "street"), (DISTRICT_REVIEWER, "district"), (CITY_REVIEWER, "city"))
    await desk.bring_to(no, *TO_STREET)
    for event, (reviewer, level) in zip(("street_approved", "district_approved", "city_approved"), levels, strict=True):
        (task,) = await listed(desk, reviewer, no)
        assert (task.level, task.masked_name, task.overdue) == (level, "张*明", False)
        for other, _ in levels:
            assert len(await listed(desk, other, no)) == (other is reviewer)
        await desk.bring_to(no, event)
    assert not any([await listed(desk, reviewer, no) for reviewer, _ in levels])


async def test_escalation_keeps_the_task_and_marks_it(office: Office) -> None:
    desk = office.desk
    no = (await desk.submit(someone())).no
    await desk.bring_to(no, *TO_STREET)
    await desk.advance(no, "escalated", "street_review", overdue=True, days=-1)
    (task,) = await listed(desk, CLERK, no)
    assert task.overdue
    assert task.deadline_at.ToDatetime() < task.opened_at.ToDatetime()
    assert await office.rows("SELECT count(*) FROM task WHERE application_no = $1", no) == [(1,)]


async def test_a_step_that_opens_a_task_needs_a_deadline(desk: Desk) -> None:
    no = (await desk.submit(someone())).no
    await desk.bring_to(no, "start_verification")
    request = pb.AdvanceApplicationRequest(no=no, event="verification_done", stage="street_review", waiting_on="street")
    request.step.step_id = new_id()
    request.step.as_of.GetCurrentTime()
    assert await reason_of(desk.call(worker(), "AdvanceApplication", request)) == "INVALID_FIELDS"
    request.ClearField("step")
    assert await reason_of(desk.call(worker(), "AdvanceApplication", request)) == "INVALID_FIELDS"


async def test_a_notice_is_shown_suspended_and_closed(desk: Desk) -> None:
    owner = someone()
    no = (await desk.submit(owner)).no
    await desk.bring_to(no, *TO_NOTICE[:-1])

    async def shown() -> list[pb.Notice]:
        answer = await desk.stub.ListNotices(pb.ListNoticesRequest(page=page(), district="410202"))
        return [notice for notice in answer.notices if notice.application_no == no]

    assert await shown() == []
    await desk.advance(no, "city_approved", "public_notice", days=10)
    (notice,) = await shown()
    assert (notice.masked_name, notice.household_size, notice.district) == ("张*明", 1, "410202")
    await desk.advance(no, "objection_raised", "objection_review", days=15)
    assert await shown() == []
    await desk.advance(no, "objection_dismissed", "public_notice", days=12, note="不成立")
    (resumed,) = await shown()
    assert resumed.published_at == notice.published_at
    assert resumed.closes_at.ToDatetime() > notice.closes_at.ToDatetime()
    await desk.advance(no, "notice_closed", "registered")
    assert await shown() == []
    assert (await desk.get(owner, no)).outcome == "registered"


async def test_the_reason_is_shown_while_it_explains_something(desk: Desk) -> None:
    owner = someone()
    no = (await desk.submit(owner)).no
    await desk.bring_to(no, *TO_STREET)
    await desk.advance(no, "street_returned", "correction", note="请补充劳动合同")
    case = await desk.get(owner, no)
    assert case.reason == case.timeline[-1].note == "请补充劳动合同"
    await desk.advance(no, "correction_expired", "lapsed", note="未在期限内补正")
    case = await desk.get(owner, no)
    assert (case.reason, case.outcome) == ("未在期限内补正", "lapsed")
    assert case.timeline[-2].note == "请补充劳动合同"


@pytest.mark.parametrize("table", ["timeline", "staff_read"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET at = at", "DELETE FROM {}", "TRUNCATE {}"])
async def test_evidence_cannot_be_rewritten(office: Office, table: str, statement: str) -> None:
    # From looks the owner has not even the right.
    with pytest.raises((asyncpg.IntegrityConstraintViolationError, asyncpg.InsufficientPrivilegeError)):
        await office.rows(statement.format(table))


async def test_the_database_itself_refuses_a_second_open_task_and_a_stage_without_outcome(office: Office) -> None:
    no = (await office.desk.submit(someone())).no
    await office.desk.bring_to(no, *TO_STREET)
    with pytest.raises(asyncpg.UniqueViolationError):
        await office.rows(
            "INSERT INTO task (application_no, level, opened_at, deadline_at, overdue, closed_by) VALUES ($1, 'city', now(), now(), false, '')",
            no,
        )
    for change in ("stage = 'registered'", "outcome = 'rejected'"):
        with pytest.raises(asyncpg.CheckViolationError):
            await office.rows(f"UPDATE application SET {change} WHERE no = $1", no)


async def test_a_code_nobody_has_is_not_recorded(office: Office) -> None:
    """The database keeps codes as they come: the table of the case's moves and the vocabulary are what refuses others."""
    no = (await office.desk.submit(someone())).no
    assert await reason_of(office.desk.advance(no, "start_verification", "dreaming")) == "ILLEGAL_MOVE"
    step = common.Step(step_id=f"application/{no}/1/start_verification", as_of=stamp(datetime.now(UTC)))
    godot = pb.AdvanceApplicationRequest(no=no, step=step, event="start_verification", stage="verifying", waiting_on="godot")
    assert await reason_of(office.desk.call(worker(), "AdvanceApplication", godot)) == "INVALID_FIELDS"
    assert (await office.desk.get(CLERK, no)).stage == "submitted"


async def test_counters_count_every_case_of_the_division(desk: Desk) -> None:
    async def count() -> dict[str, int]:
        answer = await desk.call(CLERK, "GetCounters", pb.GetCountersRequest(district="410202"))
        assert {counter.street for counter in answer.counters} <= {"410202001"}
        return {counter.stage: counter.count for counter in answer.counters}

    before = await count()
    no = (await desk.submit(someone())).no
    await desk.bring_to(no, *TO_STREET)
    await desk.submit(someone())
    after = await count()
    assert after["street_review"] == before.get("street_review", 0) + 1
    assert after["submitted"] == before.get("submitted", 0) + 1


async def test_counters_tell_what_has_changed_as_the_list_does(office: Office) -> None:
    desk = office.desk

    async def changed(since: str) -> tuple[int, int]:
        answer = await desk.call(CLERK, "GetCounters", pb.GetCountersRequest(changed_since=since))
        [submitted] = [counter for counter in answer.counters if counter.stage == "submitted"]
        asked = pb.ListApplicationsRequest(stage="submitted", changed_since=since, page=common.PageRequest(count=True, only_count=True))
        assert submitted.changed == (await desk.call(CLERK, "ListApplications", asked)).page.total
        return submitted.count, submitted.changed

    no = (await desk.submit(someone())).no
    await desk.submit(someone())
    today, tomorrow = ((datetime.now(SHANGHAI) + timedelta(days=days)).date().isoformat() for days in (0, 1))
    count, before = await changed(today)
    assert count >= before >= 2
    await office.rows("UPDATE application SET updated_at = now() - interval '3 days' WHERE no = $1", no)
    assert await changed(today) == (count, before - 1)
    assert await changed(tomorrow) == (count, 0)
    assert await reason_of(desk.call(CLERK, "GetCounters", pb.GetCountersRequest(changed_since="yesterday"))) == "INVALID_FIELDS"


async def test_pages_give_every_case_once_newest_first(desk: Desk) -> None:
    owner = someone()
    made = [(await desk.submit(owner)).no for _ in range(7)]
    seen: list[str] = []
    cursor = ""
    for _ in range(10):
        got = await desk.call(owner, "ListApplications", pb.ListApplicationsRequest(page=page(3, cursor)))
        seen += [case.no for case in got.applications]
        assert all(not case.HasField("dossier") for case in got.applications)
        cursor = got.page.next_cursor
        if not cursor:
            break
    assert seen == made[::-1]
    assert await reason_of(desk.call(owner, "ListApplications", pb.ListApplicationsRequest(page=page(cursor="nonsense")))) == "BAD_CURSOR"
    filtered = await desk.call(owner, "ListApplications", pb.ListApplicationsRequest(stage="registered"))
    assert list(filtered.applications) == []


async def test_task_pages_go_by_deadline(desk: Desk) -> None:
    for days in (9, 3, 6):
        no = (await desk.submit(citizen("citizen-pages"))).no
        await desk.bring_to(no, "start_verification")
        await desk.advance(no, "verification_done", "street_review", days=days)
    deadlines, cursor = [], ""
    for _ in range(200):
        got = await desk.call(CLERK, "ListTasks", pb.ListTasksRequest(page=page(2, cursor)))
        deadlines += [(task.deadline_at.ToNanoseconds(), task.application_no) for task in got.tasks]
        cursor = got.page.next_cursor
        if not cursor:
            break
    assert len(deadlines) >= 3
    assert deadlines == sorted(set(deadlines))
