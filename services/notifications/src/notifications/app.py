"""Composition root of notifications: wires the real objects; tests pass their own settings."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import aiohttp
from anju.notifications.v1 import notifications_pb2 as pb
from anju.notifications.v1 import notifications_pb2_grpc as rpc
from chassis.crypto import KeyRing
from chassis.db import Database
from chassis.grpc_client import Client
from chassis.grpc_server import GrpcServer, serving
from chassis.outbox import Outbox as OutboxRunner
from chassis.service import signer, verifier

from notifications.domain.templates import catalogue
from notifications.servicer import NotificationsServicer
from notifications.settings import Settings
from notifications.sms import SmsDelivery, SmsGateway
from notifications.store import Sealed
from notifications.tables import Outbox

NAME = "notifications"
SERVICE = pb.DESCRIPTOR.services_by_name["NotificationsService"].full_name
FIELD_KEYS = "field-keys.json"


@asynccontextmanager
async def application(settings: Settings) -> AsyncIterator[GrpcServer]:
    """Serves until the block ends. Raises TemplateError at start when a text may not be sent."""
    catalogue()
    async with AsyncExitStack() as stack:
        database = Database(settings.database_url, pool_size=settings.database_pool_size, application=NAME)
        stack.push_async_callback(database.close)
        ring = KeyRing.load_or_create(settings.keys_dir / FIELD_KEYS)
        casework = Client(settings.casework_address, signer(settings, NAME))
        stack.push_async_callback(casework.close)
        http = await stack.enter_async_context(aiohttp.ClientSession())
        delivery = SmsDelivery(database, Sealed(ring), SmsGateway(http, settings), settings.sms_patience_seconds)
        outbox = OutboxRunner(database, Outbox, {SmsDelivery.KIND: delivery})
        server = GrpcServer(SERVICE, verifier(settings), host=settings.host, port=settings.port, drain_seconds=settings.drain_seconds)
        servicer = NotificationsServicer(database, ring, casework, outbox, sms=bool(settings.sms_url))
        rpc.add_NotificationsServiceServicer_to_server(servicer, server.server)
        await outbox.start()
        stack.push_async_callback(outbox.stop)
        yield await stack.enter_async_context(serving(server, database.ping))
