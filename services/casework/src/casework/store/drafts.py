"""What people have begun to fill in and not handed in yet."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from casework.tables import Draft


async def draft(session: AsyncSession, owner: str, application_no: str, at: datetime) -> Draft | None:
    """None also for one whose time is over ``at`` that instant."""
    query = select(Draft).where(col(Draft.owner) == owner, col(Draft.application_no) == application_no, col(Draft.expires_at) > at)
    return (await session.execute(query)).scalar_one_or_none()


async def save_draft(
    session: AsyncSession, owner: str, application_no: str, sealed: bytes, if_version: int, at: datetime, expires_at: datetime
) -> Draft | None:
    """The draft as saved; None when another version is on record than ``if_version``, 0 for none. One whose time is over counts as none."""
    key = (col(Draft.owner) == owner, col(Draft.application_no) == application_no)
    values = {"sealed": sealed, "saved_at": at, "expires_at": expires_at}
    if if_version:
        changed = update(Draft).where(*key, col(Draft.version) == if_version, col(Draft.expires_at) > at)
        return (await session.execute(changed.values(**values, version=if_version + 1).returning(Draft))).scalar_one_or_none()
    added = insert(Draft).values(owner=owner, application_no=application_no, version=1, **values)
    # Above the old one's version: who still has that on his screen writes over nothing.
    again = {**values, "version": col(Draft.version) + 1}
    added = added.on_conflict_do_update(index_elements=["owner", "application_no"], set_=again, where=col(Draft.expires_at) <= at)
    return (await session.execute(added.returning(Draft))).scalar_one_or_none()


async def delete_draft(session: AsyncSession, owner: str, application_no: str) -> None:
    await session.execute(delete(Draft).where(col(Draft.owner) == owner, col(Draft.application_no) == application_no))


async def prune_drafts(session: AsyncSession, at: datetime) -> None:
    await session.execute(delete(Draft).where(col(Draft.expires_at) <= at))
