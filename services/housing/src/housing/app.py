"""Composition root of housing: wires the real objects; tests pass their own settings."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import anju_profile
from anju.housing.v1 import housing_pb2 as pb
from anju.housing.v1 import housing_pb2_grpc as rpc
from anju_contracts import waiting
from casekit import tell
from casekit.engine import Engine, Standing, TemporalEngine
from casekit.tell import Tellings
from casekit.words import SETTLE_WORD, Words
from chassis import temporal
from chassis.crypto import KeyRing
from chassis.db import Database
from chassis.grpc_client import Client
from chassis.grpc_server import GrpcServer, serving
from chassis.outbox import Handler, Outbox
from chassis.service import signer, verifier

from housing import store, tables
from housing.applicants import Applicants, CaseworkApplicants
from housing.expiry import ending_expired
from housing.servicer import HousingServicer
from housing.settings import Settings
from housing.terms import TermsOf, of_profile
from housing.words import KINDS

NAME = "housing"
FIELD_KEYS = "field-keys.json"
SERVICE = pb.DESCRIPTOR.services_by_name["HousingService"].full_name
# What everybody may read without signing on: the stock of homes and the masked list (Order 11, articles 9 to 14).
OPEN_METHODS = (f"/{SERVICE}/ListEstates", f"/{SERVICE}/ListWaiting")


@asynccontextmanager
async def application(
    settings: Settings, *, engine: Engine | None = None, applicants: Applicants | None = None, terms: TermsOf | None = None
) -> AsyncIterator[GrpcServer]:
    """Serves until the block ends. ``engine`` stands in for Temporal, ``applicants`` for casework and ``terms`` for the profile in tests."""
    async with AsyncExitStack() as stack:
        database = Database(settings.database_url, pool_size=settings.database_pool_size, application=NAME)
        stack.push_async_callback(database.close)
        if engine is None:
            # Lazy: lists are served while Temporal is away.
            engine = TemporalEngine(await temporal.connect(settings, lazy=True))
        ring = KeyRing.load_or_create(settings.keys_dir / FIELD_KEYS)
        if applicants is None:
            casework = Client(settings.casework_address, signer(settings, NAME))
            stack.push_async_callback(casework.close)
            applicants = CaseworkApplicants(casework)
        if terms is None:
            terms = of_profile(anju_profile.load(settings.profile_dir, production=settings.production))
        notifications = Client(settings.notifications_address, signer(settings, NAME))
        stack.push_async_callback(notifications.close)
        tellings = Tellings(ring, notifications)
        words = Words(database, tables.Word, tables.Outbox, engine, ring, KINDS)
        handlers: dict[str, Handler] = {
            waiting.OFFER_MADE: _offer_made(engine, database),
            tell.TELL: tellings.deliver,
            SETTLE_WORD: words.settle,
        }
        outbox = Outbox(database, tables.Outbox, handlers)
        await outbox.start()
        stack.push_async_callback(outbox.stop)
        await stack.enter_async_context(ending_expired(database, engine))
        server = GrpcServer(
            SERVICE,
            verifier(settings),
            host=settings.host,
            port=settings.port,
            open_methods=OPEN_METHODS,
            drain_seconds=settings.drain_seconds,
        )
        rpc.add_HousingServiceServicer_to_server(HousingServicer(database, ring, outbox, tellings, applicants, terms, words), server.server)
        yield await stack.enter_async_context(serving(server, database.ping))


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
