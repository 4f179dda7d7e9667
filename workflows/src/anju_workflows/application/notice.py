"""公示、异议: the public may object, and every objection is answered before the notice can close."""

from __future__ import annotations

from datetime import datetime

from anju_contracts.application import DECIDE_OBJECTION, RAISE_OBJECTION, ObjectionDecision, ObjectionRaised
from anju_contracts.base import Accepted
from temporalio import workflow

from anju_workflows import deadlines
from anju_workflows.application.steps import NOTICE, Steps
from anju_workflows.case import refuse
from anju_workflows.telling import household, text

MAX_OPEN_OBJECTIONS = 20


class Publishing(Steps):
    """Waits for the public, and for the answer to what it objects."""

    async def published(self) -> ObjectionDecision | None:
        """On public notice until it closes with no objection open. Returns the decision that upheld an objection, None when none was."""
        closes = self.notice_closes or self.deadline
        while self.objections or await self.listen(lambda: bool(self.raised), self.take_objection, closes, "公示期"):
            while self.objections:
                decision = await self.objection_answered(closes)
                if decision.upheld:
                    return decision
        await self.advance("notice_closed", waiting_on="nobody", final=True)
        return None

    async def take_objection(self) -> bool:
        """Puts an objection on record as soon as it is raised: its legal time begins with it. The one under review keeps its own deadline."""
        said, level = self.raised.pop(0), self.given.objection_level
        due = deadlines.objection_review(workflow.now(), self.given.clocks)
        deadline, overdue = (self.deadline, self.overdue) if self.objections else (due, False)
        # Answered as soon as it is on record.
        self.objections[said.objection_id] = due
        if await self.carry_out(
            said,
            "objection_raised",
            waiting_on=level,
            deadline=deadline,
            overdue=overdue,
            objection=said.objection_id,
            final=True,
            tell=[household("objection_received")],
        ):
            return True
        del self.objections[said.objection_id]
        return False

    async def objection_answered(self, closes: datetime | None) -> ObjectionDecision:
        """The answer to the objection under review; the notice cannot close while one is open (Order 11, article 9)."""
        deadline = next(iter(self.objections.values()))
        taken: list[ObjectionDecision] = []

        async def take() -> bool:
            if self.raised:
                await self.take_objection()
                return False
            said, self.answer = self.answer, None
            assert said is not None
            if await self.answer_on_record(said, closes):
                taken.append(said)
                return True
            return False

        await self.pressed(lambda: self.answer is not None or bool(self.raised), take, self.given.objection_level, deadline)
        return taken[0]

    async def answer_on_record(self, said: ObjectionDecision, closes: datetime | None) -> bool:
        """What it leads to: the end, the next objection, or back on notice."""
        due = self.objections.pop(said.objection_id)
        waiting_on, deadline, news = "public", closes, [household("objection_dismissed")]
        if said.upheld:
            waiting_on, deadline, news = "nobody", None, [household("objection_upheld", reason=text(said.answer))]
        elif self.objections:
            waiting_on, deadline, news = self.given.objection_level, next(iter(self.objections.values())), []
        if await self.carry_out(
            said,
            self.event_of(said),
            waiting_on=waiting_on,
            deadline=deadline,
            note=said.answer,
            objection=said.objection_id,
            tell=news,
        ):
            return True
        self.objections, self.answer = {said.objection_id: due, **self.objections}, None
        return False

    def event_of(self, said: ObjectionDecision) -> str:
        if said.upheld:
            return "objection_upheld"
        others = self.objections.keys() - {said.objection_id}
        return "one_objection_dismissed" if others else "objection_dismissed"

    @workflow.update(name=RAISE_OBJECTION, description="公示期内提出异议")
    def raise_objection(self, said: ObjectionRaised) -> Accepted:
        # One that is on record may be said again to a case that was started again meanwhile.
        if said.objection_id not in (*self.objections, *(each.objection_id for each in self.raised)):
            self.raised.append(said)
        return Accepted(stage="objection_review")

    @raise_objection.validator
    def _check_raise_objection(self, said: ObjectionRaised) -> None:
        self.require_standing()
        if self.stage not in NOTICE or self.withdrawal is not None:
            raise self.not_now("NOT_ON_NOTICE", "该申请当前不在公示期。")
        if not self.new(said):
            raise refuse("STEP_REFUSED", "该异议已经收到。")
        if len(self.raised) + len(self.objections) >= MAX_OPEN_OBJECTIONS:
            raise refuse("STEP_REFUSED", "该申请已有多件异议正在复核，请等待结果。")

    @workflow.update(name=DECIDE_OBJECTION, description="答复异议：成立或不成立")
    def decide_objection(self, said: ObjectionDecision) -> Accepted:
        self.answer = said
        return Accepted(stage=self.table.next(self.stage, self.event_of(said)))

    @decide_objection.validator
    def _check_decide_objection(self, said: ObjectionDecision) -> None:
        self.require_standing()
        current = next(iter(self.objections), "") == said.objection_id and self.stage == "objection_review"
        if not current or self.answer is not None or self.withdrawal is not None or not self.new(said):
            raise self.not_now("TASK_NOT_OPEN", "该异议当前不在待复核状态，请刷新后查看。")
        if not said.answer.strip():
            raise refuse("STEP_REFUSED", "请写明答复内容。")
