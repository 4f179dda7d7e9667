"""Composition root of eligibility: wires the real objects; tests pass their own settings."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import anju_profile
from anju.eligibility.v1 import eligibility_pb2 as pb
from anju.eligibility.v1 import eligibility_pb2_grpc as rpc
from chassis.crypto import KeyRing
from chassis.db import Database
from chassis.grpc_client import Client
from chassis.grpc_server import GrpcServer, serving
from chassis.service import signer, verifier

from eligibility.assessments import Assessments, rule_set_of
from eligibility.domain.rule_set import RuleSet
from eligibility.servicer import EligibilityServicer
from eligibility.settings import Settings

NAME = "eligibility"
SERVICE = pb.DESCRIPTOR.services_by_name["EligibilityService"].full_name
FIELD_KEYS = "field-keys.json"
# The conditions are public: everybody may read by what rules the city decides.
OPEN_METHODS = (f"/{SERVICE}/GetRuleSet",)


@asynccontextmanager
async def application(settings: Settings) -> AsyncIterator[GrpcServer]:
    """Serves until the block ends."""
    async with AsyncExitStack() as stack:

        def rules_of(version: str | None) -> RuleSet:
            return rule_set_of(anju_profile.load(settings.profile_dir, version, production=settings.production))

        database = Database(settings.database_url, pool_size=settings.database_pool_size, application=NAME)
        stack.push_async_callback(database.close)
        assessments = Assessments(database, KeyRing.load_or_create(settings.keys_dir / FIELD_KEYS), rules_of(None), rules_of)
        await assessments.publish()
        voice = signer(settings, NAME)
        casework = Client(settings.casework_address, voice)
        stack.push_async_callback(casework.close)
        registry_gateway = Client(settings.registry_gateway_address, voice)
        stack.push_async_callback(registry_gateway.close)
        server = GrpcServer(
            SERVICE,
            verifier(settings),
            host=settings.host,
            port=settings.port,
            open_methods=OPEN_METHODS,
            drain_seconds=settings.drain_seconds,
        )
        rpc.add_EligibilityServiceServicer_to_server(EligibilityServicer(assessments, casework, registry_gateway), server.server)
        yield await stack.enter_async_context(serving(server, database.ping))
