"""Against the sandbox's bank, which was written from the protocol by other hands: orders, its page, its callbacks, its faults."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest_asyncio
from aiohttp import web
from anju_sandbox.app import Sandbox, sandbox
from anju_sandbox.servers import BANK
from anju_sandbox.settings import SandboxSettings
from chassis.errors import Refusal
from payments.tables import MIGRATIONS

from tests.conftest import MakeDatabase
from tests.services.payments.world import LEASE, HandBank, World, payments, refused
from tests.support.patience import eventually

BILL = f"{LEASE}/202612"


@dataclass
class Edge:
    """What the web edge does with a callback: passes on the bytes, and says SUCCESS only when they were accepted."""

    world: World | None = None
    received: int = 0

    async def callback(self, request: web.Request) -> web.Response:
        self.received += 1
        assert self.world is not None
        try:
            await self.world.deliver(await request.read())
        except Refusal as refusal:
            return web.Response(status=503, text=refusal.problem.reason)
        return web.Response(text="SUCCESS")


@dataclass
class City:
    world: World
    box: Sandbox
    edge: Edge

    async def pay(self, order_id: str) -> None:
        assert self.box.payments.pay(order_id) == "paid"


@asynccontextmanager
async def edge() -> AsyncIterator[tuple[Edge, str]]:
    target = Edge()
    app = web.Application()
    app.router.add_post("/callbacks/ccb", target.callback)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield target, f"http://127.0.0.1:{runner.addresses[0][1]}/callbacks/ccb"
    finally:
        await runner.cleanup()


@pytest_asyncio.fixture(loop_scope="session")
async def city(make_database: MakeDatabase, keys_dir: Path, tmp_path: Path) -> AsyncIterator[City]:
    async with edge() as (target, url):
        given = SandboxSettings.on_free_ports(tmp_path, bank_notify_url=url, callback_first_retry_seconds=0.2)
        async with sandbox(given, only=[BANK]) as box:
            file = tmp_path / "ccb.json"
            file.write_text(json.dumps({"base_url": box.urls[BANK], **box.credentials.bank.model_dump()}))
            async with payments(await make_database("payments", MIGRATIONS), keys_dir, file, HandBank(), bank_timeout_seconds=1.0) as world:
                target.world = world
                yield City(world, box, target)


async def test_a_tenant_pays_on_the_banks_page(city: City) -> None:
    await city.world.issue()
    intent = await city.world.start(BILL)
    async with aiohttp.ClientSession() as browser:
        page = await (await browser.get(intent.pay_url)).text()
        assert "350.00" in page
        assert "确认支付" in page
        await browser.post(intent.pay_url, data={"action": "confirm"})
    await city.world.wait_told("payment_posted", 1)
    assert (await city.world.bill(BILL)).state == "paid"
    assert city.box.payments.ledger.order(intent.id) is not None


async def test_duplicated_callbacks_post_once(city: City) -> None:
    city.box.payments.switches.duplicate_callbacks = 30
    await city.world.issue()
    intent = await city.world.start(BILL)
    await city.pay(intent.id)
    await eventually(lambda: city.edge.received >= 31)
    assert await city.world.transfers() == {"issue": 1, "payment": 1}
    assert await city.world.alarms() == {}


async def test_a_lost_callback_is_made_up_for_by_asking(city: City) -> None:
    city.box.payments.switches.drop_callbacks = 1
    await city.world.issue()
    intent = await city.world.start(BILL)
    assert (await city.world.confirm(intent.id)).intent.state == "opened"
    await city.pay(intent.id)
    confirmed = await city.world.confirm(intent.id)
    assert (confirmed.intent.state, confirmed.bill.state) == ("paid", "paid")
    # It was only late.
    city.box.payments.retry_now(intent.id)
    await eventually(lambda: city.edge.received >= 1)
    assert await city.world.transfers() == {"issue": 1, "payment": 1}


async def test_500_and_silence_though_captured(city: City) -> None:
    switches = city.box.payments.switches
    for index, name in enumerate(("answer_500_captured", "timeout_captured")):
        period = f"20270{index + 1}"
        switches.drop_callbacks = 1
        setattr(switches, name, 1)
        await city.world.issue(period)
        assert (await refused(city.world.start(f"{LEASE}/{period}"))).problem.reason == "BANK_UNAVAILABLE"
        assert (await refused(city.world.start(f"{LEASE}/{period}"))).problem.reason == "BILL_NOT_PAYABLE"
        assert (await city.world.bill(f"{LEASE}/{period}")).state == "paid"
    assert await city.world.transfers() == {"issue": 2, "payment": 2}
    taken = sum(order.payment_fen for order in city.box.payments.ledger.orders() if order.status == "paid")
    assert (await city.world.balances())["bank:ccb"] == taken, "the bank's book = our ledger"


async def test_the_order_the_bank_knows_is_the_order_we_asked_for(city: City) -> None:
    await city.world.issue()
    intents = await asyncio.gather(*(city.world.start(BILL) for _ in range(20)))
    orders = city.box.payments.ledger.orders()
    assert [order.order_id for order in orders] == [intents[0].id]
    assert (orders[0].payment_fen, orders[0].fields["REMARK1"]) == (35_000, BILL)


async def test_an_order_ends_at_the_bank_with_the_clock_of_its_bill(city: City) -> None:
    """What ``anju clock advance bill/…`` does: the payer cannot pay any more, and nobody asks the bank for half an hour."""
    world, moved = city.world, timedelta(days=25)
    await world.issue()
    intent = await world.start(BILL)
    assert city.box.payments.ledger.pass_time(BILL, moved) == 1
    assert city.box.payments.pay(intent.id) == "expired"
    assert (await world.confirm(intent.id, datetime.now(UTC) + moved)).intent.state == "expired"
    await city.pay((await world.start(BILL)).id)
    await world.wait_told("payment_posted", 1)
