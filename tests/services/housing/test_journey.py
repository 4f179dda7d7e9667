"""From an empty stock to a lease that ends, as people and workflows see it."""

from __future__ import annotations

import base64
from datetime import UTC, timedelta
from pathlib import Path

import anju_calendar as calendar
import grpc
import pytest
from anju.housing.v1 import housing_pb2 as pb
from anju_contracts.base import Model, Word
from anju_contracts.rent import Billing
from anju_contracts.waiting import OfferAnswer, OfferMade
from casekit import words
from casekit.engine import CLOSED, NOT_STARTED
from chassis.crypto import KeyRing
from chassis.errors import Problem, Refusal
from housing.errors import OFFER_NOT_OPEN

from tests.services.housing.world import BILLS, DISTRICT, MANAGER, NOW, World, refused
from tests.support.facts import facts_agree
from tests.support.keys import citizen


async def stock(world: World) -> tuple[int, int]:
    answer = await world.stub.ListEstates(pb.ListEstatesRequest(district=DISTRICT))
    return sum(e.units for e in answer.estates), sum(e.vacant for e in answer.estates)


async def test_a_home_from_the_list_to_the_end_of_the_lease(world: World) -> None:
    await world.add_units(2)
    assert await world.register("KF-1") == 1
    made = await world.offer()
    (offer,) = made.offers
    assert (made.still_waiting, made.still_vacant) == (0, 0)
    assert (offer.state, offer.unit.state) == ("open", "offered")
    assert offer.expires_at.ToDatetime(UTC) == calendar.days_after(offer.made_at.ToDatetime(UTC), 7)
    await world.wait_for_signals(1)
    (workflow_id, name, said) = world.notes.signals[0]
    assert isinstance(said, OfferMade)
    assert (workflow_id, name, said.offer_id, said.unit) == ("waiting/KF-1", "offer_made", offer.id, "金明家园 1号楼1单元101")
    assert (await world.tenancy("KF-1")).waiting.state == "offered"
    assert await stock(world) == (1, 0)

    async def workflow_accepts(workflow_id: str, name: str, said: Model) -> None:
        assert isinstance(said, OfferAnswer)
        assert (workflow_id, name, said.accept, said.actor) == ("waiting/KF-1", "answer_offer", True, "c-KF-1")
        await world.close_offer(offer.id, "accepted")
        await world.close_waiting("KF-1", "leased")

    world.notes.on_update = workflow_accepts
    request = pb.AnswerOfferRequest(idempotency_key="a", offer_id=offer.id, accept=True)
    answered = await world.call("AnswerOffer", request, citizen("c-KF-1"))
    assert answered.offer.state == "accepted"
    assert answered.offer.unit.state == "reserved"
    lease = (await world.tenancy("KF-1")).lease
    # The term is not running yet: nobody pays for days without keys.
    assert (lease.no, lease.state, lease.starts_on, lease.ends_on) == ("L-2026-000001", "signing", "", "")
    assert lease.sign_by.ToDatetime(UTC) == calendar.days_after(NOW, 15)
    assert (lease.monthly_rent_fen, lease.deposit_fen) == (35_000, 200_000)

    async def workflow_signs(workflow_id: str, name: str, said: Model) -> None:
        assert (workflow_id, name) == (f"lease/{lease.no}", "sign")
        await world.advance(lease.no, "signed", NOW + timedelta(days=1))

    world.notes.on_update = workflow_signs
    unread = pb.SignLeaseRequest(idempotency_key="s", lease_no=lease.no, acknowledged=False)
    assert (await refused(world.call("SignLease", unread, citizen("c-KF-1")))).problem.reason == "NOT_ACKNOWLEDGED"
    signed = await world.sign(lease.no, citizen("c-KF-1"))
    assert signed.state == "deposit"
    assert signed.signed_at.ToDatetime() == (NOW + timedelta(days=1)).replace(tzinfo=None)
    active = await world.advance(lease.no, "activated", NOW + timedelta(days=9))
    assert (active.state, active.unit.state, active.version) == ("active", "let", 3)
    assert (active.starts_on, active.ends_on) == ("2026-12-02", "2029-12-01")
    assert await stock(world) == (1, 0)
    ended = await world.advance(lease.no, "ended", NOW + timedelta(days=1105))
    assert (ended.state, ended.unit.state) == ("ended", "vacant")
    assert await stock(world) == (1, 1)
    assert await facts_agree("housing", world.database.url)


