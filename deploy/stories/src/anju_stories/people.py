"""Citizens and officials with nothing but a token and the public API: what they cannot do, a phone or a counter cannot do either."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from anju_simclock import SimulatedClock
from chassis import temporal
from chassis.deployment import Deployment

# Sign-on tokens live a few minutes; a fresh one well before that.
_TOKEN_SECONDS = 240
_RETRY_STATUS = frozenset({429, 502, 503, 504})
# Asked again in a moment, it is the same: somebody has to start the case again first (anju repair).
_NEEDS_AN_OPERATOR = frozenset({"BLOCKED"})
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.2, 5.0
PATIENCE_SECONDS = 60.0


class ApiProblem(Exception):
    """The API refused; ``body`` is its problem document."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        super().__init__(f"{status} {body.get('title', '')}: {body.get('detail', '')} {body.get('errors', '')}")
        self.status = status
        self.body = body

    @property
    def slug(self) -> str:
        """Last part of the problem type: what clients switch on."""
        return str(self.body.get("type", "")).rsplit("/", 1)[-1]

    @property
    def pointers(self) -> list[str]:
        return [error["pointer"] for error in self.body.get("errors", [])]


class Person:
    """Somebody signed on. ``who`` is what the sign-on page asks: a persona, an ID number, or a role with its division."""

    def __init__(self, city: City, who: dict[str, Any]) -> None:
        self.city = city
        self._who = who
        self._token = ""
        self._until = 0.0
        self._declared = False

    async def token(self) -> str:
        if time.monotonic() > self._until:
            tokens = await self.city.world("POST", "/persona/token", self._who)
            self._token, self._until = tokens["access_token"], time.monotonic() + _TOKEN_SECONDS
        return self._token

    async def get(self, path: str, **params: str) -> Any:
        return await self._call("GET", path, params=params)

    async def post(self, path: str, body: dict[str, Any], *, key: str | None = None, **headers: str) -> Any:
        headers["Idempotency-Key"] = key or str(uuid.uuid4())
        # Who decides has declared before whose cases he leaves to others.
        if path.startswith("/applications/") and path.endswith("/decision"):
            await self.declare()
        return await self._call("POST", path, body=body, headers=headers)

    async def put(self, path: str, body: dict[str, Any], *, key: str | None = None, **headers: str) -> Any:
        headers["Idempotency-Key"] = key or str(uuid.uuid4())
        return await self._call("PUT", path, body=body, headers=headers)

    async def _call(self, method: str, path: str, **what: Any) -> Any:
        """Signs on once more where the sign-on is over, as a phone would."""
        try:
            return await self.city.call(method, path, token=await self.token(), **what)
        except ApiProblem as problem:
            if problem.status != 401:
                raise
        self._until = 0.0
        return await self.city.call(method, path, token=await self.token(), **what)

    async def declare(self) -> None:
        """An official says once that there is nobody whose case he would have to leave to others."""
        if not self._declared:
            key = str(uuid.uuid5(uuid.NAMESPACE_OID, f"{sorted(self._who.items())}"))
            await self.put("/myself/recusals", {"community": "", "relatives": []}, key=key)
            self._declared = True

    async def pages(self, path: str, **params: str) -> AsyncIterator[Any]:
        """Every item of a list, page after page."""
        cursor = ""
        while True:
            page = await self.get(path, limit="100", **params, **({"cursor": cursor} if cursor else {}))
            for item in page["items"]:
                yield item
            cursor = page.get("next_cursor") or ""
            if not cursor:
                return


class City:
    """The running box as the public sees it, and the sandbox's control server. What is awaited there is given up after ``patience_seconds``."""

    def __init__(self, http: aiohttp.ClientSession, deployment: Deployment, patience_seconds: float) -> None:
        self._http = http
        self.base_url = deployment.web_url
        self.patience_seconds = patience_seconds
        self._control_url = deployment.outside_url
        self._control_headers = deployment.outside_headers()
        self._people: dict[str, Person] = {}

    def person(self, **who: Any) -> Person:
        """The same person for the same words, so that a token is fetched once."""
        return self._people.setdefault(repr(sorted(who.items())), Person(self, who))

    def official(self, role: str, division: str, seat: int = 1) -> Person:
        """``seat`` tells people of one duty apart: what needs two persons needs two of them."""
        return self.person(role=role, division=division, **({"seat": seat} if seat > 1 else {}))

    async def world(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """The sandbox's control server."""
        async with self._http.request(method, self._control_url + path, json=body, headers=self._control_headers) as response:
            answer = await response.json(content_type=None)
            if response.status >= 400:
                raise ApiProblem(response.status, answer)
            return answer

    async def call(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        *,
        token: str = "",
        params: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
    ) -> Any:
        """One API call, asked again (with the same idempotency key) while the answer is 'later', for as long as the city has patience.

        Raises ApiProblem for a refusal.
        """
        sent = {**(headers or {}), "Accept-Language": "zh-CN"}
        if token:
            sent["Authorization"] = f"Bearer {token}"
        last = time.monotonic() + self.patience_seconds
        pause = _FIRST_PAUSE_SECONDS
        while True:
            try:
                async with self._http.request(method, f"{self.base_url}/api/v1{path}", json=body, params=params, headers=sent) as response:
                    answer = await response.json(content_type=None) if response.status != 204 else None
                    if response.status < 400:
                        return answer
                    heals = response.status in _RETRY_STATUS and (answer or {}).get("code") not in _NEEDS_AN_OPERATOR
                    if not heals or time.monotonic() > last:
                        raise ApiProblem(response.status, answer or {})
                    wanted = float(response.headers.get("Retry-After", pause))
            except aiohttp.ClientConnectionError:
                if time.monotonic() > last:
                    raise
                wanted = pause
            await asyncio.sleep(min(wanted, _LONGEST_PAUSE_SECONDS))
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)


@asynccontextmanager
async def city(deployment: Deployment, patience_seconds: float = PATIENCE_SECONDS) -> AsyncIterator[City]:
    timeout = aiohttp.ClientTimeout(total=60)
    async with aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=64)) as http:
        yield City(http, deployment, patience_seconds)


async def controlled_clock(deployment: Deployment) -> SimulatedClock:
    """Months pass by it in a story. Raises RPCError, ConnectionError and TimeoutError."""
    return SimulatedClock(await temporal.connect_to(deployment.temporal))


async def eventually(
    look: Callable[[], Awaitable[Any]],
    done: Callable[[Any], bool],
    *,
    seconds: float = PATIENCE_SECONDS,
    every: float = 0.1,
    what: str = "",
) -> Any:
    """Looks until ``done``, less and less often; returns what was seen. Raises TimeoutError with the last sight."""
    end, pause = time.monotonic() + seconds, every
    while True:
        seen = await look()
        if done(seen):
            return seen
        if time.monotonic() > end:
            raise TimeoutError(f"{what or 'waited'}: {seen!r:.500}")
        await asyncio.sleep(pause)
        pause = min(pause * 1.3, every * 8)
