"""Composition root of payments: wires the real objects; tests pass their own settings."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final

import aiohttp
from anju.facts.v1.facts_pb2_grpc import add_FactsServiceServicer_to_server
from anju.operators.v1.operators_pb2_grpc import add_OperatorsServiceServicer_to_server
from anju.payments.v1 import payments_pb2 as pb
from anju.payments.v1 import payments_pb2_grpc as rpc
from anju.reads.v1.reads_pb2_grpc import add_ReadsServiceServicer_to_server
from anju.repair.v1.repair_pb2_grpc import add_RepairServiceServicer_to_server
from anju_contracts import lease, rent_cycle
from anju_contracts.base import Model
from casekit.blocked import SERVICE as REPAIR
from casekit.blocked import Keeper, RepairServicer, watching
from casekit.engine import Engine, Standing, TemporalEngine
from casekit.exports import Exports
from casekit.facts import SERVICE as FACTS
from casekit.facts import FactsServicer
from casekit.operator_steps import SERVICE as OPERATORS
from casekit.operator_steps import OperatorsServicer, OperatorSteps
from casekit.reads import ALARM, Limits, Reads, ReadsServicer, telling_auditors
from casekit.reads import SERVICE as READS
from casekit.tell import TELL, Tellings
from chassis import temporal
from chassis.composition import composing
from chassis.db import Database
from chassis.grpc_server import GrpcServer
from chassis.outbox import Handler
from chassis.rounds import every

from payments import reach, store, tables
from payments.accounts import Accounts
from payments.again import Bills
from payments.cashier import Cashier
from payments.counter import Counter
from payments.providers.ccb import CcbAccount, CcbBank
from payments.servicer import PaymentsServicer
from payments.settings import Settings

NAME = "payments"
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
    async with composing(settings, NAME) as made:
        database = made.database
        if engine is None:
            # Lazy: bills are served and callbacks taken while Temporal is away.
            engine = TemporalEngine(await temporal.connect(settings, settings.clocks(), lazy=True))
        notifications = made.client("notifications")
        tellings = Tellings(made.ring, notifications)
        handlers: dict[str, Handler] = {
            rent_cycle.PAYMENT_OPENED: _teller(engine, rent_cycle.PAYMENT_OPENED, rent_cycle.PaymentOpened, _bill_over(database)),
            rent_cycle.PAYMENT_POSTED: _teller(engine, rent_cycle.PAYMENT_POSTED, rent_cycle.PaymentPosted, _bill_over(database)),
            lease.ARREARS_PAID: _teller(engine, lease.ARREARS_PAID, lease.ArrearsPaid, _lease_over),
            TELL: tellings.deliver,
            ALARM: telling_auditors(notifications),
        }
        outbox = made.outbox(tables.Outbox, handlers)
        timeout = aiohttp.ClientTimeout(total=settings.bank_timeout_seconds)
        bank = CcbBank(account, await made.beside(aiohttp.ClientSession(timeout=timeout)))
        cashier = Cashier(database, outbox, bank, timedelta(minutes=settings.payment_minutes), now)
        await made.beside(every(OLD_ORDERS_SECONDS, cashier.ask_about_old_orders, "old orders"))
        reads = Reads(database, Limits.of(settings), Exports(database, made.ring))
        accounts = Accounts(database, made.ring, reads, settings.public_url, now)
        counter = Counter(database, cashier, reads, now)
        servicer = PaymentsServicer(database, cashier, outbox, tellings, bank, now, reads, accounts, counter)
        made.alarms({"bulk_reads": reads.alarmed})
        steps = OperatorSteps(tables.OperatorStep, made.ring, NAME)
        by_hand = OperatorsServicer(database, steps, outbox, reads)
        more: dict[str, Callable[[Any], None]] = {
            FACTS: partial(add_FactsServiceServicer_to_server, FactsServicer(database)),
            OPERATORS: partial(add_OperatorsServiceServicer_to_server, by_hand),
            READS: partial(add_ReadsServiceServicer_to_server, ReadsServicer(reads, NAME, reach.may_see_reads)),
        }
        if isinstance(engine, TemporalEngine):
            keeper = Keeper(
                database,
                engine,
                tables.Repair,
                [Bills(now, separate_queues=settings.separate_queues)],
                steps,
            )
            await made.beside(watching(keeper, settings.watch_seconds))
            more[REPAIR] = partial(add_RepairServiceServicer_to_server, RepairServicer(keeper))
        yield await made.serve(SERVICE, rpc.add_PaymentsServiceServicer_to_server, servicer, more=more)


def _teller(engine: Engine, name: str, model: type[Model], over: Callable[[str, Standing], Awaitable[bool]]) -> Handler:
    async def signal(payload: dict[str, Any]) -> None:
        standing = await engine.tell(payload["to"], name, model.model_validate(payload["said"]))
        # Nobody has heard of it. Where the matter is over nobody has to; else it is told again.
        if standing is not Standing.OPEN and not await over(payload["to"], standing):
            raise RuntimeError(f"{payload['to']} is {standing.value} and has not heard {name}")

    return signal


def _bill_over(database: Database) -> Callable[[str, Standing], Awaitable[bool]]:
    async def over(workflow_id: str, standing: Standing) -> bool:
        """A bill's workflow ends with the bill, which the record knows. One that was ended before it by somebody else has not told the lease: it is
        started again for that."""
        async with database.transaction() as session:
            found = await store.lock_bill(session, workflow_id.removeprefix(rent_cycle.workflow_id("")))
            ended = found is not None and found.state in rent_cycle.MOVES.ends
            if found is not None and ended and standing is Standing.BROKEN and found.blocked_at is None:
                found.blocked_at = datetime.now(UTC)
        return ended

    return over


async def _lease_over(_workflow_id: str, standing: Standing) -> bool:
    """The record of a lease is housing's: here only its workflow's own end counts."""
    return standing is Standing.CLOSED
