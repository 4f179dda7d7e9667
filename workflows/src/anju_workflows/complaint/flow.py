"""Complaint: from what somebody has said to an answer he has rated (投诉、建议、举报、咨询)."""

from __future__ import annotations

from datetime import datetime

from anju_contracts.base import Accepted, Outcome, Word
from anju_contracts.complaint import (
    HANDLE,
    MISUSE,
    MOVES,
    NAME,
    RESPOND,
    ComplaintHandled,
    ComplaintInput,
    ComplaintResponse,
    other_desk,
)
from anju_terms import terms
from temporalio import workflow

from anju_workflows import console, deadlines
from anju_workflows.case import Case, refuse
from anju_workflows.complaint import calls
from anju_workflows.telling import Telling, Value, count, day, household, staff

MOST_ROUNDS = 2
_AT_A_DESK = ("triage", "accepting", "handling", "investigating")
# The stages in which each action can be taken.
_OPEN_TO = {
    "accept": ("triage", "accepting"),
    "reassign": _AT_A_DESK,
    "answer": ("handling", "investigating"),
    "propose": ("handling", "investigating"),
    "agree": ("second_reading",),
    "send_back": ("second_reading",),
    "merge": _AT_A_DESK,
    "rate": ("answered",),
    "reopen": ("answered",),
    "withdraw": tuple(stage for stage in MOVES.stages if stage not in MOVES.ends),
}


