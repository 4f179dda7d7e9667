"""The lookup as the worker runs it, against a gRPC server: it shows that it lives, and it knows whose outage it is."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from anju.common.v1 import common_pb2 as common
from anju.registry.v1 import registry_pb2 as pb
from anju.registry.v1 import registry_pb2_grpc as rpc
from anju_workflows import calls
from anju_workflows.activities import checks
from anju_workflows.contracts import LookupOutcome, Register
from chassis.errors import Problem, Refusal
from chassis.grpc_client import Client
from chassis.identity import Signer
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from tests.support import keys

LOOKUP = calls.Lookup(no="KF-2026-000001", round=1, which=Register.VEHICLES, as_of=datetime(2026, 11, 24, tzinfo=UTC))
AWAY = Problem("REGISTER_UNAVAILABLE", grpc.StatusCode.UNAVAILABLE, "对方部门暂时没有回复。", "The register does not answer.")
Answer = Callable[[], Awaitable[pb.LookupResponse]]


@pytest.fixture
def signer(keys_dir: Path) -> Signer:
    return keys.signer(keys_dir, "worker")


class Gateway(rpc.RegistryGatewayServiceServicer):
    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    async def Lookup(self, request: pb.LookupRequest, context: Any) -> pb.LookupResponse:
        return await self._answer()


@asynccontextmanager
async def registry(signer: Signer, answer: Answer) -> AsyncIterator[checks.RegistryActivities]:
    server = grpc.aio.server()
    rpc.add_RegistryGatewayServiceServicer_to_server(Gateway(answer), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    client = Client(f"127.0.0.1:{port}", signer)
    yield checks.RegistryActivities(client)
    await client.close()
    await server.stop(None)


def tried(attempt: int) -> ActivityEnvironment:
    environment = ActivityEnvironment()
    environment.info = dataclasses.replace(environment.info, attempt=attempt)
    return environment


async def test_a_long_lookup_shows_that_it_lives(signer: Signer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "HEARTBEAT_SECONDS", 0.05)

    async def slowly() -> pb.LookupResponse:
        await asyncio.sleep(0.5)
        return pb.LookupResponse(outcome=common.LOOKUP_OUTCOME_NO_RECORD, summary="未查到名下车辆。")

    beats: list[tuple[Any, ...]] = []
    environment = tried(1)
    environment.on_heartbeat = lambda *details: beats.append(details)
    async with registry(signer, slowly) as activities:
        answer = await environment.run(activities.lookup, LOOKUP)
    assert answer.outcome is LookupOutcome.NO_RECORD
    assert len(beats) >= 3
    before = len(beats)
    await asyncio.sleep(0.2)
    assert len(beats) == before, "an answered lookup is over"


@pytest.mark.parametrize(("attempt", "seconds"), [(1, 1), (3, 4), (40, 30)])
async def test_our_own_gateway_is_asked_again_within_seconds(signer: Signer, attempt: int, seconds: int) -> None:
    client = Client("127.0.0.1:1", signer)
    with pytest.raises(ApplicationError) as failed:
        await tried(attempt).run(checks.RegistryActivities(client).lookup, LOOKUP)
    await client.close()
    assert failed.value.type == "UNAVAILABLE"
    assert not failed.value.non_retryable
    assert failed.value.next_retry_delay == timedelta(seconds=seconds)


async def test_a_department_that_is_away_is_spared(signer: Signer) -> None:
    class Away:
        """As the gateway itself answers, status and ErrorInfo included."""

        async def call(self, *_: Any, **__: Any) -> Any:
            raise Refusal(AWAY)

        channel = grpc.aio.insecure_channel("127.0.0.1:1")

    with pytest.raises(ApplicationError) as failed:
        await tried(3).run(checks.RegistryActivities(Away()).lookup, LOOKUP)  # type: ignore[arg-type]  # only what the activity uses of a client
    await Away.channel.close()
    assert failed.value.type == "REGISTER_UNAVAILABLE"
    assert failed.value.next_retry_delay is None
