"""Whom an official does not decide about: relatives and the community he declares, and his spouse by the register; by person, not by account."""

from __future__ import annotations

from dataclasses import replace

import pytest
from anju.casework.v1 import casework_pb2 as pb
from anju.reads.v1 import reads_pb2 as reads
from chassis.errors import Refusal
from chassis.identity import Caller
from chassis.ids import new_id

from tests.services.casework.conftest import Office
from tests.services.casework.support import (
    CLERK,
    COMMUNITY,
    STREET,
    TO_NOTICE,
    TO_STREET,
    Desk,
    dossier,
    member,
    page,
    person_number,
    reason_of,
    someone,
    system,
)
from tests.support.keys import citizen, staff


@pytest.fixture
def clerk() -> Caller:
    """A person of his own, so that what one test declares is nobody else's."""
    return staff("street_clerk", STREET, sub=new_id("clerk-"))


async def declare(
    desk: Desk, caller: Caller, *relatives: str, community: str = "", kinship: str = "lineal", key: str = ""
) -> pb.RecusalDeclaration:
    request = pb.DeclareRecusalsRequest(
        idempotency_key=key or new_id(),
        community=community,
        relatives=[pb.Relative(kinship=kinship, id_number=number) for number in relatives],
    )
    answer: pb.RecusalDeclaration = (await desk.call(caller, "DeclareRecusals", request)).declaration
    return answer


async def at_street(desk: Desk, *members: pb.Member, community: str = COMMUNITY) -> str:
    household = dossier(*members)
    household.community = community
    no = (await desk.submit(someone(), household)).no
    await desk.bring_to(no, *TO_STREET)
    return no


async def task_of(desk: Desk, caller: Caller, no: str) -> tuple[str, str]:
    found = (await desk.call(caller, "ListTasks", pb.ListTasksRequest(page=page()))).tasks
    (task,) = [task for task in found if task.application_no == no]
    return task.state, task.recusal


async def refused(desk: Desk, caller: Caller, no: str, reason: str) -> None:
    assert await reason_of(desk.decide(caller, no)) == reason
    assert await task_of(desk, caller, no) == ("recusal", reason)
    review = await desk.call(caller, "GetReview", pb.GetReviewRequest(application_no=no))
    assert review.recusal == reason


async def test_a_relative_of_the_household_does_not_decide_it(desk: Desk, clerk: Caller) -> None:
    child = person_number("20160520")
    no = await at_street(desk, member(), member("child", "张小明", child))
    assert await task_of(desk, clerk, no) == ("open", "")
    await declare(desk, clerk, child.lower(), community="")
    await refused(desk, clerk, no, "RELATIVE_CASE")
    assert await task_of(desk, CLERK, no) == ("open", "")
    # He declares anew, without this one: it counts all the same.
    await declare(desk, clerk)
    await refused(desk, clerk, no, "RELATIVE_CASE")


async def test_nobody_declares_anew_around_a_case(office: Office, clerk: Caller) -> None:
    """He took his relative out of his declaration, decided the case, and put him back in. What stood in a declaration counts for its time."""
    desk, child = office.desk, person_number("20160520")
    no = await at_street(desk, member(), member("child", "张小明", child))
    await declare(desk, clerk, child, community=COMMUNITY)
    await declare(desk, clerk)
    await declare(desk, clerk)
    await refused(desk, clerk, no, "RELATIVE_CASE")
    elsewhere = await at_street(desk, member())
    await refused(desk, clerk, elsewhere, "OWN_COMMUNITY")

    async def aged(days: int) -> None:
        """All of it lies longer back."""
        moved = f"declared_at = declared_at - interval '{days} days', renew_by = renew_by - interval '{days} days'"
        for statement in (
            "ALTER TABLE recusal_declaration DISABLE TRIGGER recusal_declaration_append_only",
            f"UPDATE recusal_declaration SET {moved} WHERE sub = '{clerk.sub}'",
            "ALTER TABLE recusal_declaration ENABLE TRIGGER recusal_declaration_append_only",
        ):
            await office.rows(statement)

    await aged(364)
    await refused(desk, clerk, no, "RELATIVE_CASE")
    await aged(2)
    # What he left out a year ago has ended; the newest goes on counting.
    assert await task_of(desk, clerk, no) == ("open", "")
    await declare(desk, clerk, child)
    await aged(800)
    await refused(desk, clerk, no, "RELATIVE_CASE")


