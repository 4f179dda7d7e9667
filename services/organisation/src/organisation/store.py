"""Every query of organisation."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any, Final

from anju.common.v1 import common_pb2 as common
from casekit.listing import By, Listing
from chassis.crypto import KeyRing
from sqlalchemy import ColumnElement, and_, func, or_, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from organisation.tables import Appointment, Change, Cover, Member

# Changes are few, and one is made after the other: their numbers are in the order in which they are committed, so that who has seen a number has
# seen everything before it.
_ONE_AFTER_ANOTHER: Final = text("SELECT pg_advisory_xact_lock(hashtextextended('organisation', 0))")


class Names:
    """Names of staff, each sealed for its own row."""

    def __init__(self, ring: KeyRing) -> None:
        self._ring = ring

    def seal(self, account: str, name: str) -> bytes:
        return self._ring.encrypt(name.encode(), f"member|name_sealed|{account}")

    def open(self, member: Member) -> str:
        return self._ring.decrypt(member.name_sealed, f"member|name_sealed|{member.account}").decode()


async def hold(session: AsyncSession) -> None:
    """Nobody else changes anything until this transaction ends."""
    await session.execute(_ONE_AFTER_ANOTHER)


async def version(session: AsyncSession) -> int:
    """The number of the last change, 0 for none."""
    return (await session.execute(select(func.max(Change.seq)))).scalar_one() or 0


async def members(session: AsyncSession, accounts: Collection[str]) -> dict[str, Member]:
    rows = (await session.execute(select(Member).where(col(Member.account).in_(accounts)))).scalars()
    return {member.account: member for member in rows}


async def covers_by(session: AsyncSession, substitute: str, day: date) -> Sequence[Cover]:
    """Whom somebody stands in for on a day."""
    query = select(Cover).where(
        col(Cover.substitute) == substitute, col(Cover.begins) <= day, col(Cover.ends) >= day, col(Cover.revoked_at).is_(None)
    )
    return (await session.execute(query)).scalars().all()


async def in_force(session: AsyncSession, accounts: Collection[str], day: date) -> Sequence[Appointment]:
    """What holds on a day, of these people."""
    query = select(Appointment).where(
        col(Appointment.account).in_(accounts),
        col(Appointment.state) == "in_force",
        col(Appointment.begins) <= day,
        or_(col(Appointment.ends).is_(None), col(Appointment.ends) >= day),
        col(Appointment.revoked_at).is_(None),
    )
    return (await session.execute(query)).scalars().all()


async def anybody(session: AsyncSession) -> bool:
    return (await session.execute(select(col(Member.account)).limit(1))).first() is not None


async def insert(session: AsyncSession, *rows: Any) -> None:
    """In the order of their tables' references."""
    for kind in (Member, Appointment, Cover, Change):
        session.add_all(row for row in rows if isinstance(row, kind))
        await session.flush()


def _live(kind: Any, day: date) -> ColumnElement[bool]:
    """What holds on the day or will."""
    return and_(or_(kind.ends.is_(None), kind.ends >= day), kind.revoked_at.is_(None))


async def held_by(session: AsyncSession, account: str, person: str, day: date) -> Sequence[tuple[Appointment, Member]]:
    """What holds on a day or will, of an account and of every account of the same person; what is only proposed is among it."""
    same = col(Member.account) == account
    if person:
        same = or_(same, col(Member.person) == person)
    query = (
        select(Appointment, Member)
        .join(Member, col(Member.account) == col(Appointment.account))
        .where(same, col(Appointment.state) != "rejected", _live(Appointment, day))
    )
    return [(row, member) for row, member in (await session.execute(query)).all()]


async def holders(session: AsyncSession, duty: str, day: date) -> Sequence[tuple[Appointment, Member]]:
    """Who has a duty on a day."""
    query = (
        select(Appointment, Member)
        .join(Member, col(Member.account) == col(Appointment.account))
        .where(col(Appointment.duty) == duty, col(Appointment.state) == "in_force", col(Appointment.begins) <= day, _live(Appointment, day))
    )
    return [(row, member) for row, member in (await session.execute(query)).all()]


