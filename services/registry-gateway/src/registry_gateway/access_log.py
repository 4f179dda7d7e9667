"""Writing the access log: one writer a process, so that the many small entries of one moment share one commit and the chain's lock.

``write`` returns when the entry is on disk. When it cannot be written it raises, and whoever wanted to ask a department does not.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from casekit.facts import record
from chassis import logs
from chassis.db import Database

from registry_gateway import facts, store

_logger = logs.get(__name__)

WRITE_SECONDS = 5.0
_MAX_BATCH = 64
_MAX_WAITING = 4096


@dataclass(slots=True)
class _Item:
    entry: dict[str, Any]
    receipt: dict[str, Any] | None
    done: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class AccessLogWriter:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._queue: asyncio.Queue[_Item] = asyncio.Queue(_MAX_WAITING)
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> AccessLogWriter:
        self._task = asyncio.create_task(self._run(), name="access-log")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        while not self._queue.empty():
            self._queue.get_nowait().done.cancel()

    async def write(self, entry: dict[str, Any], receipt: dict[str, Any] | None = None) -> None:
        """Appends an entry, and keeps a receipt in the same transaction. Raises when the log cannot be written, TimeoutError after five seconds."""
        item = _Item(entry, receipt)
        async with asyncio.timeout(WRITE_SECONDS):
            await self._queue.put(item)
            await item.done

    async def _run(self) -> None:
        while True:
            batch = [await self._queue.get()]
            while len(batch) < _MAX_BATCH and not self._queue.empty():
                batch.append(self._queue.get_nowait())
            await self._settle(batch)

    async def _settle(self, batch: list[_Item]) -> None:
        try:
            await self._commit(batch)
        except Exception as error:
            if len(batch) > 1:
                # One entry the database refuses must not take the others of the same moment with it.
                for item in batch:
                    await self._settle([item])
                return
            _logger.error("access_log_not_written", error=logs.scrub(type(error).__name__))
            if not batch[0].done.done():
                batch[0].done.set_exception(error)
        else:
            for item in batch:
                if not item.done.done():
                    item.done.set_result(None)

    async def _commit(self, batch: list[_Item]) -> None:
        async with asyncio.timeout(WRITE_SECONDS), self._database.transaction() as session:
            receipts = [item.receipt for item in batch if item.receipt is not None]
            kept = await store.add_receipts(session, receipts) if receipts else frozenset()
            for item in batch:
                # A receipt that came second (another replica was faster) is logged as answered, but only the first is kept.
                if item.receipt is not None and item.receipt["id"] not in kept:
                    item.entry["code"] = "duplicate"
            await store.append(session, [item.entry for item in batch])
            await record(session, *(facts.logged(item.entry) for item in batch))
