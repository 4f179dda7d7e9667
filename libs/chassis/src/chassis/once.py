"""Exactly-once effects: the answer of a call is stored under its key in the same transaction as its effect, and a repeat gets the stored answer."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any, TypeVar

from google.protobuf.message import Message
from sqlalchemy import DateTime, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import Field, SQLModel

from chassis.errors import IDEMPOTENCY_KEY_REUSED, Refusal

M = TypeVar("M", bound=Message)


class OnceColumns(SQLModel):
    """Columns of a service's ``once`` table (``class Once(Base, OnceColumns, table=True)`` with ``__tablename__ = "once"``)."""

    key: str = Field(primary_key=True)
    fingerprint: str
    answer: bytes
    at: datetime = Field(default_factory=lambda: datetime.now(UTC), sa_type=DateTime(timezone=True))


def fingerprint(request: Message) -> str:
    """Tells another request under the same key from a repeat.

    A workflow's step is known by its id alone: when a worker dies between the effect and the engine's note of it, the step is asked again with
    a later ``as_of``, and it is the same step.
    """
    if "step" in request.DESCRIPTOR.fields_by_name:
        return "step"
    return hashlib.sha256(request.SerializeToString(deterministic=True)).hexdigest()


async def lock(session: AsyncSession, key: str) -> None:
    """Holds other calls with the same key until this transaction ends."""
    await session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))"), {"key": key})


async def find(session: AsyncSession, table: type[Any], key: str, request: Message, answer: M) -> M | None:
    """Fills ``answer`` with what was answered before, or returns None when the key is new; holds the key until the transaction ends.

    Raises Refusal(IDEMPOTENCY_KEY_REUSED) when the key was used with another request.
    """
    await lock(session, key)
    row = await session.get(table, key)
    if row is None:
        return None
    if row.fingerprint != fingerprint(request):
        raise Refusal(IDEMPOTENCY_KEY_REUSED)
    answer.ParseFromString(row.answer)
    return answer


def remember(session: AsyncSession, table: type[Any], key: str, request: Message, answer: Message) -> None:
    """Stores the answer; commit it together with the effect."""
    session.add(table(key=key, fingerprint=fingerprint(request), answer=answer.SerializeToString(deterministic=True)))