async def test_the_same_answer_again_is_the_same_answer_and_other_content_is_refused(world: World) -> None:
    await world.add_units(2)
    await world.register("KF-1")
    (offer,) = (await world.offer()).offers

    async def workflow_declines(workflow_id: str, name: str, said: Model) -> None:
        await world.close_offer(offer.id, "declined", reason="离工作单位太远")

    world.notes.on_update = workflow_declines
    request = pb.AnswerOfferRequest(idempotency_key="k", offer_id=offer.id, accept=False, reason="离工作单位太远")
    first = await world.call("AnswerOffer", request, citizen("c-KF-1"))
    assert first.offer.state == "declined"
    assert await world.call("AnswerOffer", request, citizen("c-KF-1")) == first
    assert len(world.notes.updates) == 1
    request.accept = True
    assert (await refused(world.call("AnswerOffer", request, citizen("c-KF-1")))).problem.reason == "IDEMPOTENCY_KEY_REUSED"
    tenancy = await world.tenancy("KF-1")
    assert (tenancy.waiting.state, tenancy.waiting.rank) == ("waiting", 1)
    assert not tenancy.HasField("lease")
    # The unit is offered again, to whoever is next.
    assert len((await world.offer()).offers) == 1


async def test_what_the_workflow_refuses_is_refused_with_its_words(world: World) -> None:
    await world.add_units(2)
    await world.register("KF-1")
    (offer,) = (await world.offer()).offers

    async def over(workflow_id: str, name: str, said: Model) -> None:
        # The offer ran out a moment ago.
        await world.close_offer(offer.id, "expired", step_id="expiry")
        raise Refusal(CLOSED)

    world.notes.on_update = over
    request = pb.AnswerOfferRequest(idempotency_key="k", offer_id=offer.id, accept=True)
    refusal = await refused(world.call("AnswerOffer", request, citizen("c-KF-1")))
    assert (refusal.problem.reason, refusal.problem.status) == ("OFFER_NOT_OPEN", grpc.StatusCode.FAILED_PRECONDITION)
    assert len(world.notes.updates) == 1, "the record says the same: nothing to wait for"


@pytest.mark.parametrize("reason", [CLOSED, NOT_STARTED, OFFER_NOT_OPEN], ids=["closed", "not started", "not open"])
async def test_a_workflow_that_has_not_heard_of_its_offer_yet_does_not_end_it(
    world: World, monkeypatch: pytest.MonkeyPatch, reason: Problem
) -> None:
    """Many homes were offered at once, and the word is on its way: the household must not be told that its offer is over."""
    await world.add_units(2)
    await world.register("KF-1")
    (offer,) = (await world.offer()).offers
    asked = 0

    async def lagging(workflow_id: str, name: str, said: Model) -> None:
        nonlocal asked
        asked += 1
        if asked < 4:
            raise Refusal(reason)
        await world.close_offer(offer.id, "accepted")

    world.notes.on_update = lagging
    monkeypatch.setattr(words, "TOLD_LAG_SECONDS", 0.2)
    request = pb.AnswerOfferRequest(idempotency_key="k", offer_id=offer.id, accept=True)
    refusal = await refused(world.call("AnswerOffer", request, citizen("c-KF-1")))
    # One that is not there after that moment is gone, while the record is open: blocked, not over.
    assert (refusal.problem.reason, asked) == ("UNAVAILABLE" if reason is OFFER_NOT_OPEN else "BLOCKED", 2)
    assert refusal.problem.status is grpc.StatusCode.UNAVAILABLE
    # Nothing was remembered: the household tries again, with the same request.
    monkeypatch.setattr(words, "TOLD_LAG_SECONDS", 5.0)
    assert (await world.call("AnswerOffer", request, citizen("c-KF-1"))).offer.state == "accepted"
    assert asked == 4


async def test_leaving_the_list(world: World) -> None:
    await world.register("KF-1")
    await world.register("KF-2")

    async def workflow_leaves(workflow_id: str, name: str, said: Model) -> None:
        assert (workflow_id, name) == ("waiting/KF-1", "leave")
        await world.close_waiting("KF-1", "left")

    world.notes.on_update = workflow_leaves
    request = pb.LeaveWaitingListRequest(idempotency_key="l", application_no="KF-1")
    left = await world.call("LeaveWaitingList", request, citizen("c-KF-1"))
    assert (left.waiting.state, left.waiting.rank) == ("left", 0)
    assert (await world.tenancy("KF-2")).waiting.rank == 1
    await world.add_units(2)
    assert [o.application_no for o in (await world.offer()).offers] == ["KF-2"]


