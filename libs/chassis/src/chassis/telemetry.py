"""Traces by OpenTelemetry, off unless asked for: a third of the calls per second is a price the operator chooses to pay."""

from __future__ import annotations

import os
import threading
from typing import Any

from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

FLUSH_SECONDS = 5.0

_provider: TracerProvider | None = None


def enabled() -> bool:
    return _provider is not None


def configure(service: str, wanted: bool) -> None:
    """Starts exporting when asked to or when OTEL_EXPORTER_OTLP_ENDPOINT is set; a second call in one process changes nothing."""
    global _provider
    if _provider is not None or not (wanted or os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT")):
        return
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter

    # shutdown_on_exit would hang the interpreter while the collector is away; flush() below is bounded instead.
    _provider = TracerProvider(
        resource=Resource.create({"service.name": f"anju-{service}", "service.namespace": "anju"}),
        shutdown_on_exit=False,
    )
    _provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(_provider)


def grpc_server_interceptors() -> list[Any]:
    if not enabled():
        return []
    from opentelemetry.instrumentation.grpc import aio_server_interceptor

    return [aio_server_interceptor()]  # type: ignore[no-untyped-call]  # untyped upstream


def grpc_client_interceptors() -> list[Any]:
    if not enabled():
        return []
    from opentelemetry.instrumentation.grpc import aio_client_interceptors

    return list(aio_client_interceptors())  # type: ignore[no-untyped-call]  # untyped upstream


def web_middlewares() -> list[Any]:
    """For ``aiohttp.web.Application``, to be put first."""
    if _provider is None:
        return []
    from opentelemetry.instrumentation.aiohttp_server import AioHttpServerInstrumentor, create_aiohttp_middleware

    # The middleware needs what the instrumentor sets up, and fails on every request without it. What the instrumentor does to web.Application is taken
    # back: it would trace every other application of the process as well.
    instrumentor = AioHttpServerInstrumentor()
    instrumentor.instrument(tracer_provider=_provider)
    instrumentor.uninstrument()
    return [create_aiohttp_middleware(tracer_provider=_provider)]


def temporal_interceptors() -> list[Any]:
    if not enabled():
        return []
    from temporalio.contrib.opentelemetry import TracingInterceptor

    return [TracingInterceptor()]


def flush() -> None:
    """Sends what is still waiting, for five seconds at most: the SDK goes on trying a collector that is away, batch after batch, whatever limit it is given."""
    if _provider is not None:
        sending = threading.Thread(target=_provider.force_flush, name="telemetry-flush", daemon=True)
        sending.start()
        sending.join(FLUSH_SECONDS)
