"""Steps recorded by housing: the waiting list, offers, leases."""

from __future__ import annotations

from anju.housing.v1 import housing_pb2 as pb
from anju.housing.v1 import housing_pb2_grpc as rpc
from chassis.grpc_client import Client, activity_call
from temporalio import activity

from anju_workflows import calls
from anju_workflows.activities.wire import instant, step


class HousingActivities:
    def __init__(self, client: Client) -> None:
        self._client = client
        self._stub = rpc.HousingServiceStub(client.channel)

    @activity.defn(name=calls.REGISTER_WAITING)
    async def register_waiting(self, arg: calls.RegisterWaiting) -> int:
        given = arg.application
        request = pb.RegisterWaitingRequest(
            application_no=given.no,
            step=step(arg.step),
            owner=given.owner,
            masked_name=given.masked_name,
            district=given.district,
            street=given.street,
            household_size=given.household_size,
            accepted_at=instant(given.submitted_at),
            expires_at=instant(arg.expires_at),
            offer_open_seconds=given.clocks.offer_open_days * 86_400,
        )
        answer: pb.RegisterWaitingResponse = await activity_call(self._client.call(self._stub.RegisterWaiting, request))
        return answer.rank

    @activity.defn(name=calls.CLOSE_OFFER)
    async def close_offer(self, arg: calls.CloseOffer) -> calls.DraftedLease:
        request = pb.CloseOfferRequest(
            offer_id=arg.offer_id,
            step=step(arg.step),
            outcome=arg.outcome,
            reason=arg.reason,
            term_months=arg.term_months,
            sign_by=instant(arg.sign_by) if arg.sign_by else None,
        )
        answer: pb.CloseOfferResponse = await activity_call(self._client.call(self._stub.CloseOffer, request))
        if not answer.HasField("lease"):
            return calls.DraftedLease()
        lease = answer.lease
        return calls.DraftedLease(
            lease_no=lease.no,
            starts_on=lease.starts_on,
            ends_on=lease.ends_on,
            monthly_rent_fen=lease.monthly_rent_fen,
            deposit_fen=lease.deposit_fen,
        )

    @activity.defn(name=calls.CLOSE_WAITING)
    async def close_waiting(self, arg: calls.CloseWaiting) -> str:
        request = pb.CloseWaitingRequest(application_no=arg.no, step=step(arg.step), outcome=arg.outcome)
        await activity_call(self._client.call(self._stub.CloseWaiting, request))
        return arg.outcome

    @activity.defn(name=calls.ADVANCE_LEASE)
    async def advance_lease(self, arg: calls.AdvanceLease) -> str:
        request = pb.AdvanceLeaseRequest(lease_no=arg.lease_no, step=step(arg.step), event=arg.event)
        answer: pb.AdvanceLeaseResponse = await activity_call(self._client.call(self._stub.AdvanceLease, request))
        return answer.lease.state
