"""What the parts of an application share: what it knows, how a step of it is recorded, and how officials are waited for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

from anju_contracts.application import (
    ApplicationInput,
    Confirmation,
    ConsentWithdrawn,
    Correction,
    ObjectionDecision,
    ObjectionRaised,
    ReviewDecision,
    Withdrawal,
    moves,
)
from anju_contracts.base import Word
from anju_terms import terms
from temporalio import workflow

from anju_workflows import calling, deadlines
from anju_workflows.application import calls
from anju_workflows.case import Case
from anju_workflows.telling import Telling, Value, count, day, staff, term

NOTICE = ("public_notice", "objection_review")


class Steps(Case):
    def __init__(self, given: ApplicationInput) -> None:
        table = moves(tuple(level.code for level in given.levels), given.objection_level)
        super().__init__(table, given.no, given.place, generation=given.generation)
        self.given = given
        self.round = 1
        self.lookups: dict[str, calls.LookupAnswer | None] = dict.fromkeys(given.registers)
        self.assessment: calls.AssessAnswer | None = None
        self.level = ""
        self.decision: ReviewDecision | None = None
        # Places of the adults who have yet to confirm; what they say, in the order in which they say it.
        self.unconfirmed = set(given.awaited)
        self.confirmations: list[Confirmation] = []
        self.taken_back: list[ConsentWithdrawn] = []
        self.correction: Correction | None = None
        self.withdrawal: Withdrawal | None = None
        self.raised: list[ObjectionRaised] = []
        # On record and not answered yet, in order, each with the day by which it must be; the first is the one under review.
        self.objections: dict[str, datetime] = {}
        self.answer: ObjectionDecision | None = None
        self.notice_closes: datetime | None = None

    async def advance(
        self,
        event: str,
        *,
        waiting_on: str,
        deadline: datetime | None = None,
        overdue: bool = False,
        note: str = "",
        final: bool = False,
        doubts: tuple[str, ...] = (),
        tell: Sequence[Telling] = (),
    ) -> None:
        """Moves the case by a clock or by what the system found, and has casework record it; ``final`` when another's word would cross it illegally
        (ADR 2)."""
        stage = self.move(event, waiting_on=waiting_on, deadline=deadline, overdue=overdue)
        record = self.to_record(self.step(event, tell=tell), event, stage, waiting_on, deadline, overdue=overdue, note=note, doubts=doubts)
        await self.ask(lambda: calls.advance(record, self.entering(stage), final=final))

    async def carry_out(
        self,
        said: Word,
        event: str,
        *,
        waiting_on: str,
        deadline: datetime | None = None,
        overdue: bool = False,
        note: str = "",
        objection: str = "",
        final: bool = False,
        tell: Sequence[Telling] = (),
    ) -> bool:
        """Moves the case by what a person said. False when casework has not heard it said."""
        stage = self.table.next(self.stage, event)
        step = self.step(event, said.actor, said.request_id, tell)
        record = self.to_record(step, event, stage, waiting_on, deadline, overdue=overdue, note=note, objection=objection)
        done = await self.carried_out(
            said,
            event,
            lambda: calls.advance(record, self.entering(stage), final=final),
            waiting_on=waiting_on,
            deadline=deadline,
            overdue=overdue,
        )
        return done is not None

    def to_record(
        self,
        step: calling.Step,
        event: str,
        stage: str,
        waiting_on: str,
        deadline: datetime | None,
        *,
        overdue: bool,
        note: str,
        objection: str = "",
        doubts: tuple[str, ...] = (),
    ) -> calls.Advance:
        return calls.Advance(
            no=self.given.no,
            step=step,
            event=event,
            stage=stage,
            waiting_on=waiting_on,
            deadline=deadline,
            overdue=overdue,
            note=note,
            objection_id=objection,
            doubts=doubts,
        )

    def entering(self, stage: str) -> str:
        return f"进入{self.table.stages[stage]}"

    # -- officials --------------------------------------------------------------------------------------------------

    async def pressed(self, said: Callable[[], bool], take: Callable[[], Awaitable[bool]], level: str, deadline: datetime) -> None:
        """Waits for officials: reminded before the deadline, escalated at it and every few working days after it. Silence decides nothing."""
        clocks, stage = self.given.clocks, self.table.stages[self.stage]
        if await self.listen(said, take, deadlines.reminder(deadline, clocks), f"{stage}到期提醒"):
            return
        await self.remind(self.to_level("task_reminder", level, deadline=day(deadline)))
        if await self.listen(said, take, deadline, f"{stage}法定办理时限"):
            return
        while True:
            late = (workflow.now() - deadline).days
            news = self.to_level("task_escalated", level, days=count(late), level=term("stages", self.stage))
            await self.advance("escalated", waiting_on=level, deadline=deadline, overdue=True, tell=[news])
            if await self.listen(said, take, deadlines.next_escalation(workflow.now(), clocks), "再次督办"):
                return

    def to_level(self, template: str, level: str, /, **values: Value) -> Telling:
        """A message to the reviewers of a level, within the part of the city the level is in charge of."""
        duty, place = terms("levels")[level], self.given.place
        division = {"street": place.street, "district": place.district, "city": place.district[:4]}[duty.scope]
        return staff(template, duty.role, division, **values)