async def test_a_correction_leaves_nobody_out_for_as_long_as_he_decides(desk: Desk, clerk: Caller) -> None:
    wife = member("spouse", "李芳")
    clerk, owner, applicant = replace(clerk, person=desk.index_of(wife.id_number)), someone(), member()
    related = staff("street_clerk", STREET, sub=new_id("related-"))
    await declare(desk, related, wife.id_number)
    no = (await desk.submit(owner, dossier(applicant, wife))).no
    await desk.bring_to(no, *TO_STREET)
    await refused(desk, clerk, no, "OWN_CASE")
    await desk.decide(CLERK, no, pb.DECISION_RETURN, "请补正")
    request = pb.CorrectApplicationRequest(idempotency_key=new_id(), no=no, dossier=dossier(applicant))
    await desk.call(owner, "CorrectApplication", request)
    await desk.bring_to(no, "verification_done")
    await refused(desk, clerk, no, "OWN_CASE")
    await refused(desk, related, no, "RELATIVE_CASE")


async def test_who_has_declared_nothing_decides_nothing(office: Office, clerk: Caller) -> None:
    """Nothing declared is not nobody to declare. He may leave a case to others all the same, and decides as soon as he has declared."""
    desk = office.desk
    desk.declared.add(clerk.person)
    no = await at_street(desk)
    assert await reason_of(desk.decide(clerk, no)) == "DECLARATION_DUE"
    review = pb.GetReviewRequest(application_no=no)
    assert (await desk.call(clerk, "GetReview", review)).declaration_due
    assert await task_of(desk, clerk, no) == ("open", "")
    waiting = (await desk.submit(someone(), dossier(member(), member("spouse", "李秀英")))).no
    record = pb.RecordConfirmationRequest(
        idempotency_key=new_id(), application_no=waiting, member=1, channel="counter", document="身份证原件"
    )
    assert await reason_of(desk.call(clerk, "RecordConfirmation", record)) == "DECLARATION_DUE"
    await declare(desk, clerk, community="")
    assert not (await desk.call(clerk, "GetReview", review)).declaration_due
    await desk.decide(clerk, no)
    # A year later he declares anew.
    for statement in (
        "ALTER TABLE recusal_declaration DISABLE TRIGGER recusal_declaration_append_only",
        f"UPDATE recusal_declaration SET renew_by = now() - interval '1 second' WHERE sub = '{clerk.sub}'",
        "ALTER TABLE recusal_declaration ENABLE TRIGGER recusal_declaration_append_only",
    ):
        await office.rows(statement)
    another = await at_street(desk)
    assert await reason_of(desk.decide(clerk, another)) == "DECLARATION_DUE"
    leaves = pb.RecuseTaskRequest(idempotency_key=new_id(), application_no=another, reason="有利害关系")
    await desk.call(clerk, "RecuseTask", leaves)
    await desk.bring_to((objected := await at_street(desk)), "street_approved", "district_approved", "city_approved")
    raise_ = pb.RaiseObjectionRequest(idempotency_key=new_id(), application_no=objected, text="另有住房")
    raised = (await desk.call(someone(), "RaiseObjection", raise_)).objection
    reviewer = staff("district_reviewer", "410202", sub=new_id("d-"))
    desk.declared.add(reviewer.person)
    answer = pb.DecideObjectionRequest(idempotency_key=new_id(), application_no=objected, objection_id=raised.id, answer="不成立")
    assert await reason_of(desk.call(reviewer, "DecideObjection", answer)) == "DECLARATION_DUE"


