"""What people say to a complaint: the desk that deals with it, and who wrote it."""

from __future__ import annotations

from typing import Final

from anju.oversight.v1 import complaints_pb2 as pb
from anju_contracts import complaint as contract
from anju_contracts.base import Place
from anju_contracts.complaint import BY_ACTION, DESKS, MISUSE, MOVES
from casekit.words import Heard
from chassis.errors import NOT_FOUND, VERSION_MISMATCH, Refusal
from chassis.identity import Caller
from sqlalchemy.ext.asyncio import AsyncSession

from oversight.complaints import reach, store
from oversight.complaints.errors import (
    ANOTHER_PERSON,
    CANNOT_MERGE,
    COMPLAINT_MOVED_ON,
    HAS_MERGED,
    NO_MORE_ROUNDS,
    STAYS_AT_CITY,
    wrong_field,
)
from oversight.complaints.intake import tidy
from oversight.complaints.parts import Parts
from oversight.complaints.reach import Reader
from oversight.complaints.reading import Reading
from oversight.complaints.writers import Writers
from oversight.tables import Complaint, ComplaintText

MAX_ANSWER_CHARS: Final = 4000
MAX_REASON_CHARS: Final = 500
MAX_WORD_CHARS: Final = 1000
MOST_ROUNDS: Final = 2
_ACTIONS: Final = ("accept", "reassign", "answer", "agree", "send_back", "merge")
_RESPONSES: Final = ("rate", "reopen", "withdraw")
# What a desk has to write with each: the question, and the most it may say.
_NEEDED: Final = {
    "reassign": ("请写明为什么转办，来信人会看到。", "Say why; who wrote it reads it.", MAX_REASON_CHARS),
    "answer": ("请写明答复。", "Write the answer.", MAX_ANSWER_CHARS),
    "send_back": ("请写明哪里需要修改。", "Say what is to be changed.", MAX_REASON_CHARS),
    "merge": ("请写明为什么是同一件事，来信人会看到。", "Say why it is the same matter; who wrote it reads it.", MAX_REASON_CHARS),
}


