"""Application: every path of its table and every clock it waits on, in virtual time on the real engine."""

from __future__ import annotations

import asyncio
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from anju_contracts.application import (
    CONFIRM,
    START,
    WITHDRAW_CONSENT,
    Confirmation,
    ConsentWithdrawn,
    Correction,
    Decision,
    ObjectionDecision,
    ObjectionRaised,
    Withdrawal,
    moves,
)
from anju_contracts.base import STATE, Accepted, State, Word
from anju_workflows.application.calls import CASE_STANDING
from temporalio.client import WorkflowExecutionStatus, WorkflowHandle, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError

from tests.support.patience import eventually
from tests.workflows.stage import CLOCKS, LEVELS, REGISTERS, Stage

MOVES = moves(LEVELS, "district")
APPROVED = ["start_verification", "verification_done", "street_approved", "district_approved", "city_approved"]


def request() -> str:
    return uuid.uuid4().hex


def reason_of(error: WorkflowUpdateFailedError) -> str | None:
    assert isinstance(error.cause, ApplicationError)
    return error.cause.type


async def test_typical_household_is_registered(theatre: Stage) -> None:
    handle = await theatre.approved()
    await theatre.days(handle, 11)
    result = await handle.result()
    assert result["outcome"] == "registered"
    assert theatre.notes.events == [*APPROVED, "notice_closed"]
    assert MOVES.is_path(theatre.notes.events)
    assert set(theatre.notes.tries) == set(REGISTERS)
    await theatre.reached(lambda: "registered" in theatre.notes.templates())
    assert theatre.notes.templates() == [
        "application_received",
        "review_started",
        "review_started",
        "review_started",
        "approved_to_notice",
        "registered",
    ]
    waiting = theatre.client.get_workflow_handle(f"waiting/{handle.id.split('/')[1]}")
    assert (await waiting.describe()).status is not None


@pytest.mark.parametrize("level", LEVELS)
async def test_refused_at_each_level(theatre: Stage, level: str) -> None:
    handle = await theatre.apply()
    for each in LEVELS:
        await theatre.reached(lambda each=each: bool(theatre.notes.advances) and theatre.notes.advances[-1].waiting_on == each)
        await theatre.decide(handle, each, Decision.REFUSE if each == level else Decision.APPROVE, "人均住房面积超过标准")
        if each == level:
            break
    result = await handle.result()
    assert result == {"outcome": "rejected"}
    assert theatre.notes.advances[-1].note == "人均住房面积超过标准"
    assert theatre.notes.events[-1] == f"{level}_refused"
    assert theatre.notes.templates()[-1] == "refused"


async def handed_on(theatre: Stage) -> WorkflowHandle[Any, Any]:
    """Street and district pass it on; the city has nobody either, until somebody is appointed."""
    handle = await theatre.apply()
    await theatre.reached(lambda: "verification_done" in theatre.notes.events)
    for level, stage in zip(LEVELS, ("district_review", "city_review", "city_review"), strict=True):
        accepted = await theatre.decide(handle, level, Decision.HAND_ON, "")
        assert accepted.stage == stage
        await theatre.reached(lambda level=level: theatre.notes.events[-1] == f"{level}_handed_on")
    return handle


async def test_a_level_with_nobody_left_passes_it_on_and_the_last_one_waits(theatre: Stage) -> None:
    handle = await handed_on(theatre)
    street, district, city = theatre.notes.advances[-3:]
    assert [step.waiting_on for step in (street, district, city)] == ["district", "city", "city"]
    # The next level has its own time, and the last one the time it had: nobody is harmed by who left it to others.
    assert street.deadline is not None
    assert district.deadline == city.deadline
    assert not city.note
    assert theatre.notes.templates()[-2:] == ["review_started", "review_started"]
    assert theatre.notes.templates("staff")[-1] == "nobody_left"
    await theatre.decide(handle, "city")
    await theatre.reached(lambda: theatre.notes.events[-1] == "city_approved")


