"""Bills and the bank, and the start of a bill's own workflow."""

from __future__ import annotations

from anju.payments.v1 import payments_pb2 as pb
from anju.payments.v1 import payments_pb2_grpc as rpc
from chassis.grpc_client import Client, activity_call
from temporalio import activity
from temporalio.client import Client as TemporalClient
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError

from anju_workflows import calls
from anju_workflows.activities.wire import instant, step
from anju_workflows.contracts import RENT_CYCLE, TASK_QUEUE, RentCycleInput, rent_cycle_id

# A query at the bank may take its five seconds, twice.
CONFIRM_SECONDS = 20.0
# Why a bill is not written to arrears yet; made again until the order is over.
ORDER_OPEN = "ORDER_OPEN"


class PaymentsActivities:
    def __init__(self, client: Client, temporal: TemporalClient) -> None:
        self._client = client
        self._stub = rpc.PaymentsServiceStub(client.channel)
        self._temporal = temporal

    @activity.defn(name=calls.START_RENT_CYCLE)
    async def start_rent_cycle(self, arg: RentCycleInput) -> str:
        """Not a child workflow: a bill outlives months of its lease, and each keeps a clock of its own."""
        workflow_id = rent_cycle_id(arg.bill_id)
        try:
            await self._temporal.start_workflow(
                RENT_CYCLE,
                arg,
                id=workflow_id,
                task_queue=TASK_QUEUE,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                static_summary=f"账单 {arg.bill_id}",
            )
        except WorkflowAlreadyStartedError:
            activity.logger.info("the bill was opened before and is closed already")
        return workflow_id

    @activity.defn(name=calls.ISSUE_BILL)
    async def issue_bill(self, arg: calls.IssueBill) -> str:
        bill = arg.bill
        request = pb.IssueBillRequest(
            bill_id=bill.bill_id,
            step=step(arg.step),
            lease_no=bill.lease_no,
            application_no=bill.application_no,
            owner=bill.owner,
            district=bill.district,
            kind=bill.kind,
            period=bill.period,
            amount_fen=bill.amount_fen,
            due_at=instant(arg.due_at),
        )
        answer: pb.IssueBillResponse = await activity_call(self._client.call(self._stub.IssueBill, request))
        return answer.bill.state

    @activity.defn(name=calls.MARK_BILL)
    async def mark_bill(self, arg: calls.MarkBill) -> calls.PaymentState:
        request = pb.MarkBillRequest(bill_id=arg.bill_id, step=step(arg.step), state=arg.state)
        answer: pb.MarkBillResponse = await activity_call(self._client.call(self._stub.MarkBill, request))
        if answer.order_open:
            # Payments asks the bank about every order whose time is over; until then the step is made again.
            raise ApplicationError("the bank may be taking the money", type=ORDER_OPEN)
        return calls.PaymentState(intent_state="", bill_settled=answer.bill.state == "paid")

    @activity.defn(name=calls.CONFIRM_PAYMENT)
    async def confirm_payment(self, arg: calls.ConfirmPayment) -> calls.PaymentState:
        request = pb.ConfirmPaymentRequest(intent_id=arg.intent_id, as_of=instant(arg.as_of))
        answer: pb.ConfirmPaymentResponse = await activity_call(
            self._client.call(self._stub.ConfirmPayment, request, timeout=CONFIRM_SECONDS)
        )
        return calls.PaymentState(intent_state=answer.intent.state, bill_settled=answer.bill.state == "paid")
