"""Every duration of a case is waited for: not yet an hour before its end, over an hour after it, and each by its own number."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import anju_calendar as calendar
import pytest
from anju_contracts import application, rent_cycle
from anju_contracts.application import Decision, Level, ObjectionRaised
from anju_contracts.base import Accepted
from anju_contracts.rent_cycle import PaymentOpened
from anju_contracts.waiting import OfferMade, WaitingTerms
from anju_simclock import SimulatedClock
from anju_workflows.rent_cycle.calls import BillState
from temporalio.client import WorkflowHandle

from tests.workflows.stage import CLOCKS as USUAL
from tests.workflows.stage import LEVELS, Housing, Stage
from tests.workflows.test_waiting_lease_rent import active_lease, calls_period, lease, sign, waiting

Handle = WorkflowHandle[Any, Any]
HOUR = timedelta(hours=1)
# No two durations of one kind are equal: a wait that takes another's number ends at the wrong moment.
CLOCKS = USUAL.model_copy(
    update={
        "lookup_wd": 4,
        "lookup_max_retry_seconds": 3000,
        "objection_review_wd": 13,
        "review_reminder_wd_before": 1,
        "escalation_repeat_wd": 2,
        "correction_wd": 11,
        "confirmation_wd": 7,
        "public_notice_days": 12,
    }
)
REVIEW = tuple(Level(code=code, working_days=days) for code, days in zip(LEVELS, (6, 8, 9), strict=True))
HOUSING = Housing(
    limit_months=40,
    alarm_months=(30, 35),
    offer_open_days=5,
    max_declines=1,
    sign_days=14,
    term_months=24,
    rent=rent_cycle.Clocks(due_days=19, reminder_days=(2, 3), arrears_days=7, payment_poll_seconds=7200),
    deposit=rent_cycle.Clocks(due_days=17, arrears_days=0, payment_poll_seconds=7200),
)


@pytest.fixture
def theatre(theatre: Stage) -> Stage:
    theatre.notes.housing = dataclasses.replace(HOUSING)
    return theatre


def wd(start: datetime, days: int) -> datetime:
    return calendar.working_days_after(start, days)


class Watch:
    """A workflow's clock, and what its services were told."""

    def __init__(self, theatre: Stage, handle: Handle) -> None:
        self.theatre, self.notes, self.handle = theatre, theatre.notes, handle

    async def now(self) -> datetime:
        return await self.theatre.clock.now(self.handle.id)

    async def at(self, instant: datetime, happened: Callable[[], bool]) -> None:
        """``happened`` comes true at ``instant``: not an hour before, and not later than an hour after."""
        await self.theatre.clock.advance_to(self.handle.id, instant - HOUR)
        assert not happened(), "too early"
        await self.theatre.clock.advance_to(self.handle.id, instant + HOUR)
        await self.theatre.reached(happened)

    def told(self, template: str, role: str = "") -> int:
        return self.notes.templates(role).count(template)


async def at_level(theatre: Stage, level: str) -> Watch:
    handle = await theatre.apply(levels=REVIEW, clocks=CLOCKS)
    for each in LEVELS:
        await theatre.reached(lambda each=each: bool(theatre.notes.advances) and theatre.notes.advances[-1].waiting_on == each)
        if each == level:
            break
        await theatre.decide(handle, each)
    return Watch(theatre, handle)


async def review(theatre: Stage, level: str, days: int) -> None:
    watch = await at_level(theatre, level)
    deadline = wd(await watch.now(), days)
    assert theatre.notes.advances[-1].deadline == deadline
    await watch.at(calendar.working_days_before(deadline, 1), lambda: watch.told("task_reminder", "staff") == 1)
    await watch.at(deadline, lambda: watch.told("task_escalated", "staff") == 1)
    await watch.at(wd(deadline, 2), lambda: watch.told("task_escalated", "staff") == 2)


async def street_review(theatre: Stage) -> None:
    await review(theatre, "street", 6)


async def district_review(theatre: Stage) -> None:
    await review(theatre, "district", 8)


async def city_review(theatre: Stage) -> None:
    await review(theatre, "city", 9)


async def lookups(theatre: Stage) -> None:
    theatre.notes.silent_tries = {"vehicles": 1_000_000}
    handle = await theatre.apply(levels=REVIEW, clocks=CLOCKS)
    await theatre.reached(lambda: len(theatre.notes.tries) == 4)
    watch = Watch(theatre, handle)
    await watch.at(wd(await watch.now(), 4), lambda: "verification_done" in theatre.notes.events)


