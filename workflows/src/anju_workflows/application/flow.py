"""Application: from submission to the waiting list (Order 11, articles 7 to 10)."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

from anju_contracts import waiting
from anju_contracts.application import NAME, START, WITHDRAW, ApplicationInput, Decision, Withdrawal
from anju_contracts.base import Accepted, Outcome
from anju_terms import title
from temporalio import workflow
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.workflow import ParentClosePolicy

from anju_workflows import deadlines, search_attributes
from anju_workflows.application import calls
from anju_workflows.application.confirmation import Confirming
from anju_workflows.application.correction import Correcting
from anju_workflows.application.notice import Publishing
from anju_workflows.application.review import Reviewing
from anju_workflows.application.steps import NOTICE
from anju_workflows.application.verification import Verifying
from anju_workflows.telling import day, household


class _WithdrawnError(Exception):
    """The household withdrew: whatever is being waited for is left, and the case is closed in one place."""


@workflow.defn(name=NAME)
class Application(Confirming, Verifying, Reviewing, Correcting, Publishing):
    """A household's application.

    Waits for its adults to confirm for themselves, for the registers it came with (until the legal deadline, then people check by hand), for the reviewers of its levels, one after another
    (each with a clock of working days, reminded and escalated, never decided by silence), for the household when the case is returned to it, and
    for the public while it is on notice. Ends registered (a Waiting workflow goes on), rejected, withdrawn or lapsed.
    """

    @workflow.init
    def __init__(self, given: ApplicationInput) -> None:
        super().__init__(given)

    @workflow.run
    async def run(self, given: ApplicationInput) -> Outcome:
        return await self.through(self.course())

    async def course(self) -> Outcome:
        try:
            if self.generation:
                await self.no_earlier_than_recorded(self.given.not_before)
                await self.taken_up()
                if self.stage == "registered":
                    return await self.register()
                if self.stage in self.table.ends:
                    return await self.close(self.stage)
            if self.stage == START:
                await self.begin()
            while self.stage not in NOTICE:
                if self.stage == "confirming" and not await self.confirmed():
                    return await self.close("lapsed")
                if self.stage == "verifying":
                    await self.verify()
                if self.stage != "correction":
                    stopped = await self.review()
                    if stopped is None:
                        break
                    if stopped.decision is Decision.REFUSE:
                        return await self.close("rejected")
                if not await self.corrected():
                    return await self.close("lapsed")
            upheld = await self.published()
            if upheld is not None:
                return await self.close("rejected")
            return await self.register()
        except _WithdrawnError:
            return await self.close("withdrawn")

    async def begin(self) -> None:
        now, clocks = workflow.now(), self.given.clocks
        if self.unconfirmed:
            deadline = deadlines.confirmation(now, clocks)
            news = household("confirmation_awaited", deadline=day(deadline))
            await self.advance("confirmation_awaited", waiting_on="members", deadline=deadline, tell=[news])
            return
        due, news = deadlines.lookups(now, clocks), household("application_received")
        await self.advance("start_verification", waiting_on="registers", deadline=due, tell=[news])

    async def taken_up(self) -> None:
        found = await self.ask(lambda: calls.standing(self.given.no))
        self.round, self.notice_closes, self.unconfirmed = found.round, found.notice_closes, set(found.awaited)
        self.objections = {id_: deadlines.objection_review(raised_at, self.given.clocks) for id_, raised_at in found.objections}
        if found.objections and found.deadline is not None:
            self.objections[found.objections[0][0]] = found.deadline
        self.take_up(stage=found.stage, waiting_on=found.waiting_on, deadline=found.deadline, overdue=found.overdue)

    # -- ends ----------------------------------------------------------------------------------------------------------

    async def register(self) -> Outcome:
        """Registered applicant (轮候对象): from here the Waiting workflow goes on, and has itself put on the list. Casework looks after it that it does."""
        place = self.given.place
        # One that was started again may find that the run before it came so far.
        with suppress(WorkflowAlreadyStartedError):
            await workflow.start_child_workflow(
                waiting.NAME,
                waiting.WaitingInput(
                    application_no=self.given.no, owner=self.given.owner, place=place, separate_queues=self.given.separate_queues
                ),
                id=waiting.workflow_id(self.given.no),
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                parent_close_policy=ParentClosePolicy.ABANDON,
                search_attributes=search_attributes.at_start(
                    stage=waiting.MOVES.start, waiting_on="house_manager", deadline=None, place=(place.district, place.street)
                ),
                static_summary=f"{waiting.MOVES.title} {self.given.no}",
            )
        return await self.close("registered")

    async def take_withdrawal(self, said: Withdrawal) -> bool:
        if await self.carry_out(said, "withdrawn", waiting_on="nobody", note=said.reason, final=True, tell=[household("withdrawn")]):
            return True
        self.withdrawal = None
        return False

    async def close(self, outcome: str) -> Outcome:
        await self.finish()
        return Outcome(outcome=outcome)

    # -- withdrawal (撤回), at any moment before the end -----------------------------------------------------------------

    async def awaited(self, done: Callable[[], bool], at: datetime | None, summary: str = "") -> bool:
        """Waits for ``done`` until ``at``; False when the time came first. Raises when the household withdraws meanwhile, or a consent is taken back
        on which registers are being asked.

        What was said before was acknowledged too: it is recorded first, and the next wait ends at once."""
        while True:
            reached = await self.until(lambda: done() or self.withdrawal is not None or bool(self.taken_back), at, summary)
            if done() or not (self.withdrawal or self.taken_back):
                return reached
            if self.withdrawal is None:
                await self.take_back()
            elif await self.take_withdrawal(self.withdrawal):
                raise _WithdrawnError

    @workflow.update(name=WITHDRAW, description="申请家庭撤回申请")
    def withdraw(self, said: Withdrawal) -> Accepted:
        self.withdrawal = said
        return Accepted(stage="withdrawn")

    @withdraw.validator
    def _check_withdraw(self, said: Withdrawal) -> None:
        self.require_standing()
        rejected = self.decision is not None and self.decision.decision is Decision.REFUSE
        upheld = self.answer is not None and self.answer.upheld
        if self.stage in self.table.ends or self.withdrawal is not None or rejected or upheld or not self.new(said):
            raise self.not_now("ALREADY_ENDED", "该申请已经办结，不能撤回。")

    # -- the operators' page ---------------------------------------------------------------------------------------------

    def details(self) -> list[str]:
        lines = super().details()
        answers = [
            f"- {title('registers', register)}：{'等待部门答复' if answer is None else answer.summary}"
            for register, answer in self.lookups.items()
        ]
        lines.append(f"**数据核验**（第 {self.round} 轮）\n\n" + "\n".join(answers))
        if self.assessment is not None:
            unmet = "、".join(self.assessment.unmet)
            lines.append(f"**资格评估**：{title('verdicts', self.assessment.verdict)}（{self.assessment.rule_set}）{unmet}")
        if self.unconfirmed:
            lines.append(f"**本人确认**：还有 {len(self.unconfirmed)} 位成年家庭成员没有确认")
        if self.objections:
            lines.append(f"**异议**：{len(self.objections)} 件待复核")
        return lines
