"""Complaint: triage, the desk and its clocks, the second person, rating, opening again, in virtual time on the real engine."""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime, timedelta
from typing import Any

import anju_calendar as calendar
import pytest
from anju_contracts import complaint as contract
from anju_contracts.base import TASK_QUEUE, Accepted, Place
from anju_contracts.complaint import HANDLE, RESPOND, Clocks, ComplaintHandled, ComplaintInput, ComplaintResponse
from anju_workflows.complaint.calls import ADVANCE_COMPLAINT
from temporalio.client import WorkflowHandle, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from tests.workflows.stage import PLACE, PROFILE, Stage

Handle = WorkflowHandle[Any, Any]
CLOCKS = Clocks.model_validate(PROFILE.complaints.clocks.on(date(2026, 11, 26)))


async def complaint(theatre: Stage, **changes: Any) -> Handle:
    """One that has come to its desk."""
    no = f"TS-2026-{uuid.uuid4().int % 1_000_000:06d}"
    values: dict[str, Any] = {
        "no": no, "submission": uuid.uuid4().hex[:16], "kind": "complaint", "place": PLACE, "level": "district", "urgent": False, "confined": False,
        "clocks": CLOCKS,
    }  # fmt: skip
    given = ComplaintInput(**{**values, **changes})
    handle = await theatre.client.start_workflow(contract.NAME, given, id=contract.workflow_id(no), task_queue=TASK_QUEUE)
    if given.stage == contract.MOVES.start:
        await theatre.reached(lambda: events(theatre, handle) != [])
    return handle


def steps(theatre: Stage, handle: Handle) -> list[Any]:
    return [each for each in theatre.notes.complaints if contract.workflow_id(each.no) == handle.id]


def events(theatre: Stage, handle: Handle) -> list[str]:
    return [each.event for each in steps(theatre, handle)]


def at(step: Any, instant: datetime) -> bool:
    """That the clock has made it, when its time came."""
    return timedelta() <= step.step.as_of - instant < timedelta(minutes=1)


async def act(handle: Handle, action: str, actor: str = "officer", **more: Any) -> Accepted:
    said = ComplaintHandled.model_validate({"action": action, "actor": actor, "request_id": uuid.uuid4().hex, **more})
    answer: Accepted = await handle.execute_update(HANDLE, said, id=said.request_id, result_type=Accepted)
    return answer


async def respond(handle: Handle, action: str) -> Accepted:
    said = ComplaintResponse.model_validate({"action": action, "actor": "c-somebody", "request_id": uuid.uuid4().hex})
    answer: Accepted = await handle.execute_update(RESPOND, said, id=said.request_id, result_type=Accepted)
    return answer


async def done(theatre: Stage, handle: Handle, *expected: str) -> None:
    await theatre.reached(lambda: events(theatre, handle)[-len(expected) :] == list(expected))


async def answered(theatre: Stage, handle: Handle) -> None:
    await act(handle, "accept")
    await theatre.reached(lambda: events(theatre, handle)[-1] in ("accepted", "investigation_opened"))
    await act(handle, "answer")
    await done(theatre, handle, "answered")


async def refusal(call: Any) -> str:
    with pytest.raises(WorkflowUpdateFailedError) as failed:
        await call
    cause = failed.value.cause
    assert isinstance(cause, ApplicationError)
    return cause.type or ""


# -- ways it can go, as the recorder records them -----------------------------------------------------------------------------------------


async def rated(theatre: Stage) -> Handle:
    handle = await complaint(theatre)
    await answered(theatre, handle)
    await respond(handle, "rate")
    return handle


async def closed_by_silence(theatre: Stage) -> Handle:
    handle = await complaint(theatre)
    await answered(theatre, handle)
    await theatre.days(handle, 20)
    return handle


async def urgent_and_overdue(theatre: Stage) -> Handle:
    handle = await complaint(theatre, urgent=True)
    await act(handle, "accept")
    await done(theatre, handle, "accepted")
    await theatre.days(handle, 12)
    await theatre.reached(lambda: events(theatre, handle).count("became_overdue") >= 2)
    await act(handle, "answer")
    await done(theatre, handle, "answered")
    await respond(handle, "rate")
    return handle


async def investigated(theatre: Stage) -> Handle:
    handle = await complaint(theatre, kind="misuse")
    await answered(theatre, handle)
    await respond(handle, "rate")
    return handle


