"""Whether the parts of a box answer; used while starting, by ``anju status`` and by tests."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import grpc
from chassis import tls
from grpc_health.v1 import health_pb2, health_pb2_grpc
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client
from temporalio.service import RPCError

from anju_onebox.engine.process import EngineError
from anju_onebox.layout import SERVICES, Layout

_TRY_SECONDS = 2.0


async def service_serves(layout: Layout, service: str, replica: int = 0) -> bool:
    """gRPC health of one replica (the overall state: every service reports its own under the same server)."""
    shown, place = layout.certificates(), f"127.0.0.1:{layout.service_port(service, replica)}"
    options = (("grpc.ssl_target_name_override", tls.name_of(service)),)
    async with (
        grpc.aio.insecure_channel(place)
        if shown is None
        else grpc.aio.secure_channel(place, tls.of_client(shown.now()), options) as channel
    ):
        stub: Any = health_pb2_grpc.HealthStub(channel)
        try:
            answer = await stub.Check(health_pb2.HealthCheckRequest(), timeout=_TRY_SECONDS)
        except grpc.aio.AioRpcError:
            return False
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


async def temporal_answers(layout: Layout) -> bool:
    try:
        async with asyncio.timeout(_TRY_SECONDS):
            await Client.connect(layout.temporal_address)
    except (RPCError, RuntimeError, TimeoutError):
        return False
    return True


async def worker_polls(layout: Layout) -> bool:
    """Whether somebody asks the main task queue for work."""
    from anju_contracts.base import TASK_QUEUE

    try:
        async with asyncio.timeout(_TRY_SECONDS):
            client = await Client.connect(layout.temporal_address)
            answer = await client.workflow_service.describe_task_queue(
                DescribeTaskQueueRequest(
                    namespace=client.namespace,
                    task_queue=TaskQueue(name=TASK_QUEUE),
                    task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
                )
            )
    except (RPCError, RuntimeError, TimeoutError):
        return False
    return bool(answer.pollers)


async def web_is_ready(layout: Layout) -> bool:
    """``/healthz`` of the web edge: 200 once it reaches every service and the sign-on."""
    return await answers(f"{layout.web_url}/healthz")


async def answers(url: str) -> bool:
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_TRY_SECONDS)) as session,
            session.get(url, allow_redirects=False) as response,
        ):
            return response.status < 400
    except (aiohttp.ClientError, TimeoutError):
        return False


async def until(probe: Callable[[], Awaitable[bool]], what: str, seconds: float = 60.0) -> None:
    """Asks again until the probe says yes. Raises EngineError after ``seconds``."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not await probe():
        if asyncio.get_running_loop().time() > deadline:
            raise EngineError(f"{what} was not ready after {seconds:.0f} s")
        await asyncio.sleep(0.1)


async def every_part(layout: Layout) -> dict[str, bool]:
    """The state of everything that listens, by name."""
    probes: dict[str, Awaitable[bool]] = {"Temporal": temporal_answers(layout)}
    for service in SERVICES:
        for number in range(layout.replicas.get(service, 1)):
            probes[service if number == 0 else f"{service} #{number + 1}"] = service_serves(layout, service, number)
    probes |= {
        "worker": worker_polls(layout),
        "sandbox": answers(f"http://127.0.0.1:{layout.sandbox_port + 6}/.well-known/openid-configuration"),
    }
    probes["web-gateway"] = web_is_ready(layout)
    return dict(zip(probes, await asyncio.gather(*probes.values()), strict=True))
