"""Composition root of payments: wires the real objects; tests pass their own settings."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import aiohttp
from anju.payments.v1 import payments_pb2 as pb
from anju.payments.v1 import payments_pb2_grpc as rpc
from anju_contracts import lease, rent_cycle
from anju_contracts.base import Model
from casekit import tell
from casekit.engine import Engine, Standing, TemporalEngine
from casekit.tell import Tellings
from chassis import logs, temporal
from chassis.crypto import KeyRing
from chassis.db import Database
from chassis.grpc_client import Client
from chassis.grpc_server import GrpcServer, serving
from chassis.outbox import Handler, Outbox
from chassis.service import signer, verifier

from payments import store, tables
from payments.cashier import Cashier
from payments.providers.ccb import CcbAccount, CcbBank
from payments.servicer import PaymentsServicer
from payments.settings import Settings

_log = logs.get(__name__)

NAME = "payments"
FIELD_KEYS = "field-keys.json"
SERVICE = pb.DESCRIPTOR.services_by_name["PaymentsService"].full_name
# How often the bank is asked about orders that ended without a word.
OLD_ORDERS_SECONDS: Final = 60.0


def _wall_clock() -> datetime:
    return datetime.now(UTC)


@asynccontextmanager
async def application(
    settings: Settings, *, engine: Engine | None = None, now: Callable[[], datetime] = _wall_clock
) -> AsyncIterator[GrpcServer]:
    """Serves until the block ends. Raises RuntimeError without a usable bank account file. ``engine`` and ``now`` stand in for Temporal and the
    wall clock in tests."""
    account = CcbAccount.load(settings.ccb_file)
    async with AsyncExitStack() as stack:
        database = Database(settings.database_url, pool_size=settings.database_pool_size, application=NAME)
        stack.push_async_callback(database.close)
        if engine is None:
            # Lazy: bills are served and callbacks taken while Temporal is away.
            engine = TemporalEngine(await temporal.connect(settings, lazy=True))
        notifications = Client(settings.notifications_address, signer(settings, NAME))
        stack.push_async_callback(notifications.close)
        tellings = Tellings(KeyRing.load_or_create(settings.keys_dir / FIELD_KEYS), notifications)
        outbox = Outbox(
            database,
            tables.Outbox,
            {
                rent_cycle.PAYMENT_OPENED: _teller(engine, rent_cycle.PAYMENT_OPENED, rent_cycle.PaymentOpened, _bill_over(database)),
                rent_cycle.PAYMENT_POSTED: _teller(engine, rent_cycle.PAYMENT_POSTED, rent_cycle.PaymentPosted, _bill_over(database)),
                lease.ARREARS_PAID: _teller(engine, lease.ARREARS_PAID, lease.ArrearsPaid, _lease_over),
                tell.TELL: tellings.deliver,
            },
        )
        await outbox.start()
        stack.push_async_callback(outbox.stop)
        timeout = aiohttp.ClientTimeout(total=settings.bank_timeout_seconds)
        bank = CcbBank(account, await stack.enter_async_context(aiohttp.ClientSession(timeout=timeout)))
        cashier = Cashier(database, outbox, bank, timedelta(minutes=settings.payment_minutes), now)
        await stack.enter_async_context(_asking_about_old_orders(cashier))
        server = GrpcServer(SERVICE, verifier(settings), host=settings.host, port=settings.port, drain_seconds=settings.drain_seconds)
        rpc.add_PaymentsServiceServicer_to_server(PaymentsServicer(database, cashier, outbox, tellings, bank, now), server.server)
        yield await stack.enter_async_context(serving(server, database.ping))


@asynccontextmanager
async def _asking_about_old_orders(cashier: Cashier) -> AsyncIterator[None]:
    async def ask() -> None:
        while True:
            await asyncio.sleep(OLD_ORDERS_SECONDS)
            try:
                await cashier.ask_about_old_orders()
            except Exception:
                _log.exception("old_orders_round_failed")

    task = asyncio.create_task(ask(), name="old orders")
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def _teller(engine: Engine, name: str, model: type[Model], over: Callable[[str, Standing], Awaitable[bool]]) -> Handler:
    async def signal(payload: dict[str, Any]) -> None:
        standing = await engine.tell(payload["to"], name, model.model_validate(payload["said"]))
        # Nobody has heard of it. Where the matter is over nobody has to; else it is told again.
        if standing is not Standing.OPEN and not await over(payload["to"], standing):
            raise RuntimeError(f"{payload['to']} is {standing.value} and has not heard {name}")

    return signal


def _bill_over(database: Database) -> Callable[[str, Standing], Awaitable[bool]]:
    async def over(workflow_id: str, _standing: Standing) -> bool:
        """A bill's workflow ends with the bill, which the record knows."""
        async with database.transaction() as session:
            found = await store.bill(session, workflow_id.removeprefix(rent_cycle.workflow_id("")))
        return found is not None and found.state in rent_cycle.MOVES.ends

    return over


async def _lease_over(_workflow_id: str, standing: Standing) -> bool:
    """The record of a lease is housing's: here only its workflow's own end counts."""
    return standing is Standing.CLOSED
