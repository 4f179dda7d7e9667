"""Composition root of notifications: wires the real objects; tests pass their own settings."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import aiohttp
from anju.notifications.v1 import notifications_pb2 as pb
from anju.notifications.v1 import notifications_pb2_grpc as rpc
from anju.operators.v1.operators_pb2_grpc import add_OperatorsServiceServicer_to_server
from anju_profile.messages import Messages
from casekit.operator_steps import SERVICE as OPERATORS
from casekit.operator_steps import OperatorsServicer, OperatorSteps
from chassis.composition import composing
from chassis.grpc_server import GrpcServer
from chassis.rounds import every

from notifications.broadcasts import ROUND_SECONDS, Broadcasts
from notifications.channels import Channel
from notifications.channels.letter import LetterQueue
from notifications.channels.sms import SmsGateway, SmsReceipts
from notifications.delivery import Contacts, Deliveries
from notifications.domain.templates import catalogue
from notifications.letters import Letters
from notifications.servicer import NotificationsServicer
from notifications.settings import Settings
from notifications.store import Sealed
from notifications.tables import OperatorStep, Outbox

NAME = "notifications"
SERVICE = pb.DESCRIPTOR.services_by_name["NotificationsService"].full_name


@asynccontextmanager
async def application(settings: Settings) -> AsyncIterator[GrpcServer]:
    """Serves until the block ends. Raises TemplateError at start when a text may not be sent."""
    catalogue()
    async with composing(settings, NAME) as made:
        http = await made.beside(aiohttp.ClientSession())
        channels: dict[str, Channel] = {"letter": LetterQueue(made.database)}
        if settings.sms_url:
            channels["sms"] = SmsGateway(http, settings.sms_url, settings.sms_key)
        casework, sealed = made.client("casework"), Sealed(made.ring)
        contacts = Contacts(casework)
        city = Messages.of(settings.profile_dir) if settings.quiet_hours else Messages()
        deliveries = Deliveries(made.database, sealed, contacts, channels, city, settings.delivery_patience_seconds)
        outbox = made.outbox(Outbox, deliveries.handlers())
        deliveries.by(outbox)
        letters = Letters(made.database, sealed, casework)
        broadcasts = Broadcasts(made.database, sealed, casework, deliveries, city)
        await made.beside(every(ROUND_SECONDS, broadcasts.round, "broadcasts"))
        receipts = SmsReceipts(settings.sms_key)
        servicer = NotificationsServicer(made.database, sealed, contacts, deliveries, city, receipts, letters, broadcasts)
        by_hand = OperatorsServicer(made.database, OperatorSteps(OperatorStep, made.ring, NAME), outbox)
        more = {OPERATORS: partial(add_OperatorsServiceServicer_to_server, by_hand)}
        yield await made.serve(SERVICE, rpc.add_NotificationsServiceServicer_to_server, servicer, more=more)
