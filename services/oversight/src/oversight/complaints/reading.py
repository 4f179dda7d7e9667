"""Who reads what of a complaint: rows to messages."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from anju.oversight.v1 import complaints_pb2 as pb
from anju_contracts.complaint import BY_ACTION, MISUSE, MOVES
from anju_terms import is_code
from casekit.reads import of_list
from chassis.errors import NOT_FOUND, Refusal
from chassis.identity import Caller
from chassis.wire import stamp
from sqlalchemy.ext.asyncio import AsyncSession

from oversight.complaints import reach, store
from oversight.complaints.errors import wrong_field
from oversight.complaints.parts import Parts
from oversight.complaints.reach import OWNER, Reader, View
from oversight.tables import Complaint

# What is written with these is for the desk alone.
_INSIDE: Final = frozenset({"accepted", "investigation_opened", "proposed", "sent_back", "investigation_resumed", "answered", "agreed"})
_DESK_ACTIONS: Final = ("accept", "reassign", "answer", "agree", "send_back", "merge")
_OWN_ACTIONS: Final = ("rate", "reopen", "withdraw")
_ROW: Final = View(words=False, reporter=False, desk=False)


class Reading:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def one(self, caller: Caller, request: pb.GetComplaintRequest) -> pb.Complaint:
        return await self._shown(self._reader(caller, request.official), request.no)

    def _reader(self, caller: Caller, official: str = "") -> Reader:
        return Reader(caller, self._parts.name_index(official))

    async def acted_on(self, reader: Reader, no: str) -> pb.Complaint:
        """To whoever has just acted: the look is noted with his act. One he has given away is out of his sight, and he is told that it is done."""
        async with self._parts.database.snapshot() as session:
            found = await store.complaint(session, no)
            assert found is not None
            try:
                view = reach.view_of(reader, found)
            except Refusal:
                view = _ROW
            return await self._whole(session, found, view, reader)

    async def written_by(self, writer: Caller, no: str) -> pb.Complaint:
        """To whoever wrote it, and has shown that he has."""
        async with self._parts.database.snapshot() as session:
            found = await store.complaint(session, no)
            if found is None:
                raise Refusal(NOT_FOUND)
            return await self._whole(session, found, OWNER, Reader(writer, ""))

    async def _shown(self, reader: Reader, no: str) -> pb.Complaint:
        async with self._parts.database.snapshot() as session:
            found = await store.complaint(session, no)
            view = reach.view_of(reader, found)
            assert found is not None
            message = await self._whole(session, found, view, reader)
        await self._parts.reads.note(reader.caller, "complaint", [no])
        return message

    async def mine(self, caller: Caller, request: pb.ListMyComplaintsRequest) -> pb.ListMyComplaintsResponse:
        async with self._parts.database.snapshot() as session:
            rows, info = await store.page(session, store.owned_by(caller.sub), request.page)
        return pb.ListMyComplaintsResponse(complaints=[self._row(row, OWNER) for row in rows], page=info)

    async def desk(self, caller: Caller, request: pb.ListComplaintsRequest) -> pb.ListComplaintsResponse:
        what = of_list("complaints", request.page)
        for name, vocabulary in (("stage", "complaint_stages"), ("kind", "complaint_kinds")):
            if getattr(request, name) and not is_code(vocabulary, getattr(request, name)):
                raise wrong_field(f"/{name}", "没有这一项，请重新选择。", "There is no such one.", "CHOOSE_ONE")
        reader = self._reader(caller, request.official)
        filters = {"stage": request.stage, "kind": request.kind, "open": request.open, "overdue": request.overdue, "no": request.no.strip()}
        async with self._parts.database.snapshot() as session:
            rows, info = await store.page(session, reach.listed(reader), request.page, **filters)
        await self._parts.reads.note(caller, what, [row.no for row in rows])
        return pb.ListComplaintsResponse(complaints=[self._row(row, reach.view_of(reader, row)) for row in rows], page=info)

    async def may_see_reads(self, session: AsyncSession, caller: Caller, no: str) -> None:
        """Who may read it may know who has looked at it. Raises Refusal(NOT_FOUND)."""
        reach.view_of(self._reader(caller), await store.complaint(session, no))

    # -- rows ----------------------------------------------------------------------------------------------------------------------------

    def _row(self, found: Complaint, view: View) -> pb.Complaint:
        """How it stands, for a list."""
        return pb.Complaint(
            no=found.no,
            version=found.version,
            kind=found.kind,
            channel=found.channel if view.reporter else "",
            reference_no=found.reference_no if view.reporter else "",
            stage=found.stage,
            waiting_on=found.waiting_on,
            level=found.level,
            deadline_at=stamp(found.deadline_at),
            overdue=found.overdue,
            district=found.district,
            street=found.street,
            about_staff=found.about_staff,
            flags=found.flags if view.desk else [],
            received_at=stamp(found.received_at),
            answered_at=stamp(found.answered_at),
            score=found.score,
            rounds=found.rounds,
            merged_into=found.merged_into if view.desk else "",
            blocked=found.blocked_at is not None,
        )

    async def _whole(self, session: AsyncSession, found: Complaint, view: View, reader: Reader) -> pb.Complaint:
        message = self._row(found, view)
        steps = await store.steps(session, found.no)
        for step, told in steps:
            entry = message.timeline.add(
                at=stamp(step.at), event=step.event, stage=step.stage, waiting_on=step.waiting_on, deadline_at=stamp(step.deadline_at)
            )
            if told is not None and view.words and (view.desk or step.event not in _INSIDE):
                entry.text = self._parts.open(told.sealed, "word", told.word_id)
        if found.kind == MISUSE and (view.desk or not view.words):
            message.brief = self._parts.open(found.brief_sealed, "brief_sealed", found.no)
        if view.words:
            message.text = self._parts.open(found.text_sealed, "text_sealed", found.no)
            message.answer = await self._answer(session, found)
            message.merged = len(await store.merged_into(session, found.no))
            photos = await store.photos(session, found.no)
            message.photos.extend(photo_entry(*photo) for photo in photos)
            if found.stage not in MOVES.ends and reach.has_written(reader.caller, found):
                message.photos_left = reach.MAX_PHOTOS - len(photos)
        if view.reporter:
            message.contact = self._parts.open(found.contact_sealed, "contact_sealed", found.no)
            message.reporter = self._parts.open(found.reporter_sealed, "reporter_sealed", found.no)
            message.about_name = self._parts.open(found.about_name_sealed, "about_name_sealed", found.no)
        if view.desk and found.stage == "second_reading":
            message.proposed = await self._word(session, found.proposed_word)
        message.actions.extend(self._actions(found, view, reader))
        return message

    async def _answer(self, session: AsyncSession, found: Complaint) -> str:
        if found.merged_into:
            into = await store.complaint(session, found.merged_into)
            return await self._word(session, into.answer_word) if into is not None else ""
        return await self._word(session, found.answer_word)

    async def _word(self, session: AsyncSession, word_id: str) -> str:
        told = await store.text_of(session, word_id)
        return self._parts.open(told.sealed, "word", told.word_id) if told is not None else ""

    @staticmethod
    def _actions(found: Complaint, view: View, reader: Reader) -> list[str]:
        caller = reader.caller
        if caller.kind == "citizen":
            actions = [each for each in _OWN_ACTIONS if each != "reopen" or found.rounds < 2]
        elif reach.is_at(caller, found.level, found.district):
            actions = list(_DESK_ACTIONS)
            if (caller.sub, caller.person) in ((found.written_by, found.written_by_person),):
                actions = [each for each in actions if each not in ("agree", "send_back")]
        else:
            return []
        return [each for each in actions if any(MOVES.allows(found.stage, event) for event in BY_ACTION[each])]


def photo_entry(number: int, size_bytes: int, added_at: datetime) -> pb.ComplaintPhoto:
    return pb.ComplaintPhoto(number=number, size_bytes=size_bytes, added_at=stamp(added_at))