async def test_a_households_words_are_sealed(world: World, keys_dir: Path) -> None:
    await world.add_units(2)
    await world.register("KF-1")
    (offer,) = (await world.offer()).offers
    said = "母亲王秀英行动不便，六楼没有电梯"
    await world.close_offer(offer.id, "declined", reason=said)
    ((sealed,),) = await world.sql("SELECT reason FROM offers")
    assert said.encode() not in base64.b64decode(sealed)
    ring = KeyRing.load(keys_dir / "field-keys.json")
    assert ring.decrypt(base64.b64decode(sealed), f"offers|reason|{offer.id}").decode() == said


async def test_steps_are_recorded_once(world: World) -> None:
    await world.add_units(2)
    await world.register("KF-1")
    (offer,) = (await world.offer()).offers
    first = await world.close_offer(offer.id, "accepted", step_id="waiting/KF-1/3/offer_accepted")
    # The worker died before the engine knew: the same step comes again, later.
    again = await world.close_offer(offer.id, "accepted", step_id="waiting/KF-1/3/offer_accepted", as_of=NOW + timedelta(days=2))
    assert again == first
    assert (await refused(world.close_offer(offer.id, "expired"))).problem.reason == "OFFER_NOT_OPEN"
    await world.advance(first.no, "signed", step_id="lease/1")
    assert (await world.advance(first.no, "signed", step_id="lease/1")).version == 2
    assert (await refused(world.advance(first.no, "signed"))).problem.reason == "STEP_REFUSED"
    assert (await refused(world.advance(first.no, "ended"))).problem.reason == "STEP_REFUSED"
    lapsed = await world.advance(first.no, "lapsed")
    assert (lapsed.state, lapsed.unit.state) == ("lapsed", "vacant")
    assert await world.sql("SELECT count(*) FROM leases") == [(1,)]


async def test_lease_numbers_count_by_year_of_the_business_date_and_have_no_gaps(world: World) -> None:
    await world.add_units(2, 2, 2, 2)
    for number in range(4):
        await world.register(f"KF-{number}")
    offers = {offer.application_no: offer.id for offer in (await world.offer()).offers}
    last_evening_in_china = NOW.replace(month=12, day=31, hour=15, minute=59)
    first = await world.close_offer(offers["KF-0"], "accepted", as_of=last_evening_in_china)
    assert (await refused(world.close_offer(offers["KF-1"], "burnt"))).problem.reason == "INVALID_FIELDS"
    second = await world.close_offer(offers["KF-2"], "accepted", as_of=last_evening_in_china)
    new_year = await world.close_offer(offers["KF-3"], "accepted", as_of=last_evening_in_china + timedelta(minutes=1))
    assert [first.no, second.no, new_year.no] == ["L-2026-000001", "L-2026-000002", "L-2027-000001"]
    # What was refused changed nothing: the offer is still open.
    assert (await world.tenancy("KF-1")).offers[0].state == "open"


async def test_a_home_is_let_again_after_its_lease_even_to_a_household_whose_clock_is_behind(world: World) -> None:
    await world.add_units(2)
    first = await world.leased("KF-1", months=12)
    await world.advance(first.no, "ended", NOW + timedelta(days=364))
    second = await world.leased("KF-2", months=12)
    assert (first.ends_on, second.starts_on) == ("2027-11-22", "2027-11-23")


async def test_ended_early_frees_the_home_from_the_next_day(world: World) -> None:
    await world.add_units(2)
    first = await world.leased("KF-1", months=36)
    await world.advance(first.no, "ended", NOW + timedelta(days=30))
    second = await world.leased("KF-2", as_of=NOW + timedelta(days=31))
    assert second.starts_on == "2026-12-24"


async def test_an_entry_told_while_temporal_is_away_arrives_later(world: World) -> None:
    world.notes.down = True
    await world.add_units(2)
    await world.register("KF-1")
    await world.offer()
    assert world.notes.signals == []
    world.notes.down = False
    await world.wait_for_signals(1)
    assert len(world.notes.signals) == 1


async def test_offering_again_under_the_same_key_offers_nothing_new(world: World) -> None:
    await world.add_units(2)
    await world.register("KF-1")
    first = await world.offer(key="same")
    await world.add_units(2, first=2)
    await world.register("KF-2")
    assert await world.offer(key="same") == first
    assert [o.application_no for o in (await world.offer(caller=MANAGER)).offers] == ["KF-2"]


