"""One trace from the edge through Temporal into the service: what an operator follows when somebody says "it took so long"."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from anju.eligibility.v1 import eligibility_pb2 as pb
from anju.eligibility.v1 import eligibility_pb2_grpc as rpc
from anju_onebox.engine.temporal import TemporalServer
from anju_workflows.application import calls
from anju_workflows.application.activities import ApplicationActivities
from chassis import telemetry, temporal
from chassis.grpc_client import Client
from chassis.grpc_server import GrpcServer, serving
from chassis.identity import Verifier, load_key_set
from chassis.settings import ProcessSettings
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from temporalio import workflow
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from tests.support import keys

SERVICE = pb.DESCRIPTOR.services_by_name["EligibilityService"].full_name
QUEUE = "one-trace"


class Servicer(rpc.EligibilityServiceServicer):
    async def Assess(self, request: pb.AssessRequest, context: Any) -> pb.AssessResponse:
        return pb.AssessResponse(assessment=pb.Assessment(id="as_1", verdict=pb.VERDICT_MET))


@workflow.defn(name="OneTrace", sandboxed=False)
class OneTrace:
    @workflow.run
    async def run(self, asked: calls.Assess) -> None:
        await calls.assess(asked)


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(telemetry, "_provider", provider)
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", provider)
    yield exporter
    provider.shutdown()


async def test_edge_workflow_activity_and_service_share_one_trace(
    spans: InMemorySpanExporter, temporal_server: TemporalServer, keys_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEMPORAL_ADDRESS", temporal_server.address)
    engine = await temporal.connect(ProcessSettings(keys_dir=keys_dir))
    server = GrpcServer(SERVICE, Verifier(load_key_set(keys_dir / "callers.jwks")), host="127.0.0.1", port=0, drain_seconds=0)
    rpc.add_EligibilityServiceServicer_to_server(Servicer(), server.server)

    async def submit(_: web.Request) -> web.Response:
        asked = calls.Assess(no="KF-2026-000001", round=1, as_of=datetime(2026, 11, 24, tzinfo=UTC))
        await engine.execute_workflow(OneTrace.run, asked, id="one-trace/1", task_queue=QUEUE)
        return web.Response()

    edge = web.Application(middlewares=telemetry.web_middlewares())
    edge.router.add_post("/api/v1/applications", submit)
    async with serving(server), TestClient(TestServer(edge)) as browser:
        client = Client(server.address, keys.signer(keys_dir, "worker"))
        activities = ApplicationActivities(client, client, client)
        worker = Worker(
            engine, task_queue=QUEUE, workflows=[OneTrace], activities=[activities.assess], workflow_runner=UnsandboxedWorkflowRunner()
        )
        async with worker:
            assert (await browser.post("/api/v1/applications")).status == 200
        await client.close()

    found = {span.name: span for span in spans.get_finished_spans()}
    path = [_one(found, part) for part in ("/api/v1/applications", "StartWorkflow", "RunWorkflow", "RunActivity", "Assess")]
    assert len({span.context.trace_id for span in path}) == 1, sorted(found)
    served = [span for span in spans.get_finished_spans() if span.kind is trace.SpanKind.SERVER and SERVICE in span.name]
    assert [span.context.trace_id for span in served] == [path[0].context.trace_id]


def _one(found: dict[str, ReadableSpan], part: str) -> Any:
    names = [name for name in found if part in name]
    assert names, f"no span of {part} among {sorted(found)}"
    return found[names[0]]