async def test_returned_then_corrected_is_verified_again(theatre: Stage) -> None:
    handle = await theatre.apply()
    await theatre.reached(lambda: "verification_done" in theatre.notes.events)
    await theatre.decide(handle, "street", Decision.RETURN, "缺少劳动合同")
    await theatre.reached(lambda: theatre.notes.events[-1] == "street_returned")
    said = Correction(round=2, actor="c-somebody", request_id=request())
    accepted = await handle.execute_update("correct", said, result_type=Accepted)
    assert accepted.stage == "verifying"
    await theatre.reached(lambda: theatre.notes.events.count("verification_done") == 2)
    assert theatre.notes.tries["marriage"] == 2
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await handle.execute_update("correct", said, result_type=Accepted)
    assert reason_of(refused.value) == "NOT_RETURNED"


def confirmation(member: int, *, round: int = 1, agrees: bool = True) -> Confirmation:
    return Confirmation(round=round, member=member, agrees=agrees, actor=f"c-member-{member}", request_id=request())


async def confirm(handle: WorkflowHandle[Any, Any], said: Confirmation) -> Accepted:
    answer: Accepted = await handle.execute_update(CONFIRM, said, id=said.request_id, result_type=Accepted)
    return answer


async def all_confirmed(theatre: Stage) -> WorkflowHandle[Any, Any]:
    handle = await theatre.apply(awaited=(1, 2))
    await theatre.reached(lambda: theatre.notes.events == ["confirmation_awaited"])
    assert not theatre.notes.tries
    assert (await confirm(handle, confirmation(2))).stage == "confirming"
    await theatre.reached(lambda: theatre.notes.events[-1] == "member_confirmed")
    assert not theatre.notes.tries
    assert (await confirm(handle, confirmation(1))).stage == "verifying"
    await theatre.reached(lambda: "verification_done" in theatre.notes.events)
    await theatre.decide(handle, "street", Decision.REFUSE)
    await handle.result()
    return handle


async def test_no_register_is_asked_before_every_adult_has_confirmed(theatre: Stage) -> None:
    await all_confirmed(theatre)
    assert theatre.notes.events[:4] == ["confirmation_awaited", "member_confirmed", "all_confirmed", "verification_done"]
    assert MOVES.is_path(theatre.notes.events)
    assert theatre.notes.templates()[:2] == ["confirmation_awaited", "application_received"]


async def test_both_confirm_at_once(theatre: Stage) -> None:
    handle = await theatre.apply(awaited=(1, 2))
    await theatre.reached(lambda: theatre.notes.events == ["confirmation_awaited"])
    await asyncio.gather(*(confirm(handle, confirmation(member)) for member in (1, 2)))
    await theatre.reached(lambda: "verification_done" in theatre.notes.events)
    assert theatre.notes.events[1:3] == ["member_confirmed", "all_confirmed"]


async def confirmation_lapsed(theatre: Stage) -> WorkflowHandle[Any, Any]:
    handle = await theatre.apply(awaited=(1, 2))
    await theatre.reached(lambda: theatre.notes.events == ["confirmation_awaited"])
    await confirm(handle, confirmation(1))
    await theatre.days(handle, 40)
    await handle.result()
    return handle


async def test_silence_is_no_consent(theatre: Stage) -> None:
    handle = await confirmation_lapsed(theatre)
    assert (await handle.result())["outcome"] == "lapsed"
    assert theatre.notes.events == ["confirmation_awaited", "member_confirmed", "confirmation_expired"]
    assert not theatre.notes.tries
    assert theatre.notes.templates()[-2:] == ["confirmation_expiring", "confirmation_lapsed"]


