"""Calls of the bank and of the SMS gateway. The edge reads nothing in them: the service they are for checks the signature over the bytes exactly as they
came."""

from __future__ import annotations

import asyncio
from typing import Final

from aiohttp import web
from anju.notifications.v1 import notifications_pb2 as notifications
from anju.payments.v1 import payments_pb2 as payments
from chassis import logs
from chassis.errors import Refusal

from web_gateway.api.problems import Catalogue, problem
from web_gateway.services import Services

_log = logs.get(__name__)
MAX_CALLBACK_BYTES: Final = 64 << 10
MAX_SIGN_CHARS: Final = 200
BODY_SECONDS: Final = 15.0
CALL_SECONDS: Final = 10.0


class Callbacks:
    def __init__(self, services: Services, catalogue: Catalogue) -> None:
        self._services = services
        self._catalogue = catalogue

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/callbacks/ccb", self.ccb, allow_head=False),
            web.post("/callbacks/ccb", self.ccb),
            web.post("/callbacks/sms", self.sms),
        ]

    async def ccb(self, request: web.Request) -> web.Response:
        """``SUCCESS`` with 200 only when payments has accepted it; anything else makes the bank call again (China Construction Bank, 4.4)."""
        raw = await self._raw(request)
        if not raw or len(raw) > MAX_CALLBACK_BYTES:
            raise problem("BAD_REQUEST" if not raw else "CONTENT_TOO_LARGE")
        call = self._services.client("payments").call
        try:
            answer: payments.HandleCallbackResponse = await call(
                self._services.payments.HandleCallback,
                payments.HandleCallbackRequest(provider="ccb", raw=raw),
                timeout=CALL_SECONDS,
            )
        except Refusal as refusal:
            error = self._catalogue.from_refusal(refusal)
            _log.warning("callback_refused", provider="ccb", reason=refusal.problem.reason)
            return web.Response(status=error.kind.status, text="FAIL", headers={"Cache-Control": "no-store"})
        _log.info("callback_accepted", provider="ccb", result=answer.result)
        return web.Response(text="SUCCESS", headers={"Cache-Control": "no-store"})

    async def sms(self, request: web.Request) -> web.Response:
        """Receipts of text messages: 204 only when notifications has taken them; anything else makes the SMS gateway call again."""
        raw = await self._raw(request)
        if not raw or len(raw) > MAX_CALLBACK_BYTES:
            raise problem("BAD_REQUEST" if not raw else "CONTENT_TOO_LARGE")
        receipts = notifications.HandleReceiptsRequest(
            channel="sms",
            body=raw,
            timestamp=request.headers.get("X-Timestamp", "")[:MAX_SIGN_CHARS],
            signature=request.headers.get("X-Signature", "")[:MAX_SIGN_CHARS],
        )
        try:
            await self._services.client("notifications").call(self._services.notifications.HandleReceipts, receipts, timeout=CALL_SECONDS)
        except Refusal as refusal:
            _log.warning("callback_refused", provider="sms", reason=refusal.problem.reason)
            return web.Response(status=self._catalogue.from_refusal(refusal).kind.status, headers={"Cache-Control": "no-store"})
        return web.Response(status=204, headers={"Cache-Control": "no-store"})

    async def _raw(self, request: web.Request) -> bytes:
        """The query exactly as it stood in the request line, or the body: decoding and encoding again would break the signature."""
        if request.method == "GET":
            return request.raw_path.partition("?")[2].encode("utf-8", "surrogateescape")
        try:
            async with asyncio.timeout(BODY_SECONDS):
                return await request.read()
        except TimeoutError:
            raise problem("REQUEST_TIMEOUT") from None