_APPOINTMENTS: Final = Listing(
    {
        "unit": By(col(Appointment.unit), str),
        "account": By(col(Appointment.account), str),
        "begins": By(col(Appointment.begins), date),
        "id": By(col(Appointment.id), str),
    },
    own="unit",
    unique="id",
)


async def appointments(
    session: AsyncSession, asked: common.PageRequest, *, unit: str, duty: str, account: str, state: str, day: date
) -> tuple[list[tuple[Appointment, Member]], common.PageInfo]:
    query = select(Appointment, Member).join(Member, col(Member.account) == col(Appointment.account))
    for column, wanted in ((Appointment.unit, unit), (Appointment.duty, duty), (Appointment.account, account)):
        if wanted:
            query = query.where(col(column) == wanted)
    if state == "in_force":
        query = query.where(col(Appointment.state) == state, col(Appointment.begins) <= day, _live(Appointment, day))
    elif state:
        query = query.where(col(Appointment.state) == state)
    rows, info = await _APPOINTMENTS.page(session, query, asked)
    return [(row[0], row[1]) for row in rows], info


async def appointments_of(session: AsyncSession, account: str) -> Sequence[Appointment]:
    query = select(Appointment).where(col(Appointment.account) == account).order_by(col(Appointment.begins).desc(), col(Appointment.id))
    return (await session.execute(query)).scalars().all()


async def handed_to(session: AsyncSession, account: str, since: date) -> Sequence[tuple[Appointment, Member]]:
    """Whose work was handed to an account and whose last day is no earlier than ``since``, the latest first."""
    query = (
        select(Appointment, Member)
        .join(Member, col(Member.account) == col(Appointment.account))
        .where(col(Appointment.work_to) == account, col(Appointment.state) == "in_force", col(Appointment.ends) >= since)
        .order_by(col(Appointment.ends).desc(), col(Appointment.id))
    )
    return [(row, member) for row, member in (await session.execute(query)).all()]


async def covers_of(session: AsyncSession, account: str) -> Sequence[Cover]:
    """By whom somebody was or is covered, and whom he covers."""
    mine = or_(col(Cover.absent) == account, col(Cover.substitute) == account)
    return (await session.execute(select(Cover).where(mine).order_by(col(Cover.begins).desc(), col(Cover.id)))).scalars().all()


async def people_by_unit(session: AsyncSession, day: date) -> dict[str, int]:
    """How many people have a duty in each unit on a day."""
    query = (
        select(col(Appointment.unit), func.count(col(Appointment.account).distinct()))
        .where(col(Appointment.state) == "in_force", col(Appointment.begins) <= day, _live(Appointment, day))
        .group_by(col(Appointment.unit))
    )
    return {row[0]: row[1] for row in (await session.execute(query)).all()}


_CHANGES: Final = Listing(
    {
        "seq": By(col(Change.seq), int),
        "account": By(col(Change.account), str),
        "by_account": By(col(Change.by_account), str),
        "kind": By(col(Change.kind), str),
    },
    own="-seq",
    unique="seq",
)


async def changes(
    session: AsyncSession,
    asked: common.PageRequest,
    *,
    account: str,
    by_account: str,
    kind: str,
    begins: datetime | None,
    ends: datetime | None,
) -> tuple[list[Change], common.PageInfo]:
    """About one account, by another; from an instant up to before another."""
    query = select(Change)
    if account:
        query = query.where(col(Change.account) == account)
    if by_account:
        query = query.where(col(Change.by_account) == by_account)
    if kind:
        query = query.where(col(Change.kind) == kind)
    if begins is not None:
        query = query.where(col(Change.at) >= begins)
    if ends is not None:
        query = query.where(col(Change.at) < ends)
    rows, info = await _CHANGES.page(session, query, asked)
    return [row[0] for row in rows], info
