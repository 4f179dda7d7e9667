"""Composition root of casework: wires the real objects; tests pass their own settings."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import Any

import anju_profile
from anju.casework.v1 import casework_pb2_grpc as rpc
from anju.facts.v1.facts_pb2_grpc import add_FactsServiceServicer_to_server
from anju.operators.v1.operators_pb2_grpc import add_OperatorsServiceServicer_to_server
from anju.reads.v1.reads_pb2_grpc import add_ReadsServiceServicer_to_server
from anju.repair.v1.repair_pb2_grpc import add_RepairServiceServicer_to_server
from anju_people.index import PersonIndex
from casekit.blocked import SERVICE as REPAIR
from casekit.blocked import Keeper, RepairServicer, watching
from casekit.engine import Engine, TemporalEngine
from casekit.exports import Exports
from casekit.facts import SERVICE as FACTS
from casekit.facts import FactsServicer
from casekit.operator_steps import SERVICE as OPERATORS
from casekit.operator_steps import OperatorsServicer, OperatorSteps
from casekit.reads import ALARM, Limits, Reads, ReadsServicer, telling_auditors
from casekit.reads import SERVICE as READS
from casekit.tell import TELL, Tellings
from casekit.words import SETTLE_WORD, Words
from chassis import temporal
from chassis.composition import composing
from chassis.grpc_server import GrpcServer
from chassis.outbox import Handler
from chassis.rounds import every

from casework import tables
from casework.again import Cases
from casework.drafts import PRUNE_SECONDS, Drafts
from casework.numbers import caught_up
from casework.parts import Parts
from casework.process import START_APPLICATION, WAITING_BEGUN, Process
from casework.reading import Reading
from casework.servicer import SERVICE, CaseworkServicer
from casework.settings import Settings
from casework.vault import Vault
from casework.words import KINDS

NAME = "casework"


@asynccontextmanager
async def application(settings: Settings, *, engine: Engine | None = None) -> AsyncIterator[GrpcServer]:
    """Serves until the block ends. ``engine`` stands in for Temporal in tests."""
    async with composing(settings, NAME) as made:
        # Lazily: casework takes applications in and shows them while the engine is away; the outbox starts them when it is back.
        if engine is None:
            client = await temporal.connect(settings, settings.clocks(), lazy=True)
            await made.beside(caught_up(client, made.database))
            engine = TemporalEngine(client)
        words = Words(made.database, tables.Word, tables.Outbox, engine, made.ring, KINDS)
        notifications = made.client("notifications")
        tellings = Tellings(made.ring, notifications)
        handlers: dict[str, Handler] = {
            START_APPLICATION: Process(engine).start_application,
            WAITING_BEGUN: Process(engine).waiting_begun,
            SETTLE_WORD: words.settle,
            TELL: tellings.deliver,
            ALARM: telling_auditors(notifications),
        }
        parts = Parts(
            database=made.database,
            outbox=made.outbox(tables.Outbox, handlers),
            words=words,
            reads=Reads(made.database, Limits.of(settings), Exports(made.database, made.ring)),
            vault=Vault(made.ring, PersonIndex.of_folder(settings.keys_dir)),
            profile=anju_profile.load(settings.profile_dir, production=settings.production),
            number_prefix=settings.application_number_prefix,
            production=settings.production,
            separate_queues=settings.separate_queues,
            tellings=tellings,
            draft_life=timedelta(days=settings.draft_days),
            public_url=settings.public_url.rstrip("/"),
        )
        made.alarms({"bulk_reads": parts.reads.alarmed})
        steps = OperatorSteps(tables.OperatorStep, made.ring, NAME)
        more: dict[str, Callable[[Any], None]] = {}
        if isinstance(engine, TemporalEngine):
            keeper = Keeper(made.database, engine, tables.Repair, [Cases(parts)], steps)
            await made.beside(watching(keeper, settings.watch_seconds))
            more[REPAIR] = partial(add_RepairServiceServicer_to_server, RepairServicer(keeper))
        servicer = CaseworkServicer(parts)
        more[FACTS] = partial(add_FactsServiceServicer_to_server, FactsServicer(made.database))
        by_hand = OperatorsServicer(made.database, steps, parts.outbox, parts.reads)
        more[OPERATORS] = partial(add_OperatorsServiceServicer_to_server, by_hand)
        more[READS] = partial(add_ReadsServiceServicer_to_server, ReadsServicer(parts.reads, NAME, Reading(parts).may_see_reads))
        await made.beside(every(PRUNE_SECONDS, Drafts(parts).prune, "drafts whose time is over"))
        yield await made.serve(SERVICE, rpc.add_CaseworkServiceServicer_to_server, servicer, more=more)