async def test_whose_number_nobody_has_verified_decides_nothing(desk: Desk, clerk: Caller) -> None:
    """By account alone a second one is somebody else. He is told where he has it verified."""
    nobody = replace(clerk, person="")
    no = await at_street(desk)
    for method, request in (
        ("DecideTask", pb.DecideTaskRequest(idempotency_key=new_id(), application_no=no, decision=pb.DECISION_APPROVE)),
        ("RecuseTask", pb.RecuseTaskRequest(idempotency_key=new_id(), application_no=no, reason="有利害关系")),
        ("DeclareRecusals", pb.DeclareRecusalsRequest(idempotency_key=new_id())),
    ):
        with pytest.raises(Refusal, match="NOT_VERIFIED") as caught:
            await desk.call(nobody, method, request)
        assert "账号管理员" in caught.value.problem.zh
    waiting = (await desk.submit(someone(), dossier(member(), member("spouse", "李秀英")))).no
    record = pb.RecordConfirmationRequest(
        idempotency_key=new_id(), application_no=waiting, member=1, channel="counter", document="身份证原件"
    )
    assert await reason_of(desk.call(nobody, "RecordConfirmation", record)) == "NOT_VERIFIED"
    objected = await at_street(desk)
    await desk.bring_to(objected, "street_approved", "district_approved", "city_approved")
    raise_ = pb.RaiseObjectionRequest(idempotency_key=new_id(), application_no=objected, text="另有住房")
    raised = (await desk.call(someone(), "RaiseObjection", raise_)).objection
    answer = pb.DecideObjectionRequest(idempotency_key=new_id(), application_no=objected, objection_id=raised.id, answer="不成立")
    reviewer = replace(staff("district_reviewer", "410202"), person="")
    assert await reason_of(desk.call(reviewer, "DecideObjection", answer)) == "NOT_VERIFIED"


async def test_who_lives_in_the_same_community_does_not_decide_it(desk: Desk, clerk: Caller) -> None:
    no = await at_street(desk)
    await declare(desk, clerk, community=COMMUNITY)
    await refused(desk, clerk, no, "OWN_COMMUNITY")
    # No community on record is nobody's.
    elsewhere = await at_street(desk, community="")
    assert await task_of(desk, clerk, elsewhere) == ("open", "")


async def test_where_a_corrected_household_lives_counts(desk: Desk, clerk: Caller) -> None:
    owner, household = someone(), dossier()
    household.community = ""
    no = (await desk.submit(owner, household)).no
    await desk.bring_to(no, *TO_STREET)
    await declare(desk, clerk, community=COMMUNITY)
    assert await task_of(desk, clerk, no) == ("open", "")
    await desk.decide(CLERK, no, pb.DECISION_RETURN, "请补正社区")
    household.community = COMMUNITY
    request = pb.CorrectApplicationRequest(idempotency_key=new_id(), no=no, dossier=household)
    await desk.call(owner, "CorrectApplication", request)
    await desk.bring_to(no, "verification_done")
    await refused(desk, clerk, no, "OWN_COMMUNITY")


async def test_a_spouse_by_the_register_does_not_decide_it(desk: Desk, clerk: Caller) -> None:
    """Divorced in the form, married in the register: to this official."""
    no, number = await at_street(desk), person_number()
    clerk = replace(clerk, person=desk.index_of(number))
    note = pb.NoteSpousesRequest(application_no=no, id_numbers=[number])
    for _ in range(2):
        await desk.call(system("registry-gateway"), "NoteSpouses", note)
    await refused(desk, clerk, no, "SPOUSE_CASE")
    assert (
        await reason_of(desk.call(system("registry-gateway"), "NoteSpouses", pb.NoteSpousesRequest(application_no="KF-2026-999999")))
        == "NOT_FOUND"
    )


