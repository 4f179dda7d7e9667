"""Application: from submission to the waiting list (Order 11, articles 7 to 10)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import ActivityError
from temporalio.workflow import ParentClosePolicy

from anju_workflows import calls, deadlines, search_attributes
from anju_workflows.case import Case, refuse
from anju_workflows.contracts import (
    APPLICATION,
    REGISTER_TITLES,
    WAITING,
    Accepted,
    ApplicationInput,
    ApplicationResult,
    Correction,
    Decision,
    Level,
    LookupOutcome,
    ObjectionDecision,
    ObjectionRaised,
    Register,
    ReviewDecision,
    Verdict,
    WaitingInput,
    Withdrawal,
    waiting_id,
)
from anju_workflows.transitions import APPLICATION as MOVES
from anju_workflows.transitions import WAITING as WAITING_MOVES

LEVEL_TITLES = {Level.STREET: "街道初审", Level.DISTRICT: "区级复审", Level.CITY: "市级终审"}
REVIEWER = {Level.STREET: "street_clerk", Level.DISTRICT: "district_reviewer", Level.CITY: "city_reviewer"}
VERDICT_TITLES = {
    Verdict.MET: "符合准入条件",
    Verdict.NOT_MET: "不符合准入条件",
    Verdict.NEEDS_REVIEW: "需人工核查",
    Verdict.NOT_APPLICABLE: "不适用",
}
DECISION_EVENT = {Decision.APPROVE: "approved", Decision.RETURN: "returned", Decision.REFUSE: "refused"}
MAX_OPEN_OBJECTIONS = 20
# Refusals which have a person check by hand, as a register's silence does.
NOT_ASKED = ("NO_CONSENT",)
# A register that has not answered after this long is worth telling the household about; it still has its whole legal time.
PATIENCE_BEFORE_TELLING = timedelta(hours=1)


class _WithdrawnError(Exception):
    """The household withdrew: whatever is being waited for is left, and the case is closed in one place."""


@workflow.defn(name=APPLICATION)
class Application(Case):
    """A household's application.

    Waits for the four registers (until the legal deadline, then people check by hand), for the street, district and city reviewers (each with a
    clock of working days, reminded and escalated, never decided by silence), for the household when the case is returned to it, and for the
    public while it is on notice. Ends registered (a Waiting workflow goes on), rejected, withdrawn or lapsed.
    """

    table = MOVES

    @workflow.init
    def __init__(self, given: ApplicationInput) -> None:
        super().__init__(given.no)
        self.given = given
        self.place = (given.district, given.street)
        self.round = 1
        self.lookups: dict[Register, calls.LookupAnswer | None] = dict.fromkeys(Register)
        self.assessment: calls.AssessAnswer | None = None
        self.level: Level | None = None
        self.decision: ReviewDecision | None = None
        self.correction: Correction | None = None
        self.withdrawal: Withdrawal | None = None
        self.raised: list[str] = []
        self.open_objection = ""
        self.answer: ObjectionDecision | None = None

    @workflow.run
    async def run(self, given: ApplicationInput) -> ApplicationResult:
        return await self.through(self.course())

    async def course(self) -> ApplicationResult:
        try:
            await self.tell("application_received", no=self.given.no)
            event = "start_verification"
            while True:
                await self.verify(event)
                stopped = await self.review()
                if stopped is None:
                    break
                if stopped.decision is Decision.REFUSE:
                    return await self.close("rejected", stopped.reason)
                if not await self.corrected():
                    return await self.close("lapsed", "未在期限内补正")
                event = "corrected"
            upheld = await self.published()
            if upheld is not None:
                return await self.close("rejected", upheld.answer)
            return await self.register()
        except _WithdrawnError:
            return await self.withdrawn()

    # -- verification (数据核验): the four registers at once -----------------------------------------------------------

    async def verify(self, event: str) -> None:
        self.lookups = dict.fromkeys(Register)
        deadline = deadlines.lookups(workflow.now(), self.given.clocks)
        await self.advance(event, waiting_on="registers", deadline=deadline, final=event == "corrected")
        asked = [asyncio.create_task(self.look_up(register, deadline)) for register in Register]

        def answered() -> bool:
            return all(task.done() for task in asked)

        try:
            if not await self.unless_withdrawn(answered, workflow.now() + PATIENCE_BEFORE_TELLING, "部门尚未答复"):
                silent = [REGISTER_TITLES[register] for register, answer in self.lookups.items() if answer is None]
                await self.tell("verification_waiting", register="、".join(silent))
                await self.unless_withdrawn(answered, None)
        finally:
            for task in asked:
                task.cancel()
            await asyncio.gather(*asked, return_exceptions=True)
        for register, answer in self.lookups.items():
            if answer is not None and answer.outcome is LookupOutcome.UNAVAILABLE:
                await self.tell_staff("register_silent", Level.STREET, register=REGISTER_TITLES[register])
        question = calls.Assess(no=self.given.no, round=self.round, as_of=workflow.now())
        self.assessment = await self.ask(lambda: calls.assess(question))

    async def look_up(self, register: Register, deadline: datetime) -> None:
        """One register. Silence until the legal deadline is an outcome of its own: people check by hand, nobody is refused for it."""
        clocks = self.given.clocks
        while True:
            now = workflow.now()
            try:
                answer = await calls.lookup(
                    calls.Lookup(no=self.given.no, round=self.round, which=register, as_of=now),
                    first_retry=timedelta(seconds=clocks.lookup_first_retry_seconds),
                    longest_retry=timedelta(seconds=clocks.lookup_max_retry_seconds),
                    patience=max(deadline - now, timedelta(seconds=1)),
                    own_queue=self.given.separate_queues,
                )
            except ActivityError as error:
                refusal = calls.refused(error)
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
        """Street, district, city, in this order. None when all three approved, otherwise the decision that stopped the case."""
        self.approval = ("verification_done", "system", "")
        for level in Level:
            decision = await self.decided_at(level)
            event = f"{level}_{DECISION_EVENT[decision.decision]}"
            if decision.decision is Decision.APPROVE:
                self.approval = (event, decision.actor, decision.request_id)
                continue
            by, reason, said = decision.actor, decision.reason, decision.request_id
            if decision.decision is Decision.REFUSE:
                await self.advance(event, waiting_on="nobody", actor=by, note=reason, request=said)
                await self.tell("refused", reason=decision.reason)
                return decision
            deadline = deadlines.correction(workflow.now(), self.given.clocks)
            self.correction = None
            await self.advance(event, waiting_on="citizen", deadline=deadline, actor=by, note=reason, request=said)
            await self.tell("returned_for_correction", reason=decision.reason, deadline=deadlines.china_day(deadline))
            return decision
        return None

    async def decided_at(self, level: Level) -> ReviewDecision:
        event, actor, said = self.approval
        deadline = deadlines.review(workflow.now(), level, self.given.clocks)
        self.level, self.decision = level, None
        await self.advance(event, waiting_on=level, deadline=deadline, actor=actor, request=said)
        await self.tell("review_started", level=LEVEL_TITLES[level], deadline=deadlines.china_day(deadline))
        await self.pressed(lambda: self.decision is not None, level, deadline)
        decision = self.decision
        assert decision is not None
        self.level = self.decision = None
        return decision

    async def pressed(self, done: Callable[[], bool], level: Level, deadline: datetime) -> None:
        """Waits for officials: reminded before the deadline, escalated at it and every few working days after it. Silence decides nothing."""
        clocks = self.given.clocks
        if await self.unless_withdrawn(done, deadlines.reminder(deadline, clocks), f"{LEVEL_TITLES[level]}到期提醒"):
            return
        await self.tell_staff("task_reminder", level, deadline=deadlines.china_day(deadline))
        if await self.unless_withdrawn(done, deadline, f"{LEVEL_TITLES[level]}法定办理时限"):
            return
        while True:
            await self.advance("escalated", waiting_on=level, deadline=deadline, overdue=True)
            days = (workflow.now() - deadline).days
            await self.tell_staff("task_escalated", level, days=str(days), level=LEVEL_TITLES[level])
            if await self.unless_withdrawn(done, deadlines.next_escalation(workflow.now(), clocks), "再次督办"):
                return

    async def corrected(self) -> bool:
        """Waits for the household's correction; False when its time ran out."""
        deadline = self.deadline
        assert deadline is not None
        done = lambda: self.correction is not None  # noqa: E731  # a name for one expression
        if not await self.unless_withdrawn(done, deadlines.reminder(deadline, self.given.clocks), "补正到期提醒"):
            await self.tell("correction_expiring", deadline=deadlines.china_day(deadline))
            if not await self.unless_withdrawn(done, deadline, "补正期限"):
                await self.advance("correction_expired", waiting_on="nobody", note="未在期限内补正", final=True)
                await self.tell("lapsed")
                return False
        assert self.correction is not None
        self.round = self.correction.round
        await self.tell("correction_received")
        return True

    # -- public notice (公示) and objections (异议) ----------------------------------------------------------------------

    async def published(self) -> ObjectionDecision | None:
        """On public notice until it closes with no objection open. Returns the decision that upheld an objection, None when none was."""
        event, actor, said = self.approval
        closes = deadlines.public_notice(workflow.now(), self.given.clocks)
        await self.advance(event, waiting_on="public", deadline=closes, actor=actor, request=said)
        await self.tell("approved_to_notice", closes=deadlines.china_day(closes))
        while await self.unless_withdrawn(lambda: bool(self.raised), closes, "公示期"):
            decision = await self.objection_answered(closes)
            if decision.upheld:
                return decision
        await self.advance("notice_closed", waiting_on="nobody", final=True)
        return None

    async def objection_answered(self, closes: datetime) -> ObjectionDecision:
        """Objections one after another; the notice cannot close while one is open (Order 11, article 9)."""
        while True:
            self.open_objection, self.answer = self.raised.pop(0), None
            deadline = deadlines.objection_review(workflow.now(), self.given.clocks)
            await self.advance("objection_raised", waiting_on="district", deadline=deadline, objection=self.open_objection, final=True)
            await self.tell("objection_received")
            await self.pressed(lambda: self.answer is not None, Level.DISTRICT, deadline)
            decision = self.answer
            assert decision is not None
            about = {
                "actor": decision.actor,
                "note": decision.answer,
                "objection": decision.objection_id,
                "request": decision.request_id,
            }
            self.open_objection = ""
            if decision.upheld:
                await self.advance("objection_upheld", waiting_on="nobody", **about)
                await self.tell("objection_upheld", reason=decision.answer)
                return decision
            if not self.raised:
                await self.advance("objection_dismissed", waiting_on="public", deadline=closes, **about)
                await self.tell("objection_dismissed")
                return decision
            await self.advance("one_objection_dismissed", waiting_on="district", deadline=deadline, **about)

    # -- ends ----------------------------------------------------------------------------------------------------------

    async def register(self) -> ApplicationResult:
        """Registered applicant (轮候对象): from here the Waiting workflow goes on."""
        now = workflow.now()
        expires = deadlines.waiting_limit(now, self.given.clocks)
        # The receiver first: once the household is on the list, housing may offer it a home at any moment.
        await workflow.start_child_workflow(
            WAITING,
            WaitingInput(application=self.given, registered_at=now),
            id=waiting_id(self.given.no),
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            parent_close_policy=ParentClosePolicy.ABANDON,
            search_attributes=search_attributes.at_start(
                stage=WAITING_MOVES.start, waiting_on="house_manager", deadline=expires, place=(self.given.district, self.given.street)
            ),
            static_summary=f"轮候 {self.given.no}",
        )
        entry = calls.RegisterWaiting(application=self.given, step=self.step("registered"), expires_at=expires)
        rank = await self.ask(lambda: calls.register_waiting(entry))
        await self.tell("registered", rank=str(rank), expires=deadlines.china_day(expires))
        return await self.close("registered", "")

    async def withdrawn(self) -> ApplicationResult:
        assert self.withdrawal is not None
        reason = self.withdrawal.reason or "申请家庭撤回"
        await self.advance("withdrawn", waiting_on="nobody", actor=self.withdrawal.actor, note=reason, final=True)
        await self.tell("withdrawn")
        return await self.close("withdrawn", reason)

    async def close(self, outcome: str, reason: str) -> ApplicationResult:
        await self.finish()
        return ApplicationResult(outcome=outcome, reason=reason)

    # -- small verbs ---------------------------------------------------------------------------------------------------

    async def advance(
        self,
        event: str,
        *,
        waiting_on: str,
        deadline: datetime | None = None,
        overdue: bool = False,
        actor: str = "system",
        note: str = "",
        objection: str = "",
        request: str = "",
        final: bool = False,
    ) -> None:
        """Moves the case and has casework record it; ``final`` when a timer or another's word would cross it illegally (ADR 2)."""
        stage = self.move(event, waiting_on=waiting_on, deadline=deadline, overdue=overdue)
        record = calls.Advance(
            no=self.given.no,
            step=self.step(event, actor, request),
            event=event,
            stage=stage,
            waiting_on=waiting_on,
            deadline=deadline,
            overdue=overdue,
            note=note,
            objection_id=objection,
        )
        await self.ask(lambda: calls.advance(record, f"进入{MOVES.stages[stage]}", final=final))

    async def unless_withdrawn(self, done: Callable[[], bool], at: datetime | None, summary: str = "") -> bool:
        """Waits for ``done`` until ``at``; False when the time came first. Raises when the household withdraws meanwhile.

        What was said before the withdrawal was acknowledged too: it is recorded first, and the next wait ends at once."""
        reached = await self.until(lambda: done() or self.withdrawal is not None, at, summary)
        if self.withdrawal is not None and not done():
            raise _WithdrawnError
        return reached

    async def tell_staff(self, template: str, to: Level, **params: str) -> None:
        key = self.step(f"tell-{template}")
        division = {Level.STREET: self.given.street, Level.DISTRICT: self.given.district, Level.CITY: self.given.district[:4]}[to]
        said = calls.Notify(
            key=key.step_id,
            no=self.given.no,
            template=template,
            params={"no": self.given.no, **params},
            as_of=key.as_of,
            role=REVIEWER[to],
            division=division,
        )
        await self.ask(lambda: calls.notify(said))

    def details(self) -> list[str]:
        lines = super().details()
        answers = [
            f"- {REGISTER_TITLES[register]}：{'等待部门答复' if answer is None else answer.summary}"
            for register, answer in self.lookups.items()
        ]
        lines.append(f"**数据核验**（第 {self.round} 轮）\n\n" + "\n".join(answers))
        if self.assessment is not None:
            unmet = "、".join(self.assessment.unmet)
            lines.append(f"**资格评估**：{VERDICT_TITLES[self.assessment.verdict]}（{self.assessment.rule_set}）{unmet}")
        if self.open_objection:
            lines.append("**异议**：1 件待复核")
        return lines

    # -- what people say -----------------------------------------------------------------------------------------------

    @workflow.update(name="decide", description="审核决定：通过、退回补正、不通过")
    def decide(self, said: ReviewDecision) -> Accepted:
        self.decision = said
        return Accepted(stage=MOVES.next(self.stage, f"{said.level}_{DECISION_EVENT[said.decision]}"))

    @decide.validator
    def _check_decide(self, said: ReviewDecision) -> None:
        if self.level is not said.level or self.decision is not None or self.withdrawal is not None:
            raise refuse("TASK_NOT_OPEN", "该件当前不在您这一级待办中，请刷新后查看。")
        if said.decision is not Decision.APPROVE and not said.reason.strip():
            raise refuse("STEP_REFUSED", "退回补正或不予通过时，请写明理由，申请家庭会看到。")
        if not said.actor or said.actor == self.given.owner:
            raise refuse("STEP_REFUSED", "不能办理本人的申请，请交由其他工作人员办理。")

    @workflow.update(name="correct", description="申请家庭提交补正")
    def correct(self, said: Correction) -> Accepted:
        self.correction = said
        return Accepted(stage=MOVES.next(self.stage, "corrected"))

    @correct.validator
    def _check_correct(self, said: Correction) -> None:
        if self.stage != "correction" or self.correction is not None or self.withdrawal is not None:
            raise refuse("NOT_RETURNED", "该申请当前不需要补正。")
        if said.round <= self.round:
            raise refuse("NOT_RETURNED", "这次补正已经收到。")

    @workflow.update(name="withdraw", description="申请家庭撤回申请")
    def withdraw(self, said: Withdrawal) -> Accepted:
        self.withdrawal = said
        return Accepted(stage="withdrawn")

    @withdraw.validator
    def _check_withdraw(self, said: Withdrawal) -> None:
        refused = self.decision is not None and self.decision.decision is Decision.REFUSE
        upheld = self.answer is not None and self.answer.upheld
        if self.stage in MOVES.ends or self.withdrawal is not None or refused or upheld:
            raise refuse("ALREADY_ENDED", "该申请已经办结，不能撤回。")

    @workflow.update(name="raise_objection", description="公示期内提出异议")
    def raise_objection(self, said: ObjectionRaised) -> Accepted:
        self.raised.append(said.objection_id)
        return Accepted(stage="objection_review")

    @raise_objection.validator
    def _check_raise_objection(self, said: ObjectionRaised) -> None:
        if self.stage not in ("public_notice", "objection_review") or self.withdrawal is not None:
            raise refuse("NOT_ON_NOTICE", "该申请当前不在公示期。")
        if len(self.raised) >= MAX_OPEN_OBJECTIONS:
            raise refuse("STEP_REFUSED", "该申请已有多件异议正在复核，请等待结果。")

    @workflow.update(name="decide_objection", description="答复异议：成立或不成立")
    def decide_objection(self, said: ObjectionDecision) -> Accepted:
        self.answer = said
        event = "objection_upheld" if said.upheld else "one_objection_dismissed" if self.raised else "objection_dismissed"
        return Accepted(stage=MOVES.next(self.stage, event))

    @decide_objection.validator
    def _check_decide_objection(self, said: ObjectionDecision) -> None:
        current = bool(self.open_objection) and self.open_objection == said.objection_id
        if not current or self.answer is not None or self.withdrawal is not None:
            raise refuse("TASK_NOT_OPEN", "该异议当前不在待复核状态，请刷新后查看。")
        if not said.answer.strip():
            raise refuse("STEP_REFUSED", "请写明答复内容。")
