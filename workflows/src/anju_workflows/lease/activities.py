"""Steps of a lease recorded by housing, and the start of a bill's own workflow."""

from __future__ import annotations

from anju.housing.v1 import housing_pb2 as pb
from anju.housing.v1 import housing_pb2_grpc as rpc
from anju_contracts import rent_cycle
from anju_contracts.base import TASK_QUEUE
from anju_contracts.lease import LeaseTerms, Term
from chassis.grpc_client import Client, activity_call
from chassis.wire import to_model
from temporalio import activity
from temporalio.client import Client as TemporalClient
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError

from anju_workflows import wire
from anju_workflows.lease import calls


class LeaseActivities:
    def __init__(self, housing: Client, temporal: TemporalClient) -> None:
        self._client = housing
        self._stub = rpc.HousingServiceStub(housing.channel)
        self._temporal = temporal

    @activity.defn(name=calls.ADVANCE_LEASE)
    async def advance_lease(self, arg: calls.AdvanceLease) -> calls.LeaseOnRecord:
        request = pb.AdvanceLeaseRequest(lease_no=arg.lease_no, step=wire.step(arg.step), event=arg.event)
        answer: pb.AdvanceLeaseResponse = await activity_call(self._client.call(self._stub.AdvanceLease, request))
        return calls.LeaseOnRecord(
            terms=to_model(LeaseTerms, answer.terms) if answer.HasField("terms") else None,
            term=to_model(Term, answer.term) if answer.HasField("term") else None,
        )

    @activity.defn(name=calls.START_RENT_CYCLE)
    async def start_rent_cycle(self, arg: rent_cycle.RentCycleInput) -> str:
        """Not a child workflow: a bill outlives months of its lease, and each keeps a clock of its own."""
        workflow_id = rent_cycle.workflow_id(arg.bill_id)
        try:
            await self._temporal.start_workflow(
                rent_cycle.NAME,
                arg,
                id=workflow_id,
                task_queue=TASK_QUEUE,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                static_summary=f"{rent_cycle.MOVES.title} {arg.bill_id}",
            )
        except WorkflowAlreadyStartedError:
            activity.logger.info("the bill was opened before and is closed already")
        return workflow_id
