"""Every query of organisation."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date
from typing import Any, Final

from chassis.crypto import KeyRing
from sqlalchemy import func, or_, select, text
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
