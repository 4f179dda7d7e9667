"""Composition root of notifications: wires the real objects; tests pass their own settings."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
from anju.notifications.v1 import notifications_pb2 as pb
from anju.notifications.v1 import notifications_pb2_grpc as rpc
from chassis.composition import composing
from chassis.grpc_server import GrpcServer

from notifications.domain.templates import catalogue
from notifications.servicer import NotificationsServicer
from notifications.settings import Settings
from notifications.sms import SmsDelivery, SmsGateway
from notifications.store import Sealed
from notifications.tables import Outbox

NAME = "notifications"
SERVICE = pb.DESCRIPTOR.services_by_name["NotificationsService"].full_name


@asynccontextmanager
async def application(settings: Settings) -> AsyncIterator[GrpcServer]:
    """Serves until the block ends. Raises TemplateError at start when a text may not be sent."""
    catalogue()
    async with composing(settings, NAME) as made:
        http = await made.beside(aiohttp.ClientSession())
        delivery = SmsDelivery(made.database, Sealed(made.ring), SmsGateway(http, settings), settings.sms_patience_seconds)
        outbox = made.outbox(Outbox, {SmsDelivery.KIND: delivery})
        casework = made.client("casework")
        servicer = NotificationsServicer(made.database, made.ring, casework, outbox, sms=bool(settings.sms_url))
        yield await made.serve(SERVICE, rpc.add_NotificationsServiceServicer_to_server, servicer)
