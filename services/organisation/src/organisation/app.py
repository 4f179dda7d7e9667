"""Composition root of organisation: wires the real objects; tests pass their own settings."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anju_profile
from anju.organisation.v1 import organisation_pb2 as pb
from anju.organisation.v1 import organisation_pb2_grpc as rpc
from anju_profile.places import Places
from chassis.composition import composing
from chassis.grpc_server import GrpcServer

from organisation.parts import Parts, units_of
from organisation.servicer import OrganisationServicer
from organisation.settings import Settings
from organisation.store import Names
from organisation.views import Views

NAME = "organisation"
SERVICE = pb.DESCRIPTOR.services_by_name["OrganisationService"].full_name


@asynccontextmanager
async def application(settings: Settings) -> AsyncIterator[GrpcServer]:
    """Serves until the block ends."""
    async with composing(settings, NAME) as made:
        profile = anju_profile.load(settings.profile_dir, production=settings.production)
        places = Places.of(settings.profile_dir, profile)
        servicer = OrganisationServicer(Parts(made.database, Names(made.ring), units_of(profile, places)), Views(made.database, made.ring))
        yield await made.serve(SERVICE, rpc.add_OrganisationServiceServicer_to_server, servicer)
