"""Leaving a case to others (回避): colleagues decide it; when nobody known of the level is left, the next level does."""

from __future__ import annotations

from dataclasses import replace

import pytest
from anju.casework.v1 import casework_pb2 as pb
from chassis.errors import Refusal
from chassis.identity import Caller
from chassis.ids import new_id

from tests.services.casework.conftest import Office
from tests.services.casework.support import Desk, dossier, member, page, reason_of, refusing, someone, system
from tests.support.keys import staff

# A street for each test: who is known at one is known at no other.
_streets = iter(
    ("410205001", "410205002", "410205003", "410205004", "410205005", "410205200", "410205201", "410204001", "410203001", "410203002")
)
WHY = "与申请人有债务纠纷"
HAND_ON = pb.DECISION_HAND_ON


@pytest.fixture
def street() -> str:
    return next(_streets)


async def official(desk: Desk, role: str, division: str, **changes: str) -> Caller:
    """Somebody who has looked at his tasks: the system knows that he holds the duty."""
    caller = replace(staff(role, division, sub=new_id(f"{role}-")), **changes)  # type: ignore[arg-type]  # of texts
    await desk.call(caller, "ListTasks", pb.ListTasksRequest(page=page()))
    return caller


def at(street: str, *members: pb.Member) -> pb.Dossier:
    household = dossier(*members, district=street[:6], street=street)
    household.community = ""
    return household


async def at_street(desk: Desk, street: str, *members: pb.Member) -> str:
    no = (await desk.submit(someone(), at(street, *members))).no
    await desk.bring_to(no, "start_verification", "verification_done")
    return no


async def recuse(desk: Desk, caller: Caller, no: str, why: str = WHY, *, key: str = "") -> tuple[str, str]:
    request = pb.RecuseTaskRequest(idempotency_key=key or new_id(), application_no=no, reason=why, official="李芳")
    answer = await desk.call(caller, "RecuseTask", request)
    return answer.outcome, answer.application.stage


async def review(desk: Desk, caller: Caller, no: str) -> pb.GetReviewResponse:
    answer: pb.GetReviewResponse = await desk.call(caller, "GetReview", pb.GetReviewRequest(application_no=no))
    return answer


async def test_a_colleague_decides_what_somebody_has_left_to_others(desk: Desk, street: str) -> None:
    leaving, colleague = await official(desk, "street_clerk", street), await official(desk, "street_clerk", street)
    no, key = await at_street(desk, street), new_id()
    with pytest.raises(Refusal) as caught:
        await recuse(desk, leaving, no, " ")
    assert [field.pointer for field in caught.value.fields] == ["/reason"]
    before = (await desk.get(colleague, no)).version
    for _ in range(2):
        assert await recuse(desk, leaving, no, key=key) == ("colleague", "street_review")
    assert (await desk.get(colleague, no)).version == before + 1
    (kept,) = (await review(desk, colleague, no)).recusals
    assert (kept.level, kept.official, kept.reason, kept.words) == ("street", "李芳", "RECUSED", WHY)
    assert await reason_of(desk.decide(leaving, no)) == "RECUSED"
    assert (await review(desk, leaving, no)).recusal == "RECUSED"
    await desk.decide(colleague, no)
    # It holds for the whole case, whatever duties he has.
    everything = replace(leaving, roles=("district_reviewer",), divisions=("4102",))
    assert await reason_of(desk.decide(everything, no)) == "RECUSED"


async def test_nobody_holds_a_task_a_colleague_decides_what_somebody_has_looked_at(desk: Desk, street: str) -> None:
    """Who leaves takes no task with him: it was never his. One his successor may not decide is still the other colleagues'."""
    leaving, successor, colleague = [await official(desk, "street_clerk", street) for _ in range(3)]
    first, second = await at_street(desk, street), await at_street(desk, street)
    await review(desk, leaving, first)
    for each in (leaving, successor, colleague):
        listed = await desk.call(each, "ListTasks", pb.ListTasksRequest(page=page()))
        assert {task.application_no for task in listed.tasks} >= {first, second}
    await desk.decide(successor, first)
    await recuse(desk, successor, second)
    assert await reason_of(desk.decide(successor, second)) == "RECUSED"
    await desk.decide(colleague, second)