async def second_reading(theatre: Stage, kind: str, came: str, back: str) -> Handle:
    handle = await complaint(theatre, kind=kind, confined=True, level="city")
    await act(handle, "accept")
    await done(theatre, handle, came)
    await act(handle, "propose")
    await done(theatre, handle, "proposed")
    assert await refusal(act(handle, "answer")) == "COMPLAINT_MOVED_ON"
    await act(handle, "send_back", "colleague")
    await done(theatre, handle, back)
    await act(handle, "propose")
    await done(theatre, handle, "proposed")
    await act(handle, "agree", "colleague")
    await done(theatre, handle, "agreed")
    return handle


async def answered_by_two(theatre: Stage) -> Handle:
    handle = await second_reading(theatre, "complaint", "accepted", "sent_back")
    await respond(handle, "rate")
    return handle


async def escalated(theatre: Stage) -> Handle:
    handle = await complaint(theatre)
    for again in ("reopened", "escalated"):
        await answered(theatre, handle)
        await respond(handle, "reopen")
        await done(theatre, handle, again)
    await answered(theatre, handle)
    assert await refusal(respond(handle, "reopen")) == "NO_MORE_ROUNDS"
    await respond(handle, "rate")
    return handle


async def reassigned_and_merged(theatre: Stage) -> Handle:
    handle = await complaint(theatre)
    await act(handle, "reassign", level="city", place=Place(district="410203", street="410203001"))
    await done(theatre, handle, "reassigned")
    await act(handle, "merge")
    return handle


async def withdrawn(theatre: Stage) -> Handle:
    handle = await complaint(theatre)
    await respond(handle, "withdraw")
    return handle


async def taken_up(theatre: Stage) -> Handle:
    """One whose first workflow is gone, in a second reading of an investigation."""
    deadline = datetime.now(UTC) + timedelta(days=2)
    handle = await complaint(
        theatre, generation=1, stage="second_reading", before="investigating", kind="misuse", deadline=deadline, level="city", rounds=1
    )
    await theatre.days(handle, 8)
    await theatre.reached(lambda: "became_overdue" in events(theatre, handle))
    await act(handle, "send_back")
    await theatre.reached(lambda: "investigation_resumed" in events(theatre, handle))
    assert at(steps(theatre, handle)[0], deadline)
    await respond(handle, "withdraw")
    return handle


# -- what it holds to ----------------------------------------------------------------------------------------------------------------------


async def test_accepted_answered_and_rated_each_step_with_its_clock(theatre: Stage) -> None:
    handle = await rated(theatre)
    assert (await handle.result())["outcome"] == "closed"
    found = steps(theatre, handle)
    assert [each.event for each in found] == ["assigned", "accepted", "answered", "rated"]
    for each, days in zip(found, (CLOCKS.accept_wd, CLOCKS.answer_wd, CLOCKS.rating_wd), strict=False):
        assert each.deadline == calendar.working_days_after(each.step.as_of, days)
    assert [each.waiting_on for each in found] == ["district", "district", "citizen", "nobody"]
    assert theatre.notes.templates() == ["complaint_received", "complaint_accepted", "complaint_answered"]
    assert theatre.notes.templates("staff") == ["complaint_task"]


async def test_with_a_reason_to_hurry_both_desks_are_told_at_once(theatre: Stage) -> None:
    handle = await complaint(theatre, urgent=True)
    assert events(theatre, handle) == ["flagged"]
    told = {(each.role, each.division) for each in theatre.notes.told if each.template == "complaint_urgent"}
    assert told == {("district_reviewer", "410202"), ("city_reviewer", "4102")}
    confined = await complaint(theatre, urgent=True, confined=True, level="city")
    told_then = [(each.role, each.division) for each in theatre.notes.told if each.template == "complaint_urgent"][2:]
    # What is about staff is told to nobody beside them.
    assert told_then == [("city_reviewer", "4102")]
    assert events(theatre, confined) == ["flagged"]


async def test_a_desk_is_reminded_then_the_other_one_is_told_again_and_again_and_silence_answers_nothing(theatre: Stage) -> None:
    handle = await urgent_and_overdue(theatre)
    found = steps(theatre, handle)
    deadline = found[1].deadline
    late = [each for each in found if each.event == "became_overdue"]
    assert at(late[0], deadline)
    assert at(late[1], calendar.working_days_after(late[0].step.as_of, CLOCKS.escalation_repeat_wd))
    assert {each.stage for each in late} == {"handling"}
    assert all(each.overdue and each.deadline == deadline for each in late)
    assert theatre.notes.templates("staff").count("complaint_reminder") == 1
    told = [each for each in theatre.notes.told if each.template == "complaint_overdue"]
    assert {each.role for each in told} == {"district_reviewer", "city_reviewer"}
    # Answered late is answered.
    assert [each.overdue for each in found if each.event == "answered"] == [False]
    assert (await handle.result())["outcome"] == "closed"


