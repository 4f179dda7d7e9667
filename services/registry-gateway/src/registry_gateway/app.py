"""Composition root of registry-gateway: wires the real objects; tests pass their own settings."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial

import anju_profile
from anju.casework.v1 import casework_pb2 as casework_pb
from anju.casework.v1 import casework_pb2_grpc as casework_rpc
from anju.facts.v1.facts_pb2_grpc import add_FactsServiceServicer_to_server
from anju.registry.v1 import registry_pb2 as pb
from anju.registry.v1 import registry_pb2_grpc as rpc
from anju_calendar import local_date
from casekit.facts import SERVICE as FACTS
from casekit.facts import FactsServicer
from chassis.composition import Composition, composing
from chassis.grpc_client import Client
from chassis.grpc_server import GrpcServer

from registry_gateway import departments, registers
from registry_gateway.access_log import AccessLogWriter
from registry_gateway.connectors import Connector
from registry_gateway.connectors.http import open_door
from registry_gateway.lookups import Lookups, NoteKin
from registry_gateway.objections import Objections
from registry_gateway.register import Register
from registry_gateway.servicer import RegistryGatewayServicer
from registry_gateway.settings import Settings
from registry_gateway.standing import Standing

NAME = "registry-gateway"
SERVICE = pb.DESCRIPTOR.services_by_name["RegistryGatewayService"].full_name


async def _connectors(settings: Settings, known: Mapping[str, Register], made: Composition) -> dict[str, Connector]:
    """Every register of the departments file through a door of its own, so that none can use up another's connections."""
    return {
        code: known[code].connect(access, await made.beside(open_door(try_seconds=settings.register_try_seconds)))
        for code, access in departments.load(settings.departments_file, known).items()
    }


def _noting_kin(casework: Client) -> NoteKin:
    stub = casework_rpc.CaseworkServiceStub(casework.channel)

    async def note(application_no: str, numbers: Sequence[str]) -> None:
        await casework.call(stub.NoteSpouses, casework_pb.NoteSpousesRequest(application_no=application_no, id_numbers=numbers))

    return note


@asynccontextmanager
async def application(settings: Settings) -> AsyncIterator[GrpcServer]:
    """Serves until the block ends."""
    async with composing(settings, NAME) as made:
        known = registers.discover()
        connectors = await _connectors(settings, known, made)
        log = await made.beside(AccessLogWriter(made.database))
        casework = made.client("casework")
        lookups = Lookups(made.database, known, connectors, log, made.ring, _noting_kin(casework))
        profile = anju_profile.load(settings.profile_dir, production=settings.production)
        objections = Objections(made.database, made.ring, lambda at: profile.application.objection_review_wd.on(local_date(at)))
        retry = profile.application.lookup_max_retry_seconds
        standing = Standing(made.database, lookups, lambda at: timedelta(seconds=retry.on(local_date(at))))
        made.alarms(standing.alarms())
        servicer = RegistryGatewayServicer(made.database, lookups, casework, made.ring, objections, standing)
        more = {FACTS: partial(add_FactsServiceServicer_to_server, FactsServicer(made.database))}
        yield await made.serve(SERVICE, rpc.add_RegistryGatewayServiceServicer_to_server, servicer, more=more)
