"""Public notices (公示) and the objections (异议) against them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from chassis.identity import Caller
from sqlalchemy import ColumnElement, and_, delete, exists, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from casework.store.shared import NO, by
from casework.tables import Application, Notice, Objection, Timeline

# Longer than any call lasts: an objection still pending after it was never taken, and must not keep its author from trying again.
_OBJECTION_IN_FLIGHT = timedelta(minutes=1)
_OBJECTIONS = (
    select(Objection)
    .where(col(Objection.application_no) == NO, col(Objection.state) != "pending")
    .order_by(col(Objection.raised_at), col(Objection.id))
)


async def list_notices(session: AsyncSession, district: str, before: int | None, size: int) -> Sequence[tuple[Notice, Application]]:
    """Notices on show, newest first."""
    query = (
        select(Notice, Application)
        .join(Application, col(Application.no) == col(Notice.application_no))
        .where(col(Notice.closed_at).is_(None), col(Notice.suspended).is_(False))
        .order_by(col(Notice.id).desc())
        .limit(size + 1)
    )
    if district:
        query = query.where(col(Application.district) == district)
    if before is not None:
        query = query.where(col(Notice.id) < before)
    return [(notice, found) for notice, found in (await session.execute(query)).all()]


async def objection(session: AsyncSession, no: str, objection_id: str) -> Objection | None:
    found = await session.get(Objection, objection_id)
    return found if found is not None and found.application_no == no else None


async def objections(session: AsyncSession, no: str) -> Sequence[Objection]:
    """Those the workflow has taken, in the order in which they are answered."""
    return (await session.execute(_OBJECTIONS, {"no": no})).scalars().all()


async def objections_on_record(session: AsyncSession, no: str) -> Sequence[Objection]:
    """Open ones which have brought the case to a review, in the order in which they did."""
    query = (
        select(Objection)
        .join(Timeline, and_(col(Timeline.application_no) == no, col(Timeline.objection_id) == col(Objection.id)))
        .where(col(Objection.application_no) == no, col(Objection.state) == "open", col(Timeline.event) == "objection_raised")
        .order_by(col(Timeline.seq))
    )
    return (await session.execute(query)).scalars().all()


def _raised_by(caller: Caller) -> ColumnElement[bool]:
    return by(col(Objection.raised_by), col(Objection.person), caller)


async def raised(session: AsyncSession, objection_id: str, caller: Caller) -> bool:
    """That the objection is the caller's, under this account or another."""
    return bool((await session.execute(select(exists().where(col(Objection.id) == objection_id, _raised_by(caller))))).scalar_one())


async def has_open_objection(session: AsyncSession, no: str, caller: Caller) -> bool:
    query = select(
        exists().where(
            col(Objection.application_no) == no,
            _raised_by(caller),
            or_(
                col(Objection.state) == "open",
                and_(col(Objection.state) == "pending", col(Objection.raised_at) > func.now() - _OBJECTION_IN_FLIGHT),
            ),
        )
    )
    return bool((await session.execute(query)).scalar_one())


async def dismissed_objections(session: AsyncSession, no: str, caller: Caller) -> Sequence[Objection]:
    """Those of one person against one case which were answered."""
    query = select(Objection).where(col(Objection.application_no) == no, _raised_by(caller), col(Objection.state) == "dismissed")
    return (await session.execute(query)).scalars().all()


async def accept_objection(session: AsyncSession, objection_id: str) -> None:
    await session.execute(
        update(Objection).where(col(Objection.id) == objection_id, col(Objection.state) == "pending").values(state="open")
    )


async def close_objections(session: AsyncSession, no: str) -> None:
    """The case has ended: nobody will answer them any more."""
    await session.execute(
        update(Objection).where(col(Objection.application_no) == no, col(Objection.state) == "open").values(state="closed")
    )


async def drop_objection(session: AsyncSession, objection_id: str) -> None:
    await session.execute(delete(Objection).where(col(Objection.id) == objection_id, col(Objection.state) == "pending"))
