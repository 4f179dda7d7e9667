"""An approval against a criterion that is not met, or could not be verified: a reason, and two persons."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest
from anju.casework.v1 import casework_pb2 as pb
from chassis.errors import Refusal
from chassis.identity import Caller
from chassis.ids import new_id

from tests.services.casework.conftest import Office
from tests.services.casework.support import CLERK, DISTRICT_REVIEWER, STREET, Desk, page, reason_of, someone
from tests.support.keys import staff

COLLEAGUE = staff("street_clerk", STREET, sub="clerk-colleague")
APPROVE, RETURN = pb.DECISION_APPROVE, pb.DECISION_RETURN
WHY = "已入户核实，房屋为危房"
Leaves = Callable[[Desk, Caller, str], Awaitable[None]]


async def doubtful(desk: Desk, *doubts: str) -> str:
    """A case at its first level, with this against it."""
    no = (await desk.submit(someone())).no
    await desk.advance(no, "start_verification", "verifying")
    await desk.advance(no, "verification_done", "street_review", doubts=doubts or ("housing_area",))
    return no


async def review(desk: Desk, caller: Caller, no: str) -> pb.GetReviewResponse:
    answer: pb.GetReviewResponse = await desk.call(caller, "GetReview", pb.GetReviewRequest(application_no=no))
    return answer


async def approve(desk: Desk, caller: Caller, no: str, why: str = "", *, key: str = "", official: str = "") -> pb.Application:
    request = pb.DecideTaskRequest(idempotency_key=key or new_id(), application_no=no, decision=APPROVE, reason=why, official=official)
    answer: pb.Application = (await desk.call(caller, "DecideTask", request)).application
    return answer


async def test_one_person_alone_does_not_approve_against_the_assessment(office: Office) -> None:
    desk = office.desk
    no = await doubtful(desk, "housing_area", "income")
    assert list((await review(desk, CLERK, no)).doubts) == ["housing_area", "income"]
    with pytest.raises(Refusal) as caught:
        await approve(desk, CLERK, no)
    assert [field.pointer for field in caught.value.fields] == ["/reason"]
    before, key = office.engine.times_asked("decide"), new_id()
    for _ in range(2):
        assert (await approve(desk, CLERK, no, WHY, key=key, official="李芳")).stage == "street_review"
    assert await reason_of(approve(desk, CLERK, no, WHY)) == "SECOND_PERSON"
    assert office.engine.times_asked("decide") == before, "nothing has been said to the workflow yet"
    mine, theirs = (await review(desk, CLERK, no)).proposal, (await review(desk, COLLEAGUE, no)).proposal
    assert (mine.official, mine.reason, mine.own, theirs.own) == ("李芳", WHY, True, False)


async def test_the_second_person_carries_it_out_and_the_next_level_reads_who_they_were(desk: Desk) -> None:
    no = await doubtful(desk)
    first, second = new_id(), new_id()
    await approve(desk, CLERK, no, WHY, key=first, official="李芳")
    assert (await approve(desk, COLLEAGUE, no, "同意", key=second, official="王敏")).stage == "district_review"
    # Either of them asking again, with the same key, is the same as before; the next level starts anew.
    assert (await approve(desk, COLLEAGUE, no, "同意", key=second, official="王敏")).stage == "district_review"
    assert (await approve(desk, CLERK, no, WHY, key=first, official="李芳")).stage == "district_review"
    seen = await review(desk, DISTRICT_REVIEWER, no)
    assert not seen.HasField("proposal")
    (decided,) = seen.decisions
    assert (decided.level, decided.decision, decided.official, decided.reason) == ("street", APPROVE, "王敏", "同意")
    assert (decided.proposed.official, decided.proposed.reason) == ("李芳", WHY)
    await approve(desk, DISTRICT_REVIEWER, no, "同意街道意见")
    assert (await desk.get(DISTRICT_REVIEWER, no)).stage == "district_review", "at every level again"


async def test_who_is_awaited_sees_it_in_his_tasks_and_whoever_follows_the_case_sees_a_new_version(desk: Desk) -> None:
    clean = (await desk.submit(someone())).no
    await desk.bring_to(clean, "start_verification", "verification_done")
    no, key = await doubtful(desk), new_id()

    async def states(caller: Caller, state: str = "") -> dict[str, str]:
        found = (await desk.call(caller, "ListTasks", pb.ListTasksRequest(page=page(), state=state))).tasks
        return {task.application_no: task.state for task in found if task.application_no in (no, clean)}

    assert await states(COLLEAGUE) == {clean: "open", no: "open"}
    before = (await desk.get(COLLEAGUE, no)).version
    for _ in range(2):
        await approve(desk, CLERK, no, WHY, key=key)
    assert (await desk.get(COLLEAGUE, no)).version == before + 1
    assert await states(COLLEAGUE) == {clean: "open", no: "second"}
    assert await states(CLERK) == {clean: "open", no: "proposed"}
    assert await states(COLLEAGUE, "second") == {no: "second"}
    assert await states(COLLEAGUE, "proposed") == {}
    assert await reason_of(states(COLLEAGUE, "of-no-kind")) == "INVALID_FIELDS"
    # Who has not seen the proposal does not agree to it by accident.
    unseen = pb.DecideTaskRequest(idempotency_key=new_id(), application_no=no, decision=APPROVE, reason="同意", if_version=before)
    assert await reason_of(desk.call(COLLEAGUE, "DecideTask", unseen)) == "VERSION_MISMATCH"
    unseen.if_version = before + 1
    assert (await desk.call(COLLEAGUE, "DecideTask", unseen)).application.stage == "district_review"


async def test_two_accounts_are_not_two_persons(desk: Desk) -> None:
    no = await doubtful(desk)
    await approve(desk, replace(CLERK, person="index of one"), no, WHY)
    assert await reason_of(approve(desk, replace(COLLEAGUE, person="index of one"), no)) == "INVALID_FIELDS"
    assert await reason_of(approve(desk, replace(COLLEAGUE, person="index of one"), no, "同意")) == "SECOND_PERSON"
    assert (await approve(desk, replace(COLLEAGUE, person="index of another"), no, "同意")).stage == "district_review"


async def test_who_stands_in_for_somebody_is_not_the_second_beside_him(desk: Desk) -> None:
    """Nor is the one who is covered beside what was proposed in his name, nor two who cover the same."""
    standing_in = replace(COLLEAGUE, acting_for=CLERK.sub)
    no = await doubtful(desk)
    await approve(desk, CLERK, no, WHY)
    assert await reason_of(approve(desk, standing_in, no, "同意")) == "SECOND_PERSON"
    assert (await approve(desk, COLLEAGUE, no, "同意")).stage == "district_review"
    other = await doubtful(desk)
    await approve(desk, standing_in, other, WHY)
    third = replace(COLLEAGUE, sub="clerk-3", person="index of clerk 3", acting_for=CLERK.sub)
    for nobody_else in (CLERK, third):
        assert await reason_of(approve(desk, nobody_else, other, "同意")) == "SECOND_PERSON"
    assert (await approve(desk, replace(third, acting_for=""), other, "同意")).stage == "district_review"


async def test_who_proposed_at_one_level_decides_at_no_other(desk: Desk) -> None:
    no = await doubtful(desk)
    everybody = replace(CLERK, roles=("street_clerk", "district_reviewer"), divisions=("4102",))
    await approve(desk, everybody, no, WHY)
    await approve(desk, COLLEAGUE, no, "同意")
    assert await reason_of(approve(desk, everybody, no, "同意")) == "SAME_REVIEWER"


async def test_a_proposal_binds_nobody(desk: Desk) -> None:
    """The second person may send the case back; the new round has a new task, and needs two persons only if its own assessment says so."""
    no = await doubtful(desk)
    await approve(desk, CLERK, no, WHY)
    assert (await desk.decide(COLLEAGUE, no, RETURN, "请补充证明")).stage == "correction"
    (decided,) = (await review(desk, CLERK, no)).decisions
    assert (decided.decision, decided.HasField("proposed")) == (RETURN, False)


async def left_by_word(desk: Desk, first: Caller, no: str) -> None:
    await desk.call(first, "RecuseTask", pb.RecuseTaskRequest(idempotency_key=new_id(), application_no=no, reason="与申请人有债务纠纷"))


async def left_by_declaring(desk: Desk, first: Caller, no: str) -> None:
    relative = (await desk.get(COLLEAGUE, no)).dossier.members[0].id_number
    declared = [pb.Relative(kinship="collateral", id_number=relative)]
    await desk.call(first, "DeclareRecusals", pb.DeclareRecusalsRequest(idempotency_key=new_id(), relatives=declared))


async def left_by_duty(desk: Desk, first: Caller, no: str) -> None:
    """He is a clerk of another street now, as his next look at his tasks shows."""
    await desk.call(replace(first, divisions=("410205001",)), "ListTasks", pb.ListTasksRequest(page=page()))


@pytest.mark.parametrize("leaves", [left_by_word, left_by_declaring, left_by_duty])
async def test_what_somebody_proposed_who_may_not_decide_any_more_is_void(desk: Desk, leaves: Leaves) -> None:
    """The second person becomes the first, and it takes another one."""
    first, third = (staff("street_clerk", STREET, sub=new_id("clerk-")) for _ in range(2))
    for each in (first, third, COLLEAGUE):
        await desk.call(each, "ListTasks", pb.ListTasksRequest(page=page()))
    no = await doubtful(desk)
    await approve(desk, first, no, WHY)
    assert (await review(desk, COLLEAGUE, no)).HasField("proposal")
    await leaves(desk, first, no)
    if leaves is not left_by_duty:
        assert not (await review(desk, COLLEAGUE, no)).HasField("proposal")
        found = (await desk.call(COLLEAGUE, "ListTasks", pb.ListTasksRequest(page=page()))).tasks
        assert {task.application_no: task.state for task in found}[no] == "open"
    assert (await approve(desk, COLLEAGUE, no, "同意")).stage == "street_review", "one person alone"
    assert (await review(desk, COLLEAGUE, no)).proposal.own
    assert await reason_of(approve(desk, COLLEAGUE, no, "同意")) == "SECOND_PERSON"
    assert (await approve(desk, third, no, "同意")).stage == "district_review"
    (decided,) = (await review(desk, DISTRICT_REVIEWER, no)).decisions
    assert decided.proposed.reason == "同意"


async def test_of_two_who_agree_at_one_moment_one_is_heard(office: Office) -> None:
    """The other's word took the place of the first's, whose step was then recorded by nobody's word."""
    desk, no = office.desk, await doubtful(office.desk)
    others = [staff("street_clerk", STREET, sub=new_id("clerk-")) for _ in range(4)]
    await approve(desk, CLERK, no, WHY)
    answers = await asyncio.gather(*(reason_of(approve(desk, each, no, "同意")) for each in others))
    assert answers.count("") == 1, answers
    assert set(answers) <= {"", "TASK_NOT_OPEN", "UNAVAILABLE"}
    assert (await desk.get(CLERK, no)).stage == "district_review"


async def test_nothing_against_it_takes_one_person(desk: Desk) -> None:
    no = await doubtful(desk)
    await desk.decide(CLERK, no, RETURN, "请补充证明")
    clean = (await desk.submit(someone())).no
    await desk.bring_to(clean, "start_verification", "verification_done")
    assert (await approve(desk, CLERK, clean)).stage == "district_review"


async def test_an_approval_nobody_has_seconded_is_not_recorded(desk: Desk) -> None:
    """The engine is nobody: a word of one person, and a workflow that says it was carried out, approve nothing."""
    no = await doubtful(desk)
    assert await reason_of(desk.advance(no, "street_approved", "district_review")) == "NOT_SAID"


@pytest.mark.parametrize("change", ["sub = 'somebody-else'", "reason_sealed = ''"])
async def test_what_was_proposed_stays(office: Office, change: str) -> None:
    no = await doubtful(office.desk)
    await approve(office.desk, CLERK, no, WHY)
    with pytest.raises(Exception, match="proposals do not change"):
        await office.rows(f"UPDATE proposal SET {change} WHERE application_no = '{no}'")