async def member_refused(theatre: Stage) -> WorkflowHandle[Any, Any]:
    """Somebody named does not belong to it; the correction names another adult, who confirms."""
    handle = await theatre.apply(awaited=(1,))
    await theatre.reached(lambda: theatre.notes.events == ["confirmation_awaited"])
    assert (await confirm(handle, confirmation(1, agrees=False))).stage == "correction"
    await theatre.reached(lambda: theatre.notes.events[-1] == "member_refused")
    said = Correction(round=2, awaited=(1,), actor="c-somebody", request_id=request())
    assert (await handle.execute_update("correct", said, result_type=Accepted)).stage == "confirming"
    await theatre.reached(lambda: theatre.notes.events[-1] == "corrected_with_new_adult")
    await confirm(handle, confirmation(1, round=2))
    await theatre.reached(lambda: "verification_done" in theatre.notes.events)
    await theatre.decide(handle, "street", Decision.REFUSE)
    await handle.result()
    return handle


async def test_who_does_not_belong_has_the_case_corrected(theatre: Stage) -> None:
    await member_refused(theatre)
    assert MOVES.is_path(theatre.notes.events)
    assert theatre.notes.templates()[:3] == ["confirmation_awaited", "member_refused", "confirmation_awaited"]


async def take_back(handle: WorkflowHandle[Any, Any], member: int, *, round: int = 1) -> Accepted:
    said = ConsentWithdrawn(round=round, member=member, actor=f"c-member-{member}", request_id=request())
    answer: Accepted = await handle.execute_update(WITHDRAW_CONSENT, said, id=said.request_id, result_type=Accepted)
    return answer


async def consent_taken_back(theatre: Stage) -> WorkflowHandle[Any, Any]:
    """While adults are awaited, while registers are asked (one of them silent), and at a review."""
    theatre.notes.silent_tries = {"vehicles": 1_000_000}
    handle = await theatre.apply(awaited=(1, 2))
    await theatre.reached(lambda: theatre.notes.events == ["confirmation_awaited"])
    await confirm(handle, confirmation(1))
    await theatre.reached(lambda: theatre.notes.events[-1] == "member_confirmed")
    assert (await take_back(handle, 1)).stage == "confirming"
    await theatre.reached(lambda: theatre.notes.events[-1] == "consent_withdrawn")
    assert (await confirm(handle, confirmation(2))).stage == "confirming"
    await theatre.reached(lambda: theatre.notes.events[-1] == "member_confirmed")
    assert (await confirm(handle, confirmation(1))).stage == "verifying"
    await theatre.reached(lambda: theatre.notes.events[-1] == "all_confirmed" and theatre.notes.tries["vehicles"] > 0)
    assert (await take_back(handle, 1)).stage == "correction"
    await theatre.reached(lambda: theatre.notes.events[-1] == "consent_withdrawn")
    theatre.notes.silent_tries = {}
    said = Correction(round=2, actor="c-somebody", request_id=request())
    await handle.execute_update("correct", said, result_type=Accepted)
    await theatre.reached(lambda: theatre.notes.events[-1] == "verification_done")
    assert (await take_back(handle, 1, round=2)).stage == "street_review"
    await theatre.reached(lambda: theatre.notes.events[-1] == "consent_withdrawn")
    await theatre.decide(handle, "street", Decision.REFUSE)
    await handle.result()
    return handle


async def test_who_takes_his_consent_back_is_asked_about_no_more(theatre: Stage) -> None:
    await consent_taken_back(theatre)
    assert MOVES.is_path(theatre.notes.events)
    told = [each for each in theatre.notes.templates() if each.startswith("consent_withdrawn")]
    assert told == ["consent_withdrawn_awaited", "consent_withdrawn_returned", "consent_withdrawn_noted"]
    assert theatre.notes.templates("street_clerk").count("consent_withdrawn") == 1
    # Taken back while it was asked, the silent register was not asked again before the household had corrected.
    noted = [advance for advance in theatre.notes.advances if advance.event == "consent_withdrawn"]
    assert [(each.stage, each.waiting_on) for each in noted] == [
        ("confirming", "members"),
        ("correction", "citizen"),
        ("street_review", "street"),
    ]
    done = next(each for each in theatre.notes.advances if each.event == "verification_done")
    assert noted[2].deadline == done.deadline


