"""The lookup as the worker runs it, against a gRPC server: it shows that it lives, and it knows whose outage it is."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import grpc
import pytest
from anju.common.v1 import common_pb2 as common
from anju.registry.v1 import registry_pb2 as pb
from anju.registry.v1 import registry_pb2_grpc as rpc
from anju_contracts.application import LookupOutcome
from anju_onebox.engine.temporal import TemporalServer
from anju_workflows.application import activities as checks
from anju_workflows.application import calls
from chassis.errors import Problem, Refusal
from chassis.grpc_client import Client
from chassis.identity import Signer
from temporalio import workflow
from temporalio.client import Client as Engine
from temporalio.common import RetryPolicy
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment
from temporalio.worker import Worker

from tests.support import keys

LOOKUP = calls.Lookup(no="KF-2026-000001", round=1, register_code="vehicles", as_of=datetime(2026, 11, 24, tzinfo=UTC))
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
async def registry(signer: Signer, answer: Answer) -> AsyncIterator[checks.ApplicationActivities]:
    server = grpc.aio.server()
    rpc.add_RegistryGatewayServiceServicer_to_server(Gateway(answer), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    client = Client(f"127.0.0.1:{port}", signer)
    yield checks.ApplicationActivities(client, client, client)
    await client.close()
    await server.stop(None)


# The city's own numbers.
PATIENT = RetryPolicy(initial_interval=timedelta(seconds=20), backoff_coefficient=2, maximum_interval=timedelta(seconds=1800))


def tried(attempt: int, silent: int = 0) -> ActivityEnvironment:
    """The activity in a later try, after so many in which the department was silent."""
    environment = ActivityEnvironment()
    said = (silent,) if silent else ()
    environment.info = dataclasses.replace(environment.info, attempt=attempt, heartbeat_details=said, retry_policy=PATIENT)
    return environment


async def test_a_long_lookup_shows_that_it_lives(signer: Signer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "HEARTBEAT_SECONDS", 0.05)

    async def slowly() -> pb.LookupResponse:
        await asyncio.sleep(0.5)
        return pb.LookupResponse(outcome=common.LOOKUP_OUTCOME_NO_RECORD, summary=common.Text(zh="未查到名下车辆。"))

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
        await tried(attempt).run(checks.ApplicationActivities(client, client, client).lookup, LOOKUP)
    await client.close()
    assert failed.value.type == "UNAVAILABLE"
    assert not failed.value.non_retryable
    assert failed.value.next_retry_delay == timedelta(seconds=seconds)


async def test_our_own_outage_after_a_departments_silence_is_a_short_one(signer: Signer) -> None:
    client = Client("127.0.0.1:1", signer)
    environment = tried(9, silent=8)
    beats: list[tuple[Any, ...]] = []
    environment.on_heartbeat = lambda *details: beats.append(details)
    with pytest.raises(ApplicationError) as failed:
        await environment.run(checks.ApplicationActivities(client, client, client).lookup, LOOKUP)
    await client.close()
    assert failed.value.next_retry_delay == timedelta(seconds=1)
    assert beats[-1] == (8,), "the department's own tries are not forgotten over it"


class Away:
    """As the gateway itself answers, status and ErrorInfo included."""

    channel = Mock()

    async def call(self, *_: Any, **__: Any) -> Any:
        raise Refusal(AWAY)


@pytest.mark.parametrize(
    ("attempt", "silent", "seconds"),
    [(1, 0, 20), (2, 1, 40), (30, 29, 1800), (6, 0, 20), (60, 1, 40)],
    ids=["first", "second", "longest", "first after five of ours", "second after many of ours"],
)
async def test_a_department_that_is_away_is_spared_by_its_own_tries_only(attempt: int, silent: int, seconds: int) -> None:
    environment = tried(attempt, silent)
    beats: list[tuple[Any, ...]] = []
    environment.on_heartbeat = lambda *details: beats.append(details)
    with pytest.raises(ApplicationError) as failed:
        await environment.run(checks.ApplicationActivities(*[Away()] * 3).lookup, LOOKUP)  # type: ignore[arg-type]  # only what the activity uses of a client
    assert failed.value.type == "REGISTER_UNAVAILABLE"
    assert failed.value.next_retry_delay == timedelta(seconds=seconds)
    assert beats[-1] == (silent + 1,)


@workflow.defn(name="OneLookup", sandboxed=False)
class OneLookup:
    @workflow.run
    async def run(self) -> int:
        answer = await calls.lookup(
            LOOKUP, first_retry=timedelta(seconds=0.2), longest_retry=timedelta(seconds=60), patience=timedelta(minutes=5), own_queue=False
        )
        return answer.outcome is LookupOutcome.NO_RECORD


async def test_the_engine_hands_on_how_often_the_department_was_silent(
    signer: Signer, temporal_server: TemporalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Eight tries of ours in vain, then two silences: the pauses are those of a first and a second silence, not of a ninth and a tenth."""
    monkeypatch.setattr(checks, "_LONGEST_OWN_PAUSE_SECONDS", 0.05)
    script = [Problem("UNAVAILABLE", grpc.StatusCode.UNAVAILABLE, "", "")] * 8 + [AWAY] * 2
    asked: list[float] = []

    class Scripted:
        channel = Mock()

        async def call(self, *_: Any, **__: Any) -> pb.LookupResponse:
            asked.append(time.monotonic())
            if len(asked) <= len(script):
                raise Refusal(script[len(asked) - 1])
            return pb.LookupResponse(outcome=common.LOOKUP_OUTCOME_NO_RECORD)

    client = await Engine.connect(temporal_server.address, data_converter=pydantic_data_converter)
    activities = checks.ApplicationActivities(*[Scripted()] * 3)  # type: ignore[arg-type]  # only what the activity uses of a client
    async with Worker(client, task_queue="one-lookup", workflows=[OneLookup], activities=[activities.lookup]):
        assert await client.execute_workflow(OneLookup.run, id="one-lookup", task_queue="one-lookup")
    assert len(asked) == 11
    # By the engine's own count 51 s and 60 s.
    assert asked[9] - asked[8] < 20
    assert asked[10] - asked[9] < 20
