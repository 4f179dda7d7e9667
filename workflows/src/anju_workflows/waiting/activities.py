"""Steps recorded by housing: the waiting list and its offers."""

from __future__ import annotations

from anju.housing.v1 import housing_pb2 as pb
from anju.housing.v1 import housing_pb2_grpc as rpc
from anju_contracts.waiting import OfferMade, WaitingTerms
from chassis.grpc_client import Client, activity_call
from chassis.wire import to_model, utc
from temporalio import activity

from anju_workflows import wire
from anju_workflows.waiting import calls


class WaitingActivities:
    def __init__(self, housing: Client) -> None:
        self._client = housing
        self._stub = rpc.HousingServiceStub(housing.channel)

    @activity.defn(name=calls.REGISTER_WAITING)
    async def register_waiting(self, arg: calls.RegisterWaiting) -> calls.Registration:
        request = pb.RegisterWaitingRequest(application_no=arg.no, step=wire.step(arg.step))
        answer: pb.RegisterWaitingResponse = await activity_call(self._client.call(self._stub.RegisterWaiting, request))
        offer = to_model(OfferMade, answer.open_offer) if answer.HasField("open_offer") else None
        return calls.Registration(
            rank=answer.rank,
            terms=to_model(WaitingTerms, answer.terms),
            declines=answer.declines,
            offer=offer,
            told=answer.open_offer.told,
            drafted=_drafted(answer.lease) if answer.HasField("lease") else None,
        )

    @activity.defn(name=calls.TAKE_OFFER)
    async def take_offer(self, arg: calls.TakeOffer) -> calls.TakenOffer:
        request = pb.TakeOfferRequest(offer_id=arg.offer.offer_id, application_no=arg.no, step=wire.step(arg.step))
        answer: pb.TakeOfferResponse = await activity_call(self._client.call(self._stub.TakeOffer, request))
        return calls.TakenOffer(offer=to_model(OfferMade, answer.offer) if answer.HasField("offer") else None)

    @activity.defn(name=calls.CLOSE_OFFER)
    async def close_offer(self, arg: calls.CloseOffer) -> calls.DraftedLease:
        request = pb.CloseOfferRequest(
            offer_id=arg.offer_id, step=wire.step(arg.step), outcome=arg.outcome, reason=arg.reason, unserved=arg.unserved
        )
        answer: pb.CloseOfferResponse = await activity_call(self._client.call(self._stub.CloseOffer, request))
        if not answer.HasField("lease"):
            return calls.DraftedLease()
        return _drafted(answer.lease)

    @activity.defn(name=calls.CLOSE_WAITING)
    async def close_waiting(self, arg: calls.CloseWaiting) -> str:
        request = pb.CloseWaitingRequest(application_no=arg.no, step=wire.step(arg.step), outcome=arg.outcome)
        await activity_call(self._client.call(self._stub.CloseWaiting, request))
        return arg.outcome


def _drafted(lease: pb.Lease) -> calls.DraftedLease:
    return calls.DraftedLease(lease_no=lease.no, sign_by=utc(lease.sign_by), unit=f"{lease.unit.estate_name} {lease.unit.number}")
