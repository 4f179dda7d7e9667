"""The same case as a straightforward workflow on the same engine: every call of a service an ordinary activity, nothing batched, nothing local.

What it leaves out of ours costs it nothing: no search attributes, no operator's page, no withdrawal, correction, objection or escalation. What it
does is what a household would notice: the same calls of services with the same arguments, the same updates with a validator, the same timers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from anju_contracts.application import NAME, ApplicationInput, Decision, ReviewDecision, approved, moves
from anju_contracts.base import Accepted, Outcome
from anju_contracts.moves import Table
from anju_terms import review_stage
from anju_workflows import deadlines
from anju_workflows.application import calls
from anju_workflows.calling import Step
from anju_workflows.telling import Telling, day, household, term
from anju_workflows.waiting.calls import REGISTER_WAITING, RegisterWaiting, Registration
from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ApplicationError

RETRY = RetryPolicy(initial_interval=timedelta(milliseconds=200), maximum_interval=timedelta(seconds=30))


def moves_of(given: ApplicationInput) -> Table:
    return moves(tuple(level.code for level in given.levels), given.objection_level)


def turn(level: str, deadline: datetime) -> Telling:
    return household("review_started", level=term("stages", review_stage(level)), deadline=day(deadline))


@workflow.defn(name=NAME)
class RawApplication:
    """Has our workflow's name, so that the services can be run with either; a worker registers one of the two."""

    @workflow.init
    def __init__(self, given: ApplicationInput) -> None:
        self.given = given
        self.moves = moves_of(given)
        self.stage = self.moves.start
        self.steps = 0
        self.level = ""
        self.decision: ReviewDecision | None = None

    @workflow.run
    async def run(self, given: ApplicationInput) -> Outcome:
        await self.verify()
        event = await self.review()
        closes = deadlines.public_notice(workflow.now(), given.clocks)
        await self.advance(event, "public", closes, household("approved_to_notice", closes=day(closes)), by=self.decision)
        await self.until(lambda: False, closes)
        await self.advance("notice_closed", "nobody", None)
        entry = RegisterWaiting(no=given.no, step=self.step("registered", "system", household("registered")))
        await self.call(REGISTER_WAITING, entry, Registration)
        return Outcome(outcome="registered")

    async def verify(self) -> None:
        deadline = deadlines.lookups(workflow.now(), self.given.clocks)
        await self.advance("start_verification", "registers", deadline, household("application_received"))
        asked = [asyncio.create_task(self.look_up(register)) for register in self.given.registers]
        await self.until(lambda: all(task.done() for task in asked), workflow.now() + timedelta(hours=1))
        await asyncio.gather(*asked)
        await self.call(calls.ASSESS, calls.Assess(no=self.given.no, round=1, as_of=workflow.now()), calls.AssessAnswer)

    async def look_up(self, register: str) -> None:
        asked = calls.Lookup(no=self.given.no, round=1, register_code=register, as_of=workflow.now())
        await self.call(calls.LOOKUP_REGISTER, asked, calls.LookupAnswer)

    async def review(self) -> str:
        event = "verification_done"
        for level in self.given.levels:
            deadline = deadlines.review(workflow.now(), level)
            said, self.level, self.decision = self.decision, level.code, None
            await self.advance(event, level.code, deadline, turn(level.code, deadline), by=said)
            await self.until(lambda: self.decision is not None, deadlines.reminder(deadline, self.given.clocks))
            event = approved(level.code)
        return event

    async def until(self, condition: Callable[[], bool], at: datetime) -> None:
        try:
            await workflow.wait_condition(condition, timeout=at - workflow.now())
        except TimeoutError:
            return

    async def advance(
        self, event: str, waiting_on: str, deadline: datetime | None, *tell: Telling, by: ReviewDecision | None = None
    ) -> None:
        self.stage = self.moves.next(self.stage, event)
        step = self.step(event, "system", *tell)
        if by is not None:
            # A service records a person's step only on that person's own request.
            step = step.model_copy(update={"actor": by.actor, "word_id": by.request_id})
        arg = calls.Advance(no=self.given.no, step=step, event=event, stage=self.stage, waiting_on=waiting_on, deadline=deadline)
        await self.call(calls.ADVANCE_APPLICATION, arg, int)

    async def call(self, name: str, arg: Any, result: type[Any], retry: RetryPolicy = RETRY) -> Any:
        return await workflow.execute_activity(
            name, arg, result_type=result, start_to_close_timeout=timedelta(seconds=60), retry_policy=retry
        )

    def step(self, event: str, actor: str, *tell: Telling) -> Step:
        self.steps += 1
        return Step(step_id=f"{workflow.info().workflow_id}/{self.steps}/{event}", as_of=workflow.now(), actor=actor, tell=tell)

    @workflow.update(name="decide")
    def decide(self, said: ReviewDecision) -> Accepted:
        self.decision = said
        return Accepted(stage=self.moves.next(self.stage, approved(said.level)))

    @decide.validator
    def _check_decide(self, said: ReviewDecision) -> None:
        if self.level != said.level or self.decision is not None:
            raise ApplicationError("该件当前不在您这一级待办中。", type="TASK_NOT_OPEN", non_retryable=True)
        if said.decision is not Decision.APPROVE:
            raise ApplicationError("the bench only approves", type="STEP_REFUSED", non_retryable=True)
