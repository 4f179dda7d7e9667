"""Steps of a complaint recorded by oversight."""

from __future__ import annotations

from anju.oversight.v1 import complaints_pb2 as pb
from anju.oversight.v1 import complaints_pb2_grpc as rpc
from chassis.grpc_client import Client, activity_call
from chassis.wire import stamp
from temporalio import activity

from anju_workflows import wire
from anju_workflows.complaint import calls


class ComplaintActivities:
    def __init__(self, oversight: Client) -> None:
        self._client = oversight
        self._stub = rpc.ComplaintsServiceStub(oversight.channel)

    @activity.defn(name=calls.ADVANCE_COMPLAINT)
    async def advance_complaint(self, arg: calls.AdvanceComplaint) -> int:
        request = pb.AdvanceComplaintRequest(
            no=arg.no,
            step=wire.step(arg.step),
            event=arg.event,
            stage=arg.stage,
            waiting_on=arg.waiting_on,
            level=arg.level,
            district=arg.district,
            street=arg.street,
            deadline_at=stamp(arg.deadline),
            overdue=arg.overdue,
        )
        answer: pb.AdvanceComplaintResponse = await activity_call(self._client.call(self._stub.AdvanceComplaint, request))
        return answer.version