async def test_an_investigation_has_its_own_time(theatre: Stage) -> None:
    handle = await complaint(theatre, kind="misuse")
    await act(handle, "accept")
    await done(theatre, handle, "investigation_opened")
    found = steps(theatre, handle)[-1]
    assert found.deadline == calendar.working_days_after(found.step.as_of, CLOCKS.misuse_wd)
    assert "complaint_investigated" in theatre.notes.templates()


async def test_a_second_person_reads_and_may_send_it_back_to_where_it_came_from(theatre: Stage) -> None:
    for kind, came, back in (("complaint", "accepted", "sent_back"), ("misuse", "investigation_opened", "investigation_resumed")):
        found = steps(theatre, await second_reading(theatre, kind, came, back))
        assert [each.event for each in found] == ["assigned", came, "proposed", back, "proposed", "agreed"]
        # Reading over takes nobody's time.
        assert len({each.deadline for each in found[1:5]}) == 1


async def test_opened_again_once_here_and_once_at_the_other_desk(theatre: Stage) -> None:
    handle = await escalated(theatre)
    assert [(each.event, each.level) for each in steps(theatre, handle) if each.event in ("reopened", "escalated")] == [
        ("reopened", "district"),
        ("escalated", "city"),
    ]
    assert (await handle.result())["outcome"] == "closed"
    assert ("complaint_again", "city_reviewer") in [(each.template, each.role) for each in theatre.notes.told]


async def test_what_is_about_staff_goes_to_nobody_beside_them(theatre: Stage) -> None:
    handle = await complaint(theatre, confined=True, level="city")
    for _ in range(2):
        await act(handle, "accept")
        await done(theatre, handle, "accepted")
        await act(handle, "propose")
        await done(theatre, handle, "proposed")
        await act(handle, "agree", "colleague")
        await done(theatre, handle, "agreed")
        await respond(handle, "reopen")
        await theatre.reached(lambda: events(theatre, handle)[-1] in ("reopened", "escalated"))
    await theatre.days(handle, 4)
    await theatre.reached(lambda: "became_overdue" in events(theatre, handle))
    assert {each.level for each in steps(theatre, handle)} == {"city"}
    assert {each.role for each in theatre.notes.told if each.role} == {"city_reviewer"}


async def test_silence_closes_what_was_answered(theatre: Stage) -> None:
    handle = await closed_by_silence(theatre)
    assert (await handle.result())["outcome"] == "closed"
    *_, reply, last = steps(theatre, handle)
    assert (last.event, at(last, reply.deadline)) == ("rating_expired", True)
    assert theatre.notes.templates()[-1] == "complaint_closed"


async def test_reassigned_merged_and_withdrawn(theatre: Stage) -> None:
    handle = await reassigned_and_merged(theatre)
    found = steps(theatre, handle)[1]
    assert (found.stage, found.level, found.district, found.waiting_on) == ("accepting", "city", "410203", "city")
    assert found.deadline == calendar.working_days_after(found.step.as_of, CLOCKS.accept_wd)
    assert (await handle.result())["outcome"] == "merged"
    assert (await (await withdrawn(theatre)).result())["outcome"] == "withdrawn"


async def test_a_word_nobody_has_said_is_dropped_and_the_clock_runs_on(theatre: Stage) -> None:
    handle = await complaint(theatre)

    async def nobody() -> None:
        raise ApplicationError("nobody has said that", type="NOT_SAID", non_retryable=True)

    theatre.notes.trouble[ADVANCE_COMPLAINT] = nobody
    await act(handle, "reassign", "nobody", level="city", place=Place(district="410203", street=""))
    await theatre.reached(lambda: True)
    state = await handle.query("state")
    while "1 次" not in str(await handle.query("__temporal_workflow_metadata")):
        state = await handle.query("state")
    assert (state["stage"], state["waiting_on"], state["details"]["level"]) == ("accepting", "district", "district")
    theatre.notes.trouble.clear()
    await act(handle, "accept")
    await done(theatre, handle, "accepted")
    assert steps(theatre, handle)[-1].district == PLACE.district


async def test_one_that_was_started_again_goes_on_where_the_record_stands(theatre: Stage) -> None:
    handle = await taken_up(theatre)
    assert (await handle.result())["outcome"] == "withdrawn"
    assert steps(theatre, handle)[0].step.step_id.startswith(f"{handle.id}/1.")