async def test_when_nobody_of_the_level_is_left_the_next_one_decides(desk: Desk, street: str) -> None:
    child = member("child", "张小明")
    alone, related = await official(desk, "street_clerk", street), await official(desk, "street_clerk", street)
    declared = pb.DeclareRecusalsRequest(idempotency_key=new_id(), relatives=[pb.Relative(kinship="lineal", id_number=child.id_number)])
    await desk.call(related, "DeclareRecusals", declared)
    # Somebody of another street, and of another duty, are not counted on.
    await official(desk, "street_clerk", f"{street[:6]}999")
    above = await official(desk, "district_reviewer", street[:6])
    no, key = await at_street(desk, street, member(), child), new_id()
    for _ in range(2):
        assert await recuse(desk, alone, no, key=key) == ("handed_on", "district_review")
    assert [entry.event for entry in (await desk.get(above, no)).timeline][-1] == "street_handed_on"
    seen = await review(desk, above, no)
    (decided,), (kept,) = seen.decisions, seen.recusals
    assert (decided.level, decided.decision, decided.official) == ("street", HAND_ON, "李芳")
    assert kept.words == WHY
    await desk.decide(above, no)
    assert (await desk.get(above, no)).stage == "city_review"


async def test_a_known_reason_needs_no_words_and_his_own_household_may_be_left_too(desk: Desk, street: str) -> None:
    wife = member("spouse", "李芳")
    own = await official(desk, "street_clerk", street, person=desk.index_of(wife.id_number))
    no = await at_street(desk, street)
    other = (await desk.submit(someone(), at(street, member(), wife))).no
    await desk.bring_to(other, "confirmation_awaited")
    await desk.confirm(other, wife)
    await desk.bring_to(other, "verification_done")
    assert await recuse(desk, own, other, "") == ("handed_on", "district_review")
    (kept,) = (await review(desk, await official(desk, "district_reviewer", street[:6]), other)).recusals
    assert kept.reason == "OWN_CASE"
    # He decides the others as before.
    await desk.decide(own, no)


async def test_two_accounts_of_one_person_are_nobody_else(desk: Desk, street: str) -> None:
    person = desk.index_of("990101199001010011")
    one = await official(desk, "street_clerk", street, person=person)
    await official(desk, "street_clerk", street, person=person)
    assert await recuse(desk, one, await at_street(desk, street)) == ("handed_on", "district_review")


async def test_who_has_not_looked_for_long_is_not_counted_on(office: Office, street: str) -> None:
    desk = office.desk
    here, gone = await official(desk, "street_clerk", street), await official(desk, "street_clerk", street)
    await office.rows(f"UPDATE duty_holder SET seen_at = now() - interval '61 days' WHERE sub = '{gone.sub}' RETURNING sub")
    assert await recuse(desk, here, await at_street(desk, street)) == ("handed_on", "district_review")


async def test_the_last_level_waits_until_somebody_is_appointed(office: Office, street: str) -> None:
    desk = office.desk
    await office.rows("UPDATE duty_holder SET seen_at = now() - interval '61 days' RETURNING sub")
    no = await at_street(desk, street)
    await desk.bring_to(no, "street_approved", "district_approved")
    last = await official(desk, "city_reviewer", "4102")
    assert await recuse(desk, last, no) == ("nobody_left", "city_review")
    case = await desk.get(last, no)
    assert (case.stage, case.timeline[-1].event) == ("city_review", "city_handed_on")
    assert await reason_of(desk.decide(last, no)) == "RECUSED"
    await desk.decide(await official(desk, "city_reviewer", "4102"), no)
    assert (await desk.get(last, no)).stage == "public_notice"


async def test_what_the_workflow_refuses_is_not_handed_on_and_may_be_said_again(office: Office, street: str) -> None:
    desk, key = office.desk, new_id()
    alone = await official(desk, "street_clerk", street)
    no = await at_street(desk, street)
    office.engine.verdict = refusing("STEP_REFUSED")
    assert await reason_of(recuse(desk, alone, no, key=key)) == "STEP_REFUSED"
    office.engine.verdict = None
    assert (await desk.get(alone, no)).stage == "street_review"
    assert await recuse(desk, alone, no, key=key) == ("handed_on", "district_review")


async def test_nobody_passes_on_by_the_engine_alone(desk: Desk, street: str) -> None:
    no = await at_street(desk, street)
    request = pb.DecideTaskRequest(idempotency_key=new_id(), application_no=no, decision=HAND_ON, reason=WHY)
    assert await reason_of(desk.call(await official(desk, "street_clerk", street), "DecideTask", request)) == "INVALID_FIELDS"
    with pytest.raises(Refusal, match="NOT_SAID"):
        await desk.advance(no, "street_handed_on", "district_review", word="w-nobody", actor="clerk-1")
    assert await reason_of(desk.call(system("registry-gateway"), "RecuseTask", pb.RecuseTaskRequest(application_no=no))) == "NOT_ALLOWED"
