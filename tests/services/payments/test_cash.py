"""Cash at a counter: taken by one, counted by another, brought to the bank; every step in the books."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from anju.payments.v1 import payments_pb2 as pb
from anju_contracts.lease import ArrearsPaid
from anju_contracts.rent_cycle import PaymentPosted
from chassis.identity import Caller

from tests.services.payments.world import DEPOSIT, DISTRICT, LEASE, OWNER, RENT, World, refused
from tests.support.facts import facts_agree
from tests.support.keys import citizen

BILL = f"{LEASE}/202612"
TILL = f"cash:{DISTRICT}"
TAKES = Caller("s-takes", "staff", ("house_manager",), (DISTRICT,))
COUNTS = Caller("s-counts", "staff", ("finance",), ("4102",))
ELSEWHERE = Caller("s-elsewhere", "staff", ("house_manager",), ("410203",))


async def take(world: World, fen: int = RENT, *, bill: str = BILL, key: str = "", caller: Caller = TAKES) -> pb.TakeCashResponse:
    request = pb.TakeCashRequest(idempotency_key=key or f"k{next(world.steps)}", bill_id=bill, amount_fen=fen)
    answer: pb.TakeCashResponse = await world.call("TakeCash", request, caller)
    return answer


async def count(world: World, fen: int, *, key: str = "", caller: Caller = COUNTS, point: str = DISTRICT) -> pb.CashCount:
    request = pb.CountCashRequest(idempotency_key=key or f"k{next(world.steps)}", point=point, counted_fen=fen)
    answer: pb.CountCashResponse = await world.call("CountCash", request, caller)
    return answer.count


async def deposit(world: World, id_: str, fen: int, slip: str = "S1", *, caller: Caller = COUNTS, key: str = "") -> pb.CashCount:
    request = pb.DepositCashRequest(idempotency_key=key or f"k{next(world.steps)}", count_id=id_, slip_no=slip, slip_fen=fen)
    answer: pb.DepositCashResponse = await world.call("DepositCash", request, caller)
    return answer.count


async def test_cash_from_the_counter_to_the_bank(world: World) -> None:
    await world.issue()
    taken = await take(world, key="once")
    assert (taken.bill.state, taken.bill.paid_fen, taken.credit_fen) == ("paid", RENT, 0)
    assert await take(world, key="once") == taken, "the same tap is the same receipt"
    assert await world.balances() == {TILL: RENT, "income:rent": -RENT}
    assert await world.wait_told("payment_posted", 1) == [(f"bill/{BILL}", PaymentPosted(bill_id=BILL, intent_id="", settled=True))]
    paper = await world.call("GetReceiptFile", pb.GetReceiptFileRequest(lease_no=LEASE, receipt_no=taken.receipt_no), citizen(OWNER))
    assert paper.file.startswith(b"%PDF-")
    desk: pb.GetCashDeskResponse = await world.call("GetCashDesk", pb.GetCashDeskRequest(), COUNTS)
    assert [(each.receipt_no, each.taken_by, each.amount_fen) for each in desk.taken] == [(taken.receipt_no, "s-takes", RENT)]
    counted = await count(world, RENT)
    assert (counted.expected_fen, counted.counted_fen, counted.receipts, counted.owner) == (RENT, RENT, 1, "")
    brought = await deposit(world, counted.id, RENT)
    assert (brought.slip_no, brought.slip_fen, brought.deposited_by) == ("S1", RENT, "s-counts")
    assert await world.balances() == {"bank:cash": RENT, "income:rent": -RENT}
    desk = await world.call("GetCashDesk", pb.GetCashDeskRequest(), COUNTS)
    assert (list(desk.taken), list(desk.counts)) == ([], [brought])
    assert await facts_agree("payments", world.database.url)


async def test_who_took_it_does_not_count_it(world: World) -> None:
    await world.issue()
    await world.issue("202701")
    await take(world)
    await take(world, bill=f"{LEASE}/202701", caller=COUNTS)
    for caller in (TAKES, COUNTS):
        assert (await refused(count(world, 2 * RENT, caller=caller))).problem.reason == "TOOK_IT_HIMSELF"
    # Nor under another account.
    again = Caller("s-again", "staff", ("finance",), ("4102",), person="index of who took")
    await world.issue("202702")
    await take(world, bill=f"{LEASE}/202702", caller=replace(TAKES, sub="s-other", person="index of who took"))
    assert (await refused(count(world, 3 * RENT, caller=again))).problem.reason == "TOOK_IT_HIMSELF"
    third = Caller("s-third", "staff", ("house_manager",), (DISTRICT,))
    assert (await count(world, 3 * RENT, caller=third)).receipts == 3
    assert (await refused(count(world, 0, caller=third))).problem.reason == "NO_CASH"


@pytest.mark.parametrize(("counted", "slip"), [(RENT - 100, RENT - 100), (RENT + 100, RENT + 100), (RENT, RENT - 100), (0, 0)])
async def test_what_is_short_or_over_is_held_and_somebody_follows_it_up(world: World, counted: int, slip: int) -> None:
    await world.issue()
    await take(world)
    found = await count(world, counted)
    assert (await world.balances()).get(TILL, 0) == counted
    brought = await deposit(world, found.id, slip)
    assert brought.owner == "s-counts"
    assert {name: sum_ for name, sum_ in (await world.balances()).items() if name != "income:rent"} == {
        name: sum_ for name, sum_ in {"bank:cash": slip, "suspense": RENT - slip}.items() if sum_
    }, "the till is empty, and the difference is in suspense"
    assert await facts_agree("payments", world.database.url)


async def test_a_slip_is_used_once_and_a_count_deposited_once(world: World) -> None:
    for number in (1, 2):
        await world.issue(f"20270{number}")
    await take(world, bill=f"{LEASE}/202701")
    first = await count(world, RENT)
    await take(world, bill=f"{LEASE}/202702")
    second = await count(world, RENT)
    await deposit(world, first.id, RENT, "S1")
    assert (await refused(deposit(world, first.id, RENT, "S2"))).problem.reason == "ALREADY_DEPOSITED"
    assert (await refused(deposit(world, second.id, RENT, "S1"))).problem.reason == "SLIP_USED"
    assert (await refused(deposit(world, second.id, RENT, " "))).problem.reason == "INVALID_FIELDS"
    assert (await world.balances())[TILL] == RENT
    await deposit(world, second.id, RENT, "S2")
    assert TILL not in await world.balances()


async def test_part_of_a_bill_more_than_a_bill_and_several_months_at_once(world: World) -> None:
    await world.issue()
    part = await take(world, 10_000)
    assert (part.bill.state, part.bill.paid_fen) == ("open", 10_000)
    rest = await take(world, 2 * RENT - 10_000 + 500)
    assert (rest.bill.state, rest.credit_fen) == ("paid", RENT + 500)
    next_ = await world.issue("202701")
    assert (next_.state, next_.credit_fen) == ("paid", RENT)
    assert (await world.balances())[f"credit:{LEASE}"] == -500
    assert (await refused(take(world))).problem.reason == "BILL_NOT_PAYABLE"


async def test_a_deposit_takes_no_more_than_it_is(world: World) -> None:
    bill = await world.issue("")
    assert (await refused(take(world, DEPOSIT + 1, bill=bill.id))).problem.reason == "BILL_NOT_PAYABLE"
    assert (await take(world, DEPOSIT, bill=bill.id)).bill.state == "paid"


async def test_cash_for_arrears_is_told_to_the_lease(world: World) -> None:
    await world.issue()
    await world.mark(BILL, "overdue")
    await world.mark(BILL, "arrears")
    await take(world)
    assert await world.wait_told("arrears_paid", 1) == [(f"lease/{LEASE}", ArrearsPaid(bill_id=BILL, amount_fen=RENT))]
    assert await facts_agree("payments", world.database.url)


async def test_two_clerks_at_once_settle_a_bill_once(world: World) -> None:
    await world.issue()
    answers = await asyncio.gather(*(take(world, RENT) for _ in range(4)), return_exceptions=True)
    assert sum(isinstance(each, pb.TakeCashResponse) for each in answers) == 1
    counts = await asyncio.gather(*(count(world, RENT) for _ in range(4)), return_exceptions=True)
    assert sum(isinstance(each, pb.CashCount) for each in counts) == 1
    assert await world.balances() == {TILL: RENT, "income:rent": -RENT}


@pytest.mark.parametrize("fen", [0, -1, 10_000_001])
async def test_amounts_nobody_hands_over(world: World, fen: int) -> None:
    await world.issue()
    assert [field.pointer for field in (await refused(take(world, fen))).fields] == ["/amount_fen"]


async def test_a_till_is_of_its_place(world: World) -> None:
    await world.issue()
    assert (await refused(take(world, caller=ELSEWHERE))).problem.reason == "NOT_FOUND"
    assert (await refused(take(world, caller=citizen(OWNER)))).problem.reason == "NOT_ALLOWED"
    await take(world)
    assert (await refused(count(world, RENT, caller=ELSEWHERE))).problem.reason == "NOT_FOUND"
    assert (await refused(count(world, RENT, point="4102"))).problem.reason == "NOT_FOUND"
    found = await count(world, RENT)
    assert (await refused(deposit(world, found.id, RENT, caller=ELSEWHERE))).problem.reason == "NOT_FOUND"
    desk: pb.GetCashDeskResponse = await world.call("GetCashDesk", pb.GetCashDeskRequest(), ELSEWHERE)
    assert (list(desk.taken), list(desk.counts)) == ([], [])
