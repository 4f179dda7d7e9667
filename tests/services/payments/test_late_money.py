"""Money that comes when nobody asks for it any more: it is found, it is the tenant's, and people are told to look at it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from anju_contracts.lease import ArrearsPaid
from payments import app
from payments.tables import MIGRATIONS

from tests.conftest import MakeDatabase
from tests.services.payments.world import DEPOSIT, LEASE, RENT, World, account_file, hand_bank, payments
from tests.support.facts import facts_agree
from tests.support.patience import eventually

BILL = f"{LEASE}/202612"


@pytest_asyncio.fixture(loop_scope="session")
async def world(make_database: MakeDatabase, keys_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    """A service that looks after its old orders without a pause."""
    monkeypatch.setattr(app, "OLD_ORDERS_SECONDS", 0.02)
    async with hand_bank() as bank:
        file = account_file(tmp_path, bank.url)
        async with payments(await make_database("payments", MIGRATIONS), keys_dir, file, bank, bank_timeout_seconds=1.0) as running:
            yield running


async def becomes(look: Callable[[], Awaitable[object]], wanted: object) -> None:
    await eventually(look, lambda found: found == wanted, what=repr(wanted))


async def to_arrears(world: World, bill_id: str) -> None:
    await world.mark(bill_id, "overdue")
    await world.mark(bill_id, "arrears")


async def test_a_rent_in_arrears_whose_callback_is_lost_is_found_paid(world: World) -> None:
    """Its workflow has ended with the arrears: nobody else would ask the bank."""
    await world.issue()
    await to_arrears(world, BILL)
    intent = await world.start(BILL)
    world.bank.paid[intent.id] = "350.00"
    world.clock.ahead = timedelta(hours=1)

    async def state() -> object:
        return (await world.bill(BILL)).state

    await becomes(state, "paid")
    assert await world.balances() == {"bank:ccb": RENT, "income:rent": -RENT}
    assert await world.called_back(intent) == "repeated"
    assert await world.alarms() == {}
    # The bill's workflow ended with the arrears: the lease's tells the household.
    assert await world.wait_told("arrears_paid", 1) == [(f"lease/{LEASE}", ArrearsPaid(bill_id=BILL, amount_fen=RENT))]
    assert await facts_agree("payments", world.database.url)


async def test_a_deposit_paid_after_its_lease_lapsed_is_the_tenants_and_somebody_is_told(world: World) -> None:
    bill = await world.issue("")
    intent = await world.start(bill.id)
    world.clock.ahead = timedelta(hours=1)

    async def states() -> object:
        return await world.sql("SELECT state FROM intents")

    await becomes(states, [("expired",)])
    await to_arrears(world, bill.id)
    # The bank finds the money after it had said that there was none.
    assert await world.called_back(intent) == "posted"
    await becomes(world.balances, {"bank:ccb": DEPOSIT, f"credit:{LEASE}": -DEPOSIT})
    assert await world.alarms() == {"deposit_after_lapse": 1}
    assert await facts_agree("payments", world.database.url)


async def test_a_bill_paid_twice_is_credit_and_somebody_is_told(world: World) -> None:
    await world.issue()
    first = await world.start(BILL)
    world.clock.ahead = timedelta(hours=1)

    async def states() -> object:
        return await world.sql("SELECT state FROM intents ORDER BY id")

    await becomes(states, [("expired",)])
    second = await world.start(BILL)
    assert await world.called_back(first) == "posted"
    assert await world.alarms() == {}
    assert await world.called_back(second) == "posted"
    assert await world.called_back(second) == "repeated"
    assert await world.balances() == {"bank:ccb": 2 * RENT, "income:rent": -RENT, f"credit:{LEASE}": -RENT}
    assert await world.alarms() == {"paid_again": 1}
    assert await facts_agree("payments", world.database.url)


async def test_an_order_in_time_is_left_alone_and_a_silent_bank_ends_none(world: World) -> None:
    await world.issue()
    intent = await world.start(BILL)
    world.bank.paid[intent.id] = "350.00"
    asked = list(world.bank.asked)
    await asyncio.sleep(0.2)
    assert world.bank.asked == asked, "the bill's workflow asks while the order runs"
    world.bank.query_body = b"<html>busy</html>"
    world.clock.ahead = timedelta(hours=1)

    async def asked_again() -> object:
        return len(world.bank.asked) >= len(asked) + 3

    await becomes(asked_again, True)
    assert await world.sql("SELECT state FROM intents") == [("opened",)]
    world.bank.query_body = None

    async def state() -> object:
        return (await world.bill(BILL)).state

    await becomes(state, "paid")
