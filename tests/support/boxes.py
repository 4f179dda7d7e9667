"""A whole box for a test session: started by its own command, in its own folder, on its own ports, stopped as an operator would."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from anju_onebox import probes
from anju_onebox.engine.process import guarded
from anju_onebox.layout import STATE_FILE, Layout
from anju_simclock import SimulatedClock
from anju_stories.people import City, city
from chassis import temporal
from chassis.settings import ProcessSettings
from temporalio.client import Client

from tests.support import surroundings
from tests.support.patience import PATIENCE_SECONDS, eventually
from tests.support.ports import free_block


@dataclass
class RunningBox:
    layout: Layout
    process: subprocess.Popen[bytes]
    log: Path
    town: City
    temporal: Client
    clock: SimulatedClock

    @property
    def url(self) -> str:
        return self.layout.web_url


def launch(layout: Layout, *options: str, surrounded_by: Mapping[str, str] | None = None) -> tuple[subprocess.Popen[bytes], Path]:
    """``anju up`` in a process group of its own, with these variables besides the usual; it ends with this process, also when that is killed."""
    data_dir = layout.data_dir
    data_dir.mkdir(parents=True, exist_ok=True)
    data_dir.chmod(0o711)
    log = data_dir / "up.log"
    program = str(Path(sys.executable).parent / "anju")
    command = [program, "up", "--data-dir", str(data_dir), "--ports-offset", str(layout.ports_offset), *options]
    environment = dict(os.environ)
    # A test may have set a variable for its own process.
    surroundings.clear(environment)
    environment |= surrounded_by or {}
    with log.open("ab") as out:
        process = subprocess.Popen(
            guarded(command, signal.SIGINT), stdout=out, stderr=out, stdin=subprocess.DEVNULL, start_new_session=True, env=environment
        )
    return process, log


async def ready(layout: Layout, process: subprocess.Popen[bytes], log: Path) -> None:
    """Waits for the edge's health. Raises AssertionError with the end of the log when the box ends or does not come up."""

    async def healthy() -> bool:
        if process.poll() is not None:
            raise AssertionError(f"the box ended:\n{log.read_text(errors='replace')[-4000:]}")
        # Its own word as well: another box on these ports would answer just the same.
        return (layout.data_dir / STATE_FILE).exists() and await probes.web_is_ready(layout)

    await eventually(healthy, what=f"the box to come up; its log: {log}")


def stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(45)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)


@asynccontextmanager
async def running_box(data_dir: Path, *options: str, surrounded_by: Mapping[str, str] | None = None) -> AsyncIterator[RunningBox]:
    """A box in ``data_dir`` on free ports."""
    with free_block(data_dir) as layout:
        process, log = launch(layout, *options, surrounded_by=surrounded_by)
        try:
            await ready(layout, process, log)
            layout = Layout.of_running(data_dir)
            client = await _connect(layout)
            async with city(layout.deployment(), PATIENCE_SECONDS) as town:
                yield RunningBox(layout, process, log, town, client, SimulatedClock(client))
        finally:
            stop(process)


async def _connect(layout: Layout) -> Client:
    with pytest.MonkeyPatch.context() as environment:
        for name, value in layout.temporal_environment().items():
            environment.setenv(name, value)
        return await temporal.connect(layout.settings(ProcessSettings, "worker"))