async def lookup_pauses(theatre: Stage) -> None:
    """Asked at once, then after 10, 20 and 40 minutes, and from then on after 50 and no longer."""
    theatre.notes.silent_tries = {"vehicles": 1_000_000}
    handle = await theatre.apply(levels=REVIEW, clocks=CLOCKS.model_copy(update={"lookup_first_retry_seconds": 600}))
    await theatre.reached(lambda: len(theatre.notes.tries) == 4)
    # One jump: the engine's clock tries once more wherever it is stopped. At 0, 10, 30, 70, 120, … 370 minutes; without the first pause it would be
    # asked 15 times, without the longest 6 times.
    await theatre.clock.advance(handle.id, timedelta(minutes=400))
    assert 9 <= theatre.notes.tries["vehicles"] <= 11


async def correction(theatre: Stage) -> None:
    watch = await at_level(theatre, "street")
    await theatre.decide(watch.handle, "street", Decision.RETURN)
    await theatre.reached(lambda: theatre.notes.events[-1] == "street_returned")
    deadline = wd(await watch.now(), 11)
    await watch.at(calendar.working_days_before(deadline, 1), lambda: watch.told("correction_expiring") == 1)
    await watch.at(deadline, lambda: theatre.notes.events[-1] == "correction_expired")


async def confirmation(theatre: Stage) -> None:
    watch = Watch(theatre, await theatre.apply(levels=REVIEW, clocks=CLOCKS, awaited=(1,)))
    await theatre.reached(lambda: theatre.notes.events == ["confirmation_awaited"])
    deadline = wd(await watch.now(), 7)
    assert theatre.notes.advances[-1].deadline == deadline
    await watch.at(calendar.working_days_before(deadline, 1), lambda: watch.told("confirmation_expiring") == 1)
    await watch.at(deadline, lambda: theatre.notes.events[-1] == "confirmation_expired")


async def public_notice(theatre: Stage) -> None:
    watch = Watch(theatre, await theatre.approved(levels=REVIEW, clocks=CLOCKS))
    await watch.at(calendar.days_after(await watch.now(), 12), lambda: theatre.notes.events[-1] == "notice_closed")


async def objection(theatre: Stage) -> None:
    watch = Watch(theatre, await theatre.approved(levels=REVIEW, clocks=CLOCKS))
    raised = ObjectionRaised(objection_id="o-1", actor="c-else", request_id=uuid.uuid4().hex)
    await watch.handle.execute_update("raise_objection", raised, result_type=Accepted)
    await theatre.reached(lambda: theatre.notes.events[-1] == "objection_raised")
    await watch.at(wd(await watch.now(), 13), lambda: watch.told("task_escalated", "staff") == 1)


async def listed(theatre: Stage) -> tuple[Watch, datetime]:
    handle = await waiting(theatre)
    return Watch(theatre, handle), datetime.now(UTC)


async def waiting_limit(theatre: Stage) -> None:
    watch, now = await listed(theatre)
    end = [calendar.end_of_day(calendar.add_months(calendar.local_date(now), months)) for months in (30, 35, 40)]
    await watch.at(end[0], lambda: watch.told("waiting_alarm") == 1)
    await watch.at(end[1], lambda: watch.told("waiting_alarm") == 2)
    await watch.at(end[2], lambda: watch.told("waiting_expired") == 1)


async def offer(theatre: Stage) -> None:
    watch, now = await listed(theatre)
    made = OfferMade(offer_id="offer-1", unit="汴京家园 1号楼101", expires_at=now)
    await watch.handle.signal("offer_made", made)
    await theatre.reached(lambda: watch.told("offer_made") == 1)
    await watch.at(calendar.days_after(now, 5), lambda: theatre.notes.offers == {"offer-1": "expired"})
    await theatre.reached(lambda: watch.told("struck_off") == 1)


async def signing(theatre: Stage) -> None:
    """Given to the lease by the waiting list."""
    watch, now = await listed(theatre)
    made = OfferMade(offer_id="offer-1", unit="汴京家园 1号楼101", expires_at=now)
    await watch.handle.signal("offer_made", made)
    await theatre.reached(lambda: watch.told("offer_made") == 1)
    said = {"offer_id": "offer-1", "accept": True, "actor": "c-somebody", "request_id": uuid.uuid4().hex}
    await watch.handle.execute_update("answer_offer", said, result_type=Accepted)
    await watch.handle.result()
    (lease_no,) = theatre.notes.drafted
    signed = Watch(theatre, theatre.client.get_workflow_handle(f"lease/{lease_no}"))
    start = calendar.start_of_day(calendar.local_date(calendar.days_after(now, 14)))
    await signed.at(start, lambda: signed.told("lease_sign_reminder") == 1)
    await signed.at(calendar.days_after(now, 14), lambda: signed.told("lease_lapsed") == 1)


