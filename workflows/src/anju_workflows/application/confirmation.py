"""成员确认: every adult of the household confirms for himself."""

from __future__ import annotations

from anju_contracts.application import CONFIRM, START, WITHDRAW_CONSENT, Confirmation, ConsentWithdrawn
from anju_contracts.base import Accepted
from temporalio import workflow

from anju_workflows import deadlines
from anju_workflows.application.steps import Steps
from anju_workflows.telling import day, household


class ConsentTakenBackError(Exception):
    """A consent was taken back while registers were asked: the asking is left, and the household corrects its dossier."""


class Confirming(Steps):
    """Waits for every adult to agree to be asked about. Silence is no consent."""

    async def confirmed(self) -> bool:
        """Waits until every adult has confirmed, or one says that he does not belong here; False when the time ran out. Silence is no consent."""
        deadline = self.deadline
        assert deadline is not None
        said = lambda: bool(self.confirmations)  # noqa: E731  # a name for one expression
        if not await self.listen(said, self.take_confirmation, deadlines.reminder(deadline, self.given.clocks), "成员确认到期提醒"):
            await self.remind(household("confirmation_expiring", deadline=day(deadline)))
            if not await self.listen(said, self.take_confirmation, deadline, "成员确认期限"):
                note = "期限内没有全部成年家庭成员的确认"
                await self.advance(
                    "confirmation_expired", waiting_on="nobody", note=note, final=True, tell=[household("confirmation_lapsed")]
                )
                return False
        return True

    async def take_confirmation(self) -> bool:
        """Puts what one adult says on record. True when the case need not wait for another."""
        said, now, clocks = self.confirmations[0], workflow.now(), self.given.clocks
        left = self.unconfirmed - {said.member}
        if not said.agrees:
            due, self.correction = deadlines.correction(now, clocks), None
            done = await self.carry_out(
                said, "member_refused", waiting_on="citizen", deadline=due, tell=[household("member_refused", deadline=day(due))]
            )
        elif left:
            done = await self.carry_out(said, "member_confirmed", waiting_on="members", deadline=self.deadline)
        else:
            due = deadlines.lookups(now, clocks)
            done = await self.carry_out(
                said, "all_confirmed", waiting_on="registers", deadline=due, final=True, tell=[household("application_received")]
            )
        self.confirmations.pop(0)
        if done and said.agrees:
            self.unconfirmed = left
        if self.stage != "confirming":
            # What the others say of a dossier that is to be corrected is not said of the next one.
            self.confirmations.clear()
        return self.stage != "confirming"

    # -- taking it back (撤回同意), at any moment before the end -----------------------------------------------------------

    async def take_back(self) -> None:
        """Nothing is asked any more about who has taken his consent back; what that means for the case depends on where it is.

        Raises ConsentTakenBackError when registers were being asked."""
        said, event, stage = self.taken_back[0], "consent_withdrawn", self.stage
        if stage == "confirming":
            deadline = self.deadline
            assert deadline is not None
            told = household("consent_withdrawn_awaited", deadline=day(deadline))
            done = await self.carry_out(said, event, waiting_on="members", deadline=deadline, tell=[told])
            if done:
                self.unconfirmed.add(said.member)
        elif stage == "verifying":
            due, self.correction = deadlines.correction(workflow.now(), self.given.clocks), None
            told = household("consent_withdrawn_returned", deadline=day(due))
            done = await self.carry_out(said, event, waiting_on="citizen", deadline=due, tell=[told])
        else:
            news = [household("consent_withdrawn_noted")]
            if self.waiting_on in {level.code for level in self.given.levels}:
                news.append(self.to_level("consent_withdrawn", self.waiting_on))
            done = await self.carry_out(said, event, waiting_on=self.waiting_on, deadline=self.deadline, overdue=self.overdue, tell=news)
        self.taken_back.pop(0)
        if done and stage == "verifying":
            raise ConsentTakenBackError

    @workflow.update(name=WITHDRAW_CONSENT, description="家庭成员撤回本人的查询同意")
    def withdraw_consent(self, said: ConsentWithdrawn) -> Accepted:
        self.taken_back.append(said)
        return Accepted(stage=self.table.next(self.stage, "consent_withdrawn"))

    @withdraw_consent.validator
    def _check_withdraw_consent(self, said: ConsentWithdrawn) -> None:
        self.require_standing()
        if self.stage in self.table.ends or self.withdrawal is not None:
            raise self.not_now("ALREADY_ENDED", "该申请已经办结，不会再查询您的信息。")
        pending = said.member in {each.member for each in self.taken_back}
        if self.stage == START or said.round != self.round or pending or not self.new(said):
            raise self.not_now("NOT_AWAITED", "该申请当前不能办理，请稍后再试。")

    @workflow.update(name=CONFIRM, description="成年家庭成员本人确认，或表示不属于该家庭")
    def confirm(self, said: Confirmation) -> Accepted:
        self.confirmations.append(said)
        if not said.agrees:
            return Accepted(stage="correction")
        left = self.unconfirmed - {each.member for each in self.confirmations}
        return Accepted(stage="confirming" if left else "verifying")

    @confirm.validator
    def _check_confirm(self, said: Confirmation) -> None:
        self.require_standing()
        refused = any(not each.agrees for each in self.confirmations)
        if self.stage != "confirming" or said.round != self.round or refused or self.withdrawal is not None:
            raise self.not_now("NOT_AWAITED", "该申请当前不需要确认，请刷新后查看。")
        waiting = self.unconfirmed - {each.member for each in self.confirmations}
        if said.member not in waiting or not self.new(said):
            raise self.not_now("NOT_AWAITED", "该成员的确认已经收到。")
