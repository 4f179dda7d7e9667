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
        self._fetching: asyncio.Task[CallSecret] | None = None
        self._current: CallSecret | None = None
        self._fresh_until = 0.0

    async def _get(self, spent: CallSecret | None = None) -> CallSecret:
        """The current secret; another one when the current is ``spent``.

        One fetch serves everybody who waits, and so does its failure: asked one after the other, a department that is silent would keep the last one
        waiting for as many times five seconds as there are others.
        """
        if self._current is not None and self._current is not spent and time.monotonic() < self._fresh_until:
            return self._current
        if self._fetching is None:
            self._fetching = asyncio.create_task(self._renew())
            self._fetching.add_done_callback(self._fetched)
        # Who gives up waiting must not take the secret away from the others.
        return await asyncio.shield(self._fetching)

    async def _renew(self) -> CallSecret:
        self._current = None
        self._current = await self._fetch()
        self._fresh_until = time.monotonic() + LIFETIME_SECONDS
        return self._current

    def _fetched(self, task: asyncio.Task[CallSecret]) -> None:
        self._fetching = None
        if not task.cancelled():
            # Everybody may have given up; a fault nobody waits for any more is not worth a line in the log.
            task.exception()

    async def call(self, attempt: Callable[[CallSecret], Awaitable[T]]) -> T:
        """Runs ``attempt``; when the department calls the secret expired, once more with a new one."""
        secret = await self._get()
        try:
            return await attempt(secret)
        except RegisterFaultError as fault:
            if fault.fault is not Fault.EXPIRED:
                raise
        return await attempt(await self._get(spent=secret))
