"""Signatures of every activity a workflow may ask for: parameters, results, and how each is called.

Quick idempotent calls to our own services are local activities (no engine action of their own); whatever leaves the house, may take long, or must be
on record before it happens is an ordinary activity. Each makes exactly one RPC; retries belong to the engine and are bounded by time, not by tries.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, Literal, TypeVar

from pydantic import Field
from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError, FailureError, TimeoutError

from anju_workflows.contracts import (
    PAYMENTS_TASK_QUEUE,
    REGISTER_TITLES,
    REGISTRY_TASK_QUEUE,
    ApplicationInput,
    LookupOutcome,
    Model,
    Register,
    RentCycleInput,
    Verdict,
)

T = TypeVar("T")

# --- parameters and results ---------------------------------------------------------------------------------------------------------------


class Step(Model):
    """Where in which workflow a record comes from: makes the record happen once."""

    step_id: str
    as_of: datetime
    actor: str = "system"


class Advance(Model):
    no: str
    step: Step
    event: str
    stage: str
    waiting_on: str
    deadline: datetime | None = None
    overdue: bool = False
    note: str = ""
    objection_id: str = ""


class Lookup(Model):
    no: str
    round: int
    which: Register
    as_of: datetime


class LookupAnswer(Model):
    outcome: LookupOutcome
    summary: str


class Assess(Model):
    no: str
    round: int
    as_of: datetime


class AssessAnswer(Model):
    verdict: Verdict
    rule_set: str
    unmet: tuple[str, ...] = Field(default=(), description="titles of the criteria not met or to be looked at")


class Notify(Model):
    key: str
    no: str
    template: str
    params: dict[str, str]
    as_of: datetime
    role: str = Field(default="", description="empty for the household; a staff role otherwise")
    division: str = ""


class RegisterWaiting(Model):
    application: ApplicationInput
    step: Step
    expires_at: datetime


class CloseOffer(Model):
    offer_id: str
    step: Step
    outcome: Literal["accepted", "declined", "expired"]
    reason: str = ""
    term_months: int = 0
    sign_by: datetime | None = None


class DraftedLease(Model):
    lease_no: str = ""
    starts_on: str = ""
    ends_on: str = ""
    monthly_rent_fen: int = 0
    deposit_fen: int = 0


class CloseWaiting(Model):
    no: str
    step: Step
    outcome: str


class AdvanceLease(Model):
    lease_no: str
    step: Step
    event: Literal["signed", "activated", "lapsed", "ended"]


class IssueBill(Model):
    bill: RentCycleInput
    step: Step
    due_at: datetime


class MarkBill(Model):
    bill_id: str
    step: Step
    state: Literal["overdue", "arrears"]


class ConfirmPayment(Model):
    intent_id: str
    as_of: datetime


class PaymentState(Model):
    intent_state: str
    bill_settled: bool


class ReleaseHousehold(Model):
    no: str


# --- names --------------------------------------------------------------------------------------------------------------------------------

ADVANCE_APPLICATION: Final = "advance_application"
LOOKUP_REGISTER: Final = "lookup_register"
ASSESS: Final = "assess"
NOTIFY: Final = "notify"
REGISTER_WAITING: Final = "register_waiting"
CLOSE_OFFER: Final = "close_offer"
CLOSE_WAITING: Final = "close_waiting"
ADVANCE_LEASE: Final = "advance_lease"
RELEASE_HOUSEHOLD: Final = "release_household"
START_RENT_CYCLE: Final = "start_rent_cycle"
ISSUE_BILL: Final = "issue_bill"
MARK_BILL: Final = "mark_bill"
CONFIRM_PAYMENT: Final = "confirm_payment"

# --- how they are called ------------------------------------------------------------------------------------------------------------------

# Our own services are back within seconds after a crash; until then the step waits, for as long as it takes.
_OWN: Final = RetryPolicy(initial_interval=timedelta(milliseconds=500), backoff_coefficient=2, maximum_interval=timedelta(seconds=30))
_ONE_TRY: Final = timedelta(seconds=10)
# A local step holds its workflow's task. A service that hangs must not hold those of everybody: after this long the step goes on as an ordinary one.
LOCAL_PATIENCE: Final = timedelta(seconds=3)
_ONCE: Final = RetryPolicy(maximum_attempts=1)


# How a step ends without an answer: a local one raises its failure bare, an ordinary one wraps it.
FAILED: Final = (ActivityError, ApplicationError, TimeoutError)


def refused(error: FailureError) -> ApplicationError | None:
    """The service's answer that it will not; None when there was no answer."""
    cause = error.cause if isinstance(error, ActivityError) else error
    return cause if isinstance(cause, ApplicationError) and cause.non_retryable else None


