from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from anju_onebox.layout import PROCESSES

from tests.support.boxes import RunningBox, running_box
from tests.support.false_clock import FalseClock
from tests.support.families import Families


@pytest.fixture(scope="session")
def silent_collector() -> Iterator[str]:
    """Where traces are sent to: somebody who lets everybody in and answers nobody."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.fixture(scope="session")
def false_clock(session_dir: Path) -> FalseClock:
    return FalseClock(session_dir / "clock")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def split_box(session_dir: Path, silent_collector: str, false_clock: FalseClock) -> AsyncIterator[RunningBox]:
    """A box as an operator would have it on a bad day: two processes of everything, so that each can be killed alone, a clock that can be set wrong, and
    traces switched on, with a collector that hangs. Registers fail when a test has them fail, and not by the rate at which real ones do."""
    replicas = [option for process in PROCESSES for option in ("--replica", f"{process}=2")]
    surrounded_by = {"OTEL_EXPORTER_OTLP_ENDPOINT": silent_collector, "ANJU_SANDBOX_QUIRK_RATE": "0", **false_clock.environment()}
    async with running_box(session_dir / "faults", "--processes", *replicas, surrounded_by=surrounded_by) as running:
        yield running


@pytest.fixture(scope="session")
def families(split_box: RunningBox) -> Families:
    return Families(split_box, 400_000)
