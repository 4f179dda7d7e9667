"""Composition root of housing: wires the real objects; tests pass their own settings."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from anju.housing.v1 import housing_pb2 as pb
from anju.housing.v1 import housing_pb2_grpc as rpc
from anju_workflows import contracts
from chassis import temporal
from chassis.crypto import KeyRing
from chassis.db import Database
from chassis.grpc_server import GrpcServer, serving
from chassis.outbox import Outbox
from chassis.service import verifier

from housing import tables
from housing.servicer import HousingServicer
from housing.settings import Settings
from housing.workflows import TemporalWorkflows, Workflows

NAME = "housing"
FIELD_KEYS = "field-keys.json"
SERVICE = pb.DESCRIPTOR.services_by_name["HousingService"].full_name
# What everybody may read without signing on: the stock of homes and the masked list (Order 11, articles 9 to 14).
OPEN_METHODS = (f"/{SERVICE}/ListEstates", f"/{SERVICE}/ListWaiting")


@asynccontextmanager
async def application(settings: Settings, *, workflows: Workflows | None = None) -> AsyncIterator[GrpcServer]:
    """Serves until the block ends. ``workflows`` stands in for Temporal in tests."""
    async with AsyncExitStack() as stack:
        database = Database(settings.database_url, pool_size=settings.database_pool_size, application=NAME)
        stack.push_async_callback(database.close)
        if workflows is None:
            # Lazy: lists are served while Temporal is away.
            workflows = TemporalWorkflows(await temporal.connect(settings, lazy=True))
        ring = KeyRing.load_or_create(settings.keys_dir / FIELD_KEYS)
        outbox = Outbox(database, tables.Outbox, {"offer_made": _offer_made(workflows)})
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
        rpc.add_HousingServiceServicer_to_server(HousingServicer(database, ring, outbox, workflows), server.server)
        yield await stack.enter_async_context(serving(server, database.ping))


def _offer_made(workflows: Workflows) -> Any:
    async def tell(payload: dict[str, Any]) -> None:
        said = contracts.OfferMade.model_validate(payload["said"])
        await workflows.signal(contracts.waiting_id(payload["application_no"]), "offer_made", said)

    return tell
