"""Steps of a bill recorded by payments, and the questions to the bank."""

from __future__ import annotations

from anju.common.v1.common_pb2 import RentLine
from anju.payments.v1 import payments_pb2 as pb
from anju.payments.v1 import payments_pb2_grpc as rpc
from chassis.grpc_client import Client, activity_call
from chassis.wire import stamp, utc
from temporalio import activity

from anju_workflows import wire
from anju_workflows.rent_cycle import calls

# A query at the bank may take its five seconds, twice.
CONFIRM_SECONDS = 20.0


class RentCycleActivities:
    def __init__(self, payments: Client) -> None:
        self._client = payments
        self._stub = rpc.PaymentsServiceStub(payments.channel)

    @activity.defn(name=calls.ISSUE_BILL)
    async def issue_bill(self, arg: calls.IssueBill) -> str:
        bill = arg.bill
        request = pb.IssueBillRequest(
            bill_id=bill.bill_id,
            step=wire.step(arg.step),
            lease_no=bill.lease_no,
            application_no=bill.application_no,
            owner=bill.owner,
            district=bill.place.district,
            kind=bill.kind,
            period=bill.period,
            amount_fen=bill.amount_fen,
            due_at=stamp(arg.due_at),
            arrears_at=stamp(arg.arrears_at),
            street=bill.place.street,
            reminder_days=bill.clocks.reminder_days,
            payment_poll_seconds=bill.clocks.payment_poll_seconds,
            lines=[RentLine(**line.model_dump(mode="json")) for line in bill.lines],
        )
        answer: pb.IssueBillResponse = await activity_call(self._client.call(self._stub.IssueBill, request))
        return answer.bill.state

    @activity.defn(name=calls.MARK_BILL)
    async def mark_bill(self, arg: calls.MarkBill) -> calls.BillState:
        request = pb.MarkBillRequest(bill_id=arg.bill_id, step=wire.step(arg.step), state=arg.state)
        answer: pb.MarkBillResponse = await activity_call(self._client.call(self._stub.MarkBill, request))
        return calls.BillState(settled=answer.bill.state == "paid", order_open=answer.order_open)

    @activity.defn(name=calls.BILL_STANDING)
    async def bill_standing(self, arg: calls.BillStanding) -> calls.Standing:
        request = pb.GetBillStandingRequest(bill_id=arg.bill_id)
        answer: pb.GetBillStandingResponse = await activity_call(self._client.call(self._stub.GetBillStanding, request))
        return calls.Standing(state=answer.bill.state, due=utc(answer.bill.due_at), intent=answer.intent_id)

    @activity.defn(name=calls.CONFIRM_PAYMENT)
    async def confirm_payment(self, arg: calls.ConfirmPayment) -> calls.BillState:
        request = pb.ConfirmPaymentRequest(bill_id=arg.bill_id, intent_id=arg.intent_id, as_of=stamp(arg.as_of))
        answer: pb.ConfirmPaymentResponse = await activity_call(
            self._client.call(self._stub.ConfirmPayment, request, timeout=CONFIRM_SECONDS)
        )
        return calls.BillState(settled=answer.bill.state == "paid", intent_state=answer.intent.state)