class Handling:
    def __init__(self, parts: Parts, reading: Reading) -> None:
        self._parts = parts
        self._reading = reading
        self._writers = Writers(parts)

    # -- the desk ------------------------------------------------------------------------------------------------------------------------

    async def handle(self, caller: Caller, request: pb.HandleComplaintRequest) -> pb.Complaint:
        if request.action not in _ACTIONS:
            raise wrong_field("/action", "请选择要办理的事项。", "Choose what to do.", "CHOOSE_ONE")
        text = self._text(request)
        reader = Reader(caller, self._parts.name_index(request.official))

        async def prepare(session: AsyncSession, word_id: str) -> Heard:
            found = await store.complaint(session, request.no, lock=True)
            reach.view_of(reader, found)
            assert found is not None
            reach.require_desk(reader, found)
            if request.version and request.version != found.version:
                raise Refusal(VERSION_MISMATCH)
            action = "propose" if request.action == "answer" and found.about_staff else request.action
            if not any(MOVES.allows(found.stage, event) for event in BY_ACTION[action]):
                raise Refusal(COMPLAINT_MOVED_ON)
            place = await self._checked(session, caller, request, found, text)
            self._keep(session, found, word_id, action, text, merge_into=request.into, about=request.about.strip())
            await self._parts.reads.note(caller, "complaint", [found.no], session)
            said = contract.ComplaintHandled.model_validate(
                {
                    "action": action,
                    "level": request.level if action == "reassign" else "",
                    "place": place,
                    "actor": caller.sub,
                    "request_id": word_id,
                }
            )
            return Heard(contract.workflow_id(found.no), said, found.level)

        await self._parts.words.say(caller, request, contract.HANDLE, prepare)
        return await self._reading.acted_on(reader, request.no)

    def _text(self, request: pb.HandleComplaintRequest) -> str:
        text = tidy(request.text)
        zh, en, most = _NEEDED.get(request.action, ("", "", MAX_REASON_CHARS))
        if zh and not text:
            raise wrong_field("/text", zh, en, "REQUIRED")
        if len(text) > most:
            raise wrong_field("/text", f"不能超过 {most} 个字。", f"At most {most} characters.", "TOO_LONG")
        return text

    async def _checked(
        self, session: AsyncSession, caller: Caller, request: pb.HandleComplaintRequest, found: Complaint, text: str
    ) -> Place | None:
        """What each action needs beside its stage. Gives where it goes to, of one that is reassigned. Raises Refusal."""
        match request.action:
            case "accept" if found.kind == MISUSE and not text:
                zh = "请用自己的话写明要查什么（房管所按此调查，看不到举报原文和举报人）。"
                raise wrong_field(
                    "/text",
                    zh,
                    "Say in your own words what is to be looked at: the house manager sees this, and not the report.",
                    "REQUIRED",
                )
            case "reassign":
                return self._place(request, found)
            case "agree" | "send_back" if _is(caller, found):
                raise Refusal(ANOTHER_PERSON)
            case "answer" if found.rounds >= MOST_ROUNDS and _is(caller, found):
                raise Refusal(ANOTHER_PERSON)
            case "merge":
                if await store.merged_into(session, found.no):
                    raise Refusal(HAS_MERGED)
                # In one order, so that two who merge crosswise do not wait for each other: the other one is not held, and looked at again when it is recorded.
                into = await store.complaint(session, request.into)
                if not can_take(into, found):
                    raise Refusal(CANNOT_MERGE)
        return None

    def _place(self, request: pb.HandleComplaintRequest, found: Complaint) -> Place:
        if request.level not in DESKS:
            raise wrong_field("/level", "请选择转给区级还是市级。", "Choose the desk it goes to.", "CHOOSE_ONE")
        division = self._parts.profile.divisions.get(request.division)
        if division is None or division.level not in ("district", "street"):
            raise wrong_field("/division", "请选择区县或街道。", "Choose the district or street.", "CHOOSE_ONE")
        district, street = (division.code, "") if division.level == "district" else (division.parent, division.code)
        if found.about_staff and request.level != DESKS[-1]:
            raise Refusal(STAYS_AT_CITY)
        if (request.level, district, street) == (found.level, found.district, found.street):
            raise wrong_field("/level", "已经在这个受理台，请选择另一个。", "It is there already: choose another one.")
        return Place(district=district, street=street)

    # -- who wrote it --------------------------------------------------------------------------------------------------------------------

    async def respond(self, caller: Caller, request: pb.RespondToComplaintRequest) -> pb.Complaint:
        if request.action not in _RESPONSES:
            raise wrong_field("/action", "请选择评价、重新办理或撤回。", "Choose what to do.", "CHOOSE_ONE")
        text = tidy(request.text)
        if len(text) > MAX_WORD_CHARS:
            raise wrong_field("/text", f"不能超过 {MAX_WORD_CHARS} 个字。", f"At most {MAX_WORD_CHARS} characters.", "TOO_LONG")
        if request.action == "rate" and not 1 <= request.score <= 5:
            raise wrong_field("/score", "请选择一个评价。", "Choose a rating.", "CHOOSE_ONE")
        if request.action == "reopen" and not text:
            raise wrong_field("/text", "请写明哪里还没有解决。", "Say what is not settled yet.", "REQUIRED")
        writer = await self._writers.of(caller, request.no, request.code)

        async def prepare(session: AsyncSession, word_id: str) -> Heard:
            found = await store.complaint(session, request.no, lock=True)
            if found is None:
                raise Refusal(NOT_FOUND)
            if not any(MOVES.allows(found.stage, event) for event in BY_ACTION[request.action]):
                raise Refusal(COMPLAINT_MOVED_ON)
            if request.action == "reopen" and found.rounds >= MOST_ROUNDS:
                raise Refusal(NO_MORE_ROUNDS)
            if request.action == "withdraw" and await store.merged_into(session, found.no):
                raise Refusal(HAS_MERGED)
            self._keep(session, found, word_id, request.action, text, score=request.score if request.action == "rate" else 0)
            said = contract.ComplaintResponse.model_validate({"action": request.action, "actor": writer.sub, "request_id": word_id})
            return Heard(contract.workflow_id(found.no), said)

        await self._parts.words.say(writer, request, contract.RESPOND, prepare)
        return await self._reading.written_by(writer, request.no)

    async def follow(self, caller: Caller, request: pb.FollowComplaintRequest) -> pb.Complaint:
        return await self._reading.written_by(await self._writers.by_code(request.no, request.code), request.no)

    def _keep(
        self,
        session: AsyncSession,
        found: Complaint,
        word_id: str,
        action: str,
        text: str,
        *,
        merge_into: str = "",
        about: str = "",
        score: int = 0,
    ) -> None:
        """What belongs to a word: it goes with the word when the workflow refuses it."""
        session.add(
            ComplaintText(
                word_id=word_id,
                no=found.no,
                action=action,
                sealed=self._parts.seal(text, "word", word_id),
                merge_into=merge_into if action == "merge" else "",
                about=about if action == "accept" else "",
                score=score,
            )
        )


def _is(caller: Caller, found: Complaint) -> bool:
    """That the caller has written the newest answer, under whatever account."""
    return caller.sub == found.written_by or (caller.person != "" and caller.person == found.written_by_person)


def can_take(into: Complaint | None, found: Complaint) -> bool:
    """That ``found`` can be merged into it: another one of its kind, at the same desk, with a question as yet unanswered."""
    return (
        into is not None
        and into.no != found.no
        and into.kind == found.kind
        and into.about_staff == found.about_staff
        and (into.level, into.district) == (found.level, found.district)
        and into.stage in ("triage", "accepting", "handling", "investigating", "second_reading")
    )
