"""Every query about evaluations. Nobody here commits: the transaction belongs to the call."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final

from anju.common.v1 import common_pb2 as common
from casekit.listing import By, Listing
from chassis.identity import Caller
from sqlalchemy import ColumnElement, Date, Select, and_, case, func, literal, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from oversight.domain.figures import Cell
from oversight.tables import Evaluation, Finished, Followed, FollowUp

Row = tuple[Finished, Evaluation | None, FollowUp | None]

_HOLD: Final = text("SELECT pg_advisory_xact_lock(hashtextextended('finished:' || :id, 0))")
_WHOLE: Final = (
    select(Finished, Evaluation, FollowUp)
    .outerjoin(Evaluation, col(Evaluation.finished_id) == col(Finished.id))
    .outerjoin(FollowUp, col(FollowUp.finished_id) == col(Finished.id))
)
_STATE: Final = case((col(FollowUp.state) == "done", "done"), (col(FollowUp.escalated_at).is_not(None), "overdue"), else_="open")


async def hold(session: AsyncSession, id: str) -> None:
    """Nobody else says anything about this service until the transaction ends."""
    await session.execute(_HOLD, {"id": id})


# -- what was finished -----------------------------------------------------------------------------------------------------------------------


async def cursor(session: AsyncSession, service: str) -> str:
    found = await session.get(Followed, service)
    return found.cursor if found is not None else ""


async def go_on(session: AsyncSession, service: str, after: str, cursor: str) -> bool:
    """Notes how far the facts of a service were read; False when somebody else has read on from ``after`` meanwhile."""
    begun = insert(Followed).values(service=service, cursor="").on_conflict_do_nothing()
    await session.execute(begun)
    mine = update(Followed).where(col(Followed.service) == service, col(Followed.cursor) == after).values(cursor=cursor)
    return (await session.execute(mine.returning(col(Followed.service)))).first() is not None


async def add_finished(session: AsyncSession, rows: Iterable[Mapping[str, Any]]) -> None:
    """What is there already stays: a fact read twice is one service."""
    values = [dict(row) for row in rows]
    if values:
        await session.execute(insert(Finished).values(values).on_conflict_do_nothing(index_elements=["id"]))


def _of(caller: Caller) -> ColumnElement[bool]:
    """For this account, or for this person under another."""
    mine = and_(col(Finished.owner).in_(caller.accounts), col(Finished.owner) != "")
    return or_(mine, and_(col(Finished.person) == caller.person, col(Finished.person) != "")) if caller.person else mine


def _handled_by(caller: Caller) -> ColumnElement[bool]:
    """That the caller is rated in it, under this account or another."""
    by_account = col(Finished.handlers).op("@>")(func.jsonb_build_array(func.jsonb_build_object("sub", caller.sub)))
    if not caller.person:
        return by_account
    return or_(by_account, col(Finished.handlers).op("@>")(func.jsonb_build_array(func.jsonb_build_object("person", caller.person))))


async def one(session: AsyncSession, id: str) -> Row | None:
    found = (await session.execute(_WHOLE.where(col(Finished.id) == id))).one_or_none()
    return None if found is None else (found[0], found[1], found[2])


async def own(session: AsyncSession, id: str, caller: Caller) -> Row | None:
    found = (await session.execute(_WHOLE.where(col(Finished.id) == id, _of(caller)))).one_or_none()
    return None if found is None else (found[0], found[1], found[2])


async def by_code(session: AsyncSession, digest: str) -> Row | None:
    found = (await session.execute(_WHOLE.where(col(Finished.code_digest) == digest))).one_or_none()
    return None if found is None else (found[0], found[1], found[2])


async def mine(session: AsyncSession, caller: Caller, application_no: str, page: common.PageRequest) -> tuple[list[Row], common.PageInfo]:
    """Newest first."""
    query: Select[*tuple[Any, ...]] = _WHOLE.where(_of(caller))
    if application_no:
        query = query.where(col(Finished.application_no) == application_no)
    listing = Listing({"at": By(col(Finished.at), datetime), "id": By(col(Finished.id), str)}, own="-at", unique="id")
    rows, info = await listing.page(session, query, page)
    return [(row[0], row[1], row[2]) for row in rows], info


# -- what follows ----------------------------------------------------------------------------------------------------------------------------


async def follow_ups(session: AsyncSession, caller: Caller, state: str, page: common.PageRequest) -> tuple[list[Row], common.PageInfo]:
    """Of the caller's divisions, what is due first comes first; none in which he is rated."""
    reach = [col(Finished.division).startswith(division, autoescape=True) for division in caller.divisions]
    query: Select[*tuple[Any, ...]] = _WHOLE.where(col(FollowUp.finished_id).is_not(None), or_(*reach) if reach else text("false"))
    query = query.where(~_handled_by(caller))
    if state:
        query = query.where(literal(state) == _STATE)
    columns = {
        "due_at": By(col(FollowUp.due_at), datetime),
        "said_at": By(col(Evaluation.at), datetime),
        "item": By(col(Finished.item), str),
        "id": By(col(Finished.id), str),
    }
    rows, info = await Listing(columns, own="due_at", unique="id").page(session, query, page)
    return [(row[0], row[1], row[2]) for row in rows], info


async def due(session: AsyncSession, now: datetime, size: int) -> Sequence[tuple[FollowUp, Finished]]:
    """Open ones of which somebody has to be told now; held until the transaction ends, and not by two."""
    query = (
        select(FollowUp, Finished)
        .join(Finished, col(Finished.id) == col(FollowUp.finished_id))
        .where(col(FollowUp.state) == "open", col(FollowUp.next_at) <= now)
        .order_by(col(FollowUp.next_at))
        .limit(size)
        .with_for_update(skip_locked=True, of=FollowUp)
    )
    return [(row[0], row[1]) for row in (await session.execute(query)).all()]


# -- what everybody reads --------------------------------------------------------------------------------------------------------------------


async def months(session: AsyncSession, before: date, most: int) -> Sequence[date]:
    """First days of the months before that day in which something was said, newest first."""
    month = func.date_trunc("month", col(Evaluation.day)).cast(Date)
    query = select(month).where(col(Evaluation.day) < before).group_by(month).order_by(month.desc()).limit(most)
    return (await session.execute(query)).scalars().all()


async def counted(session: AsyncSession, since: date, before: date) -> dict[tuple[Cell, str], int]:
    """Evaluations by item, channel, district and level."""
    district = func.left(col(Finished.division), 6)
    columns = (col(Finished.item), col(Evaluation.channel), district, col(Evaluation.level))
    query = (
        select(*columns, func.count())
        .join(Finished, col(Finished.id) == col(Evaluation.finished_id))
        .where(col(Evaluation.day) >= since, col(Evaluation.day) < before)
        .group_by(*columns)
    )
    return {(Cell(item, channel, place), level): number for item, channel, place, level, number in (await session.execute(query)).all()}
