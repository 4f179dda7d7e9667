"""Every query of notifications."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from chassis.crypto import KeyRing
from chassis.identity import Caller
from sqlalchemy import ColumnElement, and_, exists, false, func, or_, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from notifications.domain.templates import Rendered, Text
from notifications.tables import InboxMessage, InboxReading

# A count nobody scrolls through: beyond this the badge says the same anyway, and counting stays cheap.
MAX_UNREAD = 99


@dataclass(frozen=True)
class Sms:
    phone: str
    text: str


@dataclass(frozen=True)
class Entry:
    message: InboxMessage
    read: bool


class Sealed:
    """The two columns that hold words: sealed for their own row, so that a copied cell does not open elsewhere."""

    def __init__(self, ring: KeyRing) -> None:
        self._ring = ring

    def content(self, id: str, rendered: Rendered) -> bytes:
        return self._seal("content", id, asdict(rendered))

    def open_content(self, message: InboxMessage) -> Rendered:
        raw = self._open("content", message.id, message.content)
        return Rendered(Text(**raw["zh"]), Text(**raw["en"]))

    def sms(self, id: str, sms: Sms) -> bytes:
        return self._seal("sms", id, asdict(sms))

    def open_sms(self, message: InboxMessage) -> Sms | None:
        return None if message.sms is None else Sms(**self._open("sms", message.id, message.sms))

    def _seal(self, column: str, id: str, value: dict[str, Any]) -> bytes:
        return self._ring.encrypt(json.dumps(value, ensure_ascii=False).encode(), f"inbox_message|{column}|{id}")

    def _open(self, column: str, id: str, sealed: bytes) -> dict[str, Any]:
        value: dict[str, Any] = json.loads(self._ring.decrypt(sealed, f"inbox_message|{column}|{id}"))
        return value


def _reach(caller: Caller) -> ColumnElement[bool]:
    """Whose entries these are: a citizen's own, or an official's by role and division."""
    if caller.kind == "citizen":
        return and_(col(InboxMessage.owner) == caller.sub, col(InboxMessage.owner) != "")
    covered = [func.starts_with(col(InboxMessage.division), code) for code in caller.divisions if code]
    if caller.kind != "staff" or not covered or not caller.roles:
        return false()
    return and_(col(InboxMessage.role) != "", col(InboxMessage.role).in_(caller.roles), or_(*covered))


def _read_by(caller: Caller) -> ColumnElement[bool]:
    return exists(
        select(col(InboxReading.message_id)).where(
            col(InboxReading.message_id) == col(InboxMessage.id), col(InboxReading.sub) == caller.sub
        )
    )


async def inbox(session: AsyncSession, caller: Caller, size: int, before: tuple[datetime, str] | None) -> Sequence[Entry]:
    """``size + 1`` entries in the caller's reach, newest first, older than ``before``."""
    query = select(InboxMessage, _read_by(caller)).where(_reach(caller))
    if before is not None:
        query = query.where(tuple_(col(InboxMessage.at), col(InboxMessage.id)) < before)
    query = query.order_by(col(InboxMessage.at).desc(), col(InboxMessage.id).desc()).limit(size + 1)
    return [Entry(message, read) for message, read in (await session.execute(query)).all()]


async def unread(session: AsyncSession, caller: Caller) -> int:
    """How many entries the caller has not read, at most MAX_UNREAD."""
    some = select(col(InboxMessage.id)).where(_reach(caller), ~_read_by(caller)).limit(MAX_UNREAD).subquery()
    return (await session.execute(select(func.count()).select_from(some))).scalar_one()


async def mark_read(session: AsyncSession, caller: Caller, id: str) -> bool:
    """False when there is no such entry in the caller's reach; reading twice changes nothing."""
    found = await session.execute(select(col(InboxMessage.id)).where(_reach(caller), col(InboxMessage.id) == id))
    if found.first() is None:
        return False
    await session.execute(insert(InboxReading).values(message_id=id, sub=caller.sub).on_conflict_do_nothing())
    return True


async def queued_sms(session: AsyncSession, id: str) -> InboxMessage | None:
    """The entry while its SMS still has to be sent."""
    query = select(InboxMessage).where(col(InboxMessage.id) == id, col(InboxMessage.sms_state) == "queued")
    return (await session.execute(query)).scalar_one_or_none()


async def close_sms(session: AsyncSession, id: str, state: str) -> None:
    """Records how the SMS ended and forgets the phone number."""
    await session.execute(
        update(InboxMessage).where(col(InboxMessage.id) == id, col(InboxMessage.sms_state) == "queued").values(sms_state=state, sms=None)
    )
