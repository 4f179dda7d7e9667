"""Who a registered household is: casework knows, and is asked when the household is put on the list and when its lease is drawn up."""

from __future__ import annotations

from typing import Protocol

from anju.casework.v1 import casework_pb2 as casework
from anju.casework.v1 import casework_pb2_grpc as casework_rpc
from chassis.grpc_client import Client

from housing.domain.contract import Tenant


class Applicants(Protocol):
    async def registered(self, application_no: str) -> casework.GetRegisteredApplicantResponse:
        """Raises Refusal: NOT_FOUND, NOT_REGISTERED, UNAVAILABLE."""
        ...

    async def tenant(self, application_no: str) -> Tenant:
        """To whom its lease is made out. Raises Refusal: NOT_FOUND, NOT_REGISTERED, UNAVAILABLE."""
        ...


class CaseworkApplicants:
    def __init__(self, client: Client) -> None:
        self._client = client
        self._stub = casework_rpc.CaseworkServiceStub(client.channel)

    async def registered(self, application_no: str) -> casework.GetRegisteredApplicantResponse:
        request = casework.GetRegisteredApplicantRequest(application_no=application_no)
        answer: casework.GetRegisteredApplicantResponse = await self._client.call(self._stub.GetRegisteredApplicant, request)
        return answer

    async def tenant(self, application_no: str) -> Tenant:
        request = casework.GetTenantRequest(application_no=application_no)
        answer: casework.GetTenantResponse = await self._client.call(self._stub.GetTenant, request)
        return Tenant(name=answer.name, id_number=answer.masked_id_number)
