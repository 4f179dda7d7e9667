"""A whole box for a test session: started by its own command, in its own folder, on its own ports, stopped as an operator would."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from anju_onebox.layout import STATE_FILE, Layout
from anju_onebox.stories.people import City, city
from chassis import temporal
from chassis.settings import ProcessSettings
from chassis.simclock import SimulatedClock
from temporalio.client import Client

_READY_SECONDS = 120


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


def launch(data_dir: Path, offset: int, *options: str) -> tuple[subprocess.Popen[bytes], Path]:
    """``anju up`` in a process group of its own."""
    data_dir.mkdir(parents=True, exist_ok=True)
    data_dir.chmod(0o711)
    log = data_dir / "up.log"
    program = str(Path(sys.executable).parent / "anju")
    command = [program, "up", "--data-dir", str(data_dir), "--ports-offset", str(offset), *options]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("ANJU_", "TEMPORAL_"))}
    with log.open("ab") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, stdin=subprocess.DEVNULL, start_new_session=True, env=environment)
    return process, log


async def ready(layout: Layout, process: subprocess.Popen[bytes], log: Path, seconds: float = _READY_SECONDS) -> None:
    """Waits for the edge's health. Raises RuntimeError with the end of the log when the box ends or does not come up."""
    end = time.monotonic() + seconds
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as http:
        while time.monotonic() < end and process.poll() is None:
            try:
                async with http.get(f"{layout.web_url}/healthz") as response:
                    # Its own word as well: another box on these ports would answer just the same.
                    if response.status == 200 and (layout.data_dir / STATE_FILE).exists():
                        return
            except (aiohttp.ClientError, TimeoutError):
                pass
            await asyncio.sleep(0.2)
    raise RuntimeError(f"the box did not come up:\n{log.read_text(errors='replace')[-4000:]}")


def stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(45)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)


@asynccontextmanager
async def running_box(data_dir: Path, offset: int, *options: str) -> AsyncIterator[RunningBox]:
    process, log = launch(data_dir, offset, *options)
    try:
        layout = Layout(data_dir.resolve(), offset, 8080 + offset)
        await ready(layout, process, log)
        layout = Layout.of_running(data_dir)
        os.environ.update(layout.temporal_environment())
        client = await temporal.connect(layout.settings(ProcessSettings, "worker"))
        async with city(layout) as town:
            yield RunningBox(layout, process, log, town, client, SimulatedClock(client))
    finally:
        stop(process)
