"""Composition root of registry-gateway: wires the real objects; tests pass their own settings."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

from anju.registry.v1 import registry_pb2 as pb
from anju.registry.v1 import registry_pb2_grpc as rpc
from chassis.crypto import KeyRing
from chassis.db import Database
from chassis.grpc_client import Client
from chassis.grpc_server import GrpcServer, serving
from chassis.service import signer, verifier

from registry_gateway import departments, registers
from registry_gateway.access_log import AccessLogWriter
from registry_gateway.connectors import Connector
from registry_gateway.connectors.http import open_door
from registry_gateway.lookups import Lookups
from registry_gateway.register import Register
from registry_gateway.servicer import RegistryGatewayServicer
from registry_gateway.settings import Settings

NAME = "registry-gateway"
SERVICE = pb.DESCRIPTOR.services_by_name["RegistryGatewayService"].full_name
FIELD_KEYS = "field-keys.json"


async def _connectors(settings: Settings, known: Mapping[str, Register], stack: AsyncExitStack) -> dict[str, Connector]:
    """Every register of the departments file through a door of its own, so that none can use up another's connections."""
    return {
        code: known[code].connect(access, await stack.enter_async_context(open_door(try_seconds=settings.register_try_seconds)))
        for code, access in departments.load(settings.departments_file, known).items()
    }


@asynccontextmanager
async def application(settings: Settings) -> AsyncIterator[GrpcServer]:
    """Serves until the block ends."""
    async with AsyncExitStack() as stack:
        database = Database(settings.database_url, pool_size=settings.database_pool_size, application=NAME)
        stack.push_async_callback(database.close)
        known = registers.discover()
        connectors = await _connectors(settings, known, stack)
        keys = KeyRing.load_or_create(settings.keys_dir / FIELD_KEYS)
        log = AccessLogWriter(database)
        await log.start()
        stack.push_async_callback(log.stop)
        casework = Client(settings.casework_address, signer(settings, NAME))
        stack.push_async_callback(casework.close)
        server = GrpcServer(SERVICE, verifier(settings), host=settings.host, port=settings.port, drain_seconds=settings.drain_seconds)
        servicer = RegistryGatewayServicer(database, Lookups(database, known, connectors, log, keys), casework, keys)
        rpc.add_RegistryGatewayServiceServicer_to_server(servicer, server.server)
        yield await stack.enter_async_context(serving(server, database.ping))