async def test_a_family_waits_as_the_record_has_it_on_the_day_it_is_registered(world: World) -> None:
    """Corrected from three members to four: casework is asked, not the form the application began with."""
    await world.register("KF-1", size=4)
    assert (await world.tenancy("KF-1")).waiting.household_size == 4
    unknown = pb.RegisterWaitingRequest(application_no="KF-404", step=world.next_step())
    assert (await refused(world.step("RegisterWaiting", unknown))).problem.reason == "NOT_FOUND"


async def test_a_lease_is_signed_on_the_terms_of_the_day_of_signing(world: World) -> None:
    """Not of the day it was drafted, and not of the application years before."""
    (unit,) = await world.add_units(2)
    await world.register("KF-1")
    (offer,) = (await world.offer()).offers
    lease = await world.close_offer(offer.id, "accepted", months=36)
    assert (lease.monthly_rent_fen, lease.term_months) == (35_000, 36)
    await world.sql("UPDATE units SET monthly_rent_fen = 40000, deposit_fen = 100000 WHERE id = :id", id=unit.id)
    assert (await world.tenancy("KF-1")).lease.monthly_rent_fen == 40_000, "who has not signed yet reads what he would sign"
    world.terms.now = world.terms.now._replace(term_months=24, rent=BILLS.model_copy(update={"due_days": 5}))
    step = world.next_step(NOW + timedelta(days=3), word=await world.signature(lease.no))
    request = pb.AdvanceLeaseRequest(lease_no=lease.no, step=step, event="signed")
    signed = await world.step("AdvanceLease", request)
    assert (signed.terms.monthly_rent_fen, signed.terms.deposit_fen, signed.terms.rent.due_days) == (40_000, 100_000, 5)
    assert (signed.lease.monthly_rent_fen, signed.lease.term_months) == (40_000, 24)
    await world.sql("UPDATE units SET monthly_rent_fen = 50000 WHERE id = :id", id=unit.id)
    activated = pb.AdvanceLeaseRequest(lease_no=lease.no, step=world.next_step(NOW + timedelta(days=10)), event="activated")
    active = await world.step("AdvanceLease", activated)
    assert active.lease.monthly_rent_fen == 40_000, "signed is signed"
    assert (active.term.starts_on, active.term.ends_on) == ("2026-12-03", "2028-12-02")


async def charged(world: World, no: str, first_day: str) -> pb.ChargeRentResponse:
    answer: pb.ChargeRentResponse = await world.step("ChargeRent", pb.ChargeRentRequest(lease_no=no, first_day=first_day))
    return answer


async def test_rent_is_charged_as_signed_for_the_days_of_the_lease(world: World) -> None:
    """A quarter of the calendar, the first one by days; the standard is named as long as the rent comes from it."""
    (unit,) = await world.add_units(2)
    world.terms.now = world.terms.now._replace(billing=Billing(months_per_bill=3, calendar_months=True))
    lease = await world.leased("KF-1", months=12)
    assert lease.starts_on == "2026-11-23"
    first = await charged(world, lease.no, "2026-11-23")
    assert [(line.first_day, line.last_day, line.days, line.month_days, line.amount_fen) for line in first.lines] == [
        ("2026-11-23", "2026-11-30", 8, 30, 9_333),
        ("2026-12-01", "2026-12-31", 31, 31, 35_000),
    ]
    assert first.amount_fen == 44_333
    assert {(line.area_centi_sqm, line.fen_per_sqm_month, line.month_fen) for line in first.lines} == {(5_000, 700, 35_000)}
    assert [line.days for line in (await charged(world, lease.no, "2027-10-01")).lines] == [31, 22]
    await world.sql("UPDATE units SET area_centi_sqm = 6000 WHERE id = :id", id=unit.id)
    again = await charged(world, lease.no, "2027-01-01")
    assert (again.amount_fen, again.lines[0].fen_per_sqm_month) == (105_000, 0), "signed is signed"
    for day in ("2026-12-01", "2028-01-01"):
        assert (await refused(charged(world, lease.no, day))).problem.reason == "STEP_REFUSED", "no bill begins then"
    assert (await refused(charged(world, lease.no, "tomorrow"))).fields[0].pointer == "/first_day"
    assert (await refused(charged(world, "L-2026-999999", "2026-11-23"))).problem.reason == "NOT_FOUND"


