"""Transactional outbox: what must be told to somebody else (a workflow, an SMS gateway) is written with the fact itself and delivered afterwards, at least once.

This is not a second retry engine for business steps: an entry only carries a fact that is already recorded to the one place that waits for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, Column, DateTime, Index, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import Field, SQLModel

from chassis import logs
from chassis.db import Database

_log = logs.get(__name__)

Handler = Callable[[dict[str, Any]], Awaitable[None]]

BATCH = 16
IDLE_SECONDS = 2.0
MAX_BACKOFF_SECONDS = 60.0


def _now() -> datetime:
    return datetime.now(UTC)


class OutboxColumns(SQLModel):
    """Columns of a service's ``outbox`` table."""

    id: int | None = Field(default=None, sa_type=BigInteger, primary_key=True)
    kind: str
    payload: dict[str, Any] = Field(sa_type=JSONB)
    attempts: int = Field(default=0)
    created_at: datetime = Field(default_factory=_now, sa_type=DateTime(timezone=True))
    next_try_at: datetime = Field(default_factory=_now, sa_type=DateTime(timezone=True))
    done_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True), nullable=True)
    last_error: str = Field(default="")


def pending_index(table: str) -> Index:
    """Partial index that keeps finding due entries cheap when the table has grown; put it into ``__table_args__``."""
    done_at: Column[Any] = Column("done_at")
    return Index(f"ix_{table}_due", "next_try_at", postgresql_where=done_at.is_(None))


class Outbox:
    """Delivers entries of one table. Several replicas may run it at once: an entry is locked while it is delivered."""

    def __init__(self, database: Database, table: type[Any], handlers: Mapping[str, Handler]) -> None:
        self._database = database
        self._table = table
        self._handlers = handlers
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def add(self, session: AsyncSession, kind: str, payload: dict[str, Any]) -> None:
        """Writes an entry in the caller's transaction. Call ``nudge`` after the commit to have it delivered at once."""
        if kind not in self._handlers:
            raise KeyError(f"no handler for outbox entries of kind {kind!r}")
        session.add(self._table(kind=kind, payload=payload))

    def nudge(self) -> None:
        self._wake.set()

    async def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="outbox")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        while True:
            try:
                delivered = await self._deliver_batch()
            except asyncio.CancelledError:
                raise
            except Exception:
                _log.exception("outbox_round_failed")
                delivered = 0
            if delivered == 0:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), IDLE_SECONDS)
                self._wake.clear()

    async def _deliver_batch(self) -> int:
        table = self._table
        async with self._database.transaction() as session:
            due = (
                select(table)
                .where(table.done_at.is_(None), table.next_try_at <= _now())
                .order_by(table.id)
                .limit(BATCH)
                .with_for_update(skip_locked=True)
            )
            rows = (await session.execute(due)).scalars().all()
            await asyncio.gather(*(self._deliver(row) for row in rows))
            return sum(1 for row in rows if row.done_at is not None)

    async def _deliver(self, row: Any) -> None:
        try:
            async with asyncio.timeout(15):
                await self._handlers[row.kind](row.payload)
        except Exception as error:
            row.attempts += 1
            row.last_error = logs.describe(error)[:500]
            row.next_try_at = _now() + timedelta(seconds=min(0.25 * 2**row.attempts, MAX_BACKOFF_SECONDS))
            _log.warning("outbox_delivery_failed", kind=row.kind, attempts=row.attempts, error=row.last_error)
        else:
            row.done_at = _now()
