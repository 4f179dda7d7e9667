"""The gateway with tracing on: it serves as it does without, and a trace says no more about people than a log line."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from anju.casework.v1 import casework_pb2 as casework
from chassis import telemetry
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from tests.services.web_gateway.world import API, NO, an_application, world


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(telemetry, "_provider", provider)
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", provider)
    yield exporter
    provider.shutdown()


async def test_traced_requests_are_answered_and_name_nobody(spans: InMemorySpanExporter, keys_dir: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with world(Path(folder), keys_dir) as gateway:
            gateway.backstage.on("GetApplication", casework.GetApplicationResponse(application=an_application()))
            citizen = await gateway.citizen()
            assert (await citizen.get(f"{API}/applications/{NO}")).status == 200
            refused = (await citizen.get(f"{API}/applications/{NO}?phone=19999012345")).problem(400, "BAD_PARAMETER")
            assert (await citizen.get("/docs")).status == 200
            assert (await citizen.get("/auth/callback?code=a-secret-code&state=x")).status == 400
            assert (await citizen.ask("POST", "/callbacks/ccb?PHONE=19999012345", data=b"ORDERID=1")).status == 200
            assert (await citizen.get("/nothing/19999012345")).status in (200, 503)
    finished = spans.get_finished_spans()
    served = [span for span in finished if span.kind is trace.SpanKind.SERVER and "applications/{no}" in span.name]
    assert [span.attributes and span.attributes["http.route"] for span in served] == [f"{API}/applications/{{no}}"] * 2
    # What the reader is told finds the trace.
    assert refused["trace_id"] in {f"{span.context.trace_id:032x}" for span in served if span.context}
    written = "\n".join(span.to_json() for span in finished)
    assert [secret for secret in ("19999012345", NO, "a-secret-code", "990101") if secret in written] == []