async def test_it_is_the_person_and_not_the_account(desk: Desk, clerk: Caller) -> None:
    applicant = member()
    no = await at_street(desk, applicant)
    one = replace(clerk, person=desk.index_of(person_number()))
    await declare(desk, one, applicant.id_number)
    await refused(desk, replace(one, sub=new_id("other-account-")), no, "RELATIVE_CASE")
    # Another person, and an account whose person nobody has verified, have declared nothing.
    for person in (desk.index_of(person_number()), ""):
        assert await task_of(desk, replace(clerk, sub=new_id("clerk-"), person=person), no) == ("open", "")


async def test_nor_do_they_answer_objections_or_record_confirmations(desk: Desk) -> None:
    applicant, adult = member(), member("spouse", "李安民")
    reviewer, clerk = staff("district_reviewer", "410202", sub=new_id("d-")), staff("street_clerk", STREET, sub=new_id("c-"))
    for official in (reviewer, clerk):
        await declare(desk, official, applicant.id_number)
    no = (await desk.submit(someone(), dossier(applicant, adult))).no
    record = pb.RecordConfirmationRequest(idempotency_key=new_id(), application_no=no, member=1, channel="counter", document="身份证原件")
    assert await reason_of(desk.call(clerk, "RecordConfirmation", record)) == "RELATIVE_CASE"
    other = (await desk.submit(someone(), dossier(member()))).no
    await desk.bring_to(other, *TO_NOTICE)
    raised = await desk.call(
        someone(), "RaiseObjection", pb.RaiseObjectionRequest(idempotency_key=new_id(), application_no=other, text="另有住房")
    )
    await declare(desk, reviewer, community=COMMUNITY)
    answer = pb.DecideObjectionRequest(idempotency_key=new_id(), application_no=other, objection_id=raised.objection.id, answer="不成立")
    assert await reason_of(desk.call(reviewer, "DecideObjection", answer)) == "OWN_COMMUNITY"


async def test_who_has_decided_another_level_finds_it_marked(desk: Desk) -> None:
    both = replace(staff("street_clerk", "4102", sub=new_id("both-")), roles=("street_clerk", "district_reviewer"))
    no = await at_street(desk)
    await desk.decide(both, no)
    assert await task_of(desk, both, no) == ("recusal", "SAME_REVIEWER")
    assert await reason_of(desk.decide(both, no)) == "SAME_REVIEWER"


async def test_only_indexes_are_kept_and_a_declaration_stays_as_it_was(office: Office, clerk: Caller) -> None:
    desk, relative, key = office.desk, person_number(), new_id()
    none = await desk.call(clerk, "GetRecusalDeclaration", pb.GetRecusalDeclarationRequest())
    assert not none.HasField("declaration"), "nothing declared is not nobody to declare"
    for _ in range(2):
        said = await declare(desk, clerk, relative, community=COMMUNITY, kinship="affinity", key=key)
    assert (said.community, list(said.kinships)) == (COMMUNITY, ["affinity"])
    assert (said.renew_by.ToDatetime() - said.declared_at.ToDatetime()).days == 365
    rows = await office.rows(f"SELECT * FROM recusal_declaration WHERE sub = '{clerk.sub}'")
    assert len(rows) == 1
    assert relative not in str(await office.rows("SELECT * FROM declared_relative"))
    for table in ("recusal_declaration", "declared_relative", "registered_spouse"):
        with pytest.raises(Exception, match=r"append-only|permission denied"):
            await office.rows(f"DELETE FROM {table}")


async def test_what_cannot_be_is_told_field_by_field(desk: Desk) -> None:
    own = person_number()
    clerk = replace(staff("street_clerk", STREET, sub=new_id("clerk-")), person=desk.index_of(own))
    twice = person_number()
    request = pb.DeclareRecusalsRequest(
        idempotency_key=new_id(),
        community="410202001",
        relatives=[pb.Relative(kinship="lineal", id_number=number) for number in (own, twice, twice, "123")]
        + [pb.Relative(kinship="friend", id_number=person_number())],
    )
    with pytest.raises(Refusal) as caught:
        await desk.call(clerk, "DeclareRecusals", request)
    assert [(field.pointer, field.code) for field in caught.value.fields] == [
        ("/community", "UNKNOWN_DIVISION"),
        ("/relatives/0/id_number", "ONESELF"),
        ("/relatives/2/id_number", "DUPLICATE"),
        ("/relatives/3/id_number", "ID_FORMAT"),
        ("/relatives/4/kinship", "CHOOSE_ONE"),
    ]


