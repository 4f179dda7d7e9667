"""Every query of notifications."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from chassis.crypto import KeyRing
from chassis.identity import Caller
from sqlalchemy import ColumnElement, and_, exists, false, func, or_, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from notifications.domain.templates import Rendered, Text
from notifications.tables import Delivery, InboxMessage, InboxReading, Reach

# A count nobody scrolls through: beyond this the badge says the same anyway, and counting stays cheap.
MAX_UNREAD = 99


@dataclass(frozen=True)
class Address:
    to: str
    text: str


@dataclass(frozen=True)
class Entry:
    message: InboxMessage
    read: bool


@dataclass(frozen=True)
class Job:
    """A delivery that is due, with the message it delivers."""

    delivery: Delivery
    message: InboxMessage


class Sealed:
    """The columns that hold words: sealed for their own row, so that a copied cell does not open elsewhere."""

    def __init__(self, ring: KeyRing) -> None:
        self._ring = ring

    def content(self, id: str, rendered: Rendered) -> bytes:
        return self._seal("content", id, asdict(rendered))

    def open_content(self, message: InboxMessage) -> Rendered:
        raw = self._open("content", message.id, message.content)
        return Rendered(Text(**raw["zh"]), Text(**raw["en"]))

    def words(self, broadcast_id: str, written: dict[str, str]) -> bytes:
        return self._seal("broadcast", broadcast_id, written)

    def open_words(self, broadcast_id: str, sealed: bytes) -> dict[str, str]:
        return self._open("broadcast", broadcast_id, sealed)

    def address(self, message_id: str, channel: str, address: Address) -> bytes:
        return self._seal(channel, message_id, {"phone": address.to, "text": address.text})

    def open_address(self, delivery: Delivery) -> Address | None:
        if delivery.address is None:
            return None
        raw = self._open(delivery.channel, delivery.message_id, delivery.address)
        return Address(raw["phone"], raw["text"])

    def address_index(self, to: str) -> str:
        return self._ring.blind_index(to, "message-address")

    def _seal(self, column: str, id: str, value: dict[str, Any]) -> bytes:
        return self._ring.encrypt(json.dumps(value, ensure_ascii=False).encode(), f"inbox_message|{column}|{id}")

    def _open(self, column: str, id: str, sealed: bytes) -> dict[str, Any]:
        value: dict[str, Any] = json.loads(self._ring.decrypt(sealed, f"inbox_message|{column}|{id}"))
        return value


def _reach(caller: Caller) -> ColumnElement[bool]:
    """Whose entries these are: a citizen's own, or an official's by role and division."""
    if caller.kind == "citizen":
        return and_(col(InboxMessage.owner).in_(caller.accounts), col(InboxMessage.owner) != "")
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


async def job(session: AsyncSession, delivery_id: str) -> Job | None:
    """The delivery while it still has to be made."""
    query = select(Delivery, InboxMessage).join(InboxMessage, col(InboxMessage.id) == col(Delivery.message_id))
    found = (await session.execute(query.where(col(Delivery.id) == delivery_id, col(Delivery.state) == "queued"))).first()
    return Job(*found) if found is not None else None


async def delivery(session: AsyncSession, id: str, *, lock: bool = False) -> Delivery | None:
    """``lock``: held until the caller's transaction ends."""
    query = select(Delivery).where(col(Delivery.id) == id)
    return (await session.execute(query.with_for_update() if lock else query)).scalar_one_or_none()


async def close(session: AsyncSession, delivery_id: str, state: str, at: datetime) -> bool:
    """Records how a queued delivery went and forgets its address. False when somebody else has."""
    closing = (
        update(Delivery)
        .where(col(Delivery.id) == delivery_id, col(Delivery.state) == "queued")
        .values(state=state, address=None, state_at=at)
        .returning(col(Delivery.id))
    )
    return (await session.execute(closing)).first() is not None


async def receive(session: AsyncSession, delivery_id: str, state: str, at: datetime) -> Delivery | None:
    """Records what a receipt says of a delivery that is under way; None when it is no news. A receipt may be faster than the answer that it was taken."""
    receiving = (
        update(Delivery)
        .where(col(Delivery.id) == delivery_id, col(Delivery.state).in_(("queued", "sent")))
        .values(state=state, address=None, state_at=at)
        .returning(Delivery)
    )
    return (await session.execute(receiving)).scalar_one_or_none()


async def tried(session: AsyncSession, message_ids: Sequence[str]) -> dict[str, list[Delivery]]:
    """The deliveries of each message, in the order in which they were begun."""
    found: dict[str, list[Delivery]] = {}
    query = select(Delivery).where(col(Delivery.message_id).in_(message_ids)).order_by(col(Delivery.due_at), col(Delivery.id))
    for delivery in (await session.execute(query)).scalars():
        found.setdefault(delivery.message_id, []).append(delivery)
    return found


async def message(session: AsyncSession, id: str) -> InboxMessage:
    return (await session.execute(select(InboxMessage).where(col(InboxMessage.id) == id))).scalar_one()


async def reach(session: AsyncSession, sub: str) -> Reach:
    """What the citizen wants; who has never said anything wants what everybody gets."""
    found = (await session.execute(select(Reach).where(col(Reach.sub) == sub))).scalar_one_or_none()
    return found or Reach(sub=sub)


async def reaches(session: AsyncSession, subs: Sequence[str]) -> dict[str, Reach]:
    """The same of several, each of them named."""
    found = {row.sub: row for row in (await session.execute(select(Reach).where(col(Reach.sub).in_(subs)))).scalars()}
    return {sub: found.get(sub) or Reach(sub=sub) for sub in subs}


async def want(session: AsyncSession, sub: str, *, sms: bool, quiet: bool) -> None:
    values = {"sms": sms, "quiet": quiet, "updated_at": datetime.now(UTC)}
    row = Reach(sub=sub, sms=sms, quiet=quiet).model_dump()
    await session.execute(insert(Reach).values(row).on_conflict_do_update(index_elements=["sub"], set_=values))


async def refuse_number(session: AsyncSession, sub: str, index: str, at: datetime) -> bool:
    """The number does not take messages. True when that is news: another number than before, or none before."""
    row = Reach(sub=sub, refused_index=index, refused_at=at).model_dump()
    noting = (
        insert(Reach)
        .values(row)
        .on_conflict_do_update(
            index_elements=["sub"],
            set_={"refused_index": index, "refused_at": at},
            where=col(Reach.refused_index) != index,
        )
        .returning(col(Reach.sub))
    )
    return (await session.execute(noting)).first() is not None


async def number_reached(session: AsyncSession, sub: str, index: str) -> None:
    """The number takes messages after all, or there is another one: nothing to correct any more."""
    await session.execute(
        update(Reach).where(col(Reach.sub) == sub, col(Reach.refused_index) == index).values(refused_index="", refused_at=None)
    )
