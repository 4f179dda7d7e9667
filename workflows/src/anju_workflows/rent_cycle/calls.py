"""What a bill asks of payments."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, Literal

from anju_contracts.base import PAYMENTS_TASK_QUEUE, Model
from anju_contracts.rent_cycle import RentCycleInput
from temporalio import workflow
from temporalio.common import RetryPolicy

from anju_workflows.calling import Step, quick, recorded

ISSUE_BILL: Final = "issue_bill"
MARK_BILL: Final = "mark_bill"
CONFIRM_PAYMENT: Final = "confirm_payment"
BILL_STANDING: Final = "bill_standing"


class IssueBill(Model):
    bill: RentCycleInput
    step: Step
    due_at: datetime
    arrears_at: datetime


class MarkBill(Model):
    bill_id: str
    step: Step
    state: Literal["overdue", "arrears", "paid"]


class ConfirmPayment(Model):
    bill_id: str
    intent_id: str
    as_of: datetime


class BillState(Model):
    """``order_open``: the bank may be taking the money, and the bill was not written to arrears."""

    settled: bool
    intent_state: str = ""
    order_open: bool = False


class BillStanding(Model):
    bill_id: str


class Standing(Model):
    """Where a bill stands on record. ``intent``: the order open at the bank."""

    state: str
    due: datetime
    intent: str = ""


async def standing(bill_id: str) -> Standing:
    return await quick(BILL_STANDING, BillStanding(bill_id=bill_id), Standing, "查看账单状态")


async def issue_bill(arg: IssueBill) -> None:
    await quick(ISSUE_BILL, arg, str, "出账")


async def mark_bill(arg: MarkBill, *, final: bool) -> BillState:
    return await (recorded if final else quick)(MARK_BILL, arg, BillState, "标记账单")


async def confirm_payment(arg: ConfirmPayment, *, own_queue: bool) -> BillState:
    answer: BillState = await workflow.execute_activity(
        CONFIRM_PAYMENT,
        arg,
        result_type=BillState,
        task_queue=PAYMENTS_TASK_QUEUE if own_queue else None,
        start_to_close_timeout=timedelta(seconds=30),
        # The workflow asks again at its next look; a bank that is away must not hold the bill's own deadlines.
        schedule_to_close_timeout=timedelta(minutes=5),
        retry_policy=RetryPolicy(initial_interval=timedelta(seconds=5), backoff_coefficient=2, maximum_interval=timedelta(minutes=1)),
        summary="向银行查询支付结果",
    )
    return answer
