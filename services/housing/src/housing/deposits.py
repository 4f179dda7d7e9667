"""What became of the deposit of a lease: payments knows, and is asked before a lease takes effect or lapses for want of it."""

from __future__ import annotations

from typing import Protocol

from anju.payments.v1 import payments_pb2 as payments
from anju.payments.v1 import payments_pb2_grpc as payments_rpc
from anju_contracts import rent_cycle
from chassis.errors import NOT_FOUND, Refusal
from chassis.grpc_client import Client


class Deposits(Protocol):
    async def state(self, lease_no: str) -> str:
        """open, overdue, paid, arrears; empty when there is no such bill. Raises Refusal(UNAVAILABLE)."""
        ...


class PaymentsDeposits:
    def __init__(self, client: Client) -> None:
        self._client = client
        self._stub = payments_rpc.PaymentsServiceStub(client.channel)

    async def state(self, lease_no: str) -> str:
        try:
            answer: payments.GetBillResponse = await self._client.call(
                self._stub.GetBill, payments.GetBillRequest(id=rent_cycle.bill_id(lease_no, ""))
            )
        except Refusal as refusal:
            if refusal.problem.reason != NOT_FOUND.reason:
                raise
            return ""
        return answer.bill.state
