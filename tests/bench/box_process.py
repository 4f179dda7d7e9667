"""The box of the bench: everything ``anju up`` starts, except that the worker changes places with the straightforward one on command.

One line in, one line out: ``ours`` and ``raw`` put that worker in and answer ``ready``; ``trips`` answers what was counted since the last ``trips``
(``tests/bench/trips.py``; only when the box was started to count); the end of the input stops the box. The first answer names the process of the
Temporal server.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext
from pathlib import Path
from typing import Any

from anju_contracts.base import TASK_QUEUE
from anju_onebox.box import Box, box, log_to_file
from anju_onebox.layout import WORKER, Layout
from anju_onebox.show import Progress
from anju_workflows import worker as production
from anju_workflows.activities import Activities
from anju_workflows.settings import Settings
from chassis import loop, temporal
from chassis.service import signer
from rich.console import Console
from temporalio.worker import Worker

from tests.bench.on_temporal import raw_worker
from tests.bench.trips import Trips, counting


@asynccontextmanager
async def _no_worker(_settings: Any, _client: Any = None) -> AsyncIterator[list[Worker]]:
    """In the place of the box's own worker, which would keep the queue."""
    yield []


class Workers:
    """One of the two workers at a time, over the same channels to the services and the same connection to the engine."""

    def __init__(self, layout: Layout) -> None:
        self._settings = layout.settings(Settings, WORKER)
        self._running: Worker | None = None

    async def open(self, stack: AsyncExitStack) -> None:
        self._client = await temporal.connect(self._settings, self._settings.clocks())
        self._made = Activities(self._settings, signer(self._settings, production.NAME), self._client)
        stack.push_async_callback(self._made.close)
        stack.push_async_callback(self.put_out)

    async def put_in(self, name: str) -> None:
        await self.put_out()
        if name == "ours":
            worker = production.build(self._client, TASK_QUEUE, self._made, self._settings)
        else:
            made = self._made
            worker = raw_worker(
                self._client,
                self._settings,
                TASK_QUEUE,
                [made.application.advance, made.application.lookup, made.application.assess, made.telling.notify],
            )
        await worker.__aenter__()
        self._running = worker

    async def put_out(self) -> None:
        if self._running is not None:
            await self._running.__aexit__(None, None, None)
            self._running = None


async def serve(layout: Layout, trips: Trips | None) -> None:
    production.worker = _no_worker  # type: ignore[assignment]  # the bench puts the workers in itself
    async with AsyncExitStack() as stack:
        running: Box = await stack.enter_async_context(box(layout, Progress(Console(stderr=True))))
        workers = Workers(layout)
        await workers.open(stack)
        assert running.temporal is not None
        print(running.temporal.pid, flush=True)
        while command := (await asyncio.to_thread(sys.stdin.readline)).strip():
            if command == "trips":
                assert trips is not None
                print(json.dumps(trips.as_json()), flush=True)
                trips.clear()
            else:
                await workers.put_in(command)
                print("ready", flush=True)


def main() -> None:
    layout = Layout(Path(sys.argv[1]).resolve(), int(sys.argv[2]), 8080 + int(sys.argv[2]))
    layout.data_dir.mkdir(parents=True, exist_ok=True, mode=0o711)
    log_to_file(layout.logs_dir / "box.log", "WARNING")
    with counting() if "count" in sys.argv[3:] else nullcontext() as trips:
        loop.run(serve(layout, trips))
    sys.stdout.flush()
    # As the box itself: grpc's threads may crash while the interpreter tears down.
    os._exit(0)


if __name__ == "__main__":
    main()
