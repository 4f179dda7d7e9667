"""初审、复审、终审: the levels decide, one after another."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from anju_contracts.application import DECIDE, Decision, Level, LookupOutcome, ReviewDecision, approved, handed_on, refused, returned
from anju_contracts.base import Accepted
from anju_terms import review_stage
from temporalio import workflow

from anju_workflows import deadlines
from anju_workflows.application.steps import Steps
from anju_workflows.case import refuse
from anju_workflows.telling import Telling, day, household, several, staff, term, text

EVENT = {Decision.APPROVE: approved, Decision.RETURN: returned, Decision.REFUSE: refused, Decision.HAND_ON: handed_on}
# After these the next level has the case.
GOES_ON = (Decision.APPROVE, Decision.HAND_ON)


class Reviewing(Steps):
    """Waits for the reviewers of each level: reminded and escalated, never decided by silence. A level all of whose people have left the case to others
    passes it on to the next one; the last level goes on waiting, and operators are told."""

    async def review(self) -> ReviewDecision | None:
        """The levels in their order. None when none stopped the case, otherwise the decision that did."""
        levels = self.levels_left()
        self.level, self.decision = levels[0].code, None
        if self.stage == "verifying":
            await self.handed_over(levels[0])
        for level, following in zip(levels, [*levels[1:], None], strict=True):
            decision = await self.decided_at(level, following)
            if decision.decision not in GOES_ON:
                return decision
        return None

    def levels_left(self) -> Sequence[Level]:
        """All; from the one that has the case on, where it is taken up at a review."""
        stages = [review_stage(level.code) for level in self.given.levels]
        return self.given.levels[stages.index(self.stage) if self.stage in stages else 0 :]

    async def handed_over(self, level: Level) -> None:
        deadline = deadlines.review(workflow.now(), level)
        news = [self.begun(level, deadline)]
        silent = [
            register for register, answer in self.lookups.items() if answer is not None and answer.outcome is LookupOutcome.UNAVAILABLE
        ]
        if silent:
            news.append(self.to_level("register_silent", level.code, register=several("registers", silent)))
        assert self.assessment is not None
        doubts = self.assessment.doubts
        await self.advance("verification_done", waiting_on=level.code, deadline=deadline, doubts=doubts, tell=news)

    def begun(self, level: Level, deadline: datetime) -> Telling:
        return household("review_started", level=term("stages", review_stage(level.code)), deadline=day(deadline))

    async def decided_at(self, level: Level, following: Level | None) -> ReviewDecision:
        """The level's decision, on record with what it leads to: the level after it, or the public notice."""
        deadline = self.deadline
        taken: list[ReviewDecision] = []

        async def take() -> bool:
            said, self.decision = self.decision, None
            assert said is not None
            # The next level may speak as soon as the record is there.
            self.level = following.code if following is not None and said.decision in GOES_ON else ""
            if await self.decide_on_record(said, level, following):
                if following is None and said.decision is Decision.HAND_ON:
                    self.level = level.code
                    return False
                taken.append(said)
                return True
            self.level, self.decision = level.code, None
            return False

        assert deadline is not None
        await self.pressed(lambda: self.decision is not None, take, level.code, deadline)
        return taken[0]

    async def decide_on_record(self, said: ReviewDecision, level: Level, following: Level | None) -> bool:
        now, event = workflow.now(), EVENT[said.decision](level.code)
        if said.decision is Decision.REFUSE:
            news = household("refused", reason=text(said.reason))
            return await self.carry_out(said, event, waiting_on="nobody", note=said.reason, tell=[news])
        if said.decision is Decision.RETURN:
            deadline = deadlines.correction(now, self.given.clocks)
            self.correction = None
            news = household("returned_for_correction", reason=text(said.reason), deadline=day(deadline))
            return await self.carry_out(said, event, waiting_on="citizen", deadline=deadline, note=said.reason, tell=[news])
        if following is not None:
            deadline = deadlines.review(now, following)
            return await self.carry_out(said, event, waiting_on=following.code, deadline=deadline, tell=[self.begun(following, deadline)])
        if said.decision is Decision.HAND_ON:
            alarm = staff("nobody_left", "operator", self.given.place.district[:4], level=term("stages", self.stage))
            return await self.carry_out(said, event, waiting_on=level.code, deadline=self.deadline, overdue=self.overdue, tell=[alarm])
        closes = deadlines.public_notice(now, self.given.clocks)
        news = household("approved_to_notice", closes=day(closes))
        return await self.carry_out(said, event, waiting_on="public", deadline=closes, tell=[news])

    @workflow.update(name=DECIDE, description="审核决定：通过、退回补正、不通过；均已回避的转由上级")
    def decide(self, said: ReviewDecision) -> Accepted:
        self.decision = said
        return Accepted(stage=self.table.next(self.stage, EVENT[said.decision](said.level)))

    @decide.validator
    def _check_decide(self, said: ReviewDecision) -> None:
        self.require_standing()
        if not said.level or self.level != said.level or self.decision is not None or self.withdrawal is not None:
            raise self.not_now("TASK_NOT_OPEN", "该件当前不在您这一级待办中，请刷新后查看。")
        if said.decision not in GOES_ON and not said.reason.strip():
            raise refuse("STEP_REFUSED", "退回补正或不予通过时，请写明理由，申请家庭会看到。")
        if not self.new(said) or said.actor == self.given.owner:
            raise refuse("STEP_REFUSED", "不能办理本人的申请，请交由其他工作人员办理。")
