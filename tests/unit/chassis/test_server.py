"""What every gRPC server of the house does with good calls, bad calls and the end of its life."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import grpc
import pytest
import pytest_asyncio
from anju.eligibility.v1 import eligibility_pb2 as pb
from anju.eligibility.v1 import eligibility_pb2_grpc as rpc
from chassis.errors import RETRYABLE, FieldViolation, Refusal, from_rpc_error, invalid
from chassis.grpc_client import Client
from chassis.grpc_server import GrpcServer, serving
from chassis.identity import METADATA_KEY, Signer, Verifier, generate_keys, load_key, load_key_set
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from sqlalchemy.exc import DBAPIError, OperationalError

from tests.support.patience import eventually

SERVICE = pb.DESCRIPTOR.services_by_name["EligibilityService"].full_name
CANARY = "410202199001011236"


class Servicer(rpc.EligibilityServiceServicer):
    """Does what the application number says."""

    def __init__(self) -> None:
        self.entered, self.go_on = asyncio.Event(), asyncio.Event()

    async def Assess(self, request: pb.AssessRequest, context: Any) -> pb.AssessResponse:
        match request.application_no:
            case "refuse":
                raise invalid([FieldViolation("/as_of", "required", "请给出业务时间。", "Give the business instant.")])
            case "bug":
                raise KeyError(CANARY)
            case "database":
                raise OperationalError("SELECT 1", {}, Exception(CANARY))
            case "database starting":
                raise DBAPIError("SELECT 1", {}, asyncpg.CannotConnectNowError(CANARY))
            case "wrong statement":
                raise DBAPIError("SELECT 1", {}, asyncpg.UndefinedTableError(CANARY))
            case "value too large":
                raise DBAPIError("SELECT 1", {}, asyncpg.NumericValueOutOfRangeError(CANARY))
            case "wait":
                self.entered.set()
                await self.go_on.wait()
        return pb.AssessResponse(assessment=pb.Assessment(id="as_1"))


class World:
    def __init__(self, server: GrpcServer, servicer: Servicer, keys: Path) -> None:
        self.server, self.servicer = server, servicer
        self.signer = Signer(load_key(keys / "worker.jwk"), "worker")
        self.client = Client(server.address, self.signer)
        self.stub = rpc.EligibilityServiceStub(self.client.channel)

    async def call(self, what: str, timeout: float = 10) -> Any:
        return await self.client.call(self.stub.Assess, pb.AssessRequest(application_no=what), timeout=timeout)

    async def refusal(self, what: str, timeout: float = 10) -> Refusal:
        with pytest.raises(Refusal) as caught:
            await self.call(what, timeout)
        return caught.value


@pytest_asyncio.fixture(loop_scope="session")
async def world(tmp_path: Path) -> AsyncIterator[World]:
    generate_keys(tmp_path, {"worker": ("system",)})
    server = GrpcServer(SERVICE, Verifier(load_key_set(tmp_path / "callers.jwks")), host="127.0.0.1", port=0, drain_seconds=30)
    servicer = Servicer()
    rpc.add_EligibilityServiceServicer_to_server(servicer, server.server)
    async with serving(server):
        made = World(server, servicer, tmp_path)
        yield made
        servicer.go_on.set()
        await made.client.close()


async def test_a_refusal_arrives_with_its_reason_fields_and_both_languages(world: World) -> None:
    assert (await world.call("good")).assessment.id == "as_1"
    refusal = await world.refusal("refuse")
    assert refusal.problem.reason == "INVALID_FIELDS"
    assert refusal.problem.zh != refusal.problem.en
    assert refusal.fields == (FieldViolation("/as_of", "required", "请给出业务时间。", "Give the business instant."),)


@pytest.mark.parametrize(
    ("what", "reason"),
    [("bug", "INTERNAL"), ("database", "UNAVAILABLE"), ("database starting", "UNAVAILABLE"), ("wrong statement", "INTERNAL")],
)
async def test_a_bug_or_an_outage_leaves_without_its_text(world: World, what: str, reason: str) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await world.stub.Assess(
            pb.AssessRequest(application_no=what),
            metadata=((METADATA_KEY, world.signer.token(world.signer.system(), "eligibility", writes=True)),),
            timeout=10,
        )
    assert from_rpc_error(caught.value).problem.reason == reason
    assert CANARY not in str(caught.value)
    assert CANARY not in str(caught.value.trailing_metadata())


@pytest.mark.parametrize("body", [b"\xff\xff\xff", b"\x0a\x02\xff\xfe", b"\x0a" * 100])
async def test_what_is_not_a_message_is_refused_for_good_and_only_after_asking_who_calls(world: World, body: bytes) -> None:
    method: Any = world.client.channel.unary_unary(f"/{SERVICE}/Assess")
    for metadata, reason in (
        ((), "UNAUTHENTICATED"),
        (((METADATA_KEY, world.signer.token(world.signer.system(), "eligibility", writes=True)),), "BAD_REQUEST"),
    ):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await method(body, metadata=metadata, timeout=10)
        assert from_rpc_error(caught.value).problem.reason == reason
        assert caught.value.code() not in RETRYABLE


async def test_what_was_added_behind_the_servers_back_is_not_served(world: World) -> None:
    """Nobody has said who may call it, so that nobody may: not the worker, whose token is good."""
    served: list[Any] = []

    class Handler(grpc.GenericRpcHandler):
        def service(self, details: grpc.HandlerCallDetails) -> Any:
            async def answer(request: bytes, context: Any) -> bytes:
                served.append(request)
                return request

            return grpc.unary_unary_rpc_method_handler(answer) if str(details.method).startswith("/hidden.") else None

    world.server.server.add_generic_rpc_handlers((Handler(),))
    method: Any = world.client.channel.unary_unary("/hidden.v1.HiddenService/Do")
    token = world.signer.token(world.signer.system(), "eligibility", writes=True)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await method(b"", metadata=((METADATA_KEY, token),), timeout=10)
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
    assert served == []


async def test_a_call_without_an_end_is_ended_at_the_callers_deadline(world: World) -> None:
    refusal = await world.refusal("wait", timeout=0.2)
    assert refusal.problem.reason == "DEADLINE_EXCEEDED"


async def test_anybody_may_ask_whether_it_lives_and_what_it_speaks(world: World) -> None:
    async with grpc.aio.insecure_channel(world.server.address) as channel:
        health = health_pb2_grpc.HealthStub(channel)
        for name in ("", SERVICE):
            answer = await health.Check(health_pb2.HealthCheckRequest(service=name), timeout=10)
            assert answer.status == health_pb2.HealthCheckResponse.SERVING
        await world.server.set_serving(False)
        answer = await health.Check(health_pb2.HealthCheckRequest(service=SERVICE), timeout=10)
        assert answer.status == health_pb2.HealthCheckResponse.NOT_SERVING
        reflection: Any = reflection_pb2_grpc.ServerReflectionStub(channel)
        question = reflection_pb2.ServerReflectionRequest(list_services="")
        listed = await anext(aiter(reflection.ServerReflectionInfo(iter([question]), timeout=10)))
        assert SERVICE in {each.name for each in listed.list_services_response.service}


async def test_running_calls_finish_while_new_ones_are_turned_away(world: World) -> None:
    running = asyncio.create_task(world.call("wait"))
    await world.servicer.entered.wait()
    stopping = asyncio.create_task(world.server.stop())

    # Until the listening socket is gone a call may still be answered.
    async def turned_away() -> Refusal | None:
        try:
            await world.call("good", timeout=1)
        except Refusal as refusal:
            return refusal
        return None

    refusal = await eventually(turned_away)
    assert refusal is not None
    assert refusal.problem.status in RETRYABLE
    assert not stopping.done()
    world.servicer.go_on.set()
    assert (await running).assessment.id == "as_1"
    await stopping


async def test_a_value_the_database_refuses_is_the_callers(world: World) -> None:
    refusal = await world.refusal("value too large")
    assert (refusal.problem.reason, refusal.problem.status) == ("BAD_VALUE", grpc.StatusCode.INVALID_ARGUMENT)
    assert refusal.problem.status not in RETRYABLE


async def test_what_no_service_could_take_never_reaches_its_handler(world: World) -> None:
    refusal = await world.refusal("bug\x00")
    assert refusal.problem.reason == "INVALID_FIELDS"
    assert [field.pointer for field in refusal.fields] == ["/application_no"]
