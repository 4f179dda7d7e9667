"""What people decide about a case: reviewers, the household that withdraws, and the public that objects."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from anju.casework.v1 import casework_pb2 as pb
from anju_contracts import application as contract
from anju_people import grounds, text
from anju_terms import terms
from casekit.words import EarlierFirstError, Heard, word_name
from chassis import once
from chassis.errors import NOT_FOUND, VERSION_MISMATCH, Refusal
from chassis.identity import Caller
from chassis.ids import stable_id
from sqlalchemy.ext.asyncio import AsyncSession

from casework import reach, store, views
from casework.domain.progress import NOTICE_STAGES, OBJECTION
from casework.errors import (
    ALREADY_ENDED,
    NOT_ON_NOTICE,
    OBJECTION_ANSWERED,
    OBJECTION_PENDING,
    OWN_CASE,
    RECUSED,
    SAME_REVIEWER,
    SECOND_PERSON,
    TASK_NOT_OPEN,
    TYPED_CASE,
    invalid_field,
)
from casework.parts import Parts, now
from casework.reading import Act, Reading
from casework.tables import Application, Objection, Proposal, Recusal

# Who has not looked at his tasks for so long is not counted on.
KNOWN_FOR: Final = timedelta(days=60)
# Why a proposed approval counts no longer, beside what the vocabulary ``recusals`` knows.
NO_DUTY: Final = "NO_DUTY"
MAX_REASON_CHARS: Final = 500
MAX_NAME_CHARS: Final = 100
MAX_OBJECTION_CHARS: Final = 2000
_DECISIONS: Final = {
    pb.DECISION_APPROVE: contract.Decision.APPROVE,
    pb.DECISION_RETURN: contract.Decision.RETURN,
    pb.DECISION_REFUSE: contract.Decision.REFUSE,
}


class Decisions:
    def __init__(self, parts: Parts, reading: Reading) -> None:
        self._parts = parts
        self._reading = reading

    async def decide(self, caller: Caller, request: pb.DecideTaskRequest) -> pb.Application:
        if request.decision not in _DECISIONS:
            raise invalid_field("/decision", "CHOOSE_ONE", "请选择通过、退回补正或不予通过。", "Choose approve, return or refuse.")
        decision = _DECISIONS[request.decision]
        reason = _words(
            request.reason,
            "/reason",
            MAX_REASON_CHARS,
            required=decision is not contract.Decision.APPROVE,
            zh="退回补正或不予通过时，请写明理由，申请家庭会看到。",
            en="Say why; the household reads it.",
        )
        official = _words(request.official, "/official", MAX_NAME_CHARS, required=False, zh="", en="")
        act = self._reading.act(caller, request.application_no)
        if decision is contract.Decision.APPROVE and await self._proposed(caller, request, reason, official, act):
            return await act.answer()

        async def prepare(session: AsyncSession, word_id: str) -> Heard:
            case = await _locked(session, request.application_no, caller)
            level = await _may_decide(session, caller, case, request)
            if decision is contract.Decision.APPROVE and await store.against(session, case):
                first = await self._first(session, case)
                if first is None:
                    raise Refusal(TASK_NOT_OPEN)
                _require_another(caller, first)
                if first.word_id != word_id and await store.was_said(session, first.word_id):
                    # A colleague has agreed a moment ago: his word is carried out, or refused, before anybody else's.
                    raise EarlierFirstError(first.word_id)
                first.word_id = word_id
            await store.sign(session, word_id, self._seal(official, "signature", "official_sealed", word_id))
            await act.noted(session)
            said = contract.ReviewDecision(level=level, decision=decision, reason=reason, actor=caller.sub, request_id=word_id)
            return Heard(contract.workflow_id(case.no), said, level)

        await self._parts.words.say(caller, request, contract.DECIDE, prepare)
        return await act.answer()

    async def _proposed(self, caller: Caller, request: pb.DecideTaskRequest, reason: str, official: str, act: Act) -> bool:
        """Keeps an approval against what is not met or could not be verified, when it is the first of the two it takes. False when it may be put as it
        is: nothing stands against it, or it is the second. Raises Refusal(SECOND_PERSON) for the second approval of one person."""
        key = word_name(once.request_key(caller, request))
        async with self._parts.database.statements() as session:
            # Nearly every approval. What comes up in the moment after this look is seen when the word is said.
            if await store.takes_one(session, request.application_no, key):
                return False
        async with self._parts.database.transaction() as session:
            case = await _locked(session, request.application_no, caller)
            if await session.get(Proposal, key) is not None:
                return True
            if not await store.against(session, case) or await store.was_said(session, key):
                return False
            level = await _may_decide(session, caller, case, request)
            if not reason:
                zh = "有准入条件不符合或无法核实。仍要通过的，请写明理由，并由本级另一位审核人员确认。"
                raise invalid_field(
                    "/reason", "REQUIRED", zh, "A criterion is not met or could not be verified: say why it is approved all the same."
                )
            first = await self._first(session, case)
            if first is not None:
                _require_another(caller, first)
                return False
            task = await store.open_task(session, case.no)
            if task is None or task.id is None:
                raise Refusal(TASK_NOT_OPEN)
            # Who proposes is known to hold the duty, whatever pages he has looked at.
            await store.see_duties(session, caller, reach.REVIEWERS, now())
            await act.noted(session)
            # Whoever looks at the case, or waits for a change of it, sees that there is a proposal now.
            case.version += 1
            session.add(
                Proposal(
                    id=key,
                    task_id=task.id,
                    application_no=case.no,
                    round=case.round,
                    level=level,
                    sub=caller.sub,
                    person=caller.person,
                    acting_for=caller.acting_for,
                    official_sealed=self._seal(official, "proposal", "official_sealed", key),
                    reason_sealed=self._seal(reason, "proposal", "reason_sealed", key),
                    at=now(),
                    seq=case.version,
                )
            )
        return True

    async def _first(self, session: AsyncSession, case: Application) -> Proposal | None:
        """The approval somebody has proposed on the open task. Void is one whose person may not decide the case any more: the next one is the first."""
        found = await store.first(session, case.no)
        if found is None:
            return None
        proposed, why = found
        if proposed.word_id and await store.was_said(session, proposed.word_id):
            return proposed
        known = await self._holders(session, case, proposed.level)
        if not why and any(each.sub == proposed.sub or each.person == proposed.person for each in known):
            return proposed
        proposed.void = why or NO_DUTY
        await session.flush()
        return None

    # -- leaving a case to others (回避) ------------------------------------------------------------------------------------------------------

    async def recuse(self, caller: Caller, request: pb.RecuseTaskRequest) -> pb.RecuseTaskResponse:
        """Keeps it. When nobody known of the level is left, the word is put by which the level passes the case on."""
        key = word_name(once.request_key(caller, request))
        words = _words(request.reason, "/reason", MAX_REASON_CHARS, required=False, zh="", en="")
        official = _words(request.official, "/official", MAX_NAME_CHARS, required=False, zh="", en="")

        act = self._reading.act(caller, request.application_no)

        async def prepare(session: AsyncSession, word_id: str) -> Heard:
            case = await _locked(session, request.application_no, caller)
            level, kept = await self._recusal(session, caller, case, word_id, words, official)
            kept.word_id = word_id
            # One the workflow has refused stays, and so does who left the case to others with it.
            if await session.get(Recusal, word_id) is None:
                session.add(kept)
            await store.sign(session, word_id, self._seal(official, "signature", "official_sealed", word_id))
            await act.noted(session, "progress")
            said = contract.ReviewDecision(level=level, decision=contract.Decision.HAND_ON, actor=caller.sub, request_id=word_id)
            return Heard(contract.workflow_id(case.no), said, level)

        async with self._parts.database.transaction() as session:
            case = await _locked(session, request.application_no, caller)
            known = await session.get(Recusal, key)
            if known is None:
                level, kept = await self._recusal(session, caller, case, key, words, official)
                left = await self._left(session, case, level, caller)
                if left or level == OBJECTION:
                    case.version += 1
                    kept.seq = case.version
                    session.add(kept)
                    await session.flush()
                    await act.noted(session, "progress")
                    known = kept
            last = case.levels[-1]
            colleagues = known is not None and not known.word_id and await self._left(session, case, known.level, caller)
        if known is not None and not known.word_id:
            outcome = "colleague" if colleagues else "nobody_left"
        else:
            said = await self._parts.words.say(caller, request, contract.DECIDE, prepare)
            outcome = "nobody_left" if said.level == last else "handed_on"
        return pb.RecuseTaskResponse(outcome=outcome, application=await act.answer())

    async def _recusal(
        self, session: AsyncSession, caller: Caller, case: Application, key: str, words: str, official: str
    ) -> tuple[str, Recusal]:
        """The level whose open task the caller leaves to others, and what is kept of it. Raises Refusal."""
        standing = await store.standing(session, case.no, caller)
        level, reason = standing.level, standing.recusal
        reach.require_level(caller, case, level, "")
        if not reason:
            reason = _why_not(case, level, standing)
        if not reason and not words:
            raise invalid_field("/reason", "REQUIRED", "请写明回避的理由。", "Say why you leave it to others.")
        holders = [each.sub for each in await self._holders(session, case, level)]
        kept = Recusal(
            id=key,
            application_no=case.no,
            level=level,
            sub=caller.sub,
            person=caller.person,
            reason=reason or RECUSED.reason,
            official_sealed=self._seal(official, "recusal", "official_sealed", key),
            words_sealed=self._seal(words, "recusal", "words_sealed", key),
            at=now(),
            seq=0,
            holders=holders,
        )
        return level, kept

    async def _holders(self, session: AsyncSession, case: Application, level: str) -> list[Caller]:
        """Who is known to hold the duty of a level in the part of the city the case is in."""
        duty = terms("levels")[case.objection_level if level == OBJECTION else level]
        seen = await store.holders(session, duty.role, now() - KNOWN_FOR)
        # Whose number nobody has verified decides nothing.
        known = [Caller(row.sub, "staff", (duty.role,), tuple(row.divisions), person=row.person) for row in seen if row.person]
        return [each for each in known if each.covers(case.street) and (duty.scope == "street" or each.covers(case.district))]

    async def _left(self, session: AsyncSession, case: Application, level: str, but: Caller) -> bool:
        """That somebody else is known who may decide at the level."""
        for each in await self._holders(session, case, level):
            if each.sub == but.sub or each.person == but.person:
                continue
            standing = await store.standing(session, case.no, each)
            if not standing.recusal and not _why_not(case, level, standing):
                return True
        return False

    def _seal(self, words: str, table: str, column: str, row: str) -> bytes:
        return self._parts.vault.seal_text(words, table, column, row)

    async def withdraw(self, caller: Caller, request: pb.WithdrawApplicationRequest) -> pb.Application:
        reason = _words(request.reason, "/reason", MAX_REASON_CHARS, required=False, zh="", en="")

        async def prepare(session: AsyncSession, word_id: str) -> Heard:
            case = reach.own_case(caller, await store.lock_case(session, request.no))
            if case.stage in contract.ENDS:
                raise Refusal(ALREADY_ENDED)
            return Heard(contract.workflow_id(case.no), contract.Withdrawal(actor=caller.sub, reason=reason, request_id=word_id))

        await self._parts.words.say(caller, request, contract.WITHDRAW, prepare)
        return await self._reading.case(caller, request.no)

    # -- objections (异议) --------------------------------------------------------------------------------------------------------------------

    async def object(self, caller: Caller, request: pb.RaiseObjectionRequest) -> pb.Objection:
        said = _words(
            request.text, "/text", MAX_OBJECTION_CHARS, required=True, zh="请写明异议的内容和依据。", en="Say what you object to and why."
        )

        async def prepare(session: AsyncSession, word_id: str) -> Heard:
            case = await store.lock_case(session, request.application_no)
            # A number which does not exist answers like a case which is not on notice: the list of notices is public, the rest is not.
            if case is None or case.stage not in NOTICE_STAGES:
                raise Refusal(NOT_ON_NOTICE)
            if case.owner in caller.accounts or await store.is_of_household(session, case.no, caller.person):
                raise Refusal(
                    OWN_CASE,
                    zh="不能对自己的申请提出异议。需要更正内容或不再申请的，请在“我的事项”中办理。",
                    en="You cannot object to your own application; correct or withdraw it under “My cases”.",
                )
            if await store.has_open_objection(session, case.no, caller):
                raise Refusal(OBJECTION_PENDING)
            answered = await store.dismissed_objections(session, case.no, caller)
            if answered and grounds.answered_already(said, map(self._said, answered)):
                raise Refusal(OBJECTION_ANSWERED)
            objection_id = stable_id("obj-", word_id)
            sealed = self._parts.vault.seal_text(said, "objection", "text_sealed", objection_id)
            session.add(
                Objection(
                    id=objection_id,
                    application_no=case.no,
                    raised_by=caller.sub,
                    person=caller.person,
                    raised_at=now(),
                    text_sealed=sealed,
                )
            )
            raised = contract.ObjectionRaised(objection_id=objection_id, actor=caller.sub, request_id=word_id)
            return Heard(contract.workflow_id(case.no), raised)

        word = await self._parts.words.say(caller, request, contract.RAISE_OBJECTION, prepare)
        async with self._parts.database.transaction() as session:
            row = await store.objection(session, request.application_no, word.word.objection_id)
            if row is None:
                raise Refusal(NOT_FOUND)
            return views.objection(self._parts.vault, row, reach.View(dossier=False, words=True, objections=True))

    def _said(self, row: Objection) -> str:
        return self._parts.vault.open_text(row.text_sealed, "objection", "text_sealed", row.id)

    async def answer_objection(self, caller: Caller, request: pb.DecideObjectionRequest) -> pb.Application:
        answer = _words(
            request.answer, "/answer", MAX_OBJECTION_CHARS, required=True, zh="请写明复核意见。", en="Write the answer to the objection."
        )

        act = self._reading.act(caller, request.application_no)

        async def prepare(session: AsyncSession, word_id: str) -> Heard:
            case = await _locked(session, request.application_no, caller)
            standing = await store.standing(session, case.no, caller)
            reach.require_level(caller, case, OBJECTION, standing.recusal)
            reach.require_decided_by_others(_why_not(case, OBJECTION, standing))
            reach.require_declared(standing.declared)
            row = await store.objection(session, case.no, request.objection_id)
            if row is None or row.state != "open" or case.stage != "objection_review":
                raise Refusal(TASK_NOT_OPEN)
            if await store.raised(session, row.id, caller):
                raise Refusal(OWN_CASE)
            await act.noted(session)
            said = contract.ObjectionDecision(
                objection_id=request.objection_id, upheld=request.upheld, answer=answer, actor=caller.sub, request_id=word_id
            )
            return Heard(contract.workflow_id(case.no), said, OBJECTION)

        await self._parts.words.say(caller, request, contract.DECIDE_OBJECTION, prepare)
        return await act.answer()


async def _may_decide(session: AsyncSession, caller: Caller, case: Application, request: pb.DecideTaskRequest) -> str:
    """The level whose open task the caller may decide, having seen the case as it stands. Raises Refusal."""
    standing = await store.standing(session, case.no, caller)
    level = standing.level if standing.level != OBJECTION else ""
    reach.require_level(caller, case, level, standing.recusal)
    reach.require_decided_by_others(_why_not(case, level, standing))
    reach.require_declared(standing.declared)
    if request.if_version and request.if_version != case.version:
        raise Refusal(VERSION_MISMATCH)
    return level


def _why_not(case: Application, level: str, standing: store.Standing) -> str:
    """Why somebody with nothing against him does not decide at a level, by what he has done in the case before; "" for nothing."""
    if standing.typed:
        return TYPED_CASE.reason
    elsewhere = reach.has_decided_elsewhere(case, level, standing.made) or bool(standing.proposed - {level})
    return SAME_REVIEWER.reason if level != OBJECTION and elsewhere else ""


def _require_another(caller: Caller, first: Proposal) -> None:
    """Two persons, and neither in the name of the other nor both in a third one's: what is decided is two people's. Raises Refusal(SECOND_PERSON)."""
    one = {caller.sub, caller.acting_for} - {""}
    other = {first.sub, first.acting_for} - {""}
    if one & other or caller.person == first.person:
        raise Refusal(SECOND_PERSON)


async def _locked(session: AsyncSession, no: str, caller: Caller) -> Application:
    """The case, and what the caller has declared, held until the transaction ends."""
    case = await store.lock_case(session, no, deciding=caller.person)
    if case is None:
        raise Refusal(NOT_FOUND)
    return case


def _words(value: str, pointer: str, most: int, *, required: bool, zh: str, en: str) -> str:
    """Text of a person in one form, lines kept. Raises Refusal for a missing or oversized one."""
    lines = [text.clean(line) for line in value.replace("\r\n", "\n").split("\n")]
    result = "\n".join(lines).strip()
    if required and not result:
        raise invalid_field(pointer, "REQUIRED", zh, en)
    if len(result) > most:
        raise invalid_field(pointer, "TOO_LONG", f"最多填写{most}个字。", f"At most {most} characters.")
    if any(text.has_control(line) for line in lines):
        raise invalid_field(pointer, "CONTROL_CHARACTERS", "内容中有不能识别的字符，请重新输入。", "There are unreadable characters.")
    return result
