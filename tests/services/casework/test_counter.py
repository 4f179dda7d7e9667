"""The counter acts for a household: on its signed paper, in a visit that is on record, by the household's own calls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import asyncpg
import pytest
from anju.casework.v1 import casework_pb2 as pb
from chassis.errors import Refusal
from chassis.identity import Caller, counter_account
from chassis.ids import new_id

from tests.services.casework.conftest import Office
from tests.services.casework.support import (
    CLERK,
    DISTRICT,
    ELSEWHERE_STREET,
    STREET,
    TO_NOTICE,
    TO_STREET,
    Desk,
    consent,
    dossier,
    member,
    page,
    person_number,
    reason_of,
    system,
)
from tests.support.keys import citizen, staff
from tests.support.papers import text_of

PHOTO = b"\xff\xd8\xff\xe0 signed"
LANDLINE = "037155500101"
# Who stands at the counter alone.
typist = staff("street_clerk", STREET, sub="clerk-who-types")


@dataclass(frozen=True)
class Visit:
    """A clerk in the middle of a visit: ``household`` is the caller as the web edge makes him."""

    assistance: pb.Assistance
    household: Caller
    content: pb.Dossier


def paper(number: str, **changes: Any) -> pb.RecordAuthorisationRequest:
    values: dict[str, Any] = {"id_number": number, "name": "张晓明", "document": "申请人身份证原件", "photo": PHOTO, **changes}
    return pb.RecordAuthorisationRequest(idempotency_key=new_id(), **values)


async def visit(desk: Desk, content: pb.Dossier | None = None, purpose: str = "file", clerk: Caller = CLERK) -> Visit:
    content = content or dossier(phone=LANDLINE)
    signed = (await desk.call(clerk, "RecordAuthorisation", paper(content.members[0].id_number))).authorisation
    return await again(desk, signed.id, content, purpose, clerk)


async def again(desk: Desk, authorisation: str, content: pb.Dossier, purpose: str, clerk: Caller = CLERK) -> Visit:
    request = pb.OpenAssistanceRequest(idempotency_key=new_id(), authorisation_id=authorisation, purpose=purpose, official="街道王经办")
    opened = (await desk.call(clerk, "OpenAssistance", request)).assistance
    known = await desk.call(clerk, "GetAssistance", pb.GetAssistanceRequest(id=opened.id))
    household = Caller(known.owner, "citizen", person=known.person, assisted_by=clerk.sub, assistance=opened.id)
    return Visit(opened, household, content)


def submission(content: pb.Dossier, key: str = "") -> pb.SubmitApplicationRequest:
    return pb.SubmitApplicationRequest(idempotency_key=key or new_id(), dossier=content, consent=consent())


async def filed(desk: Desk, content: pb.Dossier | None = None) -> tuple[Visit, pb.Application]:
    here = await visit(desk, content)
    return here, (await desk.call(here.household, "SubmitApplication", submission(here.content))).application


async def test_a_household_without_a_phone_applies_and_both_who_it_is_and_who_typed_are_on_record(office: Office) -> None:
    desk = office.desk
    content = dossier(member(), member("child", "张小宝", person_number("20200101")), phone=LANDLINE)
    here, case = await filed(desk, content)
    assert case.stage == "submitted"
    assert case.owner == counter_account(here.household.person) == here.household.sub
    assert [(each.event, each.assisted) for each in case.timeline] == [("submitted", True)]
    # The applicant has agreed on paper, before the clerk; for himself and the minors of the household.
    assert [(each.state, each.channel) for each in case.members] == [("confirmed", "authorisation"), ("confirmed", "parent")]
    [row] = await office.rows(
        "SELECT dossier.actor, assistance.sub, assistance.clerk_person, assistance.purpose, authorisation.person, consent.given_by"
        " FROM dossier JOIN assistance ON assistance.id = dossier.assistance_id JOIN authorisation ON authorisation.id = authorisation_id"
        " JOIN consent ON consent.application_no = dossier.application_no AND consent.blind = authorisation.person"
        " WHERE dossier.application_no = $1",
        case.no,
    )
    assert row == (here.household.sub, CLERK.sub, CLERK.person, "file", desk.index_of(content.members[0].id_number), CLERK.sub)
    # Reviewers read which papers were seen, and see the photograph; each look is on record and the household is told of it.
    assert (await desk.get(CLERK, case.no)).members[0].document == "申请人身份证原件"
    assert (await desk.call(CLERK, "GetAuthorisationPhoto", pb.GetAuthorisationPhotoRequest(application_no=case.no))).photo == PHOTO
    looks = await office.rows("SELECT what FROM staff_read WHERE $1 = ANY(households) AND what = 'authorisation'", case.no)
    assert looks == [("authorisation",)]
    # A landline gets no text message.
    contact = await desk.call(system("notifications"), "GetContact", pb.GetContactRequest(application_no=case.no))
    assert contact.phone == ""
    mine = await desk.call(CLERK, "ListApplications", pb.ListApplicationsRequest(page=page(), typed_by_me=True))
    assert case.no in [each.no for each in mine.applications]
    online = await desk.submit(citizen(new_id("c-")))
    assert online.no not in [
        each.no
        for each in (await desk.call(CLERK, "ListApplications", pb.ListApplicationsRequest(page=page(), typed_by_me=True))).applications
    ]


async def test_it_has_its_place_in_the_queue_by_the_minute_like_everybody_else(office: Office) -> None:
    before = await office.desk.submit(citizen(new_id("c-")))
    _, at_counter = await filed(office.desk)
    after = await office.desk.submit(citizen(new_id("c-")))
    numbers = [each.no for each in (before, at_counter, after)]
    assert numbers == sorted(numbers)
    rows = await office.rows("SELECT no FROM application WHERE no = ANY($1) ORDER BY submitted_at", numbers)
    assert [no for (no,) in rows] == numbers


async def test_the_same_form_sent_again_in_a_later_visit_is_one_application(desk: Desk) -> None:
    """As a counter does whose answer was lost with the network."""
    here = await visit(desk)
    key = new_id()
    first = (await desk.call(here.household, "SubmitApplication", submission(here.content, key))).application
    later = await again(desk, here.assistance.authorisation_id, here.content, "file")
    assert later.assistance.application_nos == [first.no]
    assert (await desk.call(later.household, "SubmitApplication", submission(here.content, key))).application.no == first.no


async def test_the_clerk_types_for_him_who_has_signed_and_for_nobody_else(desk: Desk) -> None:
    here = await visit(desk)
    assert await reason_of(desk.call(here.household, "SubmitApplication", submission(dossier()))) == "INVALID_FIELDS"
    # Not by himself either: there is no call in the clerk's own name.
    assert await reason_of(desk.call(CLERK, "SubmitApplication", submission(here.content))) == "NOT_ALLOWED"


async def test_every_later_step_is_the_same_call_in_the_same_name(office: Office) -> None:
    desk = office.desk
    here, case = await filed(desk)
    await desk.bring_to(case.no, *TO_STREET)
    await desk.advance(case.no, "street_returned", "correction", note="请补充")
    later = await again(desk, here.assistance.authorisation_id, here.content, "correct")
    assert later.assistance.application_nos == [case.no]
    now = await desk.get(later.household, case.no)
    changed = pb.Dossier()
    changed.CopyFrom(now.dossier)
    changed.address = "北书店街 13 号院"
    correction = pb.CorrectApplicationRequest(idempotency_key=new_id(), no=case.no, dossier=changed, if_version=now.version)
    await desk.call(later.household, "CorrectApplication", correction)
    last = await again(desk, here.assistance.authorisation_id, here.content, "withdraw")
    withdrawal = pb.WithdrawApplicationRequest(idempotency_key=new_id(), no=case.no, reason="另有住处")
    ended = (await desk.call(last.household, "WithdrawApplication", withdrawal)).application
    assert ended.stage == "withdrawn"
    said = {each.event: each.assisted for each in ended.timeline}
    assert (said["submitted"], said["corrected"], said["withdrawn"], said["street_returned"]) == (True, True, True, False)
    words = await office.rows(
        "SELECT sub, assisted_by, assistance FROM word WHERE workflow_id = 'application/' || $1 AND assistance <> '' ORDER BY said_at",
        case.no,
    )
    assert words == [(each.household.sub, CLERK.sub, each.assistance.id) for each in (later, last)]


async def test_an_objection_is_the_households_own_however_it_is_typed(desk: Desk) -> None:
    other = (await desk.submit(citizen(new_id("c-")))).no
    await desk.bring_to(other, *TO_NOTICE)
    here = await visit(desk, purpose="object")
    request = pb.RaiseObjectionRequest(idempotency_key=new_id(), application_no=other, text="该家庭有住房")
    assert (await desk.call(here.household, "RaiseObjection", request)).objection.state == "open"
    twice = pb.RaiseObjectionRequest(idempotency_key=new_id(), application_no=other, text="该家庭还有车")
    assert (
        await reason_of(desk.call(replace(citizen("c-own-account"), person=here.household.person), "RaiseObjection", twice))
        == "OBJECTION_PENDING"
    )


@pytest.mark.parametrize("method", ["Confirm", "WithdrawConsent", "ListClaims", "GetDraft", "SaveDraft", "DeleteDraft"])
async def test_what_only_the_person_himself_says_no_clerk_says_for_him(desk: Desk, method: str) -> None:
    here = await visit(desk)
    assert await reason_of(desk.call(here.household, method, getattr(pb, f"{method}Request")())) == "NOT_ALLOWED"


async def test_a_visit_ends_and_nothing_is_done_in_it_any_more(office: Office) -> None:
    desk = office.desk
    here = await visit(desk)
    await desk.call(CLERK, "CloseAssistance", pb.CloseAssistanceRequest(id=here.assistance.id))
    await desk.call(CLERK, "CloseAssistance", pb.CloseAssistanceRequest(id=here.assistance.id))
    assert await reason_of(desk.call(CLERK, "GetAssistance", pb.GetAssistanceRequest(id=here.assistance.id))) == "ASSISTANCE_OVER"
    assert await reason_of(desk.call(here.household, "SubmitApplication", submission(here.content))) == "ASSISTANCE_OVER"
    # Nor in one that is another clerk's, or another household's.
    open_, other = await visit(desk), await visit(desk)
    colleague = staff("street_clerk", STREET, sub="clerk-of-the-next-window")
    assert await reason_of(desk.call(colleague, "GetAssistance", pb.GetAssistanceRequest(id=open_.assistance.id))) == "NOT_FOUND"
    for wrong in (
        replace(open_.household, assistance=other.assistance.id),
        replace(open_.household, assisted_by=colleague.sub),
        replace(open_.household, assistance="as-none"),
    ):
        assert await reason_of(desk.call(wrong, "SubmitApplication", submission(open_.content))) == "ASSISTANCE_OVER"
    # An hour is an hour.
    await office.rows("ALTER TABLE assistance DISABLE TRIGGER assistance_append_only")
    await office.rows("UPDATE assistance SET opened_at = now() - interval '2 hours', ends_at = now() WHERE id = $1", open_.assistance.id)
    await office.rows("ALTER TABLE assistance ENABLE TRIGGER assistance_append_only")
    assert await reason_of(desk.call(open_.household, "SubmitApplication", submission(open_.content))) == "ASSISTANCE_OVER"


async def test_nobody_acts_for_himself_or_his_own(desk: Desk) -> None:
    number = member().id_number
    oneself = replace(staff("street_clerk", STREET, sub=new_id("clerk-")), person=desk.index_of(number))
    assert await reason_of(desk.call(oneself, "RecordAuthorisation", paper(number))) == "OWN_CASE"
    sister = member().id_number
    related = staff("street_clerk", STREET, sub=new_id("clerk-"))
    declaration = pb.DeclareRecusalsRequest(idempotency_key=new_id(), relatives=[pb.Relative(kinship="collateral", id_number=sister)])
    await desk.call(related, "DeclareRecusals", declaration)
    assert await reason_of(desk.call(related, "RecordAuthorisation", paper(sister))) == "RELATIVE_CASE"
    # A relative whom only the form names, of a household that has signed.
    here = await visit(desk, dossier(member(), member("other", "张晓红", sister)), clerk=related)
    assert await reason_of(desk.call(here.household, "SubmitApplication", submission(here.content))) == "RELATIVE_CASE"
    unknown = staff("street_clerk", STREET, sub=new_id("clerk-"))
    desk.declared.add(unknown.person)
    assert await reason_of(desk.call(unknown, "RecordAuthorisation", paper(member().id_number))) == "DECLARATION_DUE"
    nobody = replace(unknown, person="")
    assert await reason_of(desk.call(nobody, "RecordAuthorisation", paper(member().id_number))) == "NOT_VERIFIED"


async def test_each_street_acts_for_its_own_households(desk: Desk) -> None:
    elsewhere = staff("street_clerk", ELSEWHERE_STREET, sub="clerk-elsewhere-1")
    there = await visit(desk, clerk=elsewhere)
    assert await reason_of(desk.call(there.household, "SubmitApplication", submission(there.content))) == "NOT_THEIR_COUNTER"
    here, case = await filed(desk)
    number = here.content.members[0].id_number
    assert await reason_of(desk.call(elsewhere, "RecordAuthorisation", paper(number))) == "NOT_THEIR_COUNTER"
    request = pb.OpenAssistanceRequest(
        idempotency_key=new_id(), authorisation_id=here.assistance.authorisation_id, purpose="ask", official=""
    )
    assert await reason_of(desk.call(elsewhere, "OpenAssistance", request)) == "NOT_FOUND"
    assert case.street == STREET


async def test_what_a_visit_shows_is_on_record_before_it_is_shown(office: Office) -> None:
    desk = office.desk
    here, case = await filed(desk)
    await again(desk, here.assistance.authorisation_id, here.content, "ask")
    looks = await office.rows("SELECT reader FROM staff_read WHERE what = 'visit' AND $1 = ANY(households)", case.no)
    assert looks == [(CLERK.sub,)]


async def test_a_household_that_applied_by_phone_is_helped_with_that_application(desk: Desk) -> None:
    content = dossier()
    owner = citizen(new_id("c-"))
    case = await desk.submit(owner, content)
    here = await visit(desk, content, purpose="ask")
    assert here.assistance.application_nos == [case.no]
    assert here.household.sub == owner.sub
    assert (await desk.get(here.household, case.no)).no == case.no


BAD: Sequence[tuple[dict[str, Any], str]] = [
    ({"id_number": "12345"}, "/id_number"),
    ({"name": " "}, "/name"),
    ({"document": ""}, "/document"),
    ({"document": "身" * 201}, "/document"),
    ({"photo": b""}, "/photo"),
    ({"photo": b"%PDF-1.7"}, "/photo"),
    ({"photo": PHOTO + bytes(900 << 10)}, "/photo"),
]


@pytest.mark.parametrize(("changes", "pointer"), BAD)
async def test_a_paper_that_says_nothing_is_not_kept(desk: Desk, changes: dict[str, Any], pointer: str) -> None:
    request = paper(changes.pop("id_number", member().id_number), **changes)
    with pytest.raises(Refusal) as refused:
        await desk.call(CLERK, "RecordAuthorisation", request)
    assert [each.pointer for each in refused.value.fields] == [pointer]


async def test_what_was_signed_and_typed_stays_as_it_is(office: Office) -> None:
    here, case = await filed(office.desk)
    withdrawal = pb.WithdrawApplicationRequest(idempotency_key=new_id(), no=case.no)
    await office.desk.call(here.household, "WithdrawApplication", withdrawal)
    for table in ("authorisation", "authorisation_photo", "assistance"):
        for statement in (
            f"UPDATE {table} SET {'photo_sealed' if table == 'authorisation_photo' else 'sub'} = 'x'",
            f"DELETE FROM {table}",
        ):
            with pytest.raises(asyncpg.PostgresError):
                await office.rows(statement)
    for column in ("assisted_by", "assistance"):
        with pytest.raises(asyncpg.PostgresError):
            await office.rows(f"UPDATE word SET {column} = '' WHERE assistance = $1", here.assistance.id)


async def test_the_form_that_is_signed_says_what_was_typed_and_the_receipt_names_nobody_in_full(desk: Desk) -> None:
    content = dossier(member(name="欧阳晓明"), phone="")
    printed = await desk.call(CLERK, "PrintForm", pb.PrintFormRequest(dossier=content))
    words = text_of(printed.file)
    for each in ("欧阳晓明", content.members[0].id_number, content.address, "豫B12345", "社会保险", "委托受理点工作人员", "申请人签字"):
        assert each in words, each
    assert b"pdfaid:part>2<" in printed.file
    content.members[0].id_number = "12345"
    assert await reason_of(desk.call(CLERK, "PrintForm", pb.PrintFormRequest(dossier=content))) == "INVALID_FIELDS"
    here, case = await filed(desk, dossier(member(name="欧阳晓明"), phone=""))
    receipt = await desk.call(here.household, "GetReceipt", pb.GetReceiptRequest(application_no=case.no))
    words = text_of(receipt.file)
    for each in (case.no, "欧**明", "窗口代为填写提交", "受理回执"):
        assert each in words, each
    assert "欧阳晓明" not in words
    assert here.content.members[0].id_number not in words
    assert "评价码" not in words
    assert case.district == DISTRICT
    # Printed by a clerk, it says how the counter is rated, and by nothing but a code.
    request = pb.GetReceiptRequest(application_no=case.no, visit_code="ABCDEFGHIJKLMN27")
    rated = await desk.call(here.household, "GetReceipt", request)
    words = text_of(rated.file)
    for each in ("评价码：ABCDEFGHIJKLMN27", "不用登录", "查询进度"):
        assert each in words, each
    request.visit_code = "../signin?x=1"
    assert await reason_of(desk.call(here.household, "GetReceipt", request)) == "INVALID_FIELDS"


# -- later steps, found by the number of the case ------------------------------------------------------------------------------------------------


def by_number(no: str, purpose: str = "ask") -> pb.OpenAssistanceRequest:
    return pb.OpenAssistanceRequest(idempotency_key=new_id(), application_no=no, purpose=purpose, official="街道王经办")


async def test_a_later_visit_is_found_by_the_number_of_the_case_and_stands_on_the_newest_paper(office: Office) -> None:
    desk = office.desk
    here, case = await filed(desk)
    newest = (await desk.call(CLERK, "RecordAuthorisation", paper(here.content.members[0].id_number))).authorisation
    opened = (await desk.call(CLERK, "OpenAssistance", by_number(case.no))).assistance
    assert (opened.authorisation_id, list(opened.application_nos)) == (newest.id, [case.no])
    # A colleague of the same counter goes on; who else the case is out of reach of finds nothing, nor is there anything to find without a paper.
    colleague = staff("street_clerk", STREET, sub="clerk-of-the-next-window")
    assert (await desk.call(colleague, "OpenAssistance", by_number(case.no))).assistance.authorisation_id == newest.id
    elsewhere = staff("street_clerk", ELSEWHERE_STREET, sub="clerk-elsewhere-1")
    assert await reason_of(desk.call(elsewhere, "OpenAssistance", by_number(case.no))) == "NOT_FOUND"
    assert await reason_of(desk.call(CLERK, "OpenAssistance", by_number("KF-2026-999999"))) == "NOT_FOUND"
    online = await desk.submit(citizen(new_id("c-")))
    assert await reason_of(desk.call(CLERK, "OpenAssistance", by_number(online.no))) == "NO_AUTHORISATION"
    assert await office.rows("SELECT 1 FROM staff_read WHERE what = 'visit' AND $1 = ANY(households)", online.no) == []


async def test_an_authorisation_taken_back_ends_what_comes_and_nothing_that_was(office: Office) -> None:
    desk = office.desk
    here, case = await filed(desk)
    second = await again(desk, here.assistance.authorisation_id, here.content, "ask")
    [signed] = (await desk.call(second.household, "ListAuthorisations", pb.ListAuthorisationsRequest())).authorisations
    assert (signed.id, list(signed.divisions), signed.HasField("revoked_at")) == (here.assistance.authorisation_id, [STREET], False)
    request = pb.RevokeAuthorisationRequest(id=signed.id)
    # Nobody else's, and no clerk's in his own name.
    stranger = replace(citizen(new_id("c-")), person="somebody else")
    assert await reason_of(desk.call(stranger, "RevokeAuthorisation", request)) == "NOT_FOUND"
    assert await reason_of(desk.call(replace(stranger, person=""), "RevokeAuthorisation", request)) == "NOT_FOUND"
    assert await reason_of(desk.call(CLERK, "RevokeAuthorisation", request)) == "NOT_ALLOWED"
    first = (await desk.call(second.household, "RevokeAuthorisation", request)).authorisation.revoked_at
    assert (await desk.call(second.household, "RevokeAuthorisation", request)).authorisation.revoked_at == first
    assert await office.rows("SELECT sub, assisted_by, assistance FROM authorisation_end WHERE authorisation_id = $1", signed.id) == [
        (second.household.sub, CLERK.sub, second.assistance.id)
    ]
    # Open visits are over with it, and none begins.
    for each in (here, second):
        asked = desk.call(CLERK, "GetAssistance", pb.GetAssistanceRequest(id=each.assistance.id))
        assert await reason_of(asked) == "AUTHORISATION_REVOKED"
    assert await reason_of(desk.call(here.household, "SubmitApplication", submission(here.content))) == "AUTHORISATION_REVOKED"
    assert await reason_of(desk.call(CLERK, "OpenAssistance", by_number(case.no))) == "AUTHORISATION_REVOKED"
    on_it = pb.OpenAssistanceRequest(idempotency_key=new_id(), authorisation_id=signed.id, purpose="ask", official="")
    assert await reason_of(desk.call(CLERK, "OpenAssistance", on_it)) == "AUTHORISATION_REVOKED"
    # The application stands, and so does the paper it was typed on.
    assert (await desk.get(CLERK, case.no)).stage == case.stage
    assert (await desk.call(CLERK, "GetAuthorisationPhoto", pb.GetAuthorisationPhotoRequest(application_no=case.no))).photo == PHOTO
    # A new paper is a new start.
    await desk.call(CLERK, "RecordAuthorisation", paper(here.content.members[0].id_number))
    assert (await desk.call(CLERK, "OpenAssistance", by_number(case.no))).assistance.application_nos == [case.no]


async def test_the_authorisation_alone_is_printed_to_be_filled_in_by_hand(desk: Desk) -> None:
    text = text_of((await desk.call(CLERK, "PrintForm", pb.PrintFormRequest())).file)
    assert "公共租赁住房窗口代办授权书" in text
    assert "可以随时收回授权" in text
    assert "申请信息" not in text


# -- who types does not decide ---------------------------------------------------------------------------------------------------------------------


async def test_who_has_typed_a_case_does_not_decide_it_and_a_colleague_does(desk: Desk) -> None:
    here = await visit(desk, clerk=typist)
    case = (await desk.call(here.household, "SubmitApplication", submission(here.content))).application
    await desk.bring_to(case.no, *TO_STREET)
    # Not under another account either.
    for clerk in (typist, replace(typist, sub="the same person under another account")):
        assert await reason_of(desk.decide(clerk, case.no)) == "TYPED_CASE"
        tasks = (await desk.call(clerk, "ListTasks", pb.ListTasksRequest(page=page()))).tasks
        assert [(each.state, each.recusal) for each in tasks if each.application_no == case.no] == [("recusal", "TYPED_CASE")]
        assert (await desk.call(clerk, "GetReview", pb.GetReviewRequest(application_no=case.no))).recusal == "TYPED_CASE"
    # He reads what he has typed, and helps the household with its next step, as before.
    assert (await desk.get(typist, case.no)).dossier.address == here.content.address
    await desk.call(typist, "OpenAssistance", by_number(case.no))
    await desk.decide(CLERK, case.no)
    assert (await desk.get(CLERK, case.no)).stage == "district_review"


async def test_who_has_typed_leaves_it_to_a_colleague_without_a_word(desk: Desk) -> None:
    here = await visit(desk, clerk=typist)
    case = (await desk.call(here.household, "SubmitApplication", submission(here.content))).application
    await desk.bring_to(case.no, *TO_STREET)
    await desk.call(CLERK, "ListTasks", pb.ListTasksRequest(page=page()))
    # No reason has to be written: it is known.
    left = await desk.call(typist, "RecuseTask", pb.RecuseTaskRequest(idempotency_key=new_id(), application_no=case.no))
    assert left.outcome == "colleague"
    [kept] = (await desk.call(CLERK, "GetReview", pb.GetReviewRequest(application_no=case.no))).recusals
    assert (kept.level, kept.reason) == ("street", "TYPED_CASE")


async def test_who_has_typed_an_objection_does_not_answer_it(desk: Desk) -> None:
    both = replace(
        staff("street_clerk", STREET, sub="clerk-and-reviewer"), roles=("street_clerk", "district_reviewer"), divisions=(DISTRICT,)
    )
    no = (await desk.submit(citizen(new_id("c-")))).no
    await desk.bring_to(no, *TO_NOTICE)
    here = await visit(desk, purpose="object", clerk=both)
    request = pb.RaiseObjectionRequest(idempotency_key=new_id(), application_no=no, text="该家庭有住房")
    objection = (await desk.call(here.household, "RaiseObjection", request)).objection
    await desk.advance(no, "objection_raised", "objection_review", objection=objection.id)
    answer = pb.DecideObjectionRequest(
        idempotency_key=new_id(), application_no=no, objection_id=objection.id, upheld=False, answer="经核实，没有住房"
    )
    assert await reason_of(desk.call(both, "DecideObjection", answer)) == "TYPED_CASE"


# -- found again -----------------------------------------------------------------------------------------------------------------------------------


async def test_who_was_helped_at_a_counter_finds_the_case_when_he_signs_on_himself(desk: Desk) -> None:
    here, case = await filed(desk)
    himself = replace(citizen(new_id("c-")), person=here.household.person)
    mine = await desk.call(himself, "ListApplications", pb.ListApplicationsRequest(page=page()))
    assert [each.no for each in mine.applications] == [case.no]
    assert (await desk.get(himself, case.no)).dossier.members[0].name == here.content.members[0].name
    # Nobody else does: not an account without a verified number, not another person's.
    for other in (replace(himself, person=""), replace(himself, person="somebody else")):
        assert [*(await desk.call(other, "ListApplications", pb.ListApplicationsRequest(page=page()))).applications] == []
        assert await reason_of(desk.get(other, case.no)) == "NOT_FOUND"
    # What he does there is his own word, and no longer typed by anybody.
    withdrawal = pb.WithdrawApplicationRequest(idempotency_key=new_id(), no=case.no, reason="另有住处")
    ended = (await desk.call(himself, "WithdrawApplication", withdrawal)).application
    assert [(each.event, each.assisted) for each in ended.timeline] == [("submitted", True), ("withdrawn", False)]
    # A second application of his is in his own account, and the counter helps him with both.
    second = await desk.submit(himself, dossier(here.content.members[0]))
    seen = (await desk.call(CLERK, "OpenAssistance", by_number(second.no))).assistance
    assert seen.application_nos == [second.no, case.no]
