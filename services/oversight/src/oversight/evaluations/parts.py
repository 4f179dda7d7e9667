"""What calls about evaluations are served by; made once by the composition root."""

from __future__ import annotations

from dataclasses import dataclass

from anju.casework.v1 import casework_pb2 as casework
from anju.casework.v1 import casework_pb2_grpc as casework_rpc
from casekit.reads import Reads
from chassis.grpc_client import Client

from oversight.evaluations.follow_ups import FollowUps
from oversight.evaluations.public import Public
from oversight.evaluations.rating import CaseOf, Rating


@dataclass(frozen=True)
class Evaluations:
    rating: Rating
    follow_ups: FollowUps
    public: Public
    case_of: CaseOf
    reads: Reads


def asking(client: Client) -> CaseOf:
    """Casework, in the name of whoever is calling: what it shows him he may see."""
    stub = casework_rpc.CaseworkServiceStub(client.channel)

    async def case_of(application_no: str) -> casework.Application:
        request = casework.GetApplicationRequest(no=application_no)
        found: casework.GetApplicationResponse = await client.call(stub.GetApplication, request, forward=True)
        return found.application

    return case_of
