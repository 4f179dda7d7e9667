"""Transactional outbox: what must be told to somebody else (a workflow, an SMS gateway) is written with the fact itself and delivered afterwards, at least once.

This is not a second retry engine for business steps: an entry only carries a fact that is already recorded to the one place that waits for it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import grpc
from sqlalchemy import BigInteger, Column, DateTime, Index, bindparam, delete, func, or_, select, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import Field, SQLModel

from chassis import logs
from chassis.db import Database, when_committed
from chassis.errors import Refusal

_log = logs.get(__name__)

# What a delivery leaves on record: done in the transaction that marks its entry, so that both hold or neither.
Settle = Callable[[AsyncSession], Awaitable[None]]
Handler = Callable[[dict[str, Any]], Awaitable[Settle | None]]

BATCH = 16
IDLE_SECONDS = 2.0
MAX_BACKOFF_SECONDS = 60.0
DELIVERY_SECONDS = 15.0
# What is refused for what it says will be refused again: after so many tries it is parked, with an alarm, and tried once in a while, so that it goes out
# by itself when its receiver has been put right.
PARK_AFTER = 10
PARKED_SECONDS = 3600.0
_REFUSED_FOR_GOOD = frozenset({grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND, grpc.StatusCode.UNIMPLEMENTED})
# How long a claim lasts: longer than a delivery may take, so that only what a killed process left is delivered by another.
CLAIM_SECONDS = 20.0
# What was delivered is kept for a while for whoever asks what happened, then removed.
KEEP = timedelta(days=30)
PRUNE_SECONDS = 3600.0
_PRUNED_AT_ONCE = 1000


def _now() -> datetime:
    return datetime.now(UTC)


class Due(NamedTuple):
    """What is due and not delivered: ``failing`` of it was tried in vain, ``given_up`` is only tried once in a while."""

    waiting: int
    failing: int
    given_up: int
    oldest_at: datetime | None


class _Entry(NamedTuple):
    id: int
    kind: str
    payload: dict[str, Any]
    attempts: int


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


def _parked(attempts: int, error: Exception) -> bool:
    return attempts >= PARK_AFTER and isinstance(error, Refusal) and error.problem.status in _REFUSED_FOR_GOOD


def _wait(attempts: int, error: Exception) -> float:
    """Seconds until the next try: longer each time, and long for what is parked."""
    return PARKED_SECONDS if _parked(attempts, error) else min(0.25 * 2**attempts, MAX_BACKOFF_SECONDS)


class Outbox:
    """Delivers entries of one table: claims some, delivers them outside of any transaction, then marks them.

    Who writes an entry claims it with the same statement and hands it to his own runner when it is committed, so that nothing is read back that was
    known. Several replicas may run it at once; a claim that was not kept (its process was killed) is open to all again after ``CLAIM_SECONDS``.
    """

    def __init__(self, database: Database, table: type[Any], handlers: Mapping[str, Handler]) -> None:
        self._database = database
        self._table = table
        self._handlers = handlers
        # Made once: putting a statement together costs as much as sending it.
        columns = table.__table__.c
        due = (
            select(columns.id)
            .where(columns.done_at.is_(None), columns.next_try_at <= bindparam("now"))
            .order_by(columns.id)
            .limit(BATCH)
            .with_for_update(skip_locked=True)
        )
        self._claiming = (
            update(table.__table__)
            .where(columns.id.in_(due))
            .values(next_try_at=bindparam("until"))
            .returning(columns.id, columns.kind, columns.payload, columns.attempts)
        )
        self._delivered = update(table.__table__).where(columns.id.in_(bindparam("ids", expanding=True))).values(done_at=bindparam("now"))
        failing = columns.attempts > 0
        self._counting = select(
            func.count(),
            func.count().filter(failing),
            func.count().filter(columns.attempts >= PARK_AFTER),
            func.min(columns.created_at),
        ).where(columns.done_at.is_(None), or_(failing, columns.next_try_at <= bindparam("now")))
        self._own: deque[_Entry] = deque()
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._look_at = 0.0
        self._prune_at = 0.0

    def add(self, session: AsyncSession, kind: str, payload: dict[str, Any], *, after: timedelta = timedelta()) -> None:
        """Writes an entry in the caller's transaction. It is delivered when that is committed, or ``after`` that long."""
        if kind not in self._handlers:
            raise KeyError(f"no handler for outbox entries of kind {kind!r}")
        mine = self._task is not None and not after
        row = self._table(kind=kind, payload=payload, next_try_at=_now() + (timedelta(seconds=CLAIM_SECONDS) if mine else after))
        session.add(row)
        if mine:
            when_committed(session, lambda: self._hand_on(_Entry(int(row.id), kind, payload, 0)))

    def _hand_on(self, entry: _Entry) -> None:
        self._own.append(entry)
        self._wake.set()

    async def due(self) -> Due:
        """What should have gone out by now. One that is on its way this very moment, or for later, is not counted."""
        async with self._database.statements() as session:
            return Due(*(await session.execute(self._counting, {"now": _now()})).one())

    async def undelivered(self, limit: int) -> Sequence[Any]:
        """What was tried in vain and has not gone out, the oldest first: rows (id, kind, attempts, created_at, next_try_at, last_error)."""
        row = self._table.__table__.c
        query = select(row.id, row.kind, row.attempts, row.created_at, row.next_try_at, row.last_error)
        async with self._database.statements() as session:
            found = await session.execute(query.where(row.done_at.is_(None), row.attempts > 0).order_by(row.id).limit(limit))
            return found.all()

    async def tried_in_vain(self, session: AsyncSession, entry: int) -> Any:
        """An entry (id, kind, done_at) that was tried in vain, held until the caller's transaction ends; None for no such one."""
        row = self._table.__table__.c
        query = select(row.id, row.kind, row.done_at).where(row.id == entry, row.attempts > 0).with_for_update()
        return (await session.execute(query)).one_or_none()

    async def hasten(self, session: AsyncSession, entry: int) -> None:
        """An entry is tried as soon as the caller's transaction is committed. One whose next try may be under way is left to it: a claim lasts no longer
        than ``CLAIM_SECONDS``, so what is to be tried later than that is nobody's, and nothing goes out twice."""
        row, now = self._table.__table__.c, _now()
        unclaimed = row.next_try_at > now + timedelta(seconds=CLAIM_SECONDS)
        await session.execute(
            update(self._table.__table__).where(row.id == entry, row.done_at.is_(None), unclaimed).values(next_try_at=now)
        )
        when_committed(session, self._look_now)

    def _look_now(self) -> None:
        self._look_at = 0.0
        self._wake.set()

    async def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="outbox")

    async def stop(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            await self._give_back([*self._own])
            self._own.clear()

    async def _run(self) -> None:
        while True:
            try:
                delivered = await self._deliver_batch()
                await self._prune()
            except asyncio.CancelledError:
                raise
            except Exception:
                _log.exception("outbox_round_failed")
                delivered = 0
            if delivered == 0 and not self._own:
                # Not wait_for: in Python 3.11 it swallows a cancellation that comes together with an entry, and the runner would never stop.
                with suppress(TimeoutError):
                    async with asyncio.timeout(IDLE_SECONDS):
                        await self._wake.wait()
            self._wake.clear()

    async def _deliver_batch(self) -> int:
        entries = await self._next()
        try:
            outcomes = await asyncio.gather(*(self._deliver(entry.kind, entry.payload) for entry in entries))
        except asyncio.CancelledError:
            await self._give_back(entries)
            raise
        failed = [(entry, outcome) for entry, outcome in zip(entries, outcomes, strict=True) if isinstance(outcome, Exception)]
        settles = {entry.id: outcome for entry, outcome in zip(entries, outcomes, strict=True) if not isinstance(outcome, Exception)}
        if entries:
            await self._mark(settles, failed)
        return len(settles)

    async def _next(self) -> Sequence[_Entry]:
        """Our own, fresh from their transactions; and from time to time what is due in the table: second tries, and what others left behind."""
        clock = asyncio.get_running_loop()
        if self._own and clock.time() < self._look_at:
            return [self._own.popleft() for _ in range(min(BATCH, len(self._own)))]
        claimed = await self._claim()
        if len(claimed) < BATCH:
            self._look_at = clock.time() + IDLE_SECONDS
        return claimed

    async def _claim(self) -> Sequence[_Entry]:
        times = {"now": _now(), "until": _now() + timedelta(seconds=CLAIM_SECONDS)}
        async with self._database.statements() as session:
            return sorted((_Entry(*row) for row in (await session.execute(self._claiming, times)).all()), key=lambda entry: entry.id)

    async def _deliver(self, kind: str, payload: dict[str, Any]) -> Exception | Settle | None:
        try:
            async with asyncio.timeout(DELIVERY_SECONDS):
                return await self._handlers[kind](payload)
        except Exception as error:
            return error

    async def _mark(self, done: Mapping[int, Settle | None], failed: Sequence[tuple[_Entry, Exception]]) -> None:
        table = self._table
        if any(done.values()):
            await self._settle(done)
        async with self._database.statements() as session:
            if not any(done.values()) and done:
                await session.execute(self._delivered, {"ids": [*done], "now": _now()})
            for entry, error in failed:
                attempts, why = entry.attempts + 1, logs.describe(error)[:500]
                again = _now() + timedelta(seconds=_wait(attempts, error))
                if _parked(attempts, error):
                    _log.error("outbox_parked", entry=entry.id, kind=entry.kind, attempts=attempts, error=why)
                else:
                    _log.warning("outbox_delivery_failed", kind=entry.kind, attempts=attempts, error=why)
                # Somebody else may have found meanwhile that it need not be delivered any more.
                mine = update(table).where(table.id == entry.id, table.done_at.is_(None))
                await session.execute(mine.values(attempts=attempts, last_error=why, next_try_at=again))

    async def _settle(self, done: Mapping[int, Settle | None]) -> None:
        """One transaction for all of a batch; when it fails, one for each, so that nobody's fault keeps the others unmarked. What stays unmarked is
        delivered again, which its receiver takes once."""
        try:
            async with self._database.transaction() as session:
                for settle in done.values():
                    if settle is not None:
                        await settle(session)
                await session.execute(self._delivered, {"ids": [*done], "now": _now()})
        except Exception as error:
            if len(done) == 1:
                _log.warning("outbox_not_settled", entry=next(iter(done)), error=logs.describe(error))
                return
            for id, settle in done.items():
                await self._settle({id: settle})

    async def _give_back(self, claimed: Sequence[_Entry]) -> None:
        """A process that stops in good order leaves its claims to the others at once."""
        table = self._table
        if not claimed:
            return
        with suppress(Exception):
            async with self._database.statements() as session:
                mine = update(table).where(table.id.in_([entry.id for entry in claimed]), table.done_at.is_(None))
                await session.execute(mine.values(next_try_at=_now()))

    async def _prune(self) -> None:
        clock = asyncio.get_running_loop()
        if clock.time() < self._prune_at:
            return
        self._prune_at = clock.time() + PRUNE_SECONDS
        table = self._table
        old = select(table.id).where(table.done_at < _now() - KEEP).limit(_PRUNED_AT_ONCE).with_for_update(skip_locked=True)
        removed = _PRUNED_AT_ONCE
        while removed == _PRUNED_AT_ONCE:
            async with self._database.transaction() as session:
                removed = len((await session.execute(delete(table).where(table.id.in_(old)).returning(table.id))).all())