@pytest.mark.parametrize("level", LEVELS)
async def test_a_review_goes_on_under_its_own_clock_after_a_consent_was_taken_back(theatre: Stage, level: str) -> None:
    handle = await theatre.apply()
    for each in LEVELS:
        await theatre.reached(lambda each=each: bool(theatre.notes.advances) and theatre.notes.advances[-1].waiting_on == each)
        if each == level:
            await take_back(handle, 1)
            await theatre.reached(lambda: theatre.notes.events[-1] == "consent_withdrawn")
        await theatre.decide(handle, each)
    await theatre.reached(lambda: theatre.notes.events[-1] == "city_approved")
    closes = theatre.notes.advances[-1].deadline
    # And the notice.
    await take_back(handle, 2)
    await theatre.reached(lambda: theatre.notes.events[-1] == "consent_withdrawn")
    assert (theatre.notes.advances[-1].stage, theatre.notes.advances[-1].deadline) == ("public_notice", closes)
    await theatre.days(handle, 12)
    assert (await handle.result())["outcome"] == "registered"


async def test_what_is_not_awaited_is_not_taken(theatre: Stage) -> None:
    handle = await theatre.apply(awaited=(1, 2))
    await theatre.reached(lambda: theatre.notes.events == ["confirmation_awaited"])
    twice = confirmation(1)
    await confirm(handle, twice)
    for said in (confirmation(1), confirmation(3), confirmation(2, round=2), confirmation(2).model_copy(update={"actor": ""})):
        with pytest.raises(WorkflowUpdateFailedError) as refused:
            await confirm(handle, said)
        assert reason_of(refused.value) == "NOT_AWAITED"


async def test_correction_not_made_in_time_lapses(theatre: Stage) -> None:
    handle = await theatre.apply()
    await theatre.reached(lambda: "verification_done" in theatre.notes.events)
    await theatre.decide(handle, "street", Decision.RETURN)
    await theatre.reached(lambda: theatre.notes.events[-1] == "street_returned")
    await theatre.days(handle, 40)
    assert (await handle.result())["outcome"] == "lapsed"
    assert theatre.notes.templates()[-2:] == ["correction_expiring", "lapsed"]


@pytest.mark.parametrize("events", [1, 2, 4, 5])
async def test_withdrawn_at_any_moment(theatre: Stage, events: int) -> None:
    theatre.notes.silent_tries = dict.fromkeys(REGISTERS, 10_000) if events == 1 else {}
    handle = await theatre.apply()
    for level in LEVELS:
        if events <= len(theatre.notes.events):
            break
        await theatre.reached(
            lambda level=level: (
                len(theatre.notes.events) >= events or (bool(theatre.notes.advances) and theatre.notes.advances[-1].waiting_on == level)
            )
        )
        if len(theatre.notes.events) < events:
            await theatre.decide(handle, level)
    await theatre.reached(lambda: len(theatre.notes.events) >= events)
    said = Withdrawal(actor="c-somebody", reason="已购房", request_id=request())
    assert (await handle.execute_update("withdraw", said, result_type=Accepted)).stage == "withdrawn"
    assert await handle.result() == {"outcome": "withdrawn"}
    assert theatre.notes.advances[-1].note == "已购房"
    assert theatre.notes.events[-1] == "withdrawn"
    assert theatre.notes.templates()[-1] == "withdrawn"


async def test_silent_reviewers_are_reminded_and_escalated_but_nothing_is_decided(theatre: Stage) -> None:
    handle = await theatre.apply()
    await theatre.reached(lambda: "verification_done" in theatre.notes.events)
    await theatre.days(handle, 6)
    assert theatre.notes.templates("staff") == ["task_reminder"]
    await theatre.days(handle, 14)
    assert theatre.notes.events.count("escalated") >= 2
    assert theatre.notes.templates("staff").count("task_escalated") >= 2
    assert theatre.notes.advances[-1].overdue
    assert theatre.notes.advances[-1].stage == "street_review"
    await theatre.decide(handle, "street")
    await theatre.reached(lambda: theatre.notes.events[-1] == "street_approved")
    assert not theatre.notes.advances[-1].overdue


