"""/healthz: whether people can be served now; /livez: whether this process answers."""

from __future__ import annotations

import asyncio
import time
from typing import Any, Final

import grpc
from aiohttp import web
from grpc_health.v1 import health_pb2, health_pb2_grpc

from web_gateway.edge.oidc import Issuer, SignOnUnavailableError
from web_gateway.services import Remote, Services

CHECK_SECONDS: Final = 2.0
# Probes and curious people share one look at the services.
REMEMBER_SECONDS: Final = 1.0


class Health:
    def __init__(self, services: Services, issuer: Issuer) -> None:
        self._services = services
        self._issuer = issuer
        self._lock = asyncio.Lock()
        self._last: tuple[float, dict[str, Any]] | None = None
        self.draining = False

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/healthz", self.healthz), web.get("/livez", self.livez)]

    async def healthz(self, _request: web.Request) -> web.Response:
        """200 only when all services serve and the sign-on publishes its keys; the detail says which does not."""
        async with self._lock:
            if self._last is None or time.monotonic() - self._last[0] > REMEMBER_SECONDS:
                self._last = (time.monotonic(), await self._look())
        detail = self._last[1]
        ready = not self.draining and all(state == "serving" for state in detail.values())
        body = {"status": "serving" if ready else "draining" if self.draining else "not_serving", "parts": detail}
        return web.json_response(body, status=200 if ready else 503, headers={"Cache-Control": "no-store"})

    async def livez(self, _request: web.Request) -> web.Response:
        return web.json_response({"status": "alive"}, headers={"Cache-Control": "no-store"})

    async def _look(self) -> dict[str, Any]:
        remotes = list(self._services.remotes.values())
        states = await asyncio.gather(*(_serving(remote) for remote in remotes), self._sign_on())
        return dict(zip([*(remote.name for remote in remotes), "sign-on"], states, strict=True))

    async def _sign_on(self) -> str:
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                await self._issuer.check()
        except (SignOnUnavailableError, TimeoutError):
            return "unreachable"
        return "serving"


async def _serving(remote: Remote) -> str:
    stub: Any = health_pb2_grpc.HealthStub(remote.client.channel)
    try:
        answer = await stub.Check(health_pb2.HealthCheckRequest(service=remote.service), timeout=CHECK_SECONDS)
    except grpc.aio.AioRpcError as error:
        return "not_serving" if error.code() is grpc.StatusCode.NOT_FOUND else "unreachable"
    return "serving" if answer.status == health_pb2.HealthCheckResponse.SERVING else "not_serving"
