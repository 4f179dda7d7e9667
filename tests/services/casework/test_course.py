"""What people decide, put to the workflow exactly once; refused words leave no trace."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from anju.casework.v1 import casework_pb2 as pb
from anju_calendar import local_date
from anju_contracts.base import Word
from chassis.errors import Refusal
from chassis.identity import Caller
from chassis.ids import new_id

from tests.services.casework.conftest import Office
from tests.services.casework.support import (
    CITY_REVIEWER,
    CLERK,
    DISTRICT_REVIEWER,
    ELSEWHERE_DISTRICT,
    ELSEWHERE_STREET,
    STREET,
    TO_NOTICE,
    TO_STREET,
    Desk,
    dossier,
    member,
    page,
    person_number,
    reason_of,
    refusing,
    someone,
)
from tests.support.facts import facts_agree
from tests.support.keys import staff
from tests.support.patience import eventually


async def returned_case(desk: Desk, owner: Caller, *members: pb.Member) -> pb.Application:
    case = await desk.submit(owner, dossier(*members))
    await desk.bring_to(case.no, *TO_STREET)
    await desk.advance(case.no, "street_returned", "correction", note="请补充材料")
    return await desk.get(owner, case.no)


async def correct(desk: Desk, owner: Caller, no: str, content: pb.Dossier, key: str = "", version: int = 0) -> pb.Application:
    request = pb.CorrectApplicationRequest(idempotency_key=key or new_id(), no=no, dossier=content, if_version=version)
    answer: pb.Application = (await desk.call(owner, "CorrectApplication", request)).application
    return answer


async def withdraw(desk: Desk, owner: Caller, no: str, key: str = "") -> pb.Application:
    request = pb.WithdrawApplicationRequest(idempotency_key=key or new_id(), no=no, reason="搬家了")
    answer: pb.Application = (await desk.call(owner, "WithdrawApplication", request)).application
    return answer


async def raise_objection(desk: Desk, caller: Caller, no: str, key: str = "", text: str = "该家庭另有住房") -> pb.Objection:
    request = pb.RaiseObjectionRequest(idempotency_key=key or new_id(), application_no=no, text=text)
    answer: pb.Objection = (await desk.call(caller, "RaiseObjection", request)).objection
    return answer


async def answer_objection(desk: Desk, caller: Caller, no: str, objection: str, upheld: bool, key: str = "") -> pb.Application:
    request = pb.DecideObjectionRequest(
        idempotency_key=key or new_id(), application_no=no, objection_id=objection, upheld=upheld, answer="经核实不成立"
    )
    answer: pb.Application = (await desk.call(caller, "DecideObjection", request)).application
    return answer


# --- review ------------------------------------------------------------------------------------------------------------------------------


async def test_three_levels_approve(desk: Desk) -> None:
    no = (await desk.submit(someone())).no
    await desk.bring_to(no, *TO_STREET)
    for reviewer, stage in ((CLERK, "district_review"), (DISTRICT_REVIEWER, "city_review"), (CITY_REVIEWER, "public_notice")):
        assert (await desk.decide(reviewer, no)).stage == stage


async def test_a_decision_made_twice_counts_once(office: Office) -> None:
    desk, key = office.desk, new_id()
    no = (await desk.submit(someone())).no
    await desk.bring_to(no, *TO_STREET)
    seen = (await desk.get(CLERK, no)).version
    answers = await asyncio.gather(*(desk.decide(CLERK, no, key=key, version=seen) for _ in range(10)))
    assert {answer.stage for answer in answers} == {"district_review"}
    assert len({asked[3] for asked in office.engine.asked}) == 1
    # Long after, with a case that has moved on, the repeat is still the same decision and not a new one.
    asked = office.engine.times_asked("decide")
    await desk.decide(DISTRICT_REVIEWER, no)
    assert (await desk.decide(CLERK, no, key=key, version=seen)).stage == "city_review"
    assert office.engine.times_asked("decide") == asked + 1
    assert await reason_of(desk.decide(CLERK, no, pb.DECISION_REFUSE, "别的", key=key, version=seen)) == "IDEMPOTENCY_KEY_REUSED"


async def test_an_old_page_cannot_decide(desk: Desk) -> None:
    no = (await desk.submit(someone())).no
    await desk.bring_to(no, *TO_STREET)
    assert await reason_of(desk.decide(CLERK, no, version=1)) == "VERSION_MISMATCH"
    assert (await desk.decide(CLERK, no, version=(await desk.get(CLERK, no)).version)).stage == "district_review"


@pytest.mark.parametrize("decision", [pb.DECISION_RETURN, pb.DECISION_REFUSE])
async def test_the_household_is_told_why(desk: Desk, decision: pb.Decision.ValueType) -> None:
    owner = someone()
    no = (await desk.submit(owner)).no
    await desk.bring_to(no, *TO_STREET)
    assert await reason_of(desk.decide(CLERK, no, decision)) == "INVALID_FIELDS"
    assert await reason_of(desk.decide(CLERK, no, decision, "　\n ")) == "INVALID_FIELDS"
    assert await reason_of(desk.decide(CLERK, no, decision, "长" * 501)) == "INVALID_FIELDS"
    await desk.decide(CLERK, no, decision, "收入证明\n不完整")
    assert (await desk.get(owner, no)).reason == "收入证明\n不完整"


async def test_who_may_not_decide(desk: Desk) -> None:
    owner = someone()
    no = (await desk.submit(owner)).no
    await desk.bring_to(no, *TO_STREET)
    own = staff("street_clerk", "410202001", sub=owner.sub)
    wider = staff("district_reviewer", "410202001", sub="d-narrow")
    for caller, reason in (
        (staff("street_clerk", ELSEWHERE_STREET), "OUT_OF_DIVISION"),
        (staff("street_clerk", "410202002"), "OUT_OF_DIVISION"),
        (staff("district_reviewer", ELSEWHERE_DISTRICT), "OUT_OF_DIVISION"),
        (DISTRICT_REVIEWER, "TASK_NOT_OPEN"),
        (CITY_REVIEWER, "TASK_NOT_OPEN"),
        (own, "OWN_CASE"),
        (owner, "NOT_ALLOWED"),
        (staff("auditor"), "NOT_ALLOWED"),
        (staff("house_manager"), "NOT_ALLOWED"),
    ):
        assert await reason_of(desk.decide(caller, no)) == reason, caller
    assert await reason_of(desk.decide(CLERK, "KF-2026-999999")) == "NOT_FOUND"
    assert await reason_of(desk.decide(CLERK, no, pb.DECISION_UNSPECIFIED)) == "INVALID_FIELDS"
    listed = await desk.call(own, "ListTasks", pb.ListTasksRequest(page=page()))
    (mine,) = [task for task in listed.tasks if task.application_no == no]
    assert (mine.state, mine.recusal) == ("recusal", "OWN_CASE")
    await desk.decide(CLERK, no)
    assert await reason_of(desk.decide(wider, no)) == "OUT_OF_DIVISION"


async def test_the_workflow_has_the_last_word_and_a_refused_key_may_be_used_again(office: Office) -> None:
    desk, key = office.desk, new_id()
    no = (await desk.submit(someone())).no
    await desk.bring_to(no, *TO_STREET)
    office.engine.verdict = refusing("TASK_NOT_OPEN", "请稍候。")
    with pytest.raises(Refusal) as caught:
        await desk.decide(CLERK, no, key=key)
    assert (caught.value.problem.reason, caught.value.problem.zh) == ("TASK_NOT_OPEN", "请稍候。")
    office.engine.verdict = None
    assert (await desk.decide(CLERK, no, key=key)).stage == "district_review"


async def test_a_workflow_that_is_a_moment_behind_its_own_record_is_asked_again(office: Office) -> None:
    """After a crash the engine replays: the record may say "street review" before the workflow is there again."""
    desk = office.desk
    no = (await desk.submit(someone())).no
    await desk.bring_to(no, *TO_STREET)
    behind = [refusing("TASK_NOT_OPEN")] * 3

    def verdict(no: str, update: str, said: Word) -> str:
        return behind.pop()(no, update, said) if behind else ""

    office.engine.verdict = verdict
    assert (await desk.decide(CLERK, no)).stage == "district_review"
    assert office.engine.times_asked("decide") == 4


async def test_a_decision_with_unknown_outcome_is_finished_by_its_repeat(office: Office) -> None:
    desk, key = office.desk, new_id()
    no = (await desk.submit(someone())).no
    await desk.bring_to(no, *TO_STREET)
    office.engine.away = True
    assert await reason_of(desk.decide(CLERK, no, key=key, version=3)) == "UNAVAILABLE"
    office.engine.away = False
    assert (await desk.decide(CLERK, no, key=key, version=3)).stage == "district_review"


async def test_an_answer_does_not_wait_for_ever_for_the_record(office: Office) -> None:
    desk = office.desk
    no = (await desk.submit(someone())).no
    await desk.bring_to(no, *TO_STREET)
    office.engine.lands = False
    async with asyncio.timeout(6):
        assert (await desk.decide(CLERK, no)).stage == "street_review"


# --- withdrawal --------------------------------------------------------------------------------------------------------------------------


async def test_the_household_withdraws(desk: Desk) -> None:
    owner, key = someone(), new_id()
    no = (await desk.submit(owner)).no
    case = await withdraw(desk, owner, no, key)
    assert (case.stage, case.outcome, case.reason) == ("withdrawn", "withdrawn", "搬家了")
    assert (await withdraw(desk, owner, no, key)).outcome == "withdrawn"
    assert await reason_of(withdraw(desk, owner, no)) == "ALREADY_ENDED"
    assert await reason_of(withdraw(desk, someone(), no)) == "NOT_FOUND"


async def test_a_case_whose_workflow_is_not_there_yet_has_not_ended(office: Office) -> None:
    desk, owner, key = office.desk, someone(), new_id()
    office.engine.unborn = True
    no = (await desk.submit(owner)).no
    assert await reason_of(withdraw(desk, owner, no, key)) == "UNAVAILABLE"
    office.engine.unborn = False
    assert (await withdraw(desk, owner, no, key)).stage == "withdrawn"


# --- corrections -------------------------------------------------------------------------------------------------------------------------


async def test_a_correction_becomes_the_dossier(office: Office) -> None:
    desk, owner, leaving, coming = office.desk, someone(), person_number(), person_number()
    case = await returned_case(desk, owner, member(), member("child", "张小宝", leaving))
    fixed = dossier(case.dossier.members[0], member("parent", "张大山", coming), category="new_worker")
    fixed.members[0].name = "章晓明"
    key = new_id()
    after = await correct(desk, owner, case.no, fixed, key, case.version)
    assert (after.stage, after.round, after.category, after.masked_name) == ("confirming", 2, "new_worker", "章*明")
    assert after.dossier == fixed
    assert (await correct(desk, owner, case.no, fixed, key, case.version)).round == 2
    assert await reason_of(correct(desk, owner, case.no, fixed)) == "NOT_RETURNED"
    # Who came in is asked for himself; until he has confirmed, he may apply anywhere, and so may who has left.
    await desk.confirm(case.no, coming)
    await desk.submit(someone(), dossier(member(id_number=leaving)))
    assert await reason_of(desk.submit(someone(), dossier(member(id_number=coming)))) == "HOUSEHOLD_HAS_APPLICATION"
    assert await office.rows("SELECT round FROM dossier WHERE application_no = $1 ORDER BY 1", case.no) == [(1,), (2,)]


async def test_a_refused_correction_leaves_no_trace(office: Office) -> None:
    desk, owner, coming = office.desk, someone(), person_number()
    case = await returned_case(desk, owner)
    before = await office.rows("SELECT * FROM resident WHERE application_no = $1", case.no)
    fixed = dossier(case.dossier.members[0], member("child", "张小宝", coming))
    office.engine.verdict = refusing("NOT_RETURNED")
    key = new_id()
    assert await reason_of(correct(desk, owner, case.no, fixed, key)) == "NOT_RETURNED"
    assert await office.rows("SELECT round FROM dossier WHERE application_no = $1", case.no) == [(1,)]
    assert await office.rows("SELECT * FROM resident WHERE application_no = $1", case.no) == before
    assert (await desk.get(owner, case.no)).dossier == case.dossier
    await desk.submit(someone(), dossier(member(id_number=coming)))
    office.engine.verdict = None
    # He has an application of his own now; the household that names him is told so when he is to confirm.
    assert (await correct(desk, owner, case.no, fixed, key)).stage == "confirming"
    assert await reason_of(desk.confirm(case.no, coming)) == "CONFIRMED_ELSEWHERE"


async def test_a_correction_is_checked_like_a_first_dossier(desk: Desk) -> None:
    owner = someone()
    case = await returned_case(desk, owner)
    assert await reason_of(correct(desk, owner, case.no, dossier(member(id_number="1")))) == "INVALID_FIELDS"
    moved = dossier(case.dossier.members[0], district=ELSEWHERE_DISTRICT, street=ELSEWHERE_STREET)
    moved.community = ""
    with pytest.raises(Refusal) as caught:
        await correct(desk, owner, case.no, moved)
    assert {(v.pointer, v.code) for v in caught.value.fields} == {("/district", "PLACE_FIXED"), ("/street", "PLACE_FIXED")}
    assert await reason_of(correct(desk, owner, case.no, case.dossier, version=1)) == "VERSION_MISMATCH"
    assert await reason_of(correct(desk, someone(), case.no, case.dossier)) == "NOT_FOUND"
    assert (await correct(desk, owner, case.no, case.dossier, version=case.version)).round == 2


async def test_an_unanswered_correction_is_invisible_and_finished_by_its_repeat(office: Office) -> None:
    desk, owner, key = office.desk, someone(), new_id()
    case = await returned_case(desk, owner)
    fixed = dossier(case.dossier.members[0])
    fixed.address = "新地址1号"
    office.engine.away = True
    assert await reason_of(correct(desk, owner, case.no, fixed, key)) == "UNAVAILABLE"
    shown = await desk.get(owner, case.no)
    assert (shown.round, shown.dossier.address) == (1, case.dossier.address)
    office.engine.away = False
    assert (await correct(desk, owner, case.no, fixed, key)).dossier.address == "新地址1号"


async def test_an_unanswered_correction_is_settled_without_its_author(office: Office) -> None:
    """The phone went out of reach after handing in: the outbox puts the correction to the workflow."""
    desk, owner = office.desk, someone()
    case = await returned_case(desk, owner)
    office.engine.away = True
    assert await reason_of(correct(desk, owner, case.no, dossier(case.dossier.members[0]))) == "UNAVAILABLE"
    office.engine.away = False
    due = "SELECT id FROM word WHERE workflow_id = $1"
    await office.rows(
        f"UPDATE outbox SET next_try_at = now() WHERE kind = 'settle_word' AND payload->>'word' IN ({due})", f"application/{case.no}"
    )
    await eventually(lambda: desk.get(owner, case.no), lambda seen: seen.round == 2, what="the correction settled")
    assert (await desk.get(owner, case.no)).stage == "verifying"


async def test_a_second_correction_waits_for_the_first(office: Office) -> None:
    desk, owner = office.desk, someone()
    case = await returned_case(desk, owner)
    first, second = dossier(case.dossier.members[0]), dossier(case.dossier.members[0])
    first.address, second.address = "先交的地址", "后交的地址"
    office.engine.away = True
    assert await reason_of(correct(desk, owner, case.no, first)) == "UNAVAILABLE"
    assert await reason_of(correct(desk, owner, case.no, second)) == "UNAVAILABLE"
    office.engine.away = False
    assert await reason_of(correct(desk, owner, case.no, second)) == "NOT_RETURNED"
    assert (await desk.get(owner, case.no)).dossier.address == "先交的地址"


async def test_two_phones_correct_at_once(office: Office) -> None:
    desk, owner = office.desk, someone()
    case = await returned_case(desk, owner)
    calls = [correct(desk, owner, case.no, dossier(case.dossier.members[0], address=f"{i}号")) for i in range(8)]
    answers = await asyncio.gather(*(reason_of(call) for call in calls))
    assert answers.count("") == 1
    assert set(answers) <= {"", "NOT_RETURNED", "UNAVAILABLE"}
    assert await office.rows("SELECT count(*) FROM dossier WHERE application_no = $1", case.no) == [(2,)]


# --- objections --------------------------------------------------------------------------------------------------------------------------


async def on_notice(desk: Desk) -> tuple[Caller, str]:
    owner = someone()
    no = (await desk.submit(owner)).no
    await desk.bring_to(no, *TO_NOTICE)
    return owner, no


async def test_an_objection_is_heard_and_dismissed(desk: Desk) -> None:
    owner, no = await on_notice(desk)
    objector, key = someone(), new_id()
    raised = await raise_objection(desk, objector, no, key)
    assert (raised.text, raised.state) == ("该家庭另有住房", "open")
    assert (await raise_objection(desk, objector, no, key)).id == raised.id
    assert (await desk.get(owner, no)).stage == "objection_review"
    seen = (await desk.get(DISTRICT_REVIEWER, no)).objections[0]
    assert (seen.id, seen.text, seen.state) == (raised.id, "该家庭另有住房", "open")
    after = await answer_objection(desk, DISTRICT_REVIEWER, no, raised.id, upheld=False)
    assert (after.stage, after.objections[0].state, after.objections[0].answer) == ("public_notice", "dismissed", "经核实不成立")
    told = (await desk.get(owner, no)).objections[0]
    assert (told.text, told.state, told.answer) == ("", "dismissed", "经核实不成立")


async def test_an_upheld_objection_ends_the_case(desk: Desk) -> None:
    _, no = await on_notice(desk)
    raised = await raise_objection(desk, someone(), no)
    after = await answer_objection(desk, DISTRICT_REVIEWER, no, raised.id, upheld=True)
    assert (after.stage, after.outcome, after.objections[0].state) == ("rejected", "rejected", "upheld")


@pytest.mark.parametrize("end", ["objection_upheld", "withdrawn"])
async def test_an_objection_not_answered_when_the_case_ends_is_closed_with_it(desk: Desk, end: str) -> None:
    owner, no = await on_notice(desk)
    first, second = [await raise_objection(desk, someone(), no) for _ in range(2)]
    if end == "withdrawn":
        await withdraw(desk, owner, no)
    else:
        await answer_objection(desk, DISTRICT_REVIEWER, no, first.id, upheld=True)
    states = {each.id: each.state for each in (await desk.get(DISTRICT_REVIEWER, no)).objections}
    assert states == {first.id: "closed" if end == "withdrawn" else "upheld", second.id: "closed"}


async def test_no_objection_outside_the_notice(desk: Desk) -> None:
    no = (await desk.submit(someone())).no
    assert await reason_of(raise_objection(desk, someone(), no)) == "NOT_ON_NOTICE"
    assert await reason_of(raise_objection(desk, someone(), "KF-2026-999999")) == "NOT_ON_NOTICE"
    assert await reason_of(raise_objection(desk, someone(), no, text="")) == "INVALID_FIELDS"


async def test_a_refused_objection_leaves_no_trace(office: Office) -> None:
    desk = office.desk
    _, no = await on_notice(desk)
    office.engine.verdict = refusing("NOT_ON_NOTICE")
    assert await reason_of(raise_objection(desk, someone(), no)) == "NOT_ON_NOTICE"
    assert await office.rows("SELECT 1 FROM objection WHERE application_no = $1", no) == []


async def test_one_open_objection_a_person(desk: Desk) -> None:
    _, no = await on_notice(desk)
    objector = someone()
    await raise_objection(desk, objector, no)
    assert await reason_of(raise_objection(desk, objector, no)) == "OBJECTION_PENDING"


async def test_one_person_decides_one_level(desk: Desk) -> None:
    """One person with three roles signed all three levels."""
    owner = someone()
    no = (await desk.submit(owner)).no
    await desk.bring_to(no, *TO_STREET)
    everybody = Caller("s-all", "staff", ("street_clerk", "district_reviewer", "city_reviewer"), ("4102",), person="index of s-all")
    await desk.decide(everybody, no)
    await eventually(lambda: desk.get(owner, no), lambda case: case.stage == "district_review")
    assert await reason_of(desk.decide(everybody, no)) == "SAME_REVIEWER"
    await desk.decide(DISTRICT_REVIEWER, no)
    await eventually(lambda: desk.get(owner, no), lambda case: case.stage == "city_review")
    assert await reason_of(desk.decide(everybody, no)) == "SAME_REVIEWER"
    assert (await desk.decide(CITY_REVIEWER, no)).stage == "public_notice"


async def test_it_is_the_person_who_decides_one_level_not_the_account(desk: Desk) -> None:
    """Two accounts of one person, told apart by nothing but the number the sign-on has verified."""
    owner = someone()
    no = (await desk.submit(owner)).no
    await desk.bring_to(no, *TO_STREET)
    clerk = replace(CLERK, sub="s-one", person="index of one person")
    reviewer = replace(DISTRICT_REVIEWER, sub="s-two", person="index of one person")
    await desk.decide(clerk, no)
    await eventually(lambda: desk.get(owner, no), lambda case: case.stage == "district_review")
    assert await reason_of(desk.decide(reviewer, no)) == "SAME_REVIEWER"
    assert (await desk.decide(replace(reviewer, person="index of another"), no)).stage == "city_review"


async def test_nobody_decides_on_his_own_household_under_any_account(desk: Desk) -> None:
    """The reviewer is the applicant's wife: her account is not the applicant's, her number is on the form."""
    wife = member("spouse", "李芳")
    no = (await desk.submit(someone(), dossier(member(), wife))).no
    await desk.bring_to(no, *TO_STREET)
    clerk = replace(CLERK, person=desk.index_of(wife.id_number))
    assert await reason_of(desk.decide(clerk, no)) == "OWN_CASE"
    tasks = await desk.call(clerk, "ListTasks", pb.ListTasksRequest(page=page()))
    assert {task.application_no: task.recusal for task in tasks.tasks}[no] == "OWN_CASE"
    assert (await desk.decide(CLERK, no)).stage == "district_review"


async def test_no_member_of_a_household_objects_to_its_case(desk: Desk) -> None:
    wife = member("spouse", "李芳")
    no = (await desk.submit(someone(), dossier(member(), wife))).no
    await desk.bring_to(no, *TO_NOTICE)
    assert await reason_of(raise_objection(desk, replace(someone(), person=desk.index_of(wife.id_number)), no)) == "OWN_CASE"
    await raise_objection(desk, replace(someone(), person="index of a neighbour"), no)


async def test_the_same_ground_is_answered_once(desk: Desk) -> None:
    """One person objected six times on the same ground, after each dismissal: a case would stay on notice for ever."""
    _, no = await on_notice(desk)
    objector = someone()

    async def answered(text: str) -> None:
        raised = await raise_objection(desk, objector, no, text=text)
        await answer_objection(desk, DISTRICT_REVIEWER, no, raised.id, upheld=False)
        await eventually(lambda: desk.get(DISTRICT_REVIEWER, no), lambda case: case.stage == "public_notice")

    await answered("该户另有住房。")
    for again in ("该户另有住房。", " 该户 另有住房！！", "该户另有住房"):
        assert await reason_of(raise_objection(desk, objector, no, text=again)) == "OBJECTION_ANSWERED"
    await answered("该户有两辆车")
    await answered("该户不住在本区")
    assert await reason_of(raise_objection(desk, objector, no, text="第四个理由")) == "OBJECTION_ANSWERED"
    # Somebody else's word is his own.
    assert (await raise_objection(desk, someone(), no, text="该户另有住房。")).state == "open"


async def test_nobody_objects_to_his_own_case(desk: Desk) -> None:
    owner, no = await on_notice(desk)
    assert await reason_of(raise_objection(desk, owner, no)) == "OWN_CASE"


async def test_an_unanswered_objection_is_seen_by_nobody(office: Office) -> None:
    desk = office.desk
    _, no = await on_notice(desk)
    objector, key = someone(), new_id()
    office.engine.away = True
    assert await reason_of(raise_objection(desk, objector, no, key)) == "UNAVAILABLE"
    office.engine.away = False
    assert list((await desk.get(DISTRICT_REVIEWER, no)).objections) == []
    assert (await raise_objection(desk, objector, no, key)).state == "open"


async def test_under_another_account_nobody_answers_his_own_objection_or_says_it_again(desk: Desk) -> None:
    """The neighbour who objects is the district's reviewer: at home he signs on as a citizen, with the same number."""
    _, no = await on_notice(desk)
    neighbour = replace(someone(), person="index of the reviewer")
    objection = await raise_objection(desk, neighbour, no, text="该户另有住房。")
    at_work = replace(DISTRICT_REVIEWER, person=neighbour.person)
    assert await reason_of(answer_objection(desk, at_work, no, objection.id, upheld=True)) == "OWN_CASE"
    second = replace(someone(), person=neighbour.person)
    assert await reason_of(raise_objection(desk, second, no, text="该户有两辆车")) == "OBJECTION_PENDING"
    await answer_objection(desk, DISTRICT_REVIEWER, no, objection.id, upheld=False)
    await eventually(lambda: desk.get(DISTRICT_REVIEWER, no), lambda case: case.stage == "public_notice")
    assert await reason_of(raise_objection(desk, second, no, text="该户另有住房")) == "OBJECTION_ANSWERED"


