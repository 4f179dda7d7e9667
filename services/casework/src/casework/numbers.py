"""Application numbers never come back: after a database was restored behind the engine, counting goes on above what the engine has seen."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

from anju_contracts import application
from chassis import logs
from chassis.db import Database
from sqlalchemy import text
from temporalio.client import Client

from casework.tables import NUMBERS

_log = logs.get(__name__)
# The engine lists open workflows first, the newest of them first; a restore loses hours, not a thousand applications. What this misses is met again when
# its workflow is started: another submission's is an alarm (casekit.engine.OtherCaseError).
_NEWEST: Final = 1000
_FIRST_TRY_SECONDS: Final = 3.0
_PAUSE_SECONDS: Final = 5.0


async def catch_up(client: Client, database: Database) -> int:
    """Moves the sequence above every number the engine has a workflow of; gives how far it moved."""
    highest = 0
    async for each in client.list_workflows(f'WorkflowType = "{application.NAME}"', limit=_NEWEST):
        number = each.id.rpartition("-")[2]
        if number.isdecimal():
            highest = max(highest, int(number))
    if highest == 0:
        return 0
    async with database.transaction() as session:
        await session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('application numbers', 0))"))
        last = int((await session.execute(text(f"SELECT last_value FROM {NUMBERS.name}"))).scalar_one())  # noqa: S608  # our own name
        if last >= highest:
            return 0
        await session.execute(text(f"SELECT setval('{NUMBERS.name}', :highest)"), {"highest": highest})  # our own name
    _log.error("numbers_were_behind_the_engine", last=last, highest=highest)
    return highest - last


@asynccontextmanager
async def caught_up(client: Client, database: Database) -> AsyncIterator[None]:
    """Before the first application is taken, as far as the engine answers in time; otherwise as soon as it does."""

    async def until_done() -> None:
        while True:
            try:
                await catch_up(client, database)
            except Exception as error:
                _log.warning("numbers_not_compared", error=logs.describe(error))
                await asyncio.sleep(_PAUSE_SECONDS)
            else:
                return

    task = asyncio.create_task(until_done(), name="numbers")
    await asyncio.wait([task], timeout=_FIRST_TRY_SECONDS)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
