"""Decodes payloads for the Temporal web UI of this machine, and encodes what is typed into it.

Histories are sealed; an operator who has to look into one does it here. It listens on loopback only, answers the UI's own pages only (a page of
another origin gets nothing), and every decoding leaves a line in the log: which workflow, how many payloads, never their content.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from aiohttp import web
from aiohttp.typedefs import Handler
from chassis import logs
from chassis.codec import EncryptionCodec
from chassis.crypto import DecryptionError, KeyRing
from google.protobuf import json_format
from temporalio.api.common.v1 import Payload, Payloads

_log = logs.get(__name__)
_MAX_BODY_BYTES = 4 << 20
_MAX_PAYLOADS = 2000


def codec_app(ring: KeyRing, origins: Iterable[str]) -> web.Application:
    """``POST /encode`` and ``POST /decode`` as the Temporal UI calls them."""
    allowed = frozenset(origins)
    # It only shows: what somebody sent in the clear is shown as it was sent.
    codec = EncryptionCodec(ring, unsealed=True)

    @web.middleware
    async def own_pages_only(request: web.Request, handler: Handler) -> web.StreamResponse:
        origin = request.headers.get("Origin", "")
        if origin not in allowed:
            raise web.HTTPForbidden(text="only the Temporal UI of this machine may ask\n")
        response = await handler(request)
        response.headers.update(
            {
                "Access-Control-Allow-Origin": origin,
                "Access-Control-Allow-Methods": "POST, OPTIONS",
                "Access-Control-Allow-Headers": "content-type, x-namespace, authorization",
                "Vary": "Origin",
                "Cache-Control": "no-store",
            }
        )
        return response

    async def payloads_of(request: web.Request) -> list[Payload]:
        try:
            parsed = json_format.Parse(await request.text(), Payloads())
        except (json_format.ParseError, UnicodeDecodeError) as error:
            raise web.HTTPBadRequest(text="not a list of payloads\n") from error
        if len(parsed.payloads) > _MAX_PAYLOADS:
            raise web.HTTPRequestEntityTooLarge(max_size=_MAX_PAYLOADS, actual_size=len(parsed.payloads))
        return list(parsed.payloads)

    async def encode(request: web.Request) -> web.Response:
        return _answer(await codec.encode(await payloads_of(request)))

    async def decode(request: web.Request) -> web.Response:
        payloads = await payloads_of(request)
        places = sorted({payload.metadata["anju-place"].decode() for payload in payloads if "anju-place" in payload.metadata})
        _log.info("payloads_decoded", places=places, count=len(payloads))
        try:
            return _answer(await codec.decode(payloads))
        except DecryptionError as error:
            raise web.HTTPBadRequest(text="sealed with another key, or changed\n") from error

    async def preflight(_request: web.Request) -> web.Response:
        return web.Response(status=204)

    app = web.Application(middlewares=[own_pages_only], client_max_size=_MAX_BODY_BYTES)
    for path, handler in (("/encode", encode), ("/decode", decode)):
        app.router.add_post(path, handler)
        app.router.add_route("OPTIONS", path, preflight)
    return app


def _answer(payloads: list[Payload]) -> web.Response:
    return web.json_response(text=json_format.MessageToJson(Payloads(payloads=payloads), indent=None))


@asynccontextmanager
async def codec_server(ring: KeyRing, port: int, ui_port: int) -> AsyncIterator[None]:
    """Serves until the block ends. Raises OSError when the port is taken."""
    origins = [f"http://{host}:{ui_port}" for host in ("127.0.0.1", "localhost")]
    runner = web.AppRunner(codec_app(ring, origins), access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield
    finally:
        await runner.cleanup()
