"""Recording the workflow's steps: the stage people see, the tasks and notices it opens and closes, and the line of the timeline."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from anju.casework.v1 import casework_pb2 as pb
from anju_contracts import application as contract
from anju_contracts.application import ENDS
from anju_contracts.moves import IllegalMoveError
from anju_terms import is_code, terms
from casekit.facts import record
from casekit.words import Said, by_nobody, not_said
from chassis import logs, once
from chassis.errors import NOT_FOUND, Refusal
from chassis.wire import utc
from sqlalchemy.ext.asyncio import AsyncSession

from casework import again, facts, store
from casework.course import table_of
from casework.domain import progress
from casework.errors import ILLEGAL_MOVE, NO_CONSENT, NO_SUCH_ROUND, invalid_field
from casework.parts import Parts
from casework.process import BEGUN_AFTER, WAITING_BEGUN
from casework.tables import Application, Notice, Once, Task, Timeline
from casework.words import KINDS

_log = logs.get(__name__)
_DECISIONS: Final = {
    contract.Decision.APPROVE: contract.approved,
    contract.Decision.RETURN: contract.returned,
    contract.Decision.REFUSE: contract.refused,
    contract.Decision.HAND_ON: contract.handed_on,
}


# A correction by whether it names an adult who has to confirm; what an adult says by whether he agrees.
_CORRECTED: Final = ("corrected", "corrected_with_new_adult")
_CONFIRMED: Final = (("member_refused",), ("member_confirmed", "all_confirmed"))
_VERIFYING: Final = "verifying"
_REGISTERED: Final = "registered"
_UPDATES: Final = tuple(kind.update for kind in KINDS)
WITHDRAWN_WITHOUT_REASON: Final = "申请家庭撤回"


class Record:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def advance(self, request: pb.AdvanceApplicationRequest) -> pb.AdvanceApplicationResponse:
        if not request.step.step_id or not request.step.HasField("as_of"):
            raise invalid_field("/step", "REQUIRED", "缺少步骤编号或业务时间。", "A step needs its id and its business time.")
        if not is_code("waiting_on", request.waiting_on):
            raise invalid_field("/waiting_on", "CHOOSE_ONE", "等待对象无效。", "Unknown value.")
        key = f"{request.step.step_id}:AdvanceApplication"
        answer = pb.AdvanceApplicationResponse()
        async with self._parts.database.transaction() as session:
            if await once.find(session, key, request, answer) is not None:
                return answer
            case = await store.lock_case(session, request.no)
            if case is None:
                raise Refusal(NOT_FOUND)
            try:
                step = progress.step(table_of(case), case.levels, case.stage, request.event, request.stage)
            except IllegalMoveError as error:
                if request.event == "escalated":
                    # The engine lost a word which stands on record here, and a clock ran out before it was told again (ADR 2).
                    _log.warning("escalation_overtaken", application_no=case.no, stage=case.stage)
                    return pb.AdvanceApplicationResponse(version=case.version)
                raise Refusal(ILLEGAL_MOVE, metadata={"from": case.stage, "event": request.event}) from error
            await self._authorised(session, case, request, step)
            if request.stage == _VERIFYING:
                await self._nobody_awaited(session, case, request)
            await self._record(session, case, request, step)
            self._parts.tellings.hand_on(self._parts.outbox, session, request.step, case.no)
            answer.version = case.version
            once.remember(session, Once, key, request, answer)
        return answer

    async def standing(self, request: pb.GetStandingRequest) -> pb.GetStandingResponse:
        async with self._parts.database.transaction() as session:
            case = await store.case(session, request.no)
            if case is None:
                raise Refusal(NOT_FOUND)
            return await again.standing(session, case, await self._awaited(session, case))

    async def _nobody_awaited(self, session: AsyncSession, case: Application, request: pb.AdvanceApplicationRequest) -> None:
        """No case goes on to verification while an adult of its dossier has yet to confirm, whatever its workflow takes for granted.

        Raises Refusal: NOT_SAID for the word of a person, which the workflow drops, else NO_CONSENT, which holds the case up."""
        round_ = case.round + 1 if request.event in _CORRECTED else case.round
        if not await store.anybody_awaited(session, case.no, round_):
            return
        if request.step.word_id:
            raise not_said(contract.workflow_id(case.no), request.event)
        _log.error("verification_before_consent", application_no=case.no)
        raise Refusal(NO_CONSENT)

    async def _awaited(self, session: AsyncSession, case: Application) -> list[int]:
        """Places of the adults who have yet to confirm, while the case waits for them."""
        row = await store.dossier(session, case.no, case.round) if case.stage in progress.CONFIRMING_STAGES else None
        missing = await store.unconfirmed(session, case.no, row.blinds) if row is not None else ()
        if row is None or not missing:
            return []
        members = self._parts.vault.open_dossier(row.sealed, case.no, row.round).members
        return [place for place, member in enumerate(members) if self._parts.vault.people.of(member.id_number) in missing]

    async def release(self, request: pb.ReleaseHouseholdRequest) -> pb.ReleaseHouseholdResponse:
        async with self._parts.database.transaction() as session:
            case = await store.lock_case(session, request.application_no)
            if case is None:
                raise Refusal(NOT_FOUND)
            if case.stage not in ENDS:
                raise Refusal(ILLEGAL_MOVE, metadata={"from": case.stage, "event": "released"})
            await store.release_residents(session, case.no)
        return pb.ReleaseHouseholdResponse()

    async def _authorised(
        self, session: AsyncSession, case: Application, request: pb.AdvanceApplicationRequest, step: progress.Step
    ) -> None:
        """A person's step is recorded when this person has said so here, in these words. Raises Refusal(NOT_SAID)."""
        workflow_id = contract.workflow_id(case.no)
        if step.actor_kind == "system":
            by_nobody(request.step, workflow_id)
            return
        said = await self._parts.words.carried_out(session, request.step, workflow_id, *_UPDATES)
        if not _says(said, case, request, step):
            raise not_said(workflow_id, said.update)
        # Approved against what the assessment found, by one person alone: nobody has said that.
        approves = isinstance(said.word, contract.ReviewDecision) and said.word.decision is contract.Decision.APPROVE
        if approves and case.doubts and not await store.is_seconded(session, case.no, said.level, said.id):
            raise not_said(workflow_id, said.update)

    async def _record(self, session: AsyncSession, case: Application, request: pb.AdvanceApplicationRequest, step: progress.Step) -> None:
        at = utc(request.step.as_of)
        deadline = utc(request.deadline_at) if request.HasField("deadline_at") else None
        source = case.stage
        case.version += 1
        case.stage, case.waiting_on = request.stage, request.waiting_on
        case.deadline_at, case.overdue, case.updated_at = deadline, request.overdue, at
        case.outcome = request.stage if step.ended else ""
        # Whoever made this step works on the case.
        case.blocked_at = None
        explains = step.ended or request.stage == "correction"
        # A household need not say why it withdraws; its case says at least that.
        note = request.note or (WITHDRAWN_WITHOUT_REASON if request.event == "withdrawn" else "")
        case.reason_sealed = self._seal(note, "application", "reason_sealed", case.no) if explains else b""
        line = Timeline(
            application_no=case.no,
            seq=case.version,
            step_id=request.step.step_id,
            word_id=request.step.word_id,
            event=request.event,
            source=source,
            stage=request.stage,
            waiting_on=request.waiting_on,
            actor=request.step.actor,
            actor_kind=step.actor_kind,
            at=at,
            deadline_at=deadline,
            overdue=request.overdue,
            note_sealed=self._seal(note, "timeline", "note_sealed", f"{case.no}/{case.version}"),
            objection_id=request.objection_id,
        )
        session.add(line)
        await record(session, facts.moved(case, line))
        if request.event == "verification_done":
            case.doubts = list(request.doubts)
        if request.event in _CORRECTED:
            await self._take_correction(session, case)
        if request.event in _CORRECTED or request.stage == "correction":
            # Everybody is asked anew before it goes on: what was found before keeps nobody.
            await store.release_silent(session, case.no)
        task, notice = await store.open_task_and_notice(session, case.no)
        await self._tasks(session, case, task, step, at, deadline, closed_by=request.event)
        self._notices(session, case, notice, step, at, deadline)
        if step.objection_state:
            await self._objection(session, case, request, step.objection_state)
        if step.ended:
            await store.close_objections(session, case.no)
        if request.stage == _REGISTERED:
            self._parts.outbox.add(session, WAITING_BEGUN, {"no": case.no}, after=BEGUN_AFTER)
        if step.releases_household:
            await store.release_residents(session, case.no)

    def _seal(self, note: str, table: str, column: str, row: str) -> bytes:
        return self._parts.vault.seal_text(note, table, column, row)

    async def _take_correction(self, session: AsyncSession, case: Application) -> None:
        """The unanswered round becomes the case's dossier."""
        row = await store.dossier(session, case.no, case.round + 1)
        if row is None:
            raise Refusal(NO_SUCH_ROUND)
        case.round, case.category = row.round, row.category
        case.household_size, case.masked_name = row.household_size, row.masked_name
        case.community = self._parts.vault.open_dossier(row.sealed, case.no, row.round).community
        await store.keep_residents(session, case.no, row.blinds)

    async def _tasks(
        self,
        session: AsyncSession,
        case: Application,
        task: Task | None,
        step: progress.Step,
        at: datetime,
        deadline: datetime | None,
        *,
        closed_by: str,
    ) -> None:
        if task is not None and task.level == step.task_level:
            task.deadline_at, task.overdue = deadline or task.deadline_at, case.overdue
            return
        if task is not None:
            task.closed_at, task.closed_by = at, closed_by
            # The next one may be opened only after this one is closed in the table too.
            await session.flush()
        if step.task_level:
            session.add(
                Task(
                    application_no=case.no,
                    level=step.task_level,
                    opened_at=at,
                    deadline_at=_needed(deadline),
                    overdue=case.overdue,
                )
            )

    def _notices(
        self,
        session: AsyncSession,
        case: Application,
        notice: Notice | None,
        step: progress.Step,
        at: datetime,
        deadline: datetime | None,
    ) -> None:
        if notice is None:
            if step.notice == "open":
                session.add(Notice(application_no=case.no, published_at=at, closes_at=_needed(deadline)))
            return
        if step.notice is None:
            notice.closed_at = at
            return
        notice.suspended = step.notice == "suspended"
        if step.notice == "open" and deadline is not None:
            notice.closes_at = deadline

    async def _objection(self, session: AsyncSession, case: Application, request: pb.AdvanceApplicationRequest, state: str) -> None:
        row = await store.objection(session, case.no, request.objection_id)
        if row is None:
            return
        row.state = state
        if state != "open":
            row.answer_sealed = self._seal(request.note, "objection", "answer_sealed", row.id)


