"""Who takes his consent back is asked about no more; what that means for the case depends on where it is."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from anju.casework.v1 import casework_pb2 as pb
from chassis.ids import new_id

from tests.services.casework.conftest import Office
from tests.services.casework.support import CLERK, TO_NOTICE, TO_STREET, Desk, dossier, member, reason_of, someone
from tests.services.casework.test_confirmations import family, may_ask, waiting
from tests.support.patience import eventually


async def test_before_the_registers_are_asked_he_is_awaited_again(desk: Desk) -> None:
    owner = someone()
    case = await waiting(desk, owner)
    wife, son = case.dossier.members[1:3]
    assert (await desk.confirm(case.no, wife)).state == "confirmed"
    claim = await desk.take_back(case.no, wife)
    assert (claim.state, claim.HasField("deadline_at")) == ("awaited", True)
    after = await desk.get(owner, case.no)
    assert (after.stage, [each.state for each in after.members]) == ("confirming", ["confirmed", "awaited", "awaited", "confirmed"])
    # The last of the others does not set the case going without her, and she may agree anew.
    await desk.confirm(case.no, son)
    assert await may_ask(desk, case.no) == "NO_CONSENT"
    await desk.confirm(case.no, wife)
    assert await may_ask(desk, case.no) == ""


async def test_while_registers_are_asked_they_are_not_asked_any_more(desk: Desk) -> None:
    owner = someone()
    case = await desk.submit(owner, family())
    await desk.bring_to(case.no, "start_verification")
    wife = case.dossier.members[1]
    assert await may_ask(desk, case.no) == ""
    claim = await desk.take_back(case.no, wife)
    assert (claim.state, claim.HasField("withdrawn_at")) == ("withdrawn", True)
    assert await may_ask(desk, case.no) == "NO_CONSENT"
    after = await desk.get(owner, case.no)
    assert (after.stage, after.members[1].state, after.members[1].HasField("withdrawn_at")) == ("correction", "withdrawn", True)
    # She is free, and left in she has to agree anew.
    again = pb.CorrectApplicationRequest(idempotency_key=new_id(), no=case.no, dossier=case.dossier)
    assert (await desk.call(owner, "CorrectApplication", again)).application.stage == "confirming"
    assert await may_ask(desk, case.no, 2) == "NO_CONSENT"
    await desk.confirm(case.no, wife)
    assert await may_ask(desk, case.no, 2) == ""


@pytest.mark.parametrize(("way", "stage"), [(TO_STREET, "street_review"), (TO_NOTICE, "public_notice")], ids=["review", "notice"])
async def test_afterwards_the_case_goes_on_and_whoever_decides_knows(desk: Desk, way: tuple[str, ...], stage: str) -> None:
    owner = someone()
    case = await desk.submit(owner, family())
    await desk.bring_to(case.no, *way)
    before = await desk.get(owner, case.no)
    wife = case.dossier.members[1]
    assert (await desk.take_back(case.no, wife)).state == "withdrawn"
    after = await desk.get(CLERK, case.no)
    assert (after.stage, after.members[1].state) == (stage, "withdrawn")
    assert after.timeline[-1].event == "consent_withdrawn"
    assert before.stage == stage
    assert await may_ask(desk, case.no) == "NO_CONSENT"
    # She still stands in this household, whose facts are known, and in no other.
    other = await desk.submit(someone(), dossier(member(), member("spouse", wife.name, wife.id_number)))
    await desk.bring_to(other.no, "confirmation_awaited")
    assert await reason_of(desk.confirm(other.no, wife)) == "CONFIRMED_ELSEWHERE"


async def test_who_took_it_back_and_says_he_does_not_belong_is_locked_out_of_nothing(desk: Desk) -> None:
    """Her consent was taken back while her street reviewed: she stayed in the household, and would for ever, however often she said no."""
    owner = someone()
    case = await desk.submit(owner, family())
    await desk.bring_to(case.no, *TO_STREET)
    wife = case.dossier.members[1]
    await desk.take_back(case.no, wife)
    await desk.bring_to(case.no, "street_returned")
    again = pb.CorrectApplicationRequest(idempotency_key=new_id(), no=case.no, dossier=case.dossier)
    assert (await desk.call(owner, "CorrectApplication", again)).application.stage == "confirming"
    await desk.confirm(case.no, wife, agrees=False)
    other = await desk.submit(someone(), dossier(member(), member("spouse", wife.name, wife.id_number)))
    await desk.bring_to(other.no, "confirmation_awaited")
    assert (await desk.confirm(other.no, wife)).state == "confirmed"


async def agrees_elsewhere(desk: Desk, who: pb.Member) -> str:
    other = await desk.submit(someone(), dossier(member(), member("other", who.name, who.id_number)))
    await desk.bring_to(other.no, "confirmation_awaited")
    return await reason_of(desk.confirm(other.no, who))


async def test_a_case_that_goes_back_to_its_household_keeps_nobody_who_no_longer_agrees(desk: Desk) -> None:
    """She was kept until she said no, which nobody had told her to do."""
    owner = someone()
    case = await desk.submit(owner, family())
    await desk.bring_to(case.no, *TO_STREET)
    wife, son = case.dossier.members[1:3]
    await desk.take_back(case.no, wife)
    assert await agrees_elsewhere(desk, wife) == "CONFIRMED_ELSEWHERE"
    await desk.bring_to(case.no, "street_returned")
    assert await agrees_elsewhere(desk, wife) == ""
    assert await agrees_elsewhere(desk, son) == "CONFIRMED_ELSEWHERE"
    again = pb.CorrectApplicationRequest(idempotency_key=new_id(), no=case.no, dossier=case.dossier)
    assert (await desk.call(owner, "CorrectApplication", again)).application.stage == "confirming"
    # She has agreed to the other household, and learns from the answer that she belongs to one.
    assert await reason_of(desk.confirm(case.no, wife)) == "CONFIRMED_ELSEWHERE"


async def test_who_takes_it_back_while_the_household_corrects_is_free_whatever_the_workflow_does(office: Office) -> None:
    desk = office.desk
    case = await desk.submit(someone(), family())
    await desk.bring_to(case.no, *TO_STREET, "street_returned")
    office.engine.lands = False
    await desk.take_back(case.no, case.dossier.members[1])
    office.engine.lands = True
    assert await agrees_elsewhere(desk, case.dossier.members[1]) == ""


async def test_there_is_nothing_to_take_back_for_who_has_given_nothing_or_applies_himself(desk: Desk) -> None:
    owner = someone()
    case = await waiting(desk, owner)
    wife = case.dossier.members[1]
    assert await reason_of(desk.take_back(case.no, wife)) == "NO_CONSENT_GIVEN"
    oneself = replace(owner, person=desk.index_of(case.dossier.members[0].id_number))
    request = pb.WithdrawConsentRequest(idempotency_key=new_id(), application_no=case.no)
    assert await reason_of(desk.call(oneself, "WithdrawConsent", request)) == "NO_CONSENT_GIVEN"
    assert await reason_of(desk.call(someone(), "WithdrawConsent", request)) == "NOT_VERIFIED"
    stranger = replace(someone(), person="somebody-else")
    assert await reason_of(desk.call(stranger, "WithdrawConsent", request)) == "NOT_FOUND"
    await desk.bring_to(case.no, "withdrawn")
    assert await reason_of(desk.take_back(case.no, wife)) == "ALREADY_ENDED"


async def test_said_at_one_moment_with_the_last_confirmation_nobody_is_lost(office: Office) -> None:
    """Whoever comes first, the case ends up with what both have said."""
    desk = office.desk
    for _ in range(6):
        case = await waiting(desk)
        wife, son = case.dossier.members[1:3]
        await desk.confirm(case.no, wife)
        answers = await asyncio.gather(reason_of(desk.confirm(case.no, son)), reason_of(desk.take_back(case.no, wife)))
        assert set(answers) <= {"", "UNAVAILABLE"}
        if "UNAVAILABLE" in answers:
            continue
        await eventually(lambda: True)
        assert await may_ask(desk, case.no) == "NO_CONSENT"
        events = [row[0] for row in await office.rows("SELECT event FROM timeline WHERE application_no = $1 ORDER BY seq", case.no)]
        assert "consent_withdrawn" in events
        assert events.count("member_confirmed") + events.count("all_confirmed") == 2


async def test_two_taps_take_back_once(office: Office) -> None:
    case = await waiting(office.desk)
    wife = case.dossier.members[1]
    await office.desk.confirm(case.no, wife)
    caller = replace(someone(), person=office.desk.index_of(wife.id_number))
    request = pb.WithdrawConsentRequest(idempotency_key=new_id(), application_no=case.no)
    assert [await reason_of(office.desk.call(caller, "WithdrawConsent", request)) for _ in range(2)] == ["", ""]
    assert await office.rows("SELECT count(*) FROM consent WHERE application_no = $1 AND withdrawn_at IS NOT NULL", case.no) == [(1,)]


def came_to_the_counter(no: str, place: int = 1, document: str = "本人身份证原件") -> pb.RecordConsentWithdrawalRequest:
    return pb.RecordConsentWithdrawalRequest(idempotency_key=new_id(), application_no=no, member=place, document=document)


async def test_who_uses_no_phone_takes_it_back_at_the_counter(office: Office) -> None:
    desk = office.desk
    owner = someone()
    case = await desk.submit(owner, family())
    await desk.bring_to(case.no, "start_verification")
    assert await may_ask(desk, case.no) == ""
    seen = (await desk.call(CLERK, "RecordConsentWithdrawal", came_to_the_counter(case.no))).application
    assert (seen.members[1].state, seen.members[1].document) == ("withdrawn", "本人身份证原件")
    assert await may_ask(desk, case.no) == "NO_CONSENT"
    assert (await desk.get(owner, case.no)).stage == "correction"
    # Who has said so for her is on record with the word; and once is enough.
    [(sub, kind)] = await office.rows(
        "SELECT sub, kind FROM word WHERE update_name = 'withdraw_consent' AND workflow_id = $1", f"application/{case.no}"
    )
    assert (sub, kind) == (CLERK.sub, "staff")
    assert await reason_of(desk.call(CLERK, "RecordConsentWithdrawal", came_to_the_counter(case.no))) == "NO_CONSENT_GIVEN"


async def test_at_the_counter_too_the_applicant_withdraws_the_case_and_papers_are_named(desk: Desk) -> None:
    case = await desk.submit(someone(), family())
    await desk.bring_to(case.no, "start_verification")
    for place in (0, -1, 99):
        assert await reason_of(desk.call(CLERK, "RecordConsentWithdrawal", came_to_the_counter(case.no, place))) == "NO_CONSENT_GIVEN"
    for document in ("", " ", "证" * 201):
        assert (
            await reason_of(desk.call(CLERK, "RecordConsentWithdrawal", came_to_the_counter(case.no, document=document)))
            == "INVALID_FIELDS"
        )
