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
from casekit.tell import Tellings
from chassis import temporal
from chassis.crypto import KeyRing
from chassis.db import Database
from chassis.grpc_client import Client
from chassis.grpc_server import GrpcServer, serving
from chassis.outbox import Outbox
from chassis.service import signer, verifier

from housing import tables
from housing.applicants import Applicants, CaseworkApplicants
from housing.servicer import HousingServicer
from housing.settings import Settings
from housing.terms import TermsOf, of_profile
from housing.workflows import TemporalWorkflows, Workflows

NAME = "housing"
FIELD_KEYS = "field-keys.json"
SERVICE = pb.DESCRIPTOR.services_by_name["HousingService"].full_name
# What everybody may read without signing on: the stock of homes and the masked list (Order 11, articles 9 to 14).
OPEN_METHODS = (f"/{SERVICE}/ListEstates", f"/{SERVICE}/ListWaiting")


@asynccontextmanager
async def application(
    settings: Settings, *, workflows: Workflows | None = None, applicants: Applicants | None = None, terms: TermsOf | None = None
) -> AsyncIterator[GrpcServer]:
    """Serves until the block ends. ``workflows`` stands in for Temporal, ``applicants`` for casework and ``terms`` for the profile in tests."""
    async with AsyncExitStack() as stack:
        database = Database(settings.database_url, pool_size=settings.database_pool_size, application=NAME)
        stack.push_async_callback(database.close)
        if workflows is None:
            # Lazy: lists are served while Temporal is away.
            workflows = TemporalWorkflows(await temporal.connect(settings, lazy=True))
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
        outbox = Outbox(database, tables.Outbox, {waiting.OFFER_MADE: _offer_made(workflows), tell.TELL: tellings.deliver})
        await outbox.start()
        stack.push_async_callback(outbox.stop)
        server = GrpcServer(
            SERVICE,
            verifier(settings),
            host=settings.host,
            port=settings.port,
            open_methods=OPEN_METHODS,
            drain_seconds=settings.drain_seconds,
        )
        rpc.add_HousingServiceServicer_to_server(
            HousingServicer(database, ring, outbox, tellings, applicants, terms, workflows), server.server
        )
        yield await stack.enter_async_context(serving(server, database.ping))


def _offer_made(workflows: Workflows) -> Any:
    async def signal(payload: dict[str, Any]) -> None:
        said = waiting.OfferMade.model_validate(payload["said"])
        await workflows.signal(waiting.workflow_id(payload["application_no"]), waiting.OFFER_MADE, said)

    return signal
