"""Every adult confirms for himself: who is awaited, what he is shown, what a clerk may record, and what nobody can do in his place."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from anju.casework.v1 import casework_pb2 as pb
from chassis.ids import new_id

from tests.services.casework.conftest import Office
from tests.services.casework.support import (
    CLERK,
    STREET,
    Desk,
    dossier,
    member,
    person_number,
    reason_of,
    refusing,
    someone,
    system,
    worker,
)
from tests.support.keys import staff
from tests.support.patience import eventually


def family() -> pb.Dossier:
    """An applicant, his wife, his grown-up son and his daughter of eleven."""
    daughter = member("child", "张小燕", person_number("20150315"))
    return dossier(member(), member("spouse", "李秀英"), member("child", "张小宝", person_number("20000101")), daughter)


async def waiting(desk: Desk, owner: object = None) -> pb.Application:
    """A case whose workflow waits for its adults."""
    case = await desk.submit(owner or someone(), family())  # type: ignore[arg-type]  # a caller
    await desk.bring_to(case.no, "confirmation_awaited")
    return case


async def may_ask(desk: Desk, no: str, round_: int = 1) -> str:
    request = pb.GetSubjectsRequest(application_no=no, round=round_, register="marriage")
    return await reason_of(desk.call(system("registry-gateway"), "GetSubjects", request))


def at_counter(no: str, index: int = 1, **changes: str) -> pb.RecordConfirmationRequest:
    values = {"channel": "counter", "document": "身份证原件", **changes}
    return pb.RecordConfirmationRequest(idempotency_key=new_id(), application_no=no, member=index, **values)  # type: ignore[arg-type]  # texts


async def test_the_applicant_speaks_for_himself_and_for_minors_only(office: Office) -> None:
    desk, owner = office.desk, someone()
    case = await desk.submit(owner, family())
    assert [(each.state, each.channel) for each in case.members] == [
        ("confirmed", "self"),
        ("awaited", ""),
        ("awaited", ""),
        ("confirmed", "parent"),
    ]
    await eventually(lambda: any(given.no == case.no for given in office.engine.started))
    assert next(given for given in office.engine.started if given.no == case.no).awaited == (1, 2)


async def test_nothing_is_asked_about_anybody_before_the_last_adult_has_confirmed(desk: Desk) -> None:
    owner = someone()
    case = await waiting(desk, owner)
    assert await may_ask(desk, case.no) == "NO_CONSENT"
    assert (await desk.confirm(case.no, case.dossier.members[1])).state == "confirmed"
    await eventually(lambda: True)
    assert await may_ask(desk, case.no) == "NO_CONSENT"
    await desk.confirm(case.no, case.dossier.members[2])
    assert await may_ask(desk, case.no) == ""
    after = await desk.get(owner, case.no)
    assert [each.state for each in after.members] == ["confirmed"] * 4
    assert [entry.event for entry in after.timeline][-2:] == ["member_confirmed", "all_confirmed"]
    assert after.timeline[-1].actor_kind == "member"


async def test_a_workflow_that_says_all_have_confirmed_is_not_believed(desk: Desk) -> None:
    case = await waiting(desk)
    said = someone()
    await desk.confirm(case.no, case.dossier.members[1], caller=said)
    assert desk.spoken is not None
    word, actor = await desk.spoken.of(case.no, "all_confirmed", "", "")
    assert await reason_of(desk.advance(case.no, "all_confirmed", "verifying", word=word, actor=actor)) == "NOT_SAID"
    assert await may_ask(desk, case.no) == "NO_CONSENT"


async def test_a_confirmation_is_good_for_what_was_said_in_its_own_round_and_for_nothing_else(desk: Desk) -> None:
    """His word is on record each time; a workflow that records the opposite, or carries over what he said of another dossier, is not believed."""
    assert desk.spoken is not None
    owner = someone()
    case = await waiting(desk, owner)
    yes, who = await desk.spoken.of(case.no, "member_confirmed", "", "")
    no, other = await desk.spoken.of(case.no, "member_refused", "", "")
    assert await reason_of(desk.advance(case.no, "member_refused", "correction", word=yes, actor=who)) == "NOT_SAID"
    assert await reason_of(desk.advance(case.no, "member_confirmed", "confirming", word=no, actor=other)) == "NOT_SAID"
    await desk.confirm(case.no, case.dossier.members[1], agrees=False)
    again = pb.CorrectApplicationRequest(idempotency_key=new_id(), no=case.no, dossier=case.dossier)
    assert (await desk.call(owner, "CorrectApplication", again)).application.stage == "confirming"
    assert await reason_of(desk.advance(case.no, "member_confirmed", "confirming", word=yes, actor=who)) == "NOT_SAID"
    assert await reason_of(desk.advance(case.no, "member_refused", "correction", word=no, actor=other)) == "NOT_SAID"
    # The same of what he takes back.
    away, taker = await desk.spoken.of(case.no, "consent_withdrawn", "", "")
    assert await reason_of(desk.advance(case.no, "member_refused", "correction", word=away, actor=taker)) == "NOT_SAID"
    said_now, speaker = await desk.spoken.of(case.no, "member_confirmed", "", "")
    assert await reason_of(desk.advance(case.no, "consent_withdrawn", "confirming", word=said_now, actor=speaker)) == "NOT_SAID"
    await desk.advance(case.no, "member_confirmed", "confirming", word=said_now, actor=speaker)


async def test_a_workflow_that_waits_for_nobody_does_not_begin_to_ask(desk: Desk) -> None:
    owner = someone()
    case = await desk.submit(owner, family())
    assert await reason_of(desk.advance(case.no, "start_verification", "verifying")) == "NO_CONSENT"
    assert (await desk.get(owner, case.no)).stage == "submitted"
    alone = await desk.submit(someone(), dossier(member()))
    await desk.advance(alone.no, "start_verification", "verifying")


async def test_he_is_shown_who_names_him_and_what_would_be_asked_and_no_more(desk: Desk) -> None:
    case = await waiting(desk)
    wife = replace(someone(), person=desk.index_of(case.dossier.members[1].id_number))
    claims = (await desk.call(wife, "ListClaims", pb.ListClaimsRequest())).claims
    assert [(c.application_no, c.applicant, c.relation, c.state) for c in claims] == [(case.no, "张*明", "spouse", "awaited")]
    assert list(claims[0].registers) == ["social_insurance", "real_estate", "vehicles", "marriage"]
    shown = claims[0].SerializeToString()
    for secret in (case.dossier.address, case.dossier.phone, *(m.id_number for m in case.dossier.members)):
        assert secret.encode() not in shown
    # It stays a stranger's case to her.
    assert await reason_of(desk.get(wife, case.no)) == "NOT_FOUND"
    other = replace(someone(), person=desk.index_of(person_number()))
    assert not (await desk.call(other, "ListClaims", pb.ListClaimsRequest())).claims


async def test_nobody_confirms_for_another(desk: Desk) -> None:
    owner = someone()
    case = await waiting(desk, owner)
    # The applicant himself, whose own consent is there; and a stranger, who does not learn that the case exists.
    assert await reason_of(desk.confirm(case.no, case.dossier.members[0], caller=owner)) == "NOT_AWAITED"
    assert await reason_of(desk.confirm(case.no, person_number())) == "NOT_FOUND"
    assert await reason_of(desk.confirm("KF-2026-999999", person_number())) == "NOT_FOUND"
    # Nor for the minor, for whom the applicant has agreed.
    assert await reason_of(desk.confirm(case.no, case.dossier.members[3])) == "NOT_AWAITED"


async def test_the_text_he_agrees_to_is_the_one_in_force(desk: Desk) -> None:
    case = await waiting(desk)
    wife = replace(someone(), person=desk.index_of(case.dossier.members[1].id_number))
    request = pb.ConfirmRequest(idempotency_key=new_id(), application_no=case.no, agrees=True, text_version="older")
    assert await reason_of(desk.call(wife, "Confirm", request)) == "INVALID_FIELDS"


async def test_two_taps_are_one_confirmation(office: Office) -> None:
    case = await waiting(office.desk)
    wife = case.dossier.members[1]
    caller = someone()
    answers = await asyncio.gather(*(office.desk.confirm(case.no, wife, key="tap", caller=caller) for _ in range(5)))
    assert {answer.state for answer in answers} == {"confirmed"}
    assert await office.rows("SELECT count(*) FROM consent WHERE given_by = $1", caller.sub) == [(1,)]
    assert await reason_of(office.desk.confirm(case.no, wife, caller=caller)) == "NOT_AWAITED"


async def test_who_does_not_belong_sends_the_case_back_and_is_asked_about_by_nobody(desk: Desk) -> None:
    owner = someone()
    case = await waiting(desk, owner)
    assert (await desk.confirm(case.no, case.dossier.members[1], agrees=False)).state == "refused"
    await eventually(lambda: True)
    after = await desk.get(owner, case.no)
    assert (after.stage, [each.state for each in after.members]) == ("correction", ["confirmed", "refused", "awaited", "confirmed"])
    assert await may_ask(desk, case.no) == "NO_CONSENT"
    # Left in, he is asked again; what others have said before stands.
    again = pb.CorrectApplicationRequest(idempotency_key=new_id(), no=case.no, dossier=case.dossier)
    assert (await desk.call(owner, "CorrectApplication", again)).application.stage == "confirming"
    assert [each.state for each in (await desk.get(owner, case.no)).members] == ["confirmed", "awaited", "awaited", "confirmed"]
    await desk.confirm(case.no, case.dossier.members[1])


async def test_what_the_workflow_refuses_was_not_said(office: Office) -> None:
    case = await waiting(office.desk)
    office.engine.verdict = refusing("NOT_AWAITED")
    wife = case.dossier.members[1]
    assert await reason_of(office.desk.confirm(case.no, wife)) == "NOT_AWAITED"
    office.engine.verdict = None
    index = office.desk.index_of(wife.id_number)
    assert await office.rows("SELECT count(*) FROM consent WHERE blind = $1", index) == [(0,)]
    await office.desk.submit(someone(), dossier(member(id_number=wife.id_number)))


async def test_one_person_is_confirmed_in_one_household_whoever_comes_first(office: Office) -> None:
    wife = member("spouse", "李秀英")
    cases = [await office.desk.submit(someone(), dossier(member(), wife)) for _ in range(8)]
    for case in cases:
        await office.desk.bring_to(case.no, "confirmation_awaited")
    answers = await asyncio.gather(*(reason_of(office.desk.confirm(case.no, wife)) for case in cases))
    assert sorted(answers) == ["", *["CONFIRMED_ELSEWHERE"] * 7]
    assert await reason_of(office.desk.submit(someone(), dossier(member(id_number=wife.id_number)))) == "HOUSEHOLD_HAS_APPLICATION"


async def test_a_clerk_records_what_he_has_seen(office: Office) -> None:
    desk = office.desk
    case = await waiting(desk)
    seen = (
        await desk.call(CLERK, "RecordConfirmation", at_counter(case.no, 1, channel="authorisation", document="签名授权书"))
    ).application
    assert [(each.state, each.channel, each.document) for each in seen.members][1] == ("confirmed", "authorisation", "签名授权书")
    await desk.call(CLERK, "RecordConfirmation", at_counter(case.no, 2, channel="guardian", document="监护证明"))
    assert await may_ask(desk, case.no) == ""
    assert await office.rows("SELECT DISTINCT given_by FROM consent WHERE application_no = $1 AND channel = 'guardian'", case.no) == [
        (CLERK.sub,)
    ]


async def test_a_clerk_records_nothing_of_his_own_household_nor_without_a_paper(desk: Desk) -> None:
    case = await waiting(desk)
    son = replace(staff("street_clerk", STREET, sub="clerk-son"), person=desk.index_of(case.dossier.members[2].id_number))
    owner = staff("street_clerk", STREET, sub="clerk-owner")
    own = await waiting(desk, replace(someone(), sub=owner.sub))
    for caller, request, reason in (
        (son, at_counter(case.no), "OWN_CASE"),
        (owner, at_counter(own.no), "OWN_CASE"),
        (CLERK, at_counter(case.no, document=" "), "INVALID_FIELDS"),
        (CLERK, at_counter(case.no, channel="self"), "INVALID_FIELDS"),
        (CLERK, at_counter(case.no, 0), "NOT_AWAITED"),
        (CLERK, at_counter(case.no, 9), "NOT_AWAITED"),
        (CLERK, at_counter(case.no, 3), "NOT_AWAITED"),
    ):
        assert await reason_of(desk.call(caller, "RecordConfirmation", request)) == reason
    assert await may_ask(desk, case.no) == "NO_CONSENT"


async def test_only_reviewers_see_that_somebody_is_named_twice(desk: Desk) -> None:
    owner, wife = someone(), member("spouse", "李秀英")
    case = await desk.submit(owner, dossier(member(), wife))
    await desk.submit(someone(), dossier(member(), wife))
    assert [each.named_elsewhere for each in (await desk.get(CLERK, case.no)).members] == [False, True]
    assert [each.named_elsewhere for each in (await desk.get(owner, case.no)).members] == [False, False]


async def test_who_has_an_application_of_his_own_is_told_that_another_names_him(office: Office) -> None:
    own = await office.desk.submit(someone(), dossier(member()))
    before = await office.rows("SELECT count(*) FROM outbox WHERE kind = 'tell'")
    await office.desk.submit(someone(), dossier(member(), member("spouse", "李秀英", own.dossier.members[0].id_number)))
    assert await office.rows("SELECT count(*) FROM outbox WHERE kind = 'tell'") == [(before[0][0] + 1,)]
    # His household's other members are not the ones who are told about him.
    await office.desk.submit(someone(), dossier(member(), member("spouse", "王秀芳")))
    assert await office.rows("SELECT count(*) FROM outbox WHERE kind = 'tell'") == [(before[0][0] + 1,)]


async def test_a_case_that_goes_on_waits_for_those_who_have_not_confirmed(desk: Desk) -> None:
    case = await waiting(desk)
    await desk.confirm(case.no, case.dossier.members[1])
    standing = await desk.call(worker(), "GetStanding", pb.GetStandingRequest(no=case.no))
    assert list(standing.awaited) == [2]
