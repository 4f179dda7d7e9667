"""What an application asks of casework, the registry gateway and eligibility."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from anju_contracts.application import LookupOutcome, Verdict
from anju_contracts.base import REGISTRY_TASK_QUEUE, Model
from anju_terms import title
from pydantic import Field
from temporalio import workflow
from temporalio.common import RetryPolicy

from anju_workflows.calling import Step, quick, recorded

ADVANCE_APPLICATION: Final = "advance_application"
LOOKUP_REGISTER: Final = "lookup_register"
CASE_STANDING: Final = "case_standing"
ASSESS: Final = "assess"
RELEASE_HOUSEHOLD: Final = "release_household"


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
    doubts: tuple[str, ...] = Field(default=(), description="with verification_done: codes of the criteria not met or not to be verified")


class Lookup(Model):
    no: str
    round: int
    register_code: str
    as_of: datetime


class LookupAnswer(Model):
    outcome: LookupOutcome
    summary: str = Field(description="zh-CN, for the operator's page")


class Assess(Model):
    no: str
    round: int
    as_of: datetime


class AssessAnswer(Model):
    verdict: Verdict
    rule_set: str
    unmet: tuple[str, ...] = Field(default=(), description="titles of the criteria not met or to be looked at")
    doubts: tuple[str, ...] = Field(default=(), description="their codes")


class ReleaseHousehold(Model):
    no: str


class CaseStanding(Model):
    no: str


class Standing(Model):
    """Where a case stands on record. ``objections`` are open, each with the moment it was raised; the first is being looked at.
    ``awaited`` are the places of the adults who have yet to confirm."""

    stage: str
    waiting_on: str
    deadline: datetime | None = None
    overdue: bool = False
    round: int
    notice_closes: datetime | None = None
    objections: tuple[tuple[str, datetime], ...] = ()
    awaited: tuple[int, ...] = ()


async def standing(no: str) -> Standing:
    return await quick(CASE_STANDING, CaseStanding(no=no), Standing, "查看案件办到哪一步")


async def advance(arg: Advance, summary: str, *, final: bool = False) -> int:
    return await (recorded if final else quick)(ADVANCE_APPLICATION, arg, int, summary)


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
        summary=f"核验{title('registers', arg.register_code)}信息",
    )
    return answer


async def assess(arg: Assess) -> AssessAnswer:
    return await quick(ASSESS, arg, AssessAnswer, "按规则集评估资格")


async def release_household(no: str) -> None:
    """The household stands in no application any more and may apply again."""
    await quick(RELEASE_HOUSEHOLD, ReleaseHousehold(no=no), str, "解除申请占用")
