"""The one way tests wait, and the one deadline of all their waiting.

A wait ends as soon as what it waits for is there, so the deadline costs a good run nothing. It is as long as an honest outage may last on a busy
machine: a killed service is started again, its callers ask again with growing pauses, and both cores are somebody else's.
"""

from __future__ import annotations

import asyncio
import inspect
import os
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar, overload

T = TypeVar("T")

PATIENCE_SECONDS: Final = float(os.environ.get("ANJU_TEST_PATIENCE_SECONDS") or 180)
_FIRST_PAUSE_SECONDS: Final = 0.02
_LONGEST_PAUSE_SECONDS: Final = 0.5


@overload
async def eventually(
    look: Callable[[], Awaitable[T]], done: Callable[[T], Any] = bool, *, what: str = "", seconds: float = PATIENCE_SECONDS
) -> T: ...
@overload
async def eventually(look: Callable[[], T], done: Callable[[T], Any] = bool, *, what: str = "", seconds: float = PATIENCE_SECONDS) -> T: ...
async def eventually(
    look: Callable[[], Any], done: Callable[[Any], Any] = bool, *, what: str = "", seconds: float = PATIENCE_SECONDS
) -> Any:
    """Looks, less and less often, until ``done``; returns what was seen. Raises AssertionError with the last sight."""
    end, pause = time.monotonic() + seconds, _FIRST_PAUSE_SECONDS
    while True:
        seen = look()
        if inspect.isawaitable(seen):
            seen = await seen
        if done(seen):
            return seen
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds:.0f} s: {what or inspect.getsource(look).strip()}; last seen: {seen!r:.500}")
        await asyncio.sleep(pause)
        pause = min(pause * 1.3, _LONGEST_PAUSE_SECONDS)