async def test_who_may_not_answer_an_objection(desk: Desk) -> None:
    _, no = await on_notice(desk)
    insider = staff("district_reviewer", "410202", sub="insider")
    raised = await raise_objection(desk, insider, no)
    for caller, reason in (
        (insider, "OWN_CASE"),
        (CLERK, "TASK_NOT_OPEN"),
        (CITY_REVIEWER, "TASK_NOT_OPEN"),
        (staff("district_reviewer", ELSEWHERE_DISTRICT), "OUT_OF_DIVISION"),
        (someone(), "NOT_ALLOWED"),
    ):
        assert await reason_of(answer_objection(desk, caller, no, raised.id, upheld=True)) == reason
    assert await reason_of(answer_objection(desk, DISTRICT_REVIEWER, no, "obj-unknown", upheld=True)) == "TASK_NOT_OPEN"
    assert await reason_of(desk.decide(DISTRICT_REVIEWER, no)) == "TASK_NOT_OPEN"


async def test_a_word_on_record_wins_over_another_that_was_begun_before_the_crash(office: Office) -> None:
    """Two clerks decide differently around a crash: the recorded decision is told to the workflow before the other is asked about again."""
    desk, engine, owner = office.desk, office.engine, someone()
    no = (await desk.submit(owner)).no
    await desk.bring_to(no, *TO_STREET)
    other = staff("street_clerk", STREET, sub="clerk-2")
    engine.away = True
    refusal = {"decision": pb.DECISION_REFUSE, "reason": "人均面积超过标准", "key": new_id()}
    assert await reason_of(desk.decide(other, no, **refusal)) == "UNAVAILABLE"
    first = new_id("r")
    assert desk.spoken is not None
    await desk.spoken.of(no, "street_approved", "", "", first, state="said")
    await desk.advance(no, "street_approved", "district_review", word=first)
    engine.away = False
    engine.asked.clear()
    engine.knows(first, "district_review")
    engine.verdict = refusing("TASK_NOT_OPEN")
    assert await reason_of(desk.decide(other, no, **refusal)) == "TASK_NOT_OPEN"
    assert next(asked[3] for asked in engine.asked) == first
    assert (await desk.get(owner, no)).stage == "district_review"


