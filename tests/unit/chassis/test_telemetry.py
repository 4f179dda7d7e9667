"""Traces cost a third of the calls per second, so nobody gets them unasked; and a collector that is away holds up nobody's end."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from chassis import telemetry


@pytest.fixture(autouse=True)
def nothing_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telemetry, "_provider", None)
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_ENDPOINT", raising=False)


def test_off_unless_asked_for() -> None:
    telemetry.configure("test", False)
    assert not telemetry.enabled()
    assert [telemetry.grpc_server_interceptors(), telemetry.grpc_client_interceptors(), telemetry.temporal_interceptors()] == [[], [], []]
    assert telemetry.web_middlewares() == []
    telemetry.flush()


def test_a_collector_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    called, hang = threading.Event(), threading.Event()

    class Hanging:
        def force_flush(self, *_: Any) -> None:
            called.set()
            hang.wait(60)

    provider: Any = Hanging()
    monkeypatch.setattr(telemetry, "_provider", provider)
    monkeypatch.setattr(telemetry, "FLUSH_SECONDS", 0.05)
    telemetry.flush()
    assert called.is_set()
    assert any(thread.name == "telemetry-flush" and thread.daemon for thread in threading.enumerate()), "it ends with the process"
    hang.set()
