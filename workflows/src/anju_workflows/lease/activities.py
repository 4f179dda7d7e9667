"""Steps of a lease recorded by housing, and the start of a bill's own workflow."""

from __future__ import annotations

from anju.housing.v1 import housing_pb2 as pb
from anju.housing.v1 import housing_pb2_grpc as rpc
from anju.payments.v1.payments_pb2 import ListLeaseBillsRequest, ListLeaseBillsResponse
from anju.payments.v1.payments_pb2_grpc import PaymentsServiceStub
from anju_contracts import rent_cycle
from anju_contracts.base import TASK_QUEUE
from anju_contracts.lease import LeaseTerms, Term
from anju_contracts.rent import Line
from chassis.grpc_client import Client, activity_call
from chassis.wire import to_model, utc
from temporalio import activity
from temporalio.client import Client as TemporalClient
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError

from anju_workflows import wire
from anju_workflows.lease import calls


class LeaseActivities:
    def __init__(self, housing: Client, payments: Client, temporal: TemporalClient) -> None:
        self._client = housing
        self._stub = rpc.HousingServiceStub(housing.channel)
        self._payments_client = payments
        self._payments = PaymentsServiceStub(payments.channel)
        self._temporal = temporal

    @activity.defn(name=calls.ADVANCE_LEASE)
    async def advance_lease(self, arg: calls.AdvanceLease) -> calls.LeaseOnRecord:
        request = pb.AdvanceLeaseRequest(lease_no=arg.lease_no, step=wire.step(arg.step), event=arg.event)
        answer: pb.AdvanceLeaseResponse = await activity_call(self._client.call(self._stub.AdvanceLease, request))
        return calls.LeaseOnRecord(
            terms=to_model(LeaseTerms, answer.terms) if answer.HasField("terms") else None,
            term=to_model(Term, answer.term) if answer.HasField("term") else None,
        )

    @activity.defn(name=calls.BILLS_OF_LEASE)
    async def bills_of_lease(self, arg: calls.BillsOfLease) -> calls.Bills:
        request = ListLeaseBillsRequest(lease_no=arg.lease_no)
        answer: ListLeaseBillsResponse = await activity_call(self._payments_client.call(self._payments.ListLeaseBills, request))
        return calls.Bills(
            bills=tuple(
                calls.BillOnRecord(
                    bill_id=each.bill.id, period=each.bill.period, state=each.bill.state, due=utc(each.bill.due_at), counted=each.counted
                )
                for each in answer.bills
            )
        )

    @activity.defn(name=calls.OPEN_RENT)
    async def open_rent(self, arg: calls.OpenRent) -> bool:
        """What the first try has started stays, whatever a second one is told: a bill has one amount."""
        request = pb.ChargeRentRequest(lease_no=arg.cycle.lease_no, first_day=arg.first_day.isoformat())
        charge: pb.ChargeRentResponse = await activity_call(self._client.call(self._stub.ChargeRent, request))
        if not charge.amount_fen:
            return False
        lines = tuple(to_model(Line, line) for line in charge.lines)
        await self._start(arg.cycle.model_copy(update={"amount_fen": charge.amount_fen, "lines": lines}))
        return True

    @activity.defn(name=calls.START_RENT_CYCLE)
    async def start_rent_cycle(self, arg: rent_cycle.RentCycleInput) -> str:
        return await self._start(arg)

    async def _start(self, arg: rent_cycle.RentCycleInput) -> str:
        """Not a child workflow: a bill outlives months of its lease, and each keeps a clock of its own. One that somebody ended before the bill was on record
        is started anew; whatever is on record the lease does not open again."""
        workflow_id = rent_cycle.workflow_id(arg.bill_id)
        try:
            await self._temporal.start_workflow(
                rent_cycle.NAME,
                arg,
                id=workflow_id,
                task_queue=TASK_QUEUE,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                static_summary=f"{rent_cycle.MOVES.title} {arg.bill_id}",
            )
        except WorkflowAlreadyStartedError:
            activity.logger.info("the bill was opened before and is closed already")
        return workflow_id
