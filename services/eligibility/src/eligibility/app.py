"""Composition root of eligibility: wires the real objects; tests pass their own settings."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anju_profile
from anju.eligibility.v1 import eligibility_pb2 as pb
from anju.eligibility.v1 import eligibility_pb2_grpc as rpc
from chassis.composition import composing
from chassis.grpc_server import GrpcServer

from eligibility.assessments import Assessments, rule_set_of
from eligibility.domain.rule_set import RuleSet
from eligibility.servicer import EligibilityServicer
from eligibility.settings import Settings

NAME = "eligibility"
SERVICE = pb.DESCRIPTOR.services_by_name["EligibilityService"].full_name


@asynccontextmanager
async def application(settings: Settings) -> AsyncIterator[GrpcServer]:
    """Serves until the block ends."""

    def rules_of(version: str | None) -> RuleSet:
        return rule_set_of(anju_profile.load(settings.profile_dir, version, production=settings.production))

    async with composing(settings, NAME) as made:
        assessments = Assessments(made.database, made.ring, rules_of(None), rules_of)
        await assessments.publish()
        servicer = EligibilityServicer(assessments, made.client("casework"), made.client("registry-gateway"))
        yield await made.serve(SERVICE, rpc.add_EligibilityServiceServicer_to_server, servicer)