async def test_a_workflow_that_is_started_again_finds_the_household_where_the_record_has_it(world: World) -> None:
    await world.add_units(2)
    assert await world.register("KF-1") == 1
    (first,) = (await world.offer()).offers
    await world.close_offer(first.id, "declined")
    (second,) = (await world.offer()).offers
    again = await world.step("RegisterWaiting", pb.RegisterWaitingRequest(application_no="KF-1", step=world.next_step()))
    assert (again.declines, again.open_offer.offer_id, again.terms.max_declines) == (1, second.id, 2)
    assert again.terms.expires_at.ToDatetime(UTC).year == NOW.year + 5


async def test_what_a_step_tells_is_handed_on_with_what_housing_alone_knows(world: World) -> None:
    await world.add_units(2)
    await world.register("KF-1")
    (offer,) = (await world.offer()).offers
    step = world.next_step(step_id="waiting/KF-1/w/offer_accepted", word=await world.answered(offer.id, accept=True))
    request = pb.CloseOfferRequest(offer_id=offer.id, step=step, outcome="accepted")
    request.step.tell.add(template="offer_accepted")
    await world.step("CloseOffer", request)
    ((payload,),) = await world.sql("SELECT payload FROM outbox WHERE kind = 'tell'")
    assert payload["key"] == "waiting/KF-1/w/offer_accepted/tell-offer_accepted"


async def test_a_step_of_a_household_nobody_has_heard_it_take_is_not_recorded(world: World) -> None:
    """Said by somebody else, about something else, otherwise, or not at all; and no clock borrows a person."""
    await world.add_units(2, 2)
    await world.register("KF-1")
    await world.register("KF-2")
    first, second = sorted((await world.offer()).offers, key=lambda offer: offer.application_no)
    word = await world.answered(first.id, accept=False, reason="太远")
    accepted = await world.answered(second.id, accept=True)

    def close(outcome: str, reason: str, said: Word | None, **forged: str) -> pb.CloseOfferRequest:
        step = world.next_step(word=said.model_copy(update=forged) if said else None)
        return pb.CloseOfferRequest(offer_id=first.id, step=step, outcome=outcome, reason=reason)

    pretended = [
        close("accepted", "", None),
        close("accepted", "太远", word),
        close("declined", "别的", word),
        close("declined", "太远", word, request_id="w-unknown"),
        close("declined", "太远", word, actor="c-KF-2"),
        close("accepted", "", accepted),
        close("accepted", "", await world.leaving("KF-1")),
        close("expired", "", word),
    ]
    for request in pretended:
        assert (await refused(world.step("CloseOffer", request))).problem.reason == "NOT_SAID"
    leave = pb.CloseWaitingRequest(application_no="KF-1", step=world.next_step(), outcome="left")
    assert (await refused(world.step("CloseWaiting", leave))).problem.reason == "NOT_SAID"
    claimed = pb.CloseWaitingRequest(application_no="KF-1", step=world.next_step(word=word), outcome="struck_off")
    assert (await refused(world.step("CloseWaiting", claimed))).problem.reason == "NOT_SAID"
    assert {offer.state for offer in (await world.tenancy("KF-1")).offers} == {"open"}
    lease = await world.close_offer(second.id, "accepted")
    sign = pb.AdvanceLeaseRequest(lease_no=lease.no, step=world.next_step(), event="signed")
    assert (await refused(world.step("AdvanceLease", sign))).problem.reason == "NOT_SAID"
    await world.step("CloseOffer", close("declined", "太远", word))
    assert await world.sql("SELECT word_id FROM offers WHERE id = :id", id=first.id) == [(word.request_id,)]


@pytest.mark.parametrize(
    ("event", "deposit"), [("activated", "open"), ("activated", "arrears"), ("activated", ""), ("lapsed", "paid"), ("lapsed", "open")]
)
async def test_a_lease_takes_effect_or_lapses_by_what_payments_has(world: World, event: str, deposit: str) -> None:
    """Its workflow may have been told anything about the deposit's bill."""
    await world.add_units(2)
    await world.register("KF-1")
    (offer,) = (await world.offer()).offers
    lease = await world.close_offer(offer.id, "accepted")
    await world.advance(lease.no, "signed")
    world.deposits.states[lease.no] = deposit
    assert (await refused(world.advance(lease.no, event))).problem.reason == "NOT_SAID"
    assert (await world.tenancy("KF-1")).lease.state == "deposit"
    world.deposits.states[lease.no] = "paid"
    assert (await world.advance(lease.no, "activated")).state == "active"