NEAR = ("OWN_CASE", "SPOUSE_CASE", "RELATIVE_CASE", "OWN_COMMUNITY", "RECUSED")


async def on_objection(desk: Desk, official: Caller, why: str) -> tuple[str, Caller]:
    """A case whose notice somebody objects to, and the official as somebody who stands to it as ``why`` says."""
    own, kin = person_number(), person_number("20160520")
    near, applicant = replace(official, person=desk.index_of(own)), member(name="欧阳近", id_number=own if why == "OWN_CASE" else "")
    no = (await desk.submit(citizen(new_id("citizen-")), dossier(applicant, member("child", "张小明", kin)))).no
    await desk.bring_to(no, *TO_NOTICE)
    said = pb.RaiseObjectionRequest(idempotency_key=new_id(), application_no=no, text="他家另有住房")
    await desk.call(someone(), "RaiseObjection", said)
    match why:
        case "SPOUSE_CASE":
            await desk.call(system("registry-gateway"), "NoteSpouses", pb.NoteSpousesRequest(application_no=no, id_numbers=[own]))
        case "RELATIVE_CASE":
            await declare(desk, near, kin)
        case "OWN_COMMUNITY":
            await declare(desk, near, community=COMMUNITY)
        case "RECUSED":
            leave = pb.RecuseTaskRequest(idempotency_key=new_id(), application_no=no, reason="与申请人有债务纠纷")
            left = (await desk.call(near, "RecuseTask", leave)).application
            assert not left.HasField("dossier"), "nor in the answer to it"
    return no, near


@pytest.mark.parametrize("why", NEAR)
async def test_who_does_not_act_in_a_case_reads_no_more_of_it_than_he_has_to(office: Office, why: str) -> None:
    """Of his own household's what the household reads; of any other how far it has come. His colleagues read all of it."""
    desk, colleague = office.desk, staff("district_reviewer", "410202", sub=new_id("colleague-"))
    no, near = await on_objection(desk, staff("district_reviewer", "410202", sub=new_id("near-")), why)
    theirs = await desk.get(colleague, no)
    assert (theirs.recusal, theirs.HasField("dossier"), [each.text for each in theirs.objections]) == ("", True, ["他家另有住房"])
    own = why == "OWN_CASE"
    shown = await desk.get(near, no)
    assert (shown.recusal, shown.HasField("dossier"), [each.text for each in shown.objections]) == (why, own, [""])
    assert [bool(each.document or each.named_elsewhere) for each in shown.members] == ([False, False] if own else [])
    asked = pb.GetReviewRequest(application_no=no)
    assert len((await desk.call(colleague, "GetReview", asked)).decisions) == 3
    assert await desk.call(near, "GetReview", asked) == pb.GetReviewResponse(recusal=why)
    # Who has looked at it is for those who may read its reasons.
    looked = desk.ask_reads(near, "ListReads", reads.ListReadsRequest(application_no=no, page=page()))
    assert await reason_of(looked) == ("" if own else "NOT_FOUND")
    log = await office.rows("SELECT DISTINCT what FROM staff_read WHERE reader = $1 AND $2 = ANY(households) ORDER BY 1", near.sub, no)
    assert log == [("dossier",)] if own else [("progress",)], "what was shown is what is told to the household"


async def test_an_auditor_near_the_household_reads_no_objection(desk: Desk) -> None:
    no, near = await on_objection(desk, staff("auditor", "410202", sub=new_id("auditor-")), "RELATIVE_CASE")
    assert [each.text for each in (await desk.get(staff("auditor", "4102", sub="auditor-1"), no)).objections] == ["他家另有住房"]
    shown = await desk.get(near, no)
    assert (shown.recusal, [each.text for each in shown.objections]) == ("RELATIVE_CASE", [""])
