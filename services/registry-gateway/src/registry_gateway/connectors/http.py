"""The way out: one HTTP request with a hard limit on time and size. No redirects, no compression, no proxies from the environment, no retries."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp

from registry_gateway.domain.faults import Fault, RegisterFaultError
from registry_gateway.domain.reading import MAX_BODY_BYTES, Json, parse_object

TRY_SECONDS = 5.0
# As many as may be on their way to one register (``lookups`` sees to it): nobody waits for a connection while the clock of the try runs.
CONNECTIONS_PER_REGISTER = 16
_MAX_RETRY_AFTER = 3600
_CHUNK = 64 << 10


def now_ms() -> int:
    """Milliseconds since the epoch on the real clock: signatures expire by it even while a simulation runs ahead."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class Reply:
    headers: Mapping[str, str]
    body: bytes
    charset: str | None

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.body).hexdigest()

    def json(self) -> Json:
        """Raises RegisterFaultError(NOT_JSON)."""
        return parse_object(self.body, self.charset)


def _retry_after(headers: Mapping[str, str]) -> float | None:
    value = headers.get("Retry-After", "")
    return float(min(int(value), _MAX_RETRY_AFTER)) if value.isascii() and value.isdigit() and len(value) < 8 else None


class Door:
    """Posts to the offices of one register."""

    def __init__(self, session: aiohttp.ClientSession, *, try_seconds: float = TRY_SECONDS) -> None:
        self._session = session
        self._try_seconds = try_seconds

    async def post(self, url: str, headers: Mapping[str, str], body: Mapping[str, Any]) -> Reply:
        """The answer with status 200. Raises RegisterFaultError for everything else, within ``try_seconds`` in any case."""
        data = json.dumps(body, ensure_ascii=False).encode()
        sent = {"Content-Type": "application/json; charset=utf-8", "Accept": "application/json", "Accept-Encoding": "identity", **headers}
        try:
            async with (
                asyncio.timeout(self._try_seconds),
                self._session.post(url, data=data, headers=sent, allow_redirects=False) as response,
            ):
                if response.status != 200:
                    raise RegisterFaultError(Fault.HTTP_STATUS, str(response.status), retry_after_seconds=_retry_after(response.headers))
                if response.headers.get("Content-Encoding", "identity").lower() != "identity":
                    # Unpacking is where a small answer becomes a huge one; we asked for none.
                    raise RegisterFaultError(Fault.OVERSIZE, "compressed")
                return Reply(response.headers.copy(), await _read(response), response.charset)
        except TimeoutError:
            raise RegisterFaultError(Fault.TIMEOUT) from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise RegisterFaultError(Fault.CONNECTION, type(error).__name__) from None


async def _read(response: aiohttp.ClientResponse) -> bytes:
    parts, size = [], 0
    async for part in response.content.iter_chunked(_CHUNK):
        size += len(part)
        if size > MAX_BODY_BYTES:
            response.close()
            raise RegisterFaultError(Fault.OVERSIZE)
        parts.append(part)
    return b"".join(parts)


@asynccontextmanager
async def open_door(*, try_seconds: float = TRY_SECONDS) -> AsyncIterator[Door]:
    """A door with connections of its own."""
    connector = aiohttp.TCPConnector(limit=CONNECTIONS_PER_REGISTER)
    async with aiohttp.ClientSession(
        connector=connector,
        auto_decompress=False,
        trust_env=False,
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None),
        skip_auto_headers=("User-Agent",),
    ) as session:
        yield Door(session, try_seconds=try_seconds)
