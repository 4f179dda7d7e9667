"""Exactly-once effects: the answer of a call is stored under its key in the same transaction as its effect, and a repeat gets the stored answer.

An answer is kept for 90 days. That is longer than anybody repeats a call: a browser or phone sends its key again within minutes, the engine a step as soon
as the service answers. What the effect itself forbids twice (one open application a person, one step of an id on a timeline, one move from a state, one bill
of a month) is forbidden by the tables after that as before. What people said to workflows is not here and not pruned: ``casekit.words``.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar

from google.protobuf.message import Message
from sqlalchemy import DateTime, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import Field, SQLModel

from chassis.db import Database
from chassis.errors import IDEMPOTENCY_KEY_REUSED, FieldViolation, Refusal, invalid
from chassis.identity import Caller

M = TypeVar("M", bound=Message)

_FIND: Final = text("SELECT fingerprint, answer FROM once WHERE key = :key")
_HOLD: Final = text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))")
# In one round trip. Should the other call end between the statement's first look and its hold, this call's own answer meets the other's by the
# table's key: it is rolled back whole, and asked again (chassis.grpc_server).
_HOLD_AND_FIND: Final = text(
    """
    SELECT pg_try_advisory_xact_lock(hashtextextended(:key, 0)), once.fingerprint, once.answer
    FROM (VALUES (1)) AS always LEFT JOIN once ON once.key = :key
    """
)


MAX_KEY_CHARS: Final = 200
KEEP: Final = timedelta(days=90)
PRUNE_SECONDS: Final = 3600.0
_PRUNED_AT_ONCE: Final = 1000
_PRUNE: Final = text(
    """
    DELETE FROM once WHERE key IN (SELECT key FROM once WHERE at < :before LIMIT :at_once FOR UPDATE SKIP LOCKED) RETURNING key
    """
)


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


def request_key(caller: Caller, request: Any) -> str:
    """Who asks, what, under which key: the same for a repeat. Raises Refusal for a missing or oversized idempotency key."""
    key: str = request.idempotency_key
    if not 0 < len(key) <= MAX_KEY_CHARS:
        zh, en = "请求缺少有效的提交编号，请刷新页面后重试。", f"An idempotency key of 1 to {MAX_KEY_CHARS} characters is needed."
        raise invalid([FieldViolation("/idempotency_key", "REQUIRED", zh, en)])
    return f"{caller.sub}:{request.DESCRIPTOR.name.removesuffix('Request')}:{key}"


async def hold(session: AsyncSession, key: str) -> None:
    """Holds other calls with the same key until this transaction ends."""
    await session.execute(_HOLD, {"key": key})


async def find(session: AsyncSession, key: str, request: Message, answer: M) -> M | None:
    """Fills ``answer`` with what was answered before, or returns None when the key is new; holds the key until the transaction ends.

    Raises Refusal(IDEMPOTENCY_KEY_REUSED) when the key was used with another request.
    """
    held, *row = (await session.execute(_HOLD_AND_FIND, {"key": key})).one()
    if not held:
        # Another call with this key is being served: wait for its end, then look at what it has left.
        await hold(session, key)
        row = list((await session.execute(_FIND, {"key": key})).one_or_none() or (None, None))
    return _same(row[0], row[1], request, answer)


def _same(known: str | None, stored: bytes, request: Message, answer: M) -> M | None:
    if known is None:
        return None
    if known != fingerprint(request):
        raise Refusal(IDEMPOTENCY_KEY_REUSED)
    answer.ParseFromString(stored)
    return answer


def remember(session: AsyncSession, table: type[Any], key: str, request: Message, answer: Message) -> None:
    """Stores the answer; commit it together with the effect."""
    session.add(table(key=key, fingerprint=fingerprint(request), answer=answer.SerializeToString(deterministic=True)))


async def prune(database: Database, now: datetime | None = None) -> int:
    """Takes out answers that are older than ``KEEP``, some at a time; gives how many."""
    values = {"before": (now or datetime.now(UTC)) - KEEP, "at_once": _PRUNED_AT_ONCE}
    removed = 0
    while True:
        async with database.statements() as session:
            some = len((await session.execute(_PRUNE, values)).all())
        removed += some
        if some < _PRUNED_AT_ONCE:
            return removed