async def test_register_down_for_three_days_is_waited_for(theatre: Stage) -> None:
    # With pauses growing to half an hour, three days are about 150 tries.
    theatre.notes.silent_tries = {"real_estate": 150}
    handle = await theatre.apply()
    await theatre.reached(lambda: len(theatre.notes.tries) == 4)
    await theatre.days(handle, 1)
    assert "verification_done" not in theatre.notes.events
    assert "verification_waiting" in theatre.notes.templates()
    await theatre.days(handle, 4)
    await theatre.reached(lambda: "verification_done" in theatre.notes.events)
    assert theatre.notes.tries["real_estate"] == 151
    assert "register_silent" not in theatre.notes.templates("staff")


async def test_register_silent_to_the_deadline_goes_to_people_and_is_never_a_refusal(theatre: Stage) -> None:
    theatre.notes.silent_tries = {"vehicles": 1_000_000}
    # Longer pauses than the city's, only to make fewer tries of the same three weeks.
    handle = await theatre.apply(clocks=CLOCKS.model_copy(update={"lookup_max_retry_seconds": 6 * 3600}))
    await theatre.reached(lambda: len(theatre.notes.tries) == 4)
    await theatre.days(handle, 25)
    await theatre.reached(lambda: "verification_done" in theatre.notes.events)
    assert theatre.notes.advances[-1].stage == "street_review"
    assert "register_silent" in theatre.notes.templates("staff")
    details = await handle.query("__temporal_workflow_metadata")
    assert "人工核查" in str(details)


async def objected(theatre: Stage) -> tuple[object, str]:
    handle = await theatre.approved()
    objection = f"o-{request()}"
    await handle.execute_update(
        "raise_objection", ObjectionRaised(objection_id=objection, actor="c-else", request_id=request()), result_type=Accepted
    )
    await theatre.reached(lambda: theatre.notes.events[-1] == "objection_raised")
    return handle, objection


async def test_open_objection_blocks_registration_however_long_it_takes(theatre: Stage) -> None:
    handle, objection = await objected(theatre)
    await theatre.days(handle, 60)  # type: ignore[arg-type]
    assert "notice_closed" not in theatre.notes.events
    assert "task_escalated" in theatre.notes.templates("staff")
    said = ObjectionDecision(objection_id=objection, upheld=False, answer="经复核不成立", actor="s-district", request_id=request())
    await handle.execute_update("decide_objection", said, result_type=Accepted)  # type: ignore[attr-defined]
    assert (await handle.result())["outcome"] == "registered"  # type: ignore[attr-defined]
    assert theatre.notes.events[-2:] == ["objection_dismissed", "notice_closed"]
    assert MOVES.is_path(theatre.notes.events)


async def test_upheld_objection_refuses(theatre: Stage) -> None:
    handle, objection = await objected(theatre)
    said = ObjectionDecision(objection_id=objection, upheld=True, answer="名下另有住房", actor="s-district", request_id=request())
    accepted = await handle.execute_update("decide_objection", said, result_type=Accepted)  # type: ignore[attr-defined]
    assert accepted.stage == "rejected"
    assert await handle.result() == {"outcome": "rejected"}  # type: ignore[attr-defined]
    assert theatre.notes.advances[-1].note == "名下另有住房"


