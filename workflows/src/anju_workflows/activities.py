"""Every activity of the workflows over one set of channels: each is one RPC to one service, translated to protobuf and back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from anju.notifications.v1 import notifications_pb2 as pb
from anju.notifications.v1 import notifications_pb2_grpc as rpc
from chassis.grpc_client import Client as Channel
from chassis.grpc_client import activity_call
from chassis.identity import Signer
from chassis.service import certificates, client
from chassis.wire import stamp
from temporalio import activity
from temporalio.client import Client as TemporalClient

from anju_workflows import telling, wire
from anju_workflows.application.activities import ApplicationActivities
from anju_workflows.complaint.activities import ComplaintActivities
from anju_workflows.lease.activities import LeaseActivities
from anju_workflows.rent_cycle.activities import RentCycleActivities
from anju_workflows.settings import Settings
from anju_workflows.waiting.activities import WaitingActivities

_SERVICES: Final = ("casework", "eligibility", "registry-gateway", "housing", "payments", "notifications", "oversight")


class TellingActivities:
    def __init__(self, notifications: Channel) -> None:
        self._client = notifications
        self._stub = rpc.NotificationsServiceStub(notifications.channel)

    @activity.defn(name=telling.NOTIFY)
    async def notify(self, arg: telling.Notify) -> str:
        request = pb.NotifyRequest(key=arg.key, application_no=arg.no, telling=wire.telling(arg.telling), as_of=stamp(arg.as_of))
        answer: pb.NotifyResponse = await activity_call(self._client.call(self._stub.Notify, request))
        return answer.message_id


class Activities:
    def __init__(self, settings: Settings, signer: Signer, temporal: TemporalClient) -> None:
        shown = certificates(settings)
        self.channels = {name: client(settings, name, signer, shown) for name in _SERVICES}
        self.application = ApplicationActivities(self.channels["casework"], self.channels["registry-gateway"], self.channels["eligibility"])
        self.waiting = WaitingActivities(self.channels["housing"])
        self.lease = LeaseActivities(self.channels["housing"], self.channels["payments"], temporal)
        self.rent_cycle = RentCycleActivities(self.channels["payments"])
        self.complaint = ComplaintActivities(self.channels["oversight"])
        self.telling = TellingActivities(self.channels["notifications"])

    async def close(self) -> None:
        for channel in self.channels.values():
            await channel.close()


@asynccontextmanager
async def activities(settings: Settings, signer: Signer, temporal: TemporalClient) -> AsyncIterator[Activities]:
    made = Activities(settings, signer, temporal)
    try:
        yield made
    finally:
        await made.close()
