"""What somebody has photographed, beside what he has written: added by who wrote it, shown to whoever may read the words."""

from __future__ import annotations

from typing import Final

from anju.oversight.v1 import complaints_pb2 as pb
from anju_contracts.complaint import MOVES
from chassis import once
from chassis.errors import NOT_ALLOWED, NOT_FOUND, Refusal
from chassis.identity import Caller

from oversight.complaints import reach, store
from oversight.complaints.errors import COMPLAINT_MOVED_ON, PHOTOS_FULL, wrong_field
from oversight.complaints.parts import Parts, now
from oversight.complaints.reach import Reader
from oversight.complaints.reading import photo_entry
from oversight.complaints.writers import Writers
from oversight.tables import Complaint, ComplaintPhoto, Once

MAX_PHOTO_BYTES: Final = 900 << 10
_JPEG: Final = b"\xff\xd8\xff"


class Photos:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._writers = Writers(parts)

    async def add(self, caller: Caller, request: pb.AddComplaintPhotoRequest) -> pb.AddComplaintPhotoResponse:
        """The number it has from now on; a repeat is the same photograph."""
        if not request.photo.startswith(_JPEG) or len(request.photo) > MAX_PHOTO_BYTES:
            raise wrong_field("/photo", "这张照片打不开，请重新拍摄后上传。", "This photograph cannot be read; take another one.", "PHOTO")
        who = caller if caller.kind == "staff" else await self._writers.of(caller, request.no, request.code)
        key = once.request_key(who, request)
        answer = pb.AddComplaintPhotoResponse()
        async with self._parts.database.transaction() as session:
            if await once.find(session, key, request, answer) is not None:
                return answer
            # Held: two that are sent at once are numbered one after the other.
            found = await store.complaint(session, request.no, lock=True)
            _may_add(who, found)
            assert found is not None
            if found.stage in MOVES.ends:
                raise Refusal(COMPLAINT_MOVED_ON)
            number = len(await store.photos(session, found.no)) + 1
            if number > reach.MAX_PHOTOS:
                raise Refusal(PHOTOS_FULL)
            kept = ComplaintPhoto(
                no=found.no,
                number=number,
                size_bytes=len(request.photo),
                sealed=self._parts.ring.encrypt(request.photo, _place(found.no, number)),
                added_at=now(),
            )
            session.add(kept)
            answer.photo.CopyFrom(photo_entry(kept.number, kept.size_bytes, kept.added_at))
            once.remember(session, Once, key, request, answer)
        return answer

    async def one(self, caller: Caller, request: pb.GetComplaintPhotoRequest) -> bytes:
        """A look of an official is on record before it is given. Raises Refusal(NOT_FOUND), and FOLLOW_UP_UNKNOWN, FOLLOW_UP_LATER for a wrong code."""
        by_code = caller.kind == "citizen" and bool(request.code)
        if by_code:
            await self._writers.by_code(request.no, request.code)
        async with self._parts.database.transaction() as session:
            if not by_code:
                reader = Reader(caller, self._parts.name_index(request.official))
                if not reach.view_of(reader, await store.complaint(session, request.no)).words:
                    raise Refusal(NOT_FOUND)
            kept = await session.get(ComplaintPhoto, (request.no, request.number))
            if kept is None:
                raise Refusal(NOT_FOUND)
            await self._parts.reads.note(caller, "complaint", [request.no], session)
            return self._parts.ring.decrypt(kept.sealed, _place(kept.no, kept.number))


def _may_add(who: Caller, found: Complaint | None) -> None:
    """Raises Refusal: NOT_FOUND for one out of his sight, NOT_ALLOWED for an official who has not written it down."""
    if who.kind == "citizen":
        return
    reach.view_of(Reader(who, ""), found)
    assert found is not None
    if not reach.has_written(who, found):
        raise Refusal(NOT_ALLOWED)


def _place(no: str, number: int) -> str:
    """Authenticated with the photograph: moved elsewhere, it does not open."""
    return f"complaint_photo|sealed|{no}/{number}"