async def test_two_objections_are_answered_one_after_another(theatre: Stage) -> None:
    handle, first = await objected(theatre)
    second = f"o-{request()}"
    await handle.execute_update(
        "raise_objection", ObjectionRaised(objection_id=second, actor="c-else", request_id=request()), result_type=Accepted
    )  # type: ignore[attr-defined]
    for objection in (first, second):
        said = ObjectionDecision(objection_id=objection, upheld=False, answer="不成立", actor="s-district", request_id=request())

        async def answer(said: ObjectionDecision = said) -> bool:
            try:
                await handle.execute_update("decide_objection", said, result_type=Accepted)  # type: ignore[attr-defined]
            except WorkflowUpdateFailedError:
                return False
            return True

        while not await answer():
            pass
    await theatre.days(handle, 12)  # type: ignore[arg-type]
    assert (await handle.result())["outcome"] == "registered"  # type: ignore[attr-defined]
    # Each is on record as soon as it is raised: its legal time begins with it, not with the answer to the one before.
    assert theatre.notes.events[-5:] == [
        "objection_raised",
        "objection_raised",
        "one_objection_dismissed",
        "objection_dismissed",
        "notice_closed",
    ]
    assert MOVES.is_path(theatre.notes.events)


async def test_decisions_out_of_turn_are_refused_and_leave_no_trace(theatre: Stage) -> None:
    handle = await theatre.apply()
    await theatre.reached(lambda: "verification_done" in theatre.notes.events)
    for level, decision, reason, expected in [
        ("city", Decision.APPROVE, "", "TASK_NOT_OPEN"),
        ("street", Decision.REFUSE, "  ", "STEP_REFUSED"),
    ]:
        with pytest.raises(WorkflowUpdateFailedError) as refused:
            await theatre.decide(handle, level, decision, reason)
        assert reason_of(refused.value) == expected
    history = await handle.fetch_history()
    assert not [event for event in history.events if event.HasField("workflow_execution_update_accepted_event_attributes")]


@pytest.mark.parametrize("decision", [Decision.APPROVE, Decision.RETURN, Decision.REFUSE])
async def test_a_decision_and_a_withdrawal_at_once_are_both_told_the_truth(theatre: Stage, decision: Decision) -> None:
    """While the worker is busy both are said; whoever is told yes finds it on record."""
    theatre.notes.held = "review_started"
    handle = await theatre.apply()
    await theatre.reached(lambda: theatre.notes.events[-1:] == ["verification_done"])
    withdrawal = Withdrawal(actor="c-somebody", request_id=request())
    said = [
        asyncio.create_task(theatre.decide(handle, "street", decision)),
        asyncio.create_task(handle.execute_update("withdraw", withdrawal, result_type=Accepted)),
    ]
    theatre.notes.let_go.set()
    decided, withdrew = await asyncio.gather(*said, return_exceptions=True)
    result = await handle.result()
    took_decision = isinstance(decided, Accepted)
    recorded = {Decision.APPROVE: "street_approved", Decision.RETURN: "street_returned", Decision.REFUSE: "street_refused"}[decision]
    assert took_decision == (recorded in theatre.notes.events)
    assert isinstance(withdrew, Accepted) == (result["outcome"] == "withdrawn")
    assert MOVES.is_path(theatre.notes.events)


async def test_an_objection_is_not_decided_after_the_withdrawal(theatre: Stage) -> None:
    handle, objection = await objected(theatre)
    theatre.notes.held = "withdrawn"
    withdraw = asyncio.create_task(
        handle.execute_update("withdraw", Withdrawal(actor="c", request_id=request()), result_type=Accepted)  # type: ignore[attr-defined]
    )
    await theatre.reached(lambda: theatre.notes.events[-1] == "withdrawn")
    said = ObjectionDecision(objection_id=objection, upheld=True, answer="名下另有住房", actor="s-district", request_id=request())
    decide = asyncio.create_task(handle.execute_update("decide_objection", said, result_type=Accepted))  # type: ignore[attr-defined]
    theatre.notes.let_go.set()
    with pytest.raises((WorkflowUpdateFailedError, RPCError)):
        await decide
    assert (await withdraw).stage == "withdrawn"
    assert (await handle.result())["outcome"] == "withdrawn"  # type: ignore[attr-defined]