@workflow.defn(name=NAME)
class Complaint(Case):
    """What one citizen has said.

    A desk accepts it, answers it (a report of misuse after an investigation; what is about staff when a second person has read the answer), each within
    its time: reminded before it, and after it the other desk is told too, again and again. Silence answers nothing. Then the citizen rates the answer, or
    has it opened again, once at the same desk and once more at the other one. His silence closes it, answered. Ends closed, withdrawn by him, or merged
    into another complaint, whose answer is his.

    What he wrote and who he is stays with oversight, which tells him; staff are told its number. One that was started again goes on where oversight has it.
    """

    @workflow.init
    def __init__(self, given: ComplaintInput) -> None:
        super().__init__(MOVES, given.no, given.place, generation=given.generation)
        self.given = given
        self.level = given.level
        self.rounds = given.rounds
        self.before = given.before
        self.said: ComplaintHandled | ComplaintResponse | None = None

    @workflow.run
    async def run(self, given: ComplaintInput) -> Outcome:
        return await self.through(self.course())

    async def course(self) -> Outcome:
        if self.generation:
            await self.no_earlier_than_recorded(self.given.not_before)
            await self.taken_up()
        if self.stage == MOVES.start:
            await self.received()
        while self.stage not in MOVES.ends:
            await (self.rated() if self.stage == "answered" else self.worked_on())
        await self.finish()
        return Outcome(outcome=self.stage)

    async def taken_up(self) -> None:
        awaited = "citizen" if self.given.stage == "answered" else self.level
        self.take_up(stage=self.given.stage, waiting_on=awaited, deadline=self.given.deadline, overdue=self.given.overdue)

    async def received(self) -> None:
        """By its kind and place at a desk; with a reason to hurry before the eyes of both at once."""
        accepted = deadlines.complaint_accepted(workflow.now(), self.given.clocks)
        news = [household("complaint_received", deadline=day(accepted))]
        if self.given.urgent:
            desks = {self.level, self.level if self.given.confined else other_desk(self.level)}
            news += [self.to_desk("complaint_urgent", level, deadline=day(accepted)) for level in sorted(desks)]
        else:
            news.append(self.to_desk("complaint_task", self.level, deadline=day(accepted)))
        await self.advance("flagged" if self.given.urgent else "assigned", deadline=accepted, tell=news)

    # -- the desk ------------------------------------------------------------------------------------------------------------------------

    async def worked_on(self) -> None:
        """Waits for the desk: reminded before the deadline, escalated at it and every few working days after it. Where a step has no more time than a
        reminder comes before its end there is none."""
        deadline, clocks, stage = self.deadline, self.given.clocks, MOVES.stages[self.stage]
        assert deadline is not None
        if self.overdue:
            if await self.listen(self.spoken, self.take, deadlines.next_escalation(workflow.now(), clocks), "再次督办"):
                return
        else:
            reminder = deadlines.complaint_reminder(deadline, clocks)
            if reminder > workflow.now():
                if await self.listen(self.spoken, self.take, reminder, f"{stage}到期提醒"):
                    return
                await self.remind(self.to_desk("complaint_reminder", self.level, deadline=day(deadline)))
            if await self.listen(self.spoken, self.take, deadline, f"{stage}办理时限"):
                return
        late = count((workflow.now() - deadline).days)
        desks = [self.level] if self.given.confined else [self.level, other_desk(self.level)]
        news = [self.to_desk("complaint_overdue", level, days=late) for level in desks]
        await self.advance("became_overdue", deadline=deadline, overdue=True, tell=news)

    async def rated(self) -> None:
        """Waits for the citizen. His silence is no rating, and closes what was answered."""
        if not await self.listen(self.spoken, self.take, self.deadline, "等待评价"):
            await self.advance("rating_expired", waiting_on="nobody", final=True, tell=[household("complaint_closed")])

    # -- what people say -----------------------------------------------------------------------------------------------------------------

    def spoken(self) -> bool:
        return self.said is not None

    async def take(self) -> bool:
        said, self.said = self.said, None
        assert said is not None
        match said.action:
            case "accept":
                return await self.accepted(said)
            case "reassign":
                return await self.reassigned(said)
            case "propose":
                return await self.proposed(said)
            case "send_back":
                event = "investigation_resumed" if self.before == "investigating" else "sent_back"
                return await self.carry_out(said, event, deadline=self.deadline, overdue=self.overdue)
            case "answer" | "agree":
                return await self.answered(said)
            case "reopen":
                return await self.opened_again(said)
            case "merge":
                return await self.carry_out(said, "merged", waiting_on="nobody", final=True, tell=[household("complaint_merged")])
            case "rate":
                return await self.carry_out(said, "rated", waiting_on="nobody", final=True)
            case "withdraw":
                return await self.carry_out(said, "withdrawn", waiting_on="nobody", final=True)

    async def accepted(self, said: Word) -> bool:
        event = "investigation_opened" if self.given.kind == MISUSE else "accepted"
        until = deadlines.complaint_answered(workflow.now(), MOVES.next(self.stage, event), self.given.clocks)
        template = "complaint_investigated" if self.given.kind == MISUSE else "complaint_accepted"
        return await self.carry_out(said, event, deadline=until, tell=[household(template, deadline=day(until))])

    async def reassigned(self, said: ComplaintHandled | ComplaintResponse) -> bool:
        assert isinstance(said, ComplaintHandled)
        level, place = self.level, self.place
        self.level, self.place = said.level, said.place or place
        self.placed = self.placed and self.place == place
        until = deadlines.complaint_accepted(workflow.now(), self.given.clocks)
        news = [household("complaint_reassigned", deadline=day(until)), self.to_desk("complaint_task", self.level, deadline=day(until))]
        if await self.carry_out(said, "reassigned", deadline=until, tell=news):
            return True
        self.level, self.place, self.placed = level, place, True
        return False

    async def proposed(self, said: Word) -> bool:
        self.before = self.stage
        assert self.deadline is not None
        news = [self.to_desk("complaint_second", self.level, deadline=day(self.deadline))]
        return await self.carry_out(said, "proposed", deadline=self.deadline, overdue=self.overdue, tell=news)

    async def answered(self, said: ComplaintHandled | ComplaintResponse) -> bool:
        until = deadlines.complaint_rated(workflow.now(), self.given.clocks)
        event = "agreed" if said.action == "agree" else "answered"
        news = [household("complaint_answered", deadline=day(until))]
        return await self.carry_out(said, event, waiting_on="citizen", deadline=until, tell=news)

    async def opened_again(self, said: Word) -> bool:
        """Once where it was, once more at the other desk."""
        event, level = ("reopened", self.level) if self.rounds == 0 else ("escalated", self.beyond())
        before, self.level = self.level, level
        until = deadlines.complaint_accepted(workflow.now(), self.given.clocks)
        news = [household(f"complaint_{event}", deadline=day(until)), self.to_desk("complaint_again", level, deadline=day(until))]
        if await self.carry_out(said, event, deadline=until, tell=news):
            self.rounds += 1
            return True
        self.level = before
        return False

    def beyond(self) -> str:
        """What is about staff does not go to those beside them: another person of the same desk answers it, which oversight sees to."""
        return self.level if self.given.confined else other_desk(self.level)

    @workflow.update(name=HANDLE, description="受理台办理：受理、转办、答复、复核、并案")
    def handle(self, said: ComplaintHandled) -> Accepted:
        self.said = said
        return Accepted(stage=self.stage)

    @handle.validator
    def _check_handle(self, said: ComplaintHandled) -> None:
        self.check(said, said.action)

    @workflow.update(name=RESPOND, description="来信人：评价、不满意再办、撤回")
    def respond(self, said: ComplaintResponse) -> Accepted:
        self.said = said
        return Accepted(stage=self.stage)

    @respond.validator
    def _check_respond(self, said: ComplaintResponse) -> None:
        self.check(said, said.action)
        if said.action == "reopen" and self.rounds >= MOST_ROUNDS:
            raise refuse(
                "NO_MORE_ROUNDS", "这件事已经重新办理过两次，不能再次要求重办；对结果仍不满意的，可以拨打 12345 或依法申请行政复议。"
            )

    def check(self, said: Word, action: str) -> None:
        self.require_standing()
        if self.stage not in _OPEN_TO[action] or self.said is not None:
            raise self.not_now("COMPLAINT_MOVED_ON", "这件事已经有了新的进展，请刷新后查看。")
        if not self.new(said):
            raise refuse("COMPLAINT_MOVED_ON", "这件事已经有了新的进展，请刷新后查看。")

    # -- on record -----------------------------------------------------------------------------------------------------------------------

    async def advance(
        self,
        event: str,
        *,
        waiting_on: str = "",
        deadline: datetime | None = None,
        overdue: bool = False,
        final: bool = False,
        tell: list[Telling] | None = None,
    ) -> None:
        """By a clock, or by what the system found."""
        awaited = waiting_on or self.level
        self.move(event, waiting_on=awaited, deadline=deadline, overdue=overdue)
        record = self.to_record(event, awaited, deadline, overdue=overdue, tell=tell or [])
        await self.ask(lambda: calls.advance(record, self.entering(record.stage), final=final))

    async def carry_out(
        self,
        said: Word,
        event: str,
        *,
        waiting_on: str = "",
        deadline: datetime | None = None,
        overdue: bool = False,
        final: bool = False,
        tell: list[Telling] | None = None,
    ) -> bool:
        """By what a person said. False when oversight has not heard it said."""
        awaited = waiting_on or self.level
        stage = MOVES.next(self.stage, event)
        record = self.to_record(event, awaited, deadline, overdue=overdue, tell=tell or [], said=said, stage=stage)
        done = await self.carried_out(
            said,
            event,
            lambda: calls.advance(record, self.entering(stage), final=final),
            waiting_on=awaited,
            deadline=deadline,
            overdue=overdue,
        )
        return done is not None

    def to_record(
        self,
        event: str,
        waiting_on: str,
        deadline: datetime | None,
        *,
        overdue: bool,
        tell: list[Telling],
        said: Word | None = None,
        stage: str = "",
    ) -> calls.AdvanceComplaint:
        step = self.step(event, said.actor, said.request_id, tell) if said is not None else self.step(event, tell=tell)
        return calls.AdvanceComplaint(
            no=self.given.no,
            step=step,
            event=event,
            stage=stage or self.stage,
            waiting_on=waiting_on,
            level=self.level,
            district=self.place.district,
            street=self.place.street,
            deadline=deadline,
            overdue=overdue,
        )

    def entering(self, stage: str) -> str:
        return f"进入{MOVES.stages[stage]}"

    def to_desk(self, template: str, level: str, /, **values: Value) -> Telling:
        """A message to a desk, within the part of the city it is in charge of."""
        duty = terms("levels")[level]
        division = self.place.district if duty.scope == "district" else self.place.district[:4]
        return staff(template, duty.role, division, **values)

    def link(self) -> str:
        return console.complaint_link(self.given.no)

    def details(self) -> list[str]:
        lines = super().details()
        lines.append(f"**承办**：{terms('levels')[self.level].zh}；**类别**：{terms('complaint_kinds')[self.given.kind].zh}")
        if self.rounds:
            lines.append(f"**重办**：第 {self.rounds} 次")
        return lines

    def state_details(self) -> dict[str, str]:
        return {"level": self.level, "rounds": str(self.rounds)}
