"""Steps of complaints, each recorded once under its step id, with what it tells people."""

from __future__ import annotations

from typing import Final

from anju.common.v1 import common_pb2 as common
from anju.oversight.v1 import complaints_pb2 as pb
from anju_contracts import complaint as contract
from anju_contracts.complaint import BY_ACTION, MOVES
from anju_contracts.moves import IllegalMoveError
from casekit.facts import record
from casekit.words import Said, by_nobody, not_said
from chassis.errors import NOT_FOUND, Refusal, invalid
from chassis.wire import instant, missing, utc
from sqlalchemy.ext.asyncio import AsyncSession

from oversight.complaints import facts, store
from oversight.complaints.errors import CANNOT_MERGE, COMPLAINT_MOVED_ON
from oversight.complaints.parts import Parts
from oversight.evaluations.rating import Rating
from oversight.tables import Complaint, ComplaintStep, ComplaintText

_ANSWERS: Final = ("answered", "agreed")
_AGAIN: Final = ("reopened", "escalated")
_ACCEPTS: Final = ("accepted", "investigation_opened")
_BY_A_CLOCK: Final = frozenset({"assigned", "flagged", "became_overdue", "rating_expired"})


class Record:
    def __init__(self, parts: Parts, rating: Rating) -> None:
        self._parts = parts
        self._rating = rating

    async def advance(self, request: pb.AdvanceComplaintRequest) -> pb.AdvanceComplaintResponse:
        if not request.step.step_id:
            raise invalid([missing("/step/step_id")])
        at = instant(request.step, "as_of")
        async with self._parts.database.transaction() as session:
            found = await store.complaint(session, request.no, lock=True)
            if found is None:
                raise Refusal(NOT_FOUND)
            known = await store.step(session, request.step.step_id)
            if known is not None:
                return pb.AdvanceComplaintResponse(version=known.seq)
            try:
                move = MOVES.move(found.stage, request.event)
            except IllegalMoveError:
                raise Refusal(COMPLAINT_MOVED_ON) from None
            if move.target != request.stage:
                raise Refusal(COMPLAINT_MOVED_ON)
            said = await self._authorised(session, found, request)
            told = await store.text_of(session, request.step.word_id)
            source = found.stage
            if request.event == "proposed":
                found.before = source
            found.version += 1
            found.stage, found.waiting_on, found.overdue = request.stage, request.waiting_on, request.overdue
            found.deadline_at = utc(request.deadline_at) if request.HasField("deadline_at") else None
            found.updated_at, found.blocked_at = at, None
            step = ComplaintStep(
                no=found.no,
                seq=found.version,
                step_id=request.step.step_id,
                word_id=request.step.word_id,
                event=request.event,
                source=source,
                stage=request.stage,
                waiting_on=request.waiting_on,
                level=request.level,
                actor=request.step.actor or "system",
                at=at,
                deadline_at=found.deadline_at,
                overdue=request.overdue,
            )
            session.add(step)
            await self._carry(session, found, request, said, told)
            await record(session, facts.moved(found, step))
            await self._tell(session, found, request)
        return pb.AdvanceComplaintResponse(version=step.seq)

    async def _authorised(self, session: AsyncSession, found: Complaint, request: pb.AdvanceComplaintRequest) -> Said | None:
        """A person's step is recorded when this person has said so here, and a clock's carries no person. Raises Refusal(NOT_SAID)."""
        workflow_id = contract.workflow_id(found.no)
        if request.event in _BY_A_CLOCK:
            by_nobody(request.step, workflow_id)
            if (request.level, request.district) != (found.level, found.district):
                raise not_said(workflow_id)
            return None
        said = await self._parts.words.carried_out(session, request.step, workflow_id, contract.HANDLE, contract.RESPOND)
        if not _says(said, found, request):
            raise not_said(workflow_id, said.update)
        return said

    async def _carry(
        self, session: AsyncSession, found: Complaint, request: pb.AdvanceComplaintRequest, said: Said | None, told: ComplaintText | None
    ) -> None:
        """What the step means for the record, beside its stage."""
        if said is None:
            return
        word = await store.word(session, said.id)
        assert word is not None
        assert told is not None
        if request.event in _ACCEPTS:
            found.about_sub = told.about or found.about_sub
            if request.event == "investigation_opened":
                text = self._parts.open(told.sealed, "word", told.word_id)
                found.brief_sealed = self._parts.seal(text, "brief_sealed", found.no)
        elif request.event == "reassigned":
            found.level, found.district, found.street = request.level, request.district, request.street
        elif request.event == "proposed":
            found.proposed_word = said.id
            found.written_by, found.written_by_person = said.sub, word.person
        elif request.event in _ANSWERS:
            if request.event == "answered":
                found.written_by, found.written_by_person, found.answer_word = said.sub, word.person, said.id
            else:
                found.answer_word = found.proposed_word
            found.proposed_word, found.answered_at = "", utc(request.step.as_of)
        elif request.event in _AGAIN:
            found.rounds += 1
            found.level = request.level
        elif request.event == "rated":
            found.score = told.score
            await self._rating.of_complaint(session, found, await store.handlers(session, found.no), utc(request.step.as_of))
        elif request.event == "merged":
            into = await store.complaint(session, told.merge_into, lock=True)
            if into is None or into.stage in MOVES.ends:
                raise Refusal(CANNOT_MERGE)
            found.merged_into = into.no
        await session.flush()

    async def _tell(self, session: AsyncSession, found: Complaint, request: pb.AdvanceComplaintRequest) -> None:
        """Who did not sign on is told nothing: he looks with his code. Who wrote what was merged into this is told the answer too."""
        self._hand_on(session, request.step, found)
        if request.event not in _ANSWERS:
            return
        for other in await store.merged_into(session, found.no):
            step = common.Step(step_id=f"{request.step.step_id}/{other.no}", as_of=request.step.as_of)
            step.tell.extend(each for each in request.step.tell if not each.role)
            self._hand_on(session, step, other)

    def _hand_on(self, session: AsyncSession, step: common.Step, found: Complaint) -> None:
        if not found.owner:
            told = common.Step()
            told.CopyFrom(step)
            del told.tell[:]
            told.tell.extend(each for each in step.tell if each.role)
            step = told
        self._parts.tellings.hand_on(self._parts.outbox, session, step, found.no, owner=found.owner)


def _says(said: Said, found: Complaint, request: pb.AdvanceComplaintRequest) -> bool:
    """Whether a word says just what the step is about to record."""
    word = said.word
    if request.event not in BY_ACTION[word.action]:
        return False
    here = (found.level, found.district, found.street)
    there = (request.level, request.district, request.street)
    if word.action == "reassign":
        return word.place is not None and there == (word.level, word.place.district, word.place.street)
    if word.action == "reopen":
        beyond = found.level if found.about_staff else contract.other_desk(found.level)
        fitting = ("reopened", found.level) if found.rounds == 0 else ("escalated", beyond)
        return found.rounds < 2 and (request.event, request.level) == fitting and there[1:] == here[1:]
    if there != here:
        return False
    if word.action == "answer":
        # What is about staff is answered by two.
        return not found.about_staff
    if word.action in ("agree", "send_back"):
        return said.sub != found.written_by
    return True
