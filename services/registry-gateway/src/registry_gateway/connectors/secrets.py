"""Call secrets live half an hour: fetched when first needed, shared by all calls, renewed a little early or when the department says they have expired."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from registry_gateway.domain.faults import Fault, RegisterFaultError

T = TypeVar("T")

LIFETIME_SECONDS = 25 * 60.0


@dataclass(frozen=True, slots=True)
class CallSecret:
    secret: str
    token: str = ""


class SecretKeeper:
    def __init__(self, fetch: Callable[[], Awaitable[CallSecret]]) -> None:
        self._fetch = fetch
        self._lock = asyncio.Lock()
        self._current: CallSecret | None = None
        self._fresh_until = 0.0

    async def _get(self, spent: CallSecret | None = None) -> CallSecret:
        """The current secret; another one when the current is ``spent``. One fetch serves everybody who waits."""
        async with self._lock:
            if self._current is None or self._current is spent or time.monotonic() >= self._fresh_until:
                self._current = None
                self._current = await self._fetch()
                self._fresh_until = time.monotonic() + LIFETIME_SECONDS
            return self._current

    async def call(self, attempt: Callable[[CallSecret], Awaitable[T]]) -> T:
        """Runs ``attempt``; when the department calls the secret expired, once more with a new one."""
        secret = await self._get()
        try:
            return await attempt(secret)
        except RegisterFaultError as fault:
            if fault.fault is not Fault.EXPIRED:
                raise
        return await attempt(await self._get(spent=secret))
