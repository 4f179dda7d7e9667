"""Deadlines: the time the bank had the money decides, not the time we heard of it; and an order lives on the clock of its bill."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from anju.common.v1 import common_pb2 as common
from anju.payments.v1 import payments_pb2 as pb
from anju_calendar import SHANGHAI
from anju_contracts.lease import ArrearsPaid

from tests.services.payments.world import LEASE, RENT, World, refused
from tests.support.facts import facts_agree

BILL = f"{LEASE}/202612"
WINDOW = timedelta(minutes=30)
OVER = WINDOW + timedelta(minutes=3)
MOVED = timedelta(days=25)


def wall() -> datetime:
    return datetime.now(UTC)


def at(answer: pb.Bill) -> datetime:
    return answer.paid_at.ToDatetime(tzinfo=UTC)


async def test_a_rent_is_not_written_to_arrears_while_the_bank_may_be_taking_the_money(world: World) -> None:
    await world.issue()
    await world.mark(BILL, "overdue")
    intent = await world.start(BILL)
    answer = await world.marked(BILL, "arrears", "last", wall())
    assert (answer.order_open, answer.bill.state) == (True, "overdue")
    world.bank.paid[intent.id] = "350.00"
    assert (await world.confirm(intent.id, wall())).bill.state == "paid"
    answer = await world.marked(BILL, "arrears", "last", wall())
    assert (answer.order_open, answer.bill.state) == (False, "paid")
    assert world.notes.told("arrears_paid") == []


@pytest.mark.parametrize("asked", [True, False])
async def test_an_unpaid_order_holds_a_rent_no_longer_than_its_own_time(world: World, asked: bool) -> None:
    await world.issue()
    await world.mark(BILL, "overdue")
    intent = await world.start(BILL)
    assert (await world.marked(BILL, "arrears", "last", wall())).order_open
    world.clock.ahead = OVER
    if asked:
        assert (await world.confirm(intent.id, wall() + OVER)).intent.state == "expired"
    answer = await world.marked(BILL, "arrears", "last", wall() + OVER)
    assert (answer.order_open, answer.bill.state) == (False, "arrears")
    assert await world.marked(BILL, "arrears", "last", wall() + OVER) == answer


async def test_a_deposit_is_waited_for_until_the_bank_has_answered(world: World) -> None:
    """Its home would go to another household, and that cannot be taken back."""
    bill = await world.issue("")
    intent = await world.start(bill.id)
    await world.mark(bill.id, "overdue")
    world.clock.ahead = OVER
    assert (await world.marked(bill.id, "arrears", "last")).order_open
    assert (await world.confirm(intent.id)).intent.state == "expired"
    assert (await world.marked(bill.id, "arrears", "last")).bill.state == "arrears"
    assert await world.balances() == {}


@pytest.mark.parametrize("told_by", ["callback", "query"])
async def test_arrears_are_taken_back_when_the_bank_had_the_money_before(world: World, told_by: str) -> None:
    await world.issue()
    await world.mark(BILL, "overdue")
    intent = await world.start(BILL)
    world.bank.paid[intent.id] = "350.00"
    world.bank.query_body = b"<html>busy</html>"
    world.clock.ahead = OVER
    assert (await refused(world.confirm(intent.id))).problem.reason == "BANK_UNAVAILABLE"
    written = wall() + OVER
    assert (await world.marked(BILL, "arrears", as_of=written)).bill.state == "arrears"
    world.bank.query_body, world.clock.ahead = None, timedelta(days=3)
    if told_by == "callback":
        assert await world.called_back(intent) == "posted"
    else:
        await world.confirm(intent.id, wall() + timedelta(days=3))
    bill = await world.bill(BILL)
    assert (bill.state, bill.paid_fen) == ("paid", RENT)
    assert at(bill) <= wall() + WINDOW < written
    assert await world.balances() == {"bank:ccb": RENT, "income:rent": -RENT}
    said = ArrearsPaid(bill_id=BILL, amount_fen=RENT, in_time=True)
    assert await world.wait_told("arrears_paid", 1) == [(f"lease/{LEASE}", said)]
    assert await facts_agree("payments", world.database.url)


async def test_money_that_went_to_the_bank_after_the_arrears_is_late(world: World) -> None:
    await world.issue()
    await world.mark(BILL, "overdue")
    await world.mark(BILL, "arrears", as_of=wall())
    intent = await world.start(BILL)
    world.bank.paid[intent.id] = "350.00"
    await world.confirm(intent.id, wall())
    assert await world.wait_told("arrears_paid", 1) == [(f"lease/{LEASE}", ArrearsPaid(bill_id=BILL, amount_fen=RENT))]
    assert await facts_agree("payments", world.database.url)


async def test_the_bank_took_the_money_before_the_day_it_booked_it_on_was_over(world: World) -> None:
    await world.issue()
    evening = datetime.now(SHANGHAI).replace(hour=23, minute=50, second=0, microsecond=0) + timedelta(days=1)
    world.clock.ahead = evening - wall()
    intent = await world.start(BILL)
    world.bank.paid[intent.id], world.bank.account_date = "350.00", f"{evening:%Y%m%d}"
    bill = (await world.confirm(intent.id, evening + timedelta(hours=5))).bill
    assert at(bill) == evening + timedelta(minutes=10), "midnight in China, though the order had twenty minutes more"


async def test_an_order_ends_when_the_clock_of_its_bill_passes_its_end(world: World) -> None:
    """Half an hour at the bank is a moment for a bill whose clock is moved by weeks: the workflow asks four times, not four thousand."""
    await world.issue(step=world.next_step(as_of=wall() + MOVED))
    first = await world.start(BILL)
    order = world.bank.orders[first.id]
    assert datetime.strptime(order["TIMEOUT"] + "+0800", "%Y%m%d%H%M%S%z") <= wall() + WINDOW, "the bank knows its own clock"
    for minutes, state in ((10, "opened"), (20, "opened"), (31, "opened"), (33, "expired")):
        assert (await world.confirm(first.id, wall() + MOVED + timedelta(minutes=minutes))).intent.state == state
    second = await world.start(BILL)
    assert second.id != first.id
    assert (await world.start(BILL)).id == second.id, "on the clock as it is, the second has its whole time"
    assert (await world.confirm(second.id, wall() + MOVED + timedelta(minutes=33))).intent.state == "opened"


async def test_money_taken_before_the_clock_was_moved_is_in_time(world: World) -> None:
    await world.issue()
    intent = await world.start(BILL)
    world.bank.paid[intent.id] = "350.00"
    world.bank.query_body = b"<html>busy</html>"
    moved = wall() + MOVED
    await world.mark(BILL, "overdue", as_of=moved - timedelta(days=10))
    assert (await world.marked(BILL, "arrears", as_of=moved)).bill.state == "arrears"
    world.bank.query_body = None
    assert await world.called_back(intent) == "posted"
    ((_, said),) = await world.wait_told("arrears_paid", 1)
    assert said == ArrearsPaid(bill_id=BILL, amount_fen=RENT, in_time=True)
    assert at(await world.bill(BILL)) <= wall() + WINDOW


async def test_money_that_comes_at_once_is_dated_on_the_clock_of_its_bill(world: World) -> None:
    await world.issue(step=world.next_step(as_of=wall() + MOVED))
    assert await world.called_back(await world.start(BILL)) == "posted"
    assert abs(at(await world.bill(BILL)) - (wall() + MOVED)) < timedelta(minutes=1)


async def test_clocks_of_machines_that_differ_and_late_calls_move_no_bill(world: World) -> None:
    await world.issue(step=world.next_step(as_of=wall() + timedelta(minutes=5)))
    intent = await world.start(BILL)
    await world.confirm(intent.id, wall() + timedelta(minutes=9))
    await world.confirm(intent.id, wall() - timedelta(days=3))
    assert await world.sql("SELECT b.ahead, i.ahead FROM bills b JOIN intents i ON i.bill_id = b.id") == [(timedelta(), timedelta())]
    await world.confirm(intent.id, wall() + MOVED)
    await world.confirm(intent.id, wall())
    ((ahead,),) = await world.sql("SELECT ahead FROM bills")
    assert abs(ahead - MOVED) < timedelta(minutes=1), "no clock goes back"


async def test_what_a_step_tells_is_written_down_with_it_once(world: World) -> None:
    def step(step_id: str, template: str) -> common.Step:
        made = world.next_step(step_id)
        made.tell.add(template=template).values["amount"].fen = RENT
        return made

    async def told() -> list[str]:
        return [key for (key,) in await world.sql("SELECT payload ->> 'key' FROM outbox WHERE kind = 'tell' ORDER BY id")]

    for _ in range(2):
        await world.issue(step=step("s/1/issued", "bill_issued"))
        request = pb.MarkBillRequest(bill_id=BILL, step=step("s/2/became_overdue", "bill_overdue"), state="overdue")
        await world.step("MarkBill", request)
    wanted = ["s/1/issued/tell-bill_issued", "s/2/became_overdue/tell-bill_overdue"]
    assert await told() == wanted
    await world.start(BILL)
    answer = await world.step("MarkBill", pb.MarkBillRequest(bill_id=BILL, step=step("s/3/arrears", "bill_arrears"), state="arrears"))
    assert answer.order_open
    assert await told() == wanted, "what was not done is not told"
