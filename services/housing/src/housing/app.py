"""Composition root of housing: wires the real objects; tests pass their own settings."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import anju_profile
from anju.facts.v1.facts_pb2_grpc import add_FactsServiceServicer_to_server
from anju.housing.v1 import housing_pb2 as pb
from anju.housing.v1 import housing_pb2_grpc as rpc
from anju.operators.v1.operators_pb2_grpc import add_OperatorsServiceServicer_to_server
from anju.reads.v1.reads_pb2_grpc import add_ReadsServiceServicer_to_server
from anju.repair.v1.repair_pb2_grpc import add_RepairServiceServicer_to_server
from anju_contracts import waiting
from casekit.blocked import SERVICE as REPAIR
from casekit.blocked import Keeper, Records, RepairServicer, watching
from casekit.engine import Engine, Standing, TemporalEngine
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
from chassis.db import Database
from chassis.grpc_server import GrpcServer
from chassis.outbox import Handler
from chassis.rounds import every

from housing import reach, store, tables
from housing.again import Households, Leases
from housing.applicants import Applicants, CaseworkApplicants
from housing.contracts import CONTRACT_FILE, ContractFiles, Contracts
from housing.deposits import Deposits, PaymentsDeposits
from housing.expiry import ROUND_SECONDS, end_expired
from housing.servicer import HousingServicer
from housing.settings import Settings
from housing.steps import Parts
from housing.terms import TermsOf, of_profile
from housing.words import KINDS

NAME = "housing"
SERVICE = pb.DESCRIPTOR.services_by_name["HousingService"].full_name


@asynccontextmanager
async def application(
    settings: Settings,
    *,
    engine: Engine | None = None,
    applicants: Applicants | None = None,
    terms: TermsOf | None = None,
    deposits: Deposits | None = None,
) -> AsyncIterator[GrpcServer]:
    """Serves until the block ends. ``engine`` stands in for Temporal, ``applicants`` for casework, ``terms`` for the profile and ``deposits`` for payments
    in tests."""
    async with composing(settings, NAME) as made:
        database = made.database
        if engine is None:
            # Lazy: lists are served while Temporal is away.
            engine = TemporalEngine(await temporal.connect(settings, settings.clocks(), lazy=True))
        if applicants is None:
            applicants = CaseworkApplicants(made.client("casework"))
        if deposits is None:
            deposits = PaymentsDeposits(made.client("payments"))
        if terms is None:
            terms = of_profile(anju_profile.load(settings.profile_dir, production=settings.production))
        notifications = made.client("notifications")
        tellings = Tellings(made.ring, notifications)
        words = Words(database, tables.Word, tables.Outbox, engine, made.ring, KINDS)
        contracts = Contracts(made.ring, terms)
        files = ContractFiles(database, made.ring, contracts, settings.public_url)
        handlers: dict[str, Handler] = {
            waiting.OFFER_MADE: _offer_made(engine, database),
            TELL: tellings.deliver,
            ALARM: telling_auditors(notifications),
            SETTLE_WORD: words.settle,
            CONTRACT_FILE: files.make,
        }
        outbox = made.outbox(tables.Outbox, handlers)
        await made.beside(every(ROUND_SECONDS, partial(end_expired, database, engine), "expired offers"))
        reads = Reads(database, Limits.of(settings), Exports(database, made.ring))
        parts = Parts(database, made.ring, outbox, tellings, applicants, terms, words, deposits, contracts)
        servicer = HousingServicer(parts, files, reads)
        made.alarms({"bulk_reads": reads.alarmed})
        steps = OperatorSteps(tables.OperatorStep, made.ring, NAME)
        by_hand = OperatorsServicer(database, steps, outbox, reads)
        more: dict[str, Callable[[Any], None]] = {
            FACTS: partial(add_FactsServiceServicer_to_server, FactsServicer(database)),
            OPERATORS: partial(add_OperatorsServiceServicer_to_server, by_hand),
            READS: partial(add_ReadsServiceServicer_to_server, ReadsServicer(reads, NAME, reach.may_see_reads)),
        }
        if isinstance(engine, TemporalEngine):
            queues = settings.separate_queues
            kinds: list[Records] = [Households(words, separate_queues=queues), Leases(words, terms, separate_queues=queues)]
            keeper = Keeper(database, engine, tables.Repair, kinds, steps)
            await made.beside(watching(keeper, settings.watch_seconds))
            more[REPAIR] = partial(add_RepairServiceServicer_to_server, RepairServicer(keeper))
        yield await made.serve(SERVICE, rpc.add_HousingServiceServicer_to_server, servicer, more=more)


def _offer_made(engine: Engine, database: Database) -> Any:
    async def tell_offer(payload: dict[str, Any]) -> None:
        said = waiting.OfferMade.model_validate(payload["said"])
        standing = await engine.tell(waiting.workflow_id(payload["application_no"]), waiting.OFFER_MADE, said)
        if standing is Standing.OPEN:
            return
        async with database.transaction() as session:
            offer = await store.offer(session, said.offer_id)
        # Nobody has heard of the offer. When it has ended meanwhile nobody has to; an open one holds its home, and is told again.
        if offer is not None and offer.offer.state == "open":
            raise RuntimeError(f"the workflow of {payload['application_no']} is {standing.value}, and offer {said.offer_id} is open")

    return tell_offer
