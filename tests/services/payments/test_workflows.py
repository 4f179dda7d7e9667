"""What has been recorded about money is told to its workflow: until it has heard, or until nobody needs to hear it any more."""

from __future__ import annotations

import asyncio

import pytest
from anju.payments.v1 import payments_pb2 as pb
from casekit.engine import Standing

from tests.services.payments.world import LEASE, NOW, World, refused

BILL = f"{LEASE}/202612"


async def undelivered(world: World) -> list[str]:
    return [kind for (kind,) in await world.sql("SELECT kind FROM outbox WHERE done_at IS NULL AND kind LIKE 'payment%'")]


@pytest.mark.parametrize("standing", [Standing.UNKNOWN, Standing.CLOSED])
async def test_a_word_nobody_has_heard_is_not_done_while_its_bill_is_open(world: World, standing: Standing) -> None:
    """A workflow that is not there (a database restored behind the engine, a mistake of an operator) must not swallow it."""
    world.notes.says = standing
    await world.issue("202612")
    await world.start(BILL)
    async with asyncio.timeout(20):
        while not await world.sql("SELECT 1 FROM outbox WHERE kind = 'payment_opened' AND attempts > 0"):
            await asyncio.sleep(0.05)
    assert await undelivered(world) == ["payment_opened"]
    world.notes.says = Standing.OPEN
    await world.wait_told("payment_opened", 1)


async def test_a_bill_that_is_over_needs_no_word(world: World) -> None:
    await world.issue("202612")
    await world.start(BILL)
    await world.wait_told("payment_opened", 1)
    world.notes.says = Standing.CLOSED
    await world.sql("UPDATE bills SET state = 'arrears' WHERE id = :id", id=BILL)
    await world.sql("UPDATE outbox SET done_at = NULL, next_try_at = now() WHERE kind = 'payment_opened'")
    async with asyncio.timeout(20):
        while await undelivered(world):
            await asyncio.sleep(0.05)


async def test_a_bills_workflow_is_believed_nothing_about_money(world: World) -> None:
    """It may have been told anything: that the bill is paid, or that an order of another bill is its own."""
    await world.issue("202612")
    await world.issue("202701")
    other = await world.start(f"{LEASE}/202701")
    assert (await refused(world.confirm(other.id, bill_id=BILL))).problem.reason == "NOT_FOUND"
    assert (await refused(world.confirm("P-made-up", bill_id=BILL))).problem.reason == "NOT_FOUND"

    async def say_paid() -> str:
        step = world.next_step("bill/x/1/paid", NOW)
        step.tell.add(template="bill_paid")
        return (await world.step("MarkBill", pb.MarkBillRequest(bill_id=BILL, step=step, state="paid"))).bill.state

    assert await say_paid() == "open"
    assert await world.sql("SELECT 1 FROM outbox WHERE kind = 'tell' AND payload->>'key' LIKE '%bill_paid'") == []
    await world.called_back(await world.start(BILL))
    assert [await say_paid(), await say_paid()] == ["paid", "paid"]
    assert len(await world.sql("SELECT 1 FROM outbox WHERE kind = 'tell' AND payload->>'key' LIKE '%bill_paid'")) == 1
