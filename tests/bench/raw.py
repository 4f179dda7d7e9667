"""The same case as a straightforward workflow on the same engine: every call of a service an ordinary activity, nothing batched, nothing local.

What it leaves out of ours costs it nothing: no search attributes, no operator's page, no withdrawal, correction, objection or escalation. What it
does is what a household would notice: the same calls of services with the same arguments, the same updates with a validator, the same timers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from anju_workflows import calls, deadlines
from anju_workflows.contracts import APPLICATION, Accepted, ApplicationInput, ApplicationResult, Decision, Level, Register, ReviewDecision
from anju_workflows.transitions import APPLICATION as MOVES
from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ApplicationError

TITLES = {Level.STREET: "街道初审", Level.DISTRICT: "区级复审", Level.CITY: "市级终审"}
RETRY = RetryPolicy(initial_interval=timedelta(milliseconds=200), maximum_interval=timedelta(seconds=30))


@workflow.defn(name=APPLICATION)
class RawApplication:
    """Has our workflow's name, so that the services can be run with either; a worker registers one of the two."""

    @workflow.init
    def __init__(self, given: ApplicationInput) -> None:
        self.given = given
        self.stage = MOVES.start
        self.steps = 0
        self.level: Level | None = None
        self.decision: ReviewDecision | None = None

    @workflow.run
    async def run(self, given: ApplicationInput) -> ApplicationResult:
        await self.tell("application_received", no=given.no)
        await self.verify()
        event = await self.review()
        closes = deadlines.public_notice(workflow.now(), given.clocks)
        await self.advance(event, "public", closes)
        await self.tell("approved_to_notice", closes=deadlines.china_day(closes))
        await self.until(lambda: False, closes)
        await self.advance("notice_closed", "nobody", None)
        expires = deadlines.waiting_limit(workflow.now(), given.clocks)
        rank = await self.call(
            calls.REGISTER_WAITING, calls.RegisterWaiting(application=given, step=self.step("registered"), expires_at=expires), int
        )
        await self.tell("registered", rank=str(rank), expires=deadlines.china_day(expires))
        return ApplicationResult(outcome="registered")

    async def verify(self) -> None:
        deadline = deadlines.lookups(workflow.now(), self.given.clocks)
        await self.advance("start_verification", "registers", deadline)
        asked = [asyncio.create_task(self.look_up(register)) for register in Register]
        await self.until(lambda: all(task.done() for task in asked), workflow.now() + timedelta(hours=1))
        await asyncio.gather(*asked)
        await self.call(calls.ASSESS, calls.Assess(no=self.given.no, round=1, as_of=workflow.now()), calls.AssessAnswer)

    async def look_up(self, register: Register) -> None:
        await self.call(
            calls.LOOKUP_REGISTER, calls.Lookup(no=self.given.no, round=1, which=register, as_of=workflow.now()), calls.LookupAnswer
        )

    async def review(self) -> str:
        event = "verification_done"
        for level in Level:
            deadline = deadlines.review(workflow.now(), level, self.given.clocks)
            self.level, self.decision = level, None
            await self.advance(event, level, deadline)
            await self.tell("review_started", level=TITLES[level], deadline=deadlines.china_day(deadline))
            await self.until(lambda: self.decision is not None, deadlines.reminder(deadline, self.given.clocks))
            event = f"{level}_approved"
        return event

    async def until(self, condition: Callable[[], bool], at: datetime) -> None:
        try:
            await workflow.wait_condition(condition, timeout=at - workflow.now())
        except TimeoutError:
            return

    async def advance(self, event: str, waiting_on: str, deadline: datetime | None) -> None:
        self.stage = MOVES.next(self.stage, event)
        step = self.step(event, self.decision.actor if self.decision is not None else "system")
        arg = calls.Advance(no=self.given.no, step=step, event=event, stage=self.stage, waiting_on=waiting_on, deadline=deadline)
        await self.call(calls.ADVANCE_APPLICATION, arg, int)

    async def tell(self, template: str, **params: str) -> None:
        step = self.step(f"tell-{template}")
        arg = calls.Notify(key=step.step_id, no=self.given.no, template=template, params=params, as_of=step.as_of)
        await self.call(calls.NOTIFY, arg, str)

    async def call(self, name: str, arg: Any, result: type[Any], retry: RetryPolicy = RETRY) -> Any:
        return await workflow.execute_activity(
            name, arg, result_type=result, start_to_close_timeout=timedelta(seconds=60), retry_policy=retry
        )

    def step(self, event: str, actor: str = "system") -> calls.Step:
        self.steps += 1
        return calls.Step(step_id=f"{workflow.info().workflow_id}/{self.steps}/{event}", as_of=workflow.now(), actor=actor)

    @workflow.update(name="decide")
    def decide(self, said: ReviewDecision) -> Accepted:
        self.decision = said
        return Accepted(stage=MOVES.next(self.stage, f"{said.level}_approved"))

    @decide.validator
    def _check_decide(self, said: ReviewDecision) -> None:
        if self.level is not said.level or self.decision is not None:
            raise ApplicationError("该件当前不在您这一级待办中。", type="TASK_NOT_OPEN", non_retryable=True)
        if said.decision is not Decision.APPROVE:
            raise ApplicationError("the bench only approves", type="STEP_REFUSED", non_retryable=True)
