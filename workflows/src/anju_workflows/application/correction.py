"""补正: the household hands in a new dossier."""

from __future__ import annotations

from anju_contracts.application import CORRECT, Correction
from anju_contracts.base import Accepted
from temporalio import workflow

from anju_workflows import deadlines
from anju_workflows.application.steps import Steps
from anju_workflows.telling import day, household


class Correcting(Steps):
    """Waits for the household; without an answer in time the case lapses."""

    async def corrected(self) -> bool:
        """Waits for the household's correction; False when its time ran out."""
        deadline = self.deadline
        assert deadline is not None
        done = lambda: self.correction is not None  # noqa: E731  # a name for one expression
        if not await self.listen(done, self.take_correction, deadlines.reminder(deadline, self.given.clocks), "补正到期提醒"):
            await self.remind(household("correction_expiring", deadline=day(deadline)))
            if not await self.listen(done, self.take_correction, deadline, "补正期限"):
                news = household("lapsed")
                await self.advance("correction_expired", waiting_on="nobody", note="未在期限内补正", final=True, tell=[news])
                return False
        return True

    async def take_correction(self) -> bool:
        said = self.correction
        assert said is not None
        now, clocks = workflow.now(), self.given.clocks
        event, waiting_on = ("corrected_with_new_adult", "members") if said.awaited else ("corrected", "registers")
        due = deadlines.confirmation(now, clocks) if said.awaited else deadlines.lookups(now, clocks)
        news = household("confirmation_awaited", deadline=day(due)) if said.awaited else household("correction_received")
        before = self.round, self.unconfirmed
        # Its adults may confirm as soon as the record is there.
        self.round, self.unconfirmed = said.round, set(said.awaited)
        if await self.carry_out(said, event, waiting_on=waiting_on, deadline=due, final=True, tell=[news]):
            return True
        (self.round, self.unconfirmed), self.correction = before, None
        return False

    @workflow.update(name=CORRECT, description="申请家庭提交补正")
    def correct(self, said: Correction) -> Accepted:
        self.correction = said
        return Accepted(stage="confirming" if said.awaited else "verifying")

    @correct.validator
    def _check_correct(self, said: Correction) -> None:
        self.require_standing()
        if self.stage != "correction" or self.correction is not None or self.withdrawal is not None:
            raise self.not_now("NOT_RETURNED", "该申请当前不需要补正。")
        if said.round <= self.round or not self.new(said):
            raise self.not_now("NOT_RETURNED", "这次补正已经收到。")