async def test_a_persons_step_has_the_name_of_the_request(theatre: Stage) -> None:
    """So that the repeat of a word is the same step, whatever timers came in between (ADR 2)."""
    handle = await theatre.apply()
    await theatre.reached(lambda: "verification_done" in theatre.notes.events)
    await theatre.days(handle, 20)
    await theatre.decide(handle, "street")
    await theatre.reached(lambda: theatre.notes.events[-1] == "street_approved")
    names = [advance.step.step_id.removeprefix(f"{handle.id}/").split("/")[0] for advance in theatre.notes.advances]
    assert all(name.isdigit() for name in names[:-1])
    assert len(names[-1]) == 32


# --- started again where the record stands -------------------------------------------------------------------------------------------------


def in_days(days: float) -> datetime:
    return datetime.now(UTC) + timedelta(days=days)


async def taken_up_verifying(theatre: Stage) -> WorkflowHandle[Any, Any]:
    handle = await theatre.taken_up("verifying", "registers", in_days(3))
    await theatre.reached(lambda: theatre.notes.events == ["verification_done"])
    await theatre.decide(handle, "street", Decision.REFUSE)
    await handle.result()
    return handle


async def taken_up_at_the_second_level(theatre: Stage) -> WorkflowHandle[Any, Any]:
    handle = await theatre.taken_up("district_review", "district", in_days(12))
    await knows_where_it_stands(handle)
    with pytest.raises(WorkflowUpdateFailedError):
        await theatre.decide(handle, "street")
    await theatre.decide(handle, "district")
    await theatre.reached(lambda: theatre.notes.events == ["district_approved"])
    await theatre.decide(handle, "city")
    await theatre.days(handle, 11)
    await handle.result()
    return handle


async def taken_up_in_correction(theatre: Stage) -> WorkflowHandle[Any, Any]:
    handle = await theatre.taken_up("correction", "citizen", in_days(3))
    said = Correction(round=2, actor="c-somebody", request_id=request())
    await eventually(lambda: corrected(handle, said))
    await theatre.reached(lambda: theatre.notes.events == ["corrected", "verification_done"])
    await theatre.decide(handle, "street", Decision.REFUSE)
    await handle.result()
    return handle


async def taken_up_confirming(theatre: Stage) -> WorkflowHandle[Any, Any]:
    """One of two had confirmed: it waits for the other."""
    handle = await theatre.taken_up("confirming", "members", in_days(9), awaited=(2,))
    said = confirmation(2)
    await eventually_said(handle, said, CONFIRM)
    await theatre.reached(lambda: theatre.notes.events == ["all_confirmed", "verification_done"])
    await theatre.decide(handle, "street", Decision.REFUSE)
    await handle.result()
    return handle


async def taken_up_with_objections(theatre: Stage) -> WorkflowHandle[Any, Any]:
    handle = await theatre.taken_up(
        "objection_review", "district", in_days(9), notice_closes=in_days(4), objections=(("o1", in_days(0)), ("o2", in_days(0)))
    )
    for objection in ("o1", "o2"):
        said = ObjectionDecision(objection_id=objection, upheld=False, answer="不成立", actor="s-district", request_id=request())
        await eventually_said(handle, said)
    await theatre.days(handle, 4.2)
    await handle.result()
    return handle


async def taken_up_registered(theatre: Stage) -> WorkflowHandle[Any, Any]:
    """Nothing is left but the household's time on the list, which nobody has begun."""
    handle = await theatre.taken_up("registered", "nobody", None)
    await handle.result()
    return handle


async def knows_where_it_stands(handle: WorkflowHandle[Any, Any]) -> None:
    async def stands() -> bool:
        said: State = await handle.query(STATE, result_type=State)
        return said.stage != START

    await eventually(stands)


async def eventually_said(handle: WorkflowHandle[Any, Any], said: Word, update: str = "decide_objection") -> None:
    """The next objection's turn comes a moment after the one before it was answered, and a case started again has to read where it stands."""

    async def said_it() -> bool:
        try:
            await handle.execute_update(update, said, id=request(), result_type=Accepted)
        except WorkflowUpdateFailedError:
            return False
        return True

    await eventually(said_it)


