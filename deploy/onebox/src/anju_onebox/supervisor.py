"""Services as processes of their own, each by its own command and environment only; one that dies is started again."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from chassis import logs

from anju_onebox.engine.process import Child
from anju_onebox.layout import SANDBOX, Layout

_log = logs.get(__name__)
_FIRST_BACKOFF_SECONDS = 0.2
_LONGEST_BACKOFF_SECONDS = 5.0
# A process that lived so long did not die of its start.
_SETTLED_SECONDS = 30.0


def command(process: str) -> list[str]:
    """The installed command of a process, beside this Python."""
    return [str(Path(sys.executable).with_name(f"anju-{process}")), "serve"]


def process_environment(layout: Layout, process: str, replica: int = 0) -> dict[str, str]:
    """The surroundings of this process without its settings, plus those of ``process``."""
    ours = ("ANJU_DATABASE_URL", "ANJU_PORT", "ANJU_PORTS_OFFSET", "ANJU_DATA_DIR")
    inherited = {name: value for name, value in os.environ.items() if name not in ours and not name.startswith("TEMPORAL_")}
    own = layout.sandbox_environment() if process == SANDBOX else layout.environment(process, replica=replica)
    return inherited | layout.temporal_environment() | own


def replicas(layout: Layout, process: str) -> list[tuple[str, int]]:
    """(title, number) of every replica of a process; the first is called like the process."""
    return [(process if number == 0 else f"{process} #{number + 1}", number) for number in range(layout.replicas.get(process, 1))]


class Supervisor:
    """Keeps the processes of a split box alive. ``on_change`` is called with the process ids whenever one was started."""

    def __init__(self, layout: Layout, on_change: Callable[[dict[str, int]], None]) -> None:
        self._layout = layout
        self._on_change = on_change
        self._children: dict[str, Child] = {}
        # Titles of what was started together, in the order of starting.
        self._waves: list[list[str]] = []
        self._keepers: list[asyncio.Task[None]] = []

    @property
    def pids(self) -> dict[str, int]:
        return {title: child.pid for title, child in self._children.items()}

    async def start(self, *names: str) -> None:
        """Starts every replica of the named processes, and keeps each running from then on."""
        wave: list[str] = []
        self._waves.append(wave)
        for process in names:
            for title, replica in replicas(self._layout, process):
                await self._launch(title, process, replica)
                wave.append(title)
                self._keepers.append(asyncio.create_task(self._keep(title, process, replica)))

    async def stop(self) -> None:
        """Last started, first stopped, and what was started together at once: the edge before the services, the outside world at the end."""
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        for wave in reversed(self._waves):
            await asyncio.gather(*(self._children[title].stop(patience_seconds=15) for title in wave))

    async def _launch(self, title: str, process: str, replica: int) -> Child:
        child = await Child.start(
            title,
            command(process),
            self._layout.logs_dir / f"{title.replace(' #', '-')}.log",
            environment=process_environment(self._layout, process, replica),
        )
        self._children[title] = child
        self._on_change(self.pids)
        return child

    async def _keep(self, title: str, process: str, replica: int) -> None:
        backoff = _FIRST_BACKOFF_SECONDS
        with suppress(asyncio.CancelledError):
            while True:
                loop = asyncio.get_running_loop()
                began = loop.time()
                code = await self._children[title].wait()
                _log.warning("process_ended", process=title, code=code)
                backoff = _FIRST_BACKOFF_SECONDS if loop.time() - began > _SETTLED_SECONDS else backoff
                await asyncio.sleep(backoff)
                backoff = min(backoff * 2, _LONGEST_BACKOFF_SECONDS)
                await self._launch(title, process, replica)
