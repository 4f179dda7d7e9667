"""Application: from submission to the waiting list (Order 11, articles 7 to 10)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta

from anju_contracts import waiting
from anju_contracts.application import (
    CONFIRM,
    CORRECT,
    DECIDE,
    DECIDE_OBJECTION,
    NAME,
    RAISE_OBJECTION,
    START,
    WITHDRAW,
    ApplicationInput,
    Confirmation,
    Correction,
    Decision,
    Level,
    LookupOutcome,
    ObjectionDecision,
    ObjectionRaised,
    ReviewDecision,
    Withdrawal,
    approved,
    moves,
    refused,
    returned,
)
from anju_contracts.base import Accepted, Outcome, Word
from anju_terms import review_stage, terms, title
from temporalio import workflow
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import ActivityError
from temporalio.workflow import ParentClosePolicy

from anju_workflows import calling, deadlines, search_attributes
from anju_workflows.application import calls
from anju_workflows.case import Case, refuse
from anju_workflows.telling import Telling, Value, count, day, household, several, staff, term, text

EVENT = {Decision.APPROVE: approved, Decision.RETURN: returned, Decision.REFUSE: refused}
MAX_OPEN_OBJECTIONS = 20
NOTICE = ("public_notice", "objection_review")
# Refusals which have a person check by hand, as a register's silence does.
NOT_ASKED = ("NO_CONSENT",)
# A register that has not answered after this long is worth telling the household about; it still has its whole legal time.
PATIENCE_BEFORE_TELLING = timedelta(hours=1)


class _WithdrawnError(Exception):
    """The household withdrew: whatever is being waited for is left, and the case is closed in one place."""


@workflow.defn(name=NAME)
class Application(Case):
    """A household's application.

    Waits for its adults to confirm for themselves, for the registers it came with (until the legal deadline, then people check by hand), for the reviewers of its levels, one after another
    (each with a clock of working days, reminded and escalated, never decided by silence), for the household when the case is returned to it, and
    for the public while it is on notice. Ends registered (a Waiting workflow goes on), rejected, withdrawn or lapsed.
    """

    @workflow.init
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
        self.correction: Correction | None = None
        self.withdrawal: Withdrawal | None = None
        self.raised: list[ObjectionRaised] = []
        # On record and not answered yet, in order, each with the day by which it must be; the first is the one under review.
        self.objections: dict[str, datetime] = {}
        self.answer: ObjectionDecision | None = None
        self.notice_closes: datetime | None = None

    @workflow.run
    async def run(self, given: ApplicationInput) -> Outcome:
        return await self.through(self.course())

    async def course(self) -> Outcome:
        try:
            if self.generation:
                await self.no_earlier_than_recorded(self.given.not_before)
                await self.taken_up()
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

    # -- confirmation (成年家庭成员本人确认) ----------------------------------------------------------------------------

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

    # -- verification (数据核验): every register at once -----------------------------------------------------------------

    async def verify(self) -> None:
        self.lookups, deadline = dict.fromkeys(self.given.registers), self.deadline
        assert deadline is not None
        asked = [asyncio.create_task(self.look_up(register, deadline)) for register in self.given.registers]

        def answered() -> bool:
            return all(task.done() for task in asked)

        try:
            if not await self.awaited(answered, workflow.now() + PATIENCE_BEFORE_TELLING, "部门尚未答复"):
                silent = [register for register, answer in self.lookups.items() if answer is None]
                await self.remind(household("verification_waiting", register=several("registers", silent)))
                await self.awaited(answered, None)
        finally:
            for task in asked:
                task.cancel()
            await asyncio.gather(*asked, return_exceptions=True)
        question = calls.Assess(no=self.given.no, round=self.round, as_of=workflow.now())
        self.assessment = await self.ask(lambda: calls.assess(question))

    async def look_up(self, register: str, deadline: datetime) -> None:
        """One register. Silence until the legal deadline is an outcome of its own: people check by hand, nobody is refused for it."""
        clocks = self.given.clocks
        while True:
            now = workflow.now()
            try:
                answer = await calls.lookup(
                    calls.Lookup(no=self.given.no, round=self.round, register_code=register, as_of=now),
                    first_retry=timedelta(seconds=clocks.lookup_first_retry_seconds),
                    longest_retry=timedelta(seconds=clocks.lookup_max_retry_seconds),
                    patience=max(deadline - now, timedelta(seconds=1)),
                    own_queue=self.given.separate_queues,
                )
            except ActivityError as error:
                refusal = calling.refused(error)
                if refusal is not None and refusal.type not in NOT_ASKED:
                    # Our own gateway will not ask: that is not a department's silence.
                    await self.park(f"{calls.LOOKUP_REGISTER} {register}：{refusal.type}")
                    continue
                answer = calls.LookupAnswer(outcome=LookupOutcome.UNAVAILABLE, summary="期限内未答复，转人工核查")
            self.lookups[register] = answer
            self.show()
            return

    # -- review (初审、复审、终审) -------------------------------------------------------------------------------------

    async def review(self) -> ReviewDecision | None:
        """The levels in their order. None when all approved, otherwise the decision that stopped the case."""
        levels = self.levels_left()
        self.level, self.decision = levels[0].code, None
        if self.stage == "verifying":
            await self.handed_over(levels[0])
        for level, following in zip(levels, [*levels[1:], None], strict=True):
            decision = await self.decided_at(level, following)
            if decision.decision is not Decision.APPROVE:
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
            self.level = following.code if following is not None and said.decision is Decision.APPROVE else ""
            if await self.decide_on_record(said, level, following):
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
        closes = deadlines.public_notice(now, self.given.clocks)
        news = household("approved_to_notice", closes=day(closes))
        return await self.carry_out(said, event, waiting_on="public", deadline=closes, tell=[news])

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
        if await self.carry_out(said, event, waiting_on=waiting_on, deadline=due, final=True, tell=[news]):
            self.round, self.unconfirmed = said.round, set(said.awaited)
            return True
        self.correction = None
        return False

    # -- public notice (公示) and objections (异议) ----------------------------------------------------------------------

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

    # -- ends ----------------------------------------------------------------------------------------------------------

    async def register(self) -> Outcome:
        """Registered applicant (轮候对象): from here the Waiting workflow goes on, and has itself put on the list."""
        place = self.given.place
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

    # -- small verbs ---------------------------------------------------------------------------------------------------

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

    async def awaited(self, done: Callable[[], bool], at: datetime | None, summary: str = "") -> bool:
        """Waits for ``done`` until ``at``; False when the time came first. Raises when the household withdraws meanwhile.

        What was said before the withdrawal was acknowledged too: it is recorded first, and the next wait ends at once."""
        while True:
            reached = await self.until(lambda: done() or self.withdrawal is not None, at, summary)
            if self.withdrawal is None or done():
                return reached
            if await self.take_withdrawal(self.withdrawal):
                raise _WithdrawnError

    def to_level(self, template: str, level: str, /, **values: Value) -> Telling:
        """A message to the reviewers of a level, within the part of the city the level is in charge of."""
        duty, place = terms("levels")[level], self.given.place
        division = {"street": place.street, "district": place.district, "city": place.district[:4]}[duty.scope]
        return staff(template, duty.role, division, **values)

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

    # -- what people say -----------------------------------------------------------------------------------------------

    @workflow.update(name=DECIDE, description="审核决定：通过、退回补正、不通过")
    def decide(self, said: ReviewDecision) -> Accepted:
        self.decision = said
        return Accepted(stage=self.table.next(self.stage, EVENT[said.decision](said.level)))

    @decide.validator
    def _check_decide(self, said: ReviewDecision) -> None:
        self.require_standing()
        if not said.level or self.level != said.level or self.decision is not None or self.withdrawal is not None:
            raise refuse("TASK_NOT_OPEN", "该件当前不在您这一级待办中，请刷新后查看。")
        if said.decision is not Decision.APPROVE and not said.reason.strip():
            raise refuse("STEP_REFUSED", "退回补正或不予通过时，请写明理由，申请家庭会看到。")
        if not self.new(said) or said.actor == self.given.owner:
            raise refuse("STEP_REFUSED", "不能办理本人的申请，请交由其他工作人员办理。")

    @workflow.update(name=CORRECT, description="申请家庭提交补正")
    def correct(self, said: Correction) -> Accepted:
        self.correction = said
        return Accepted(stage="confirming" if said.awaited else "verifying")

    @correct.validator
    def _check_correct(self, said: Correction) -> None:
        self.require_standing()
        if self.stage != "correction" or self.correction is not None or self.withdrawal is not None:
            raise refuse("NOT_RETURNED", "该申请当前不需要补正。")
        if said.round <= self.round or not self.new(said):
            raise refuse("NOT_RETURNED", "这次补正已经收到。")

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
            raise refuse("NOT_AWAITED", "该申请当前不需要确认，请刷新后查看。")
        waiting = self.unconfirmed - {each.member for each in self.confirmations}
        if said.member not in waiting or not self.new(said):
            raise refuse("NOT_AWAITED", "该成员的确认已经收到。")

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
            raise refuse("ALREADY_ENDED", "该申请已经办结，不能撤回。")

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
            raise refuse("NOT_ON_NOTICE", "该申请当前不在公示期。")
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
            raise refuse("TASK_NOT_OPEN", "该异议当前不在待复核状态，请刷新后查看。")
        if not said.answer.strip():
            raise refuse("STEP_REFUSED", "请写明答复内容。")