async def test_a_registered_case_begins_the_time_on_the_list_once(theatre: Stage) -> None:
    handle = await taken_up_registered(theatre)
    assert theatre.notes.events == []
    first = await theatre.client.get_workflow_handle(f"waiting/{handle.id.removeprefix('application/')}").describe()
    assert first.status is WorkflowExecutionStatus.RUNNING
    again = await theatre.apply(no=handle.id.removeprefix("application/"), generation=2)
    assert (await again.result())["outcome"] == "registered"
    second = await theatre.client.get_workflow_handle(first.id).describe()
    assert second.run_id == first.run_id, "one that is begun is left alone"


async def test_a_case_goes_on_waiting_for_who_has_not_confirmed(theatre: Stage) -> None:
    await taken_up_confirming(theatre)
    assert theatre.notes.tries["marriage"] == 1


async def test_a_case_goes_on_with_the_registers(theatre: Stage) -> None:
    handle = await taken_up_verifying(theatre)
    assert theatre.notes.events == ["verification_done", "street_refused"]
    assert set(theatre.notes.tries) == set(REGISTERS), "asked again: what had answered before answers from its receipt"
    assert all("/1." in advance.step.step_id or advance.step.word_id for advance in theatre.notes.advances), handle.id


async def test_a_case_goes_on_at_the_level_that_has_it(theatre: Stage) -> None:
    await taken_up_at_the_second_level(theatre)
    assert theatre.notes.events == ["district_approved", "city_approved", "notice_closed"]
    assert theatre.notes.tries == {}, "what was verified stays verified"
    assert [t.template for t in theatre.notes.told][:1] == ["review_started"], "nobody is told again what they were told"


async def test_a_case_goes_on_waiting_for_its_correction(theatre: Stage) -> None:
    await taken_up_in_correction(theatre)
    assert theatre.notes.events == ["corrected", "verification_done", "street_refused"]


async def test_a_correction_that_does_not_come_lapses_at_the_deadline_on_record(theatre: Stage) -> None:
    handle = await theatre.taken_up("correction", "citizen", in_days(3))
    await theatre.days(handle, 2.9)
    assert theatre.notes.events == []
    await theatre.days(handle, 0.2)
    assert await handle.result() == {"outcome": "lapsed"}


async def test_a_case_goes_on_with_its_objections(theatre: Stage) -> None:
    handle = await taken_up_with_objections(theatre)
    assert theatre.notes.events == ["one_objection_dismissed", "objection_dismissed", "notice_closed"]
    assert [a.objection_id for a in theatre.notes.advances] == ["o1", "o2", ""]
    assert (await handle.result())["outcome"] == "registered"


async def test_a_review_whose_deadline_passed_meanwhile_is_escalated_and_not_decided(theatre: Stage) -> None:
    handle = await theatre.taken_up("street_review", "street", in_days(-2), overdue=True)
    await theatre.reached(lambda: theatre.notes.events == ["escalated"])
    await theatre.decide(handle, "street", Decision.REFUSE)
    assert await handle.result() == {"outcome": "rejected"}


async def test_whoever_speaks_before_it_knows_where_it_stands_is_asked_to_say_it_again(theatre: Stage) -> None:
    """A correction must not be refused as one nobody asked for: casework would drop it."""
    away = asyncio.Event()
    theatre.notes.trouble[CASE_STANDING] = away.wait
    handle = await theatre.taken_up("correction", "citizen", in_days(3))
    said = Correction(round=2, actor="c-somebody", request_id=request())
    # A local step holds the workflow's task for its three seconds; what is said meanwhile is heard after them.
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await handle.execute_update("correct", said, id=request(), result_type=Accepted)
    assert reason_of(refused.value) == "UNAVAILABLE"
    away.set()
    await eventually(lambda: corrected(handle, said))


async def corrected(handle: WorkflowHandle[Any, Any], said: Correction) -> bool:
    try:
        await handle.execute_update("correct", said, id=request(), result_type=Accepted)
    except WorkflowUpdateFailedError as error:
        if reason_of(error) != "UNAVAILABLE":
            raise
        return False
    return True