async def _local(name: str, arg: Model, result: type[T], summary: str) -> T:
    """Tried once in the worker; the same step as an ordinary activity when that has no answer within ``LOCAL_PATIENCE``."""
    try:
        answer: T = await workflow.execute_local_activity(
            name,
            arg,
            result_type=result,
            start_to_close_timeout=LOCAL_PATIENCE,
            retry_policy=_ONCE,
            summary=summary,
        )
    except FAILED as error:
        if refused(error) is not None:
            raise
        workflow.logger.warning("%s goes on as an ordinary activity", name)
        return await _recorded(name, arg, result, summary)
    return answer


async def _recorded(name: str, arg: Model, result: type[T], summary: str) -> T:
    """An ordinary activity: the engine has written down that it will happen before it does, so no message arriving meanwhile can undo it."""
    answer: T = await workflow.execute_activity(
        name, arg, result_type=result, start_to_close_timeout=_ONE_TRY, retry_policy=_OWN, summary=summary
    )
    return answer


async def advance(arg: Advance, summary: str, *, final: bool = False) -> None:
    await (_recorded if final else _local)(ADVANCE_APPLICATION, arg, int, summary)


async def lookup(arg: Lookup, *, first_retry: timedelta, longest_retry: timedelta, patience: timedelta, own_queue: bool) -> LookupAnswer:
    """Asks one register, again and again with growing pauses, until it answers or ``patience`` (the legal deadline) is over."""
    answer: LookupAnswer = await workflow.execute_activity(
        LOOKUP_REGISTER,
        arg,
        result_type=LookupAnswer,
        task_queue=REGISTRY_TASK_QUEUE if own_queue else None,
        # Longer than the RPC's own deadline, so the service's answer decides and not a race of two timers.
        start_to_close_timeout=timedelta(seconds=60),
        # Several of the activity's heartbeats: a worker that died is noticed after this, not after the whole minute.
        heartbeat_timeout=timedelta(seconds=15),
        schedule_to_close_timeout=patience,
        retry_policy=RetryPolicy(initial_interval=first_retry, backoff_coefficient=2, maximum_interval=longest_retry),
        summary=f"核验{REGISTER_TITLES[arg.which]}信息",
    )
    return answer


async def assess(arg: Assess) -> AssessAnswer:
    return await _local(ASSESS, arg, AssessAnswer, "按规则集评估资格")


async def notify(arg: Notify) -> None:
    await _local(NOTIFY, arg, str, "通知申请家庭" if not arg.role else "提醒工作人员")


async def register_waiting(arg: RegisterWaiting) -> int:
    return await _local(REGISTER_WAITING, arg, int, "登记为轮候对象")


async def close_offer(arg: CloseOffer) -> DraftedLease:
    return await _recorded(CLOSE_OFFER, arg, DraftedLease, "记录配租结果")


async def close_waiting(arg: CloseWaiting) -> None:
    await _recorded(CLOSE_WAITING, arg, str, "移出轮候名册")


async def advance_lease(arg: AdvanceLease, summary: str) -> None:
    await _recorded(ADVANCE_LEASE, arg, str, summary)


async def release_household(arg: ReleaseHousehold) -> None:
    """The household stands in no application any more and may apply again."""
    await _local(RELEASE_HOUSEHOLD, arg, str, "解除申请占用")


async def start_rent_cycle(arg: RentCycleInput) -> None:
    await _local(START_RENT_CYCLE, arg, str, "开出账单流程")


async def issue_bill(arg: IssueBill) -> None:
    await _local(ISSUE_BILL, arg, str, "出账")


async def mark_bill(arg: MarkBill, *, final: bool) -> PaymentState:
    return await (_recorded if final else _local)(MARK_BILL, arg, PaymentState, "标记账单")


async def confirm_payment(arg: ConfirmPayment, *, own_queue: bool) -> PaymentState:
    answer: PaymentState = await workflow.execute_activity(
        CONFIRM_PAYMENT,
        arg,
        result_type=PaymentState,
        task_queue=PAYMENTS_TASK_QUEUE if own_queue else None,
        start_to_close_timeout=timedelta(seconds=30),
        # The workflow asks again at its next look; a bank that is away must not hold the bill's own deadlines.
        schedule_to_close_timeout=timedelta(minutes=5),
        retry_policy=RetryPolicy(initial_interval=timedelta(seconds=5), backoff_coefficient=2, maximum_interval=timedelta(minutes=1)),
        summary="向银行查询支付结果",
    )
    return answer
