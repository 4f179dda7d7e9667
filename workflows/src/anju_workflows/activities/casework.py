"""Steps recorded by casework."""

from __future__ import annotations

from anju.casework.v1 import casework_pb2 as pb
from anju.casework.v1 import casework_pb2_grpc as rpc
from chassis.grpc_client import Client, activity_call
from temporalio import activity

from anju_workflows import calls
from anju_workflows.activities.wire import instant, step


class CaseworkActivities:
    def __init__(self, client: Client) -> None:
        self._client = client
        self._stub = rpc.CaseworkServiceStub(client.channel)

    @activity.defn(name=calls.ADVANCE_APPLICATION)
    async def advance(self, arg: calls.Advance) -> int:
        request = pb.AdvanceApplicationRequest(
            no=arg.no,
            step=step(arg.step),
            event=arg.event,
            stage=arg.stage,
            waiting_on=arg.waiting_on,
            deadline_at=instant(arg.deadline) if arg.deadline else None,
            overdue=arg.overdue,
            note=arg.note,
            objection_id=arg.objection_id,
        )
        answer: pb.AdvanceApplicationResponse = await activity_call(self._client.call(self._stub.AdvanceApplication, request))
        return answer.version

    @activity.defn(name=calls.RELEASE_HOUSEHOLD)
    async def release_household(self, arg: calls.ReleaseHousehold) -> str:
        request = pb.ReleaseHouseholdRequest(application_no=arg.no)
        await activity_call(self._client.call(self._stub.ReleaseHousehold, request))
        return arg.no