async def test_a_refusal_says_who_decided_on_what_law_and_every_remedy(desk: Desk) -> None:
    owner = someone()
    case = await desk.submit(owner)
    assert not case.HasField("refusal")
    await desk.bring_to(case.no, *TO_STREET, "street_approved", "district_refused")
    told = (await desk.get(owner, case.no)).refusal
    assert (told.reason, told.basis.zh, told.decided_on) == (
        "理由",
        "公共租赁住房管理办法（住房和城乡建设部令第11号）第九条",
        str(local_date(datetime.now(UTC))),
    )
    assert told.body.zh.endswith("住房保障部门")
    assert [(each.code, bool(each.until), each.online) for each in told.remedies] == [
        ("recheck", False, False),
        ("reconsideration", True, False),
        ("litigation", True, False),
    ]
    assert all(each.body.zh and each.where.zh and each.basis.zh and each.basis.en.isascii() for each in told.remedies)
    # The numbers are Kaifeng's sample, and the household is told so.
    assert not told.confirmed


async def test_a_refusal_is_of_the_day_of_the_decision_not_of_the_application(desk: Desk) -> None:
    owner, decided = someone(), datetime.now(UTC) + timedelta(days=9)
    case = await desk.submit(owner)
    await desk.bring_to(case.no, *TO_STREET)
    await desk.advance(case.no, "street_refused", "rejected", note="理由", as_of=decided)
    told = (await desk.get(owner, case.no)).refusal
    assert told.decided_on == str(local_date(decided))
    (sixty_days,) = [each.until for each in told.remedies if each.code == "reconsideration"]
    assert sixty_days >= str(local_date(decided + timedelta(days=60)))


async def test_a_case_that_was_not_refused_has_no_refusal(desk: Desk) -> None:
    owner = someone()
    case = await desk.submit(owner)
    await desk.bring_to(case.no, *TO_STREET, "street_returned")
    assert not (await desk.get(owner, case.no)).HasField("refusal")


async def test_later_reports_were_told_of_every_step(office: Office) -> None:
    assert await facts_agree("casework", office.url) > 50
