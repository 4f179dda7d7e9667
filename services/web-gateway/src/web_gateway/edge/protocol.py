"""What happens to bytes that never become a request: no handler and no middleware sees them, so their answer and their log line are made here.

aiohttp answers them with a piece of what was sent and logs the same with a traceback. A query too long to be read may hold anything, a cookie or
somebody's number among it; it is not repeated, neither to the sender nor to the log.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from socket import socket
from typing import Any, Final

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from chassis import logs

from web_gateway.api.problems import CONTENT_TYPE, dump, problem
from web_gateway.edge.connections import Connections, accepting

_log = logs.get(__name__)
TOO_LATE: Final = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class QuietProtocol(web.RequestHandler):
    """One connection."""

    __slots__ = ("_begun", "_connections", "_extra_headers", "_peer", "_public_url")

    def __init__(
        self, server: web.Server, *, public_url: str, headers: Mapping[str, str], connections: Connections, **options: Any
    ) -> None:
        super().__init__(server, **options)
        self._public_url = public_url
        self._extra_headers = headers
        self._connections = connections
        self._peer = ""
        self._begun = False

    # -- counted by what has come of it -----------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        address = transport.get_extra_info("peername")
        self._peer = str(address[0]) if isinstance(address, tuple) else ""
        self._connections.half_open(self)

    def data_received(self, data: bytes) -> None:
        requests = self._request_count
        if not self._request_in_progress:
            self._begun = True
            self._connections.half_open(self)
        super().data_received(data)
        if self._request_count > requests and self.transport is not None:
            self._connections.busy(self)

    async def _handle_request(self, *arguments: Any, **options: Any) -> tuple[web.StreamResponse, bool]:
        if self.transport is not None:
            self._connections.busy(self)
        try:
            return await super()._handle_request(*arguments, **options)
        finally:
            self._begun = False
            self._connections.idle(self)

    def connection_lost(self, exc: BaseException | None) -> None:
        super().connection_lost(exc)
        self._connections.lost(self)

    def peer(self) -> str:
        return self._peer

    def streams(self) -> None:
        self._connections.streams(self)

    def late(self) -> None:
        if self._begun and self.transport is not None:
            self.transport.write(TOO_LATE)
        self.force_close()

    def drop(self) -> None:
        if self.transport is not None:
            self.transport.abort()

    def handle_error(
        self, request: web.BaseRequest, status: int = 500, exc: BaseException | None = None, message: str | None = None
    ) -> web.StreamResponse:
        trace_id = uuid.uuid4().hex
        if exc is None or isinstance(exc, HttpProcessingError):
            _log.warning("request_unreadable", kind=type(exc).__name__, trace_id=trace_id)
        else:
            _log.error("request_failed", trace_id=trace_id, exc_info=exc)
        if request.writer.output_size > 0:
            raise ConnectionError("the answer was already on its way")
        error = problem("BAD_REQUEST" if status < 500 else "INTERNAL")
        document = error.document("zh-CN", self._public_url, "", trace_id)
        headers = {**self._extra_headers, "Cache-Control": "no-store", "Server": "anju"}
        response = web.Response(status=error.kind.status, body=dump(document), content_type=CONTENT_TYPE, headers=headers)
        response.force_close()
        return response


@asynccontextmanager
async def serving(
    app: web.Application,
    listening: socket,
    *,
    public_url: str,
    headers: Mapping[str, str],
    connections: Connections,
    keep_alive_seconds: float,
    drain_seconds: float,
) -> AsyncIterator[None]:
    """Serves the application on a bound socket until the block ends; then running requests have ``drain_seconds`` to finish."""
    loop = asyncio.get_running_loop()
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=drain_seconds)
    await runner.setup()
    try:
        server = runner.server
        assert server is not None

        def connection() -> QuietProtocol:
            return QuietProtocol(
                server,
                loop=loop,
                public_url=public_url,
                headers=headers,
                connections=connections,
                access_log=None,
                keepalive_timeout=keep_alive_seconds,
            )

        async with accepting(listening, connections, connection):
            yield
    finally:
        await runner.cleanup()
