"""Composition root of oversight: wires the real objects; tests pass their own settings."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from anju.oversight.v1 import oversight_pb2 as pb
from anju.oversight.v1 import oversight_pb2_grpc as rpc
from chassis.composition import composing
from chassis.grpc_server import GrpcServer

from oversight.editing import Editing
from oversight.reading import Reading
from oversight.servicer import OversightServicer
from oversight.settings import Settings

NAME = "oversight"
SERVICE = pb.DESCRIPTOR.services_by_name["OversightService"].full_name


@asynccontextmanager
async def application(settings: Settings) -> AsyncIterator[GrpcServer]:
    """Serves until the block ends."""
    async with composing(settings, NAME) as made:
        servicer = OversightServicer(Reading(made.database), Editing(made.database))
        yield await made.serve(SERVICE, rpc.add_OversightServiceServicer_to_server, servicer)
