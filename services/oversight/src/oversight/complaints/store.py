"""Every query of complaints."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from anju.common.v1 import common_pb2 as common
from anju_contracts.complaint import HANDLE, MOVES
from casekit.engine import OnRecord
from casekit.listing import NEVER, By, Listing
from sqlalchemy import ColumnElement, delete, exists, func, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from oversight.tables import COMPLAINT_NUMBERS, Complaint, ComplaintPhoto, ComplaintStep, ComplaintText, FollowTry, Outbox, Word

# The kind of the entry that starts a complaint's workflow.
START_COMPLAINT: Final = "start_complaint"
MAX_TRIES: Final = 10
TRY_WINDOW: Final = timedelta(hours=1)
_HOLD: Final = text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))")


async def hold(session: AsyncSession, key: str) -> None:
    """Holds others with the same key until the transaction ends."""
    await session.execute(_HOLD, {"key": f"complaint/{key}"})


async def next_number(session: AsyncSession) -> int:
    return int((await session.execute(select(COMPLAINT_NUMBERS.next_value()))).scalar_one())


async def complaint(session: AsyncSession, no: str, *, lock: bool = False) -> Complaint | None:
    return await session.get(Complaint, no, with_for_update=lock, populate_existing=lock)


async def by_request(session: AsyncSession, index: str) -> Complaint | None:
    return (await session.execute(select(Complaint).where(col(Complaint.request_index) == index))).scalar_one_or_none()


async def by_reference(session: AsyncSession, reference_no: str) -> bool:
    return bool((await session.execute(select(exists().where(col(Complaint.reference_no) == reference_no)))).scalar_one())


async def said_already(session: AsyncSession, owner: str, text_index: str) -> str:
    """The number of an open one of this account that says the same; empty for none."""
    query = select(col(Complaint.no)).where(
        col(Complaint.owner) == owner, col(Complaint.text_index) == text_index, col(Complaint.stage).not_in(MOVES.ends)
    )
    return (await session.execute(query.limit(1))).scalar_one_or_none() or ""


async def open_of(session: AsyncSession, owner: str) -> int:
    mine = select(func.count()).where(col(Complaint.owner) == owner, col(Complaint.stage).not_in(MOVES.ends))
    return int((await session.execute(mine)).scalar_one())


async def similar(session: AsyncSession, kind: str, district: str, street: str, since: datetime) -> int:
    """How many of a kind came from a place since then; by street where one is named."""
    place = col(Complaint.street) == street if street else col(Complaint.district) == district
    query = select(func.count()).where(place, col(Complaint.kind) == kind, col(Complaint.received_at) >= since)
    return int((await session.execute(query)).scalar_one())


async def steps(session: AsyncSession, no: str) -> Sequence[tuple[ComplaintStep, ComplaintText | None]]:
    """Oldest first, each with what was written with it."""
    query = (
        select(ComplaintStep, ComplaintText)
        .outerjoin(ComplaintText, col(ComplaintText.word_id) == col(ComplaintStep.word_id))
        .where(col(ComplaintStep.no) == no)
        .order_by(col(ComplaintStep.seq))
    )
    return [(row[0], row[1]) for row in (await session.execute(query)).all()]


async def step(session: AsyncSession, step_id: str) -> ComplaintStep | None:
    return (await session.execute(select(ComplaintStep).where(col(ComplaintStep.step_id) == step_id))).scalar_one_or_none()


async def text_of(session: AsyncSession, word_id: str) -> ComplaintText | None:
    return await session.get(ComplaintText, word_id) if word_id else None


async def handlers(session: AsyncSession, no: str) -> Sequence[tuple[str, str]]:
    """Who has dealt with it at a desk: account and person of each."""
    query = (
        select(col(Word.sub), col(Word.person))
        .join(ComplaintStep, col(ComplaintStep.word_id) == col(Word.id))
        .where(col(ComplaintStep.no) == no, col(Word.update_name) == HANDLE)
        .distinct()
    )
    return [(row[0], row[1]) for row in (await session.execute(query)).all()]


async def drop_text(session: AsyncSession, word_id: str) -> None:
    await session.execute(delete(ComplaintText).where(col(ComplaintText.word_id) == word_id))


async def word(session: AsyncSession, word_id: str) -> Word | None:
    return await session.get(Word, word_id)


async def photos(session: AsyncSession, no: str) -> Sequence[tuple[int, int, datetime]]:
    """Number, size and moment of each, without what is on it."""
    columns = select(col(ComplaintPhoto.number), col(ComplaintPhoto.size_bytes), col(ComplaintPhoto.added_at))
    query = columns.where(col(ComplaintPhoto.no) == no).order_by(col(ComplaintPhoto.number))
    return [(row[0], row[1], row[2]) for row in (await session.execute(query)).all()]


async def merged_into(session: AsyncSession, no: str) -> Sequence[Complaint]:
    return (await session.execute(select(Complaint).where(col(Complaint.merged_into) == no).order_by(col(Complaint.seq)))).scalars().all()


LISTING: Final = Listing(
    {
        "received": By(col(Complaint.seq), int),
        "deadline": By(func.coalesce(col(Complaint.deadline_at), NEVER), datetime),
        "stage": By(col(Complaint.stage), str),
        "kind": By(col(Complaint.kind), str),
    },
    own="-received",
    unique="received",
)


async def page(
    session: AsyncSession, mine: ColumnElement[bool], asked: common.PageRequest, **filters: Any
) -> tuple[list[Complaint], common.PageInfo]:
    """``filters``: stage, kind, no (or a number of 12345), open, overdue; empty for any."""
    query = select(Complaint).where(mine)
    if filters.get("stage"):
        query = query.where(col(Complaint.stage) == filters["stage"])
    if filters.get("kind"):
        query = query.where(col(Complaint.kind) == filters["kind"])
    if filters.get("open"):
        query = query.where(col(Complaint.stage).not_in(MOVES.ends))
    if filters.get("overdue"):
        query = query.where(col(Complaint.overdue))
    if filters.get("no"):
        query = query.where(or_(col(Complaint.no) == filters["no"], col(Complaint.reference_no) == filters["no"]))
    rows, info = await LISTING.page(session, query, asked)
    return [row[0] for row in rows], info


def owned_by(sub: str) -> ColumnElement[bool]:
    return col(Complaint.owner) == sub


# -- wrong codes -------------------------------------------------------------------------------------------------------------------------


async def tries(session: AsyncSession, number_index: str, now: datetime) -> int:
    """Wrong codes for a number within the last hour."""
    found = await session.get(FollowTry, number_index)
    return found.tries if found is not None and found.since > now - TRY_WINDOW else 0


async def tried_in_vain(session: AsyncSession, number_index: str, now: datetime) -> None:
    """Counts one more, from nothing when the hour is over; what is over of others is forgotten."""
    await session.execute(delete(FollowTry).where(col(FollowTry.since) <= now - TRY_WINDOW))
    adding = insert(FollowTry).values(number_index=number_index, since=now, tries=1)
    await session.execute(adding.on_conflict_do_update(index_elements=["number_index"], set_={"tries": col(FollowTry.tries) + 1}))


# -- workflows ---------------------------------------------------------------------------------------------------------------------------


def _on_its_way() -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return col(Outbox.kind) == START_COMPLAINT, col(Outbox.done_at).is_(None)


async def on_record(session: AsyncSession, no: str) -> OnRecord:
    """How a complaint stands by its record; its workflow may still be on its way to the engine."""
    found = await complaint(session, no)
    if found is None or found.stage in MOVES.ends:
        return OnRecord.OVER
    on_its_way = select(exists().where(*_on_its_way(), col(Outbox.payload)["no"].astext == no))
    return OnRecord.STARTING if (await session.execute(on_its_way)).scalar_one() else OnRecord.OPEN


async def served(session: AsyncSession) -> Sequence[Complaint]:
    """Those with something left to do, without those whose workflow is still on its way to the engine."""
    starting = select(col(Outbox.payload)["no"].astext).where(*_on_its_way())
    query = select(Complaint).where(col(Complaint.stage).not_in(MOVES.ends), col(Complaint.no).not_in(starting))
    return (await session.execute(query.order_by(col(Complaint.seq)))).scalars().all()


async def mark_blocked(session: AsyncSession, numbers: Sequence[str], at: datetime | None) -> None:
    marking = update(Complaint).where(col(Complaint.no).in_(numbers)).values(blocked_at=at, version=col(Complaint.version) + 1)
    if at is None:
        marking = marking.where(col(Complaint.blocked_at).is_not(None))
    else:
        marking = marking.where(col(Complaint.stage).not_in(MOVES.ends), col(Complaint.blocked_at).is_(None))
    await session.execute(marking)
