"""Work a process does from time to time, beside the calls it serves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

from chassis import logs

_log = logs.get(__name__)


@asynccontextmanager
async def every(seconds: float, work: Callable[[], Awaitable[Any]], name: str) -> AsyncIterator[None]:
    """Does ``work`` again ``seconds`` after it was done, for the length of the block. A round that fails is logged; the next one is made all the same.

    ``work`` may give the seconds until the next round instead."""

    async def rounds() -> None:
        pause = seconds
        while True:
            await asyncio.sleep(pause)
            try:
                asked = await work()
                pause = asked if isinstance(asked, float) else seconds
            except Exception as error:
                _log.warning("round_failed", round=name, error=logs.describe(error))
                pause = seconds

    task = asyncio.create_task(rounds(), name=name)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
