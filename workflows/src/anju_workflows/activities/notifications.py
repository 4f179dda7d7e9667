"""Telling people."""

from __future__ import annotations

from anju.notifications.v1 import notifications_pb2 as pb
from anju.notifications.v1 import notifications_pb2_grpc as rpc
from chassis.grpc_client import Client, activity_call
from temporalio import activity

from anju_workflows import calls
from anju_workflows.activities.wire import instant


class NotificationsActivities:
    def __init__(self, client: Client) -> None:
        self._client = client
        self._stub = rpc.NotificationsServiceStub(client.channel)

    @activity.defn(name=calls.NOTIFY)
    async def notify(self, arg: calls.Notify) -> str:
        if arg.role:
            to_staff = pb.NotifyStaffRequest(
                key=arg.key,
                role=arg.role,
                division=arg.division,
                application_no=arg.no,
                template=arg.template,
                params=arg.params,
                as_of=instant(arg.as_of),
            )
            told: pb.NotifyStaffResponse = await activity_call(self._client.call(self._stub.NotifyStaff, to_staff))
            return told.message_id
        to_household = pb.NotifyRequest(
            key=arg.key, application_no=arg.no, template=arg.template, params=arg.params, as_of=instant(arg.as_of)
        )
        answer: pb.NotifyResponse = await activity_call(self._client.call(self._stub.Notify, to_household))
        return answer.message_id