def _says(said: Said, case: Application, request: pb.AdvanceApplicationRequest, step: progress.Step) -> bool:
    """Whether a word says just what the step is about to record."""
    match said.word:
        case contract.ReviewDecision(level=level, decision=decision, reason=reason):
            return (
                request.event == _DECISIONS[decision](level)
                # What an official adds to an approval is kept with his word; the household reads what it is refused for.
                and request.note == ("" if decision is contract.Decision.APPROVE else reason)
                and level == said.level == step.actor_kind
                and _has_duty(said, level)
            )
        case contract.ObjectionDecision(objection_id=objection, upheld=upheld, answer=answer):
            return (
                (request.event == "objection_upheld") == upheld
                and request.event in progress.ANSWERS
                and (objection, answer) == (request.objection_id, request.note)
                and said.level == progress.OBJECTION
                and _has_duty(said, case.objection_level)
            )
        case contract.ObjectionRaised(objection_id=objection):
            return request.event == "objection_raised" and objection == request.objection_id
        case contract.Correction(round=number, awaited=awaited):
            return request.event == _CORRECTED[bool(awaited)] and number == case.round + 1
        case contract.Confirmation(round=number, agrees=agrees):
            return request.event in _CONFIRMED[agrees] and number == case.round
        case contract.ConsentWithdrawn(round=number):
            return request.event == "consent_withdrawn" and number == case.round
        case contract.Withdrawal(reason=reason):
            return request.event == "withdrawn" and reason == request.note
    return False


def _has_duty(said: Said, level: str) -> bool:
    return said.kind == "staff" and terms("levels")[level].role in said.roles


def _needed(deadline: datetime | None) -> datetime:
    if deadline is None:
        raise invalid_field("/deadline_at", "REQUIRED", "这一步需要期限。", "This step needs a deadline.")
    return deadline
