"""Composition root of payments: wires the real objects; tests pass their own settings."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
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
from chassis.outbox import Outbox
from chassis.service import signer, verifier
from sqlalchemy.ext.asyncio import AsyncSession

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
                rent_cycle.PAYMENT_OPENED: _teller(engine, database, rent_cycle.PAYMENT_OPENED, rent_cycle.PaymentOpened),
                rent_cycle.PAYMENT_POSTED: _teller(engine, database, rent_cycle.PAYMENT_POSTED, rent_cycle.PaymentPosted),
                lease.ARREARS_PAID: _teller(engine, database, lease.ARREARS_PAID, lease.ArrearsPaid),
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


def _teller(engine: Engine, database: Database, name: str, model: type[Model]) -> Any:
    async def signal(payload: dict[str, Any]) -> None:
        standing = await engine.tell(payload["to"], name, model.model_validate(payload["said"]))
        if standing is Standing.OPEN:
            return
        async with database.transaction() as session:
            over = await _over(session, payload["to"], standing)
        # Nobody has heard of it. Where the matter is over nobody has to; else it is told again.
        if not over:
            raise RuntimeError(f"{payload['to']} is {standing.value} and has not heard {name}")

    return signal


async def _over(session: AsyncSession, workflow_id: str, standing: Standing) -> bool:
    """Whether nobody is left who needs the word: a bill's workflow ends with the bill, a lease's when the household has moved out."""
    kind, _, record = workflow_id.partition("/")
    if kind != rent_cycle.workflow_id("").rstrip("/"):
        return standing is Standing.CLOSED
    found = await store.bill(session, record)
    return found is not None and found.state in rent_cycle.MOVES.ends
