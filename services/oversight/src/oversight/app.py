"""Composition root of oversight: wires the real objects; tests pass their own settings."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import anju_profile
from anju.facts.v1.facts_pb2_grpc import add_FactsServiceServicer_to_server
from anju.operators.v1.operators_pb2_grpc import add_OperatorsServiceServicer_to_server
from anju.oversight.v1 import oversight_pb2 as pb
from anju.oversight.v1 import oversight_pb2_grpc as rpc
from anju.oversight.v1.complaints_pb2_grpc import add_ComplaintsServiceServicer_to_server
from anju.reads.v1.reads_pb2_grpc import add_ReadsServiceServicer_to_server
from anju.repair.v1.repair_pb2_grpc import add_RepairServiceServicer_to_server
from casekit.blocked import SERVICE as REPAIR
from casekit.blocked import Keeper, RepairServicer, watching
from casekit.engine import Engine, TemporalEngine
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

from oversight import tables
from oversight.complaints.again import Complaints
from oversight.complaints.intake import starting
from oversight.complaints.parts import Parts
from oversight.complaints.servicer import SERVICE as COMPLAINTS
from oversight.complaints.servicer import ComplaintsServicer
from oversight.complaints.store import START_COMPLAINT
from oversight.complaints.words import KINDS
from oversight.editing import Editing
from oversight.evaluations.follow_ups import ROUND_SECONDS, FollowUps
from oversight.evaluations.following import SERVICES, Books, Following, ServiceBooks
from oversight.evaluations.parts import Evaluations, asking
from oversight.evaluations.public import Public
from oversight.evaluations.rating import CaseOf, Rating
from oversight.reading import Reading
from oversight.servicer import OversightServicer
from oversight.settings import Settings

NAME = "oversight"
SERVICE = pb.DESCRIPTOR.services_by_name["OversightService"].full_name


@asynccontextmanager
async def application(
    settings: Settings,
    *,
    engine: Engine | None = None,
    books: Books | None = None,
    case_of: CaseOf | None = None,
    tell: Tellings | None = None,
) -> AsyncIterator[GrpcServer]:
    """Serves until the block ends. ``engine`` stands in for Temporal, ``books`` for the other services' records, ``case_of`` for casework and ``tell`` for
    notifications in tests."""
    async with composing(settings, NAME) as made:
        if engine is None:
            # Lazily: the shelf is read, and complaints are taken in, while the engine is away.
            engine = TemporalEngine(await temporal.connect(settings, settings.clocks(), lazy=True))
        notifications = made.client("notifications")
        tellings = tell or Tellings(made.ring, notifications)
        words = Words(made.database, tables.Word, tables.Outbox, engine, made.ring, KINDS)
        handlers: dict[str, Handler] = {
            START_COMPLAINT: starting(engine),
            SETTLE_WORD: words.settle,
            TELL: tellings.deliver,
            ALARM: telling_auditors(notifications),
        }
        parts = Parts(
            database=made.database,
            outbox=made.outbox(tables.Outbox, handlers),
            words=words,
            reads=Reads(made.database, Limits.of(settings)),
            tellings=tellings,
            ring=made.ring,
            profile=anju_profile.load(settings.profile_dir, production=settings.production),
            prefix=settings.complaint_number_prefix,
        )
        made.alarms({"bulk_reads": parts.reads.alarmed})
        rating = Rating(made.database, made.ring, parts.profile, parts.outbox, tellings)
        heard = ComplaintsServicer(parts, rating)
        steps = OperatorSteps(tables.OperatorStep, made.ring, NAME)
        by_hand = OperatorsServicer(made.database, steps, parts.outbox, parts.reads)
        more: dict[str, Callable[[Any], None]] = {
            COMPLAINTS: partial(add_ComplaintsServiceServicer_to_server, heard),
            FACTS: partial(add_FactsServiceServicer_to_server, FactsServicer(made.database)),
            OPERATORS: partial(add_OperatorsServiceServicer_to_server, by_hand),
            READS: partial(add_ReadsServiceServicer_to_server, ReadsServicer(parts.reads, NAME, heard.reading.may_see_reads)),
        }
        if isinstance(engine, TemporalEngine):
            keeper = Keeper(made.database, engine, tables.Repair, [Complaints(parts)], steps)
            await made.beside(watching(keeper, settings.watch_seconds))
            more[REPAIR] = partial(add_RepairServiceServicer_to_server, RepairServicer(keeper))
        if books is None or case_of is None:
            clients = {name: made.client(name) for name in SERVICES}
            books, case_of = books or ServiceBooks(clients), case_of or asking(clients["casework"])
        follow_ups = FollowUps(made.database, made.ring, parts.profile, parts.outbox, tellings)
        evaluations = Evaluations(rating, follow_ups, Public(made.database), case_of, parts.reads)
        await made.beside(every(settings.follow_seconds, Following(made.database, books).round, "finished services"))
        await made.beside(every(ROUND_SECONDS, follow_ups.round, "follow-ups"))
        servicer = OversightServicer(Reading(made.database), Editing(made.database), evaluations)
        yield await made.serve(SERVICE, rpc.add_OversightServiceServicer_to_server, servicer, more=more)