async def deposit(theatre: Stage) -> None:
    handle = await lease(theatre)
    await sign(handle)
    bill = f"{handle.id.split('/')[1]}/deposit"
    await theatre.reached(lambda: bill in theatre.notes.bills)
    cycle = Watch(theatre, theatre.client.get_workflow_handle(rent_cycle.workflow_id(bill)))
    await cycle.at(calendar.days_after(await cycle.now(), 17), lambda: theatre.notes.bills[bill] == "arrears")
    await theatre.reached(lambda: cycle.told("lease_lapsed") == 1)


async def rent(theatre: Stage) -> Watch:
    _handle, no = await active_lease(theatre)
    bill = f"{no}/{calls_period(datetime.now(UTC).date(), 0)}"
    await theatre.reached(lambda: bill in theatre.notes.bills)
    return Watch(theatre, theatre.client.get_workflow_handle(rent_cycle.workflow_id(bill)))


async def late_rent(theatre: Stage) -> None:
    cycle = await rent(theatre)
    bill = cycle.handle.id.removeprefix("bill/")
    due = calendar.days_after(await cycle.now(), 19)
    await cycle.at(due, lambda: theatre.notes.bills[bill] == "overdue")
    await cycle.at(due + timedelta(days=2), lambda: cycle.told("bill_reminder") == 1)
    await cycle.at(due + timedelta(days=3), lambda: cycle.told("bill_reminder") == 2)
    await cycle.at(due + timedelta(days=7), lambda: theatre.notes.bills[bill] == "arrears")


async def bank_poll(theatre: Stage) -> None:
    cycle = await rent(theatre)
    await cycle.handle.signal("payment_opened", PaymentOpened(intent_id="i1"))
    await theatre.reached(lambda: True)
    start = await cycle.now()
    await cycle.at(start + timedelta(hours=2), lambda: theatre.notes.bank_asked == 1)
    await cycle.at(start + timedelta(hours=4), lambda: theatre.notes.bank_asked == 2)


CASES: dict[Callable[[Stage], Awaitable[None]], set[str]] = {
    lookups: {"lookup_wd"},
    lookup_pauses: {"lookup_first_retry_seconds", "lookup_max_retry_seconds"},
    street_review: {"working_days", "review_reminder_wd_before", "escalation_repeat_wd"},
    district_review: {"working_days"},
    city_review: {"working_days"},
    correction: {"correction_wd"},
    confirmation: {"confirmation_wd"},
    public_notice: {"public_notice_days"},
    objection: {"objection_review_wd"},
    waiting_limit: {"expires_at", "alarms_at"},
    offer: {"offer_open_days", "max_declines"},
    signing: {"sign_by"},
    deposit: {"due_days"},
    late_rent: {"due_days", "reminder_days", "arrears_days"},
    bank_poll: {"payment_poll_seconds"},
}


def test_every_clock_has_a_case() -> None:
    told = (application.Clocks, WaitingTerms, rent_cycle.Clocks)
    assert set().union(*CASES.values()) == {"working_days", "sign_by"}.union(*(model.model_fields for model in told))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
async def test_a_wait_ends_when_its_clock_says(theatre: Stage, case: Callable[[Stage], Awaitable[None]]) -> None:
    await case(theatre)


async def test_an_offer_is_thought_over_as_long_as_housing_says_when_that_is_longer(theatre: Stage) -> None:
    watch, now = await listed(theatre)
    until = now + timedelta(days=9)
    await watch.handle.signal("offer_made", OfferMade(offer_id="offer-1", unit="1-101", expires_at=until))
    await theatre.reached(lambda: watch.told("offer_made") == 1)
    await watch.at(until, lambda: theatre.notes.offers == {"offer-1": "expired"})


async def test_the_bank_says_nothing_to_a_bill_nobody_pays(theatre: Stage) -> None:
    cycle = await rent(theatre)
    theatre.notes.bank_says = lambda _: BillState(intent_state="paid", settled=True)
    await theatre.clock.advance(cycle.handle.id, timedelta(days=1))
    assert theatre.notes.bank_asked == 0


async def test_a_clock_that_does_not_move_says_what_it_waits_for(theatre: Stage) -> None:
    handle = await theatre.client.start_workflow("nobodys", id=f"nobodys/{uuid.uuid4()}", task_queue="nobodys")
    with pytest.raises(TimeoutError, match="waits for: its workflow task"):
        await SimulatedClock(theatre.client, patience=timedelta(seconds=2)).advance(handle.id, HOUR)
