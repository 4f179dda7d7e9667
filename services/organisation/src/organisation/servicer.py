"""gRPC surface of organisation: proto in, domain, proto out; nothing else."""

from __future__ import annotations

from typing import Any

from anju.organisation.v1 import organisation_pb2 as pb
from anju.organisation.v1 import organisation_pb2_grpc as rpc
from chassis.identity import current_caller

from organisation.importing import import_people
from organisation.parts import Parts
from organisation.standings import Standings


class OrganisationServicer(rpc.OrganisationServiceServicer):
    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._standings = Standings(parts)

    async def GetStanding(self, request: pb.GetStandingRequest, context: Any) -> pb.GetStandingResponse:
        return await self._standings.of(current_caller())

    async def GetVersion(self, request: pb.GetVersionRequest, context: Any) -> pb.GetVersionResponse:
        return await self._standings.version()

    async def ImportPeople(self, request: pb.ImportPeopleRequest, context: Any) -> pb.ImportPeopleResponse:
        return await import_people(self._parts, current_caller(), request)
