"""Open event streams: bounded per person and in all, and ended before the server goes, so that a shutdown waits for nobody."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

from web_gateway.api.problems import problem

MAX_PER_PERSON: Final = 6
MAX_STREAMS: Final = 2000


class Streams:
    def __init__(self, poll_seconds: float) -> None:
        self.poll_seconds = poll_seconds
        self._closing = asyncio.Event()
        self._open: Counter[str] = Counter()

    @contextmanager
    def opened(self, sub: str) -> Iterator[None]:
        """Counts one stream. Raises the problem 429 or 503 when there are too many."""
        if self._closing.is_set() or self._open.total() >= MAX_STREAMS:
            raise problem("UNAVAILABLE", headers={"Retry-After": "5"})
        if self._open[sub] >= MAX_PER_PERSON:
            raise problem("TOO_MANY_REQUESTS", headers={"Retry-After": "5"})
        self._open[sub] += 1
        try:
            yield
        finally:
            self._open[sub] -= 1
            if self._open[sub] <= 0:
                del self._open[sub]

    @property
    def count(self) -> int:
        return self._open.total()

    @property
    def closing(self) -> bool:
        return self._closing.is_set()

    async def pause(self, seconds: float) -> None:
        """Sleeps, but not through the end."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._closing.wait()

    def close(self) -> None:
        self._closing.set()
