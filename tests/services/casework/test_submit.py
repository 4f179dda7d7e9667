"""Handing an application in: once, whole, and one per household."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime

import pytest
from anju.casework.v1 import casework_pb2 as pb
from chassis.errors import Refusal
from chassis.ids import new_id

from tests.services.casework.conftest import Office
from tests.services.casework.support import (
    ALL_REGISTERS,
    CLERK,
    TO_NOTICE,
    Desk,
    consent,
    dossier,
    member,
    person_number,
    reason_of,
    someone,
    worker,
)
from tests.support.patience import eventually


async def test_the_household_gets_its_number_and_its_workflow(office: Office) -> None:
    owner = someone()
    before = datetime.now(UTC)
    case = await office.desk.submit(owner, dossier(member("child", "张小宝"), member(name="欧阳晓明"), member("spouse", "李芳")))
    assert re.fullmatch(rf"KF-{before.year}-\d{{6,}}", case.no)
    assert (case.version, case.stage, case.waiting_on, case.round, case.outcome) == (1, "submitted", "system", 1, "")
    assert (case.masked_name, case.household_size, case.owner) == ("欧**明", 3, owner.sub)
    assert [m.relation for m in case.dossier.members] == ["applicant", "child", "spouse"]
    assert [entry.event for entry in case.timeline] == ["submitted"]
    assert list(case.consent.registers) == sorted(ALL_REGISTERS, key=list(case.consent.registers).index)
    assert case.profile_version == "kaifeng-sample-2026.8"
    await eventually(lambda: any(started.no == case.no for started in office.engine.started))
    started = next(s for s in office.engine.started if s.no == case.no)
    assert (started.owner, started.place.street, started.objection_level) == (owner.sub, case.street, "district")
    # What the case asks and who reviews it come with it, in order.
    assert started.registers == ("social_insurance", "real_estate", "vehicles", "marriage")
    assert [(level.code, level.working_days) for level in started.levels] == [("street", 5), ("district", 7), ("city", 5)]
    assert started.clocks.objection_review_wd == 15
    told = started.model_dump_json()
    assert "欧" not in told, "a workflow carries ids, no name"
    assert "household_size" not in told


async def test_numbers_are_never_given_twice(desk: Desk) -> None:
    cases = await asyncio.gather(*(desk.submit(someone()) for _ in range(20)))
    assert len({case.no for case in cases}) == 20


async def test_every_wrong_field_is_told_at_once(desk: Desk) -> None:
    bad = dossier(member(id_number="990001900101001"), phone="1", address="")
    bad.address = ""
    with pytest.raises(Refusal) as caught:
        await desk.call(
            someone(),
            "SubmitApplication",
            pb.SubmitApplicationRequest(idempotency_key=new_id(), dossier=bad, consent=pb.Consent(text_version="consent-2026.1")),
        )
    assert caught.value.problem.reason == "INVALID_FIELDS"
    told = {(v.pointer, v.code) for v in caught.value.fields}
    assert {
        ("/members/0/id_number", "ID_OLD_FORM"),
        ("/phone", "PHONE_FORMAT"),
        ("/address", "REQUIRED"),
        ("/consent/registers", "CONSENT_INCOMPLETE"),
    } <= told
    assert all(v.zh and v.en for v in caught.value.fields)


async def test_a_register_nobody_has_is_no_consent(desk: Desk) -> None:
    request = pb.SubmitApplicationRequest(idempotency_key=new_id(), dossier=dossier(), consent=consent())
    request.consent.registers.append("horoscopes")
    with pytest.raises(Refusal) as caught:
        await desk.call(someone(), "SubmitApplication", request)
    assert [(v.pointer, v.code) for v in caught.value.fields] == [("/consent/registers", "UNKNOWN_CODE")]


async def test_an_empty_message_is_refused_in_words(desk: Desk) -> None:
    assert await reason_of(desk.call(someone(), "SubmitApplication", pb.SubmitApplicationRequest())) == "INVALID_FIELDS"


# --- idempotency -------------------------------------------------------------------------------------------------------------------------


async def test_the_same_key_gives_the_same_application(office: Office) -> None:
    owner, content, key = someone(), dossier(), new_id()
    answers = await asyncio.gather(*(office.desk.submit(owner, content, key) for _ in range(20)))
    assert len({answer.no for answer in answers}) == 1
    assert answers[0].dossier == content
    assert await office.rows("SELECT count(*) FROM application WHERE owner = $1", owner.sub) == [(1,)]
    no = answers[0].no
    assert await office.rows("SELECT count(*) FROM outbox WHERE payload->>'no' = $1", no) == [(1,)]


async def test_a_form_sent_again_may_carry_a_new_time_stamp(desk: Desk) -> None:
    owner, content, key = someone(), dossier(), new_id()
    first = await desk.submit(owner, content, key)
    request = pb.SubmitApplicationRequest(idempotency_key=key, dossier=content, consent=consent())
    request.consent.given_at.FromDatetime(datetime.now(UTC))
    assert (await desk.call(owner, "SubmitApplication", request)).application.no == first.no


async def test_the_same_key_with_another_dossier_is_refused(desk: Desk) -> None:
    owner, key = someone(), new_id()
    await desk.submit(owner, key=key)
    assert await reason_of(desk.submit(owner, dossier(), key)) == "IDEMPOTENCY_KEY_REUSED"


async def test_keys_of_two_people_do_not_meet(desk: Desk) -> None:
    key = new_id()
    one, other = await desk.submit(someone(), key=key), await desk.submit(someone(), key=key)
    assert one.no != other.no


# --- one application a person -------------------------------------------------------------------------------------------------------------


async def test_fifty_at_once_for_one_person_make_one_application(office: Office) -> None:
    shared = person_number()
    answers = await asyncio.gather(
        *(office.desk.submit(someone(), dossier(member(id_number=shared))) for _ in range(50)), return_exceptions=True
    )
    taken = [answer for answer in answers if isinstance(answer, pb.Application)]
    refused = [answer for answer in answers if isinstance(answer, Refusal)]
    assert len(taken) == 1
    assert {refusal.problem.reason for refusal in refused} == {"HOUSEHOLD_HAS_APPLICATION"}
    assert len(refused) == 49


async def test_whom_thirty_strangers_name_is_kept_from_nothing(office: Office) -> None:
    """And naming him waits for him: none of them is asked about anybody before he has said so himself."""
    shared = person_number()
    content = [dossier(member(), member("spouse", "李安民", shared)) for _ in range(30)]
    cases = await asyncio.gather(*(office.desk.submit(someone(), each) for each in content), return_exceptions=True)
    assert [case for case in cases if not isinstance(case, pb.Application)] == []
    own = await office.desk.submit(someone(), dossier(member(id_number=shared)))
    assert await reason_of(office.desk.confirm(cases[0].no, shared)) == "CONFIRMED_ELSEWHERE"  # type: ignore[union-attr]  # looked at above
    assert (await office.desk.get(CLERK, own.no)).members[0].named_elsewhere


async def test_households_that_name_each_other_in_any_order_do_not_block_each_other(desk: Desk) -> None:
    one, two = person_number(), person_number()
    calls = []
    for i in range(30):
        people = [one, two] if i % 2 else [two, one]
        calls.append(desk.submit(someone(), dossier(member(id_number=people[0]), member("spouse", "李安民", people[1]))))
    answers = await asyncio.gather(*calls, return_exceptions=True)
    reasons = [answer.problem.reason if isinstance(answer, Refusal) else "ok" for answer in answers]
    assert sorted(set(reasons)) == ["HOUSEHOLD_HAS_APPLICATION", "ok"]
    assert reasons.count("ok") == 2, "each of the two has an application of his own"


async def test_a_refused_household_leaves_nothing(office: Office) -> None:
    shared, named, other = person_number(), person_number(), someone()
    await office.desk.submit(someone(), dossier(member(id_number=shared)))
    content = dossier(member(id_number=shared), member("parent", "张大山", named))
    assert await reason_of(office.desk.submit(other, content)) == "HOUSEHOLD_HAS_APPLICATION"
    assert await office.rows("SELECT count(*) FROM application WHERE owner = $1", other.sub) == [(0,)]
    index = office.desk.index_of(named)
    assert await office.rows("SELECT count(*) FROM resident WHERE blind = $1", index) == [(0,)]


async def test_only_the_owner_learns_which_case_it_is(desk: Desk) -> None:
    owner, shared = someone(), person_number()
    case = await desk.submit(owner, dossier(member(id_number=shared)))
    for caller, known in ((owner, {"application_no": case.no}), (someone(), {})):
        with pytest.raises(Refusal) as caught:
            await desk.submit(caller, dossier(member(id_number=shared)))
        assert caught.value.metadata == known


async def test_the_same_number_written_otherwise_is_the_same_person(desk: Desk) -> None:
    shared = person_number()
    await desk.submit(someone(), dossier(member(id_number=shared)))
    typed = member(id_number=shared)
    typed.id_number = f"{shared[:6]} {shared[6:14]} {shared[14:].lower()}".translate(str.maketrans("0123456789", "０１２３４５６７８９"))
    assert await reason_of(desk.submit(someone(), dossier(typed))) == "HOUSEHOLD_HAS_APPLICATION"


@pytest.mark.parametrize(
    ("events", "free"),
    [
        (("withdrawn",), True),
        (("start_verification", "verification_done", "street_refused"), True),
        (("start_verification", "verification_done", "street_returned", "correction_expired"), True),
        (("start_verification", "verification_done", "street_approved", "district_approved", "city_approved", "notice_closed"), False),
    ],
)
async def test_an_ended_case_frees_the_household_unless_it_is_registered(desk: Desk, events: tuple[str, ...], free: bool) -> None:
    shared = person_number()
    case = await desk.submit(someone(), dossier(member(id_number=shared)))
    await desk.bring_to(case.no, *events)
    again = await reason_of(desk.submit(someone(), dossier(member(id_number=shared))))
    assert again == ("" if free else "HOUSEHOLD_HAS_APPLICATION")


async def test_a_registered_household_may_apply_again_when_its_waiting_or_lease_is_over(desk: Desk) -> None:
    owner, shared = someone(), person_number()
    case = await desk.submit(owner, dossier(member(id_number=shared)))
    release = pb.ReleaseHouseholdRequest(application_no=case.no)
    assert await reason_of(desk.call(worker(), "ReleaseHousehold", release)) == "ILLEGAL_MOVE"
    await desk.bring_to(case.no, *TO_NOTICE, "notice_closed")
    await desk.call(worker(), "ReleaseHousehold", release)
    again = await desk.submit(owner, dossier(member(id_number=shared)))
    # Told twice, it frees nobody from the new application.
    await desk.call(worker(), "ReleaseHousehold", release)
    assert await reason_of(desk.submit(someone(), dossier(member(id_number=shared)))) == "HOUSEHOLD_HAS_APPLICATION"
    assert (await desk.get(owner, again.no)).stage == "submitted"


async def test_submitting_works_while_the_engine_is_away(office: Office) -> None:
    office.engine.away = True
    owner = someone()
    case = await office.desk.submit(owner)
    assert (await office.desk.get(owner, case.no)).stage == "submitted"
    office.engine.away = False
    await eventually(lambda: any(started.no == case.no for started in office.engine.started), what="the workflow started by the outbox")
