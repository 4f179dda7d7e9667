"""What all our workflows share: the stage, the numbered steps, and the page an operator reads about the case."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from datetime import datetime, timedelta
from typing import Any, TypeVar

from anju_contracts.base import RECORDING, RESUME, STATE, Place, Resume, State, Word
from anju_contracts.moves import Table
from anju_terms import title
from temporalio import workflow
from temporalio.exceptions import ApplicationError

from anju_workflows import calling, console, deadlines, search_attributes, telling
from anju_workflows.calling import Step
from anju_workflows.telling import Telling

R = TypeVar("R")

# The refusal of a step whose word nobody has said to the service that keeps the record.
NOT_SAID = "NOT_SAID"


class NotSaidError(Exception):
    """The owner of the record knows of no such word: somebody who can reach the engine pretends to be somebody else."""


def refuse(kind: str, text: str) -> ApplicationError:
    """A validator's refusal: ``kind`` is the reason people's clients switch on, ``text`` is what they read."""
    return ApplicationError(text, type=kind, non_retryable=True)


class Case:
    def __init__(self, table: Table, application_no: str, place: Place, *, generation: int = 0) -> None:
        self.table = table
        self.application_no = application_no
        self.place = place
        self.generation = generation
        self.stage = table.start
        self.waiting_on = "system"
        self.deadline: datetime | None = None
        self.overdue = False
        self.steps = 0
        self.placed = False
        # A case that was started again does not know yet where it stands (``take_up``).
        self.standing_known = generation == 0
        self.blocked = ""
        self.blocked_at: datetime | None = None
        self.resumed = 0
        self.recording = 0
        self.cancel_requests = 0
        self.unsaid = 0
        # Words that have been carried out: none counts twice, under whatever name it is sent.
        self.done_words: set[str] = set()

    # -- the course ----------------------------------------------------------------------------------------------------------------------

    async def through(self, course: Coroutine[Any, Any, R]) -> R:
        """Runs the course to its end. *Request Cancellation* in the operator's UI is noted and changes nothing: only the law ends a case."""
        running = asyncio.create_task(course)
        while True:
            try:
                return await asyncio.shield(running)
            except asyncio.CancelledError:
                # Without a reason nobody has asked: the worker is letting go of this run.
                if running.cancelled() or workflow.cancellation_reason() is None:
                    raise
                self.cancel_requests += 1
                workflow.logger.warning("a request to cancel was noted and ignored; people end a case by withdrawing it")
                self.show()

    async def ask(self, call: Callable[[], Awaitable[R]], *, by_word: bool = False) -> R:
        """Makes a step of our own services. A refusal nobody expected, of a step the workflow holds to be right, is a mistake of ours: it parks the
        case until an operator has put right what stood in its way and resumes it.

        Raises NotSaidError when the step is ``by_word`` of a person, and the owner of the record has not heard it."""
        self.recording += 1
        try:
            while True:
                try:
                    return await call()
                except calling.FAILED as error:
                    refusal = calling.refused(error)
                    if by_word and refusal is not None and refusal.type == NOT_SAID:
                        raise NotSaidError from error
                    await self.park(refusal.type or "refused" if refusal else str(error))
        finally:
            self.recording -= 1

    async def park(self, why: str) -> None:
        workflow.logger.error("blocked: %s", why)
        known, self.blocked, self.blocked_at = self.resumed, why, workflow.now()
        workflow.upsert_search_attributes([search_attributes.BLOCKED.value_set(value=True)])
        self.show()
        await workflow.wait_condition(lambda: self.resumed > known)
        self.blocked, self.blocked_at = "", None
        workflow.upsert_search_attributes([search_attributes.BLOCKED.value_set(value=False)])
        self.show()

    @workflow.signal(name=RESUME, description="运维：障碍已排除，继续办理")
    def resume(self, said: Resume | None = None) -> None:
        self.resumed += 1

    # -- what people say -----------------------------------------------------------------------------------------------------------------

    async def listen(self, said: Callable[[], bool], take: Callable[[], Awaitable[bool]], at: datetime | None, summary: str = "") -> bool:
        """Waits for a word until ``at``, and carries it out; False when the time came first. A word that ``take`` did not carry out, because nobody
        has said it, is no word: the case goes on waiting."""
        while await self.awaited(said, at, summary):
            if await take():
                return True
        return False

    async def awaited(self, done: Callable[[], bool], at: datetime | None, summary: str = "") -> bool:
        """As ``until``; a case that may end while it waits says so here."""
        return await self.until(done, at, summary)

    async def carried_out(
        self,
        said: Word,
        event: str,
        record: Callable[[], Awaitable[R]],
        *,
        waiting_on: str,
        deadline: datetime | None = None,
        overdue: bool = False,
    ) -> R | None:
        """The move which a person's word asks for. None when the owner of the record knows of no such word: the case stays where it is, and operators
        see that it was tried.

        Whoever acts on what the record says next must find the case there: it moves before the record is written, and is shown where it is afterwards.
        """
        before = (self.stage, self.waiting_on, self.deadline, self.overdue)
        self.stage = self.table.next(self.stage, event)
        self.waiting_on, self.deadline, self.overdue = waiting_on, deadline, overdue
        try:
            answer = await self.ask(record, by_word=True)
        except NotSaidError:
            self.stage, self.waiting_on, self.deadline, self.overdue = before
            self.not_said(event)
            return None
        self.done_words.add(said.request_id)
        self.shown_there()
        return answer

    def not_said(self, event: str) -> None:
        self.unsaid += 1
        workflow.logger.error("a word which nobody has said was dropped: %s", event)
        self.show()

    def not_now(self, kind: str, text: str) -> ApplicationError:
        """For validators: the refusal of a word that does not fit where the case is. In the middle of a step the record may be ahead of the case, whose
        worker died before it noted the answer: then it is no answer yet."""
        return refuse(RECORDING if self.recording or self.stage == self.table.start else kind, text)

    def new(self, said: Word) -> bool:
        """Whether a word names a person and itself, and has not been carried out before."""
        return bool(said.actor and said.request_id) and said.request_id not in self.done_words

    # -- steps ---------------------------------------------------------------------------------------------------------------------------

    def step(self, event: str, actor: str = "system", word: str = "", tell: Iterable[Telling] = (), number: str = "") -> Step:
        """The next numbered step; one that carries out what a person said has the id of the person's word instead of a number.

        Should a worker die between a step's effect and the engine's note of it, and a timer come first, then the repeat of what the person said
        is still the same step. The event is part of the name, so that another step of that number is recorded as what it is."""
        if not word and not number:
            self.steps += 1
            number = f"{self.generation}.{self.steps}" if self.generation else str(self.steps)
        step_id = f"{workflow.info().workflow_id}/{word or number}/{event}"
        return Step(step_id=step_id, as_of=workflow.now(), actor=actor, word_id=word, tell=tuple(tell))

    async def remind(self, said: Telling) -> None:
        """Tells somebody something that no step on record tells, once."""
        key = self.step(f"tell-{said.template}")
        message = telling.Notify(key=key.step_id, no=self.application_no, telling=said, as_of=key.as_of)
        summary = "提醒工作人员" if said.role else "通知申请家庭"
        await self.ask(lambda: calling.recorded(telling.NOTIFY, message, str, summary))

    def move(self, event: str, *, waiting_on: str, deadline: datetime | None = None, overdue: bool = False) -> str:
        """Makes a legal move and shows it to operators. Raises IllegalMoveError (a bug) for any other."""
        self.stage = self.table.next(self.stage, event)
        self.waiting_on, self.deadline, self.overdue = waiting_on, deadline, overdue
        self.shown_there()
        return self.stage

    def shown_there(self) -> None:
        workflow.upsert_search_attributes(
            search_attributes.updates(
                stage=self.stage,
                waiting_on=self.waiting_on,
                deadline=self.deadline,
                overdue=self.overdue,
                place=None if self.placed else (self.place.district, self.place.street),
            )
        )
        self.placed = True
        self.show()

    async def no_earlier_than_recorded(self, recorded: datetime | None) -> None:
        """One that was started again makes no step before what is on record. Where time is real that is past; a simulated clock is still on its way."""
        early = recorded - workflow.now() if self.generation and recorded is not None else timedelta()
        if early > timedelta():
            await workflow.sleep(early, summary="等待到记录上的时间")

    def take_up(self, *, stage: str, waiting_on: str, deadline: datetime | None, overdue: bool = False) -> None:
        """Goes on where the record of a case that was started again stands. It is no move, which the checker knows by the generation beside it."""
        self.stage, self.waiting_on, self.deadline, self.overdue = stage, waiting_on, deadline, overdue
        place = (self.place.district, self.place.street)
        known = search_attributes.updates(stage=stage, waiting_on=waiting_on, deadline=deadline, overdue=overdue, place=place)
        workflow.upsert_search_attributes([*known, search_attributes.GENERATION.value_set(self.generation)])
        self.placed = self.standing_known = True
        self.show()

    def require_standing(self) -> None:
        """For validators: whoever speaks to a case that has only just been started again is asked to say it again in a moment."""
        if not self.standing_known:
            raise refuse("UNAVAILABLE", "系统正在恢复办理流程，请稍后再试。")

    def expect(self, waiting_on: str, deadline: datetime | None) -> None:
        """The same stage, now with somebody awaited until a deadline."""
        self.waiting_on, self.deadline = waiting_on, deadline
        workflow.upsert_search_attributes(search_attributes.expectation(waiting_on=waiting_on, deadline=deadline))
        self.show()

    def show(self) -> None:
        workflow.set_current_details("\n\n".join(self.details()))

    def details(self) -> list[str]:
        """Markdown paragraphs for the Temporal UI: where it is, who must act, until when."""
        lines = [f"**阶段**：{self.table.stages[self.stage]}（{self.stage}）", f"**等待**：{title('waiting_on', self.waiting_on)}"]
        if self.deadline is not None:
            lines.append(f"**期限**：{deadlines.china_day(self.deadline)}{'（已超期）' if self.overdue else ''}")
        if self.blocked:
            lines.insert(0, f"**暂停**：{self.blocked}。排除障碍后发送信号 {RESUME} 继续办理。")
        if link := self.link():
            lines.append(link)
        if self.cancel_requests:
            lines.append("**注意**：收到过取消请求，已忽略；案件只能依规定办结。")
        if self.unsaid:
            lines.append(f"**警报**：{self.unsaid} 次收到无人说过的话（冒名），未登记；请核查谁能连到流程引擎。")
        return lines

    def link(self) -> str:
        """To the page of the matter."""
        return console.case_link(self.application_no)

    @workflow.query(name=STATE, description="办理状态：阶段、等待、期限、暂停原因")
    def state(self) -> State:
        return State(
            stage=self.stage,
            waiting_on=self.waiting_on,
            deadline=self.deadline,
            blocked=self.blocked,
            blocked_at=self.blocked_at,
            details=self.state_details(),
        )

    def state_details(self) -> dict[str, str]:
        """Ids and counts of the subject, to be compared with the record."""
        return {}

    async def until(self, condition: Callable[[], bool], at: datetime | None, summary: str = "") -> bool:
        """Waits for the condition, at most until ``at``; False when the time came first."""
        if at is None:
            await workflow.wait_condition(condition)
            return True
        left = at - workflow.now()
        if left.total_seconds() <= 0:
            return condition()
        try:
            await workflow.wait_condition(condition, timeout=left, timeout_summary=summary or None)
        except TimeoutError:
            return condition()
        return True

    async def finish(self) -> None:
        """Before a run ends, whoever is being answered gets the answer."""
        await workflow.wait_condition(workflow.all_handlers_finished)
