"""The whole stack: the public API over HTTP, six services on PostgreSQL, HTTP departments, Temporal and a worker, in one box process.

``ours`` and ``raw, same calls`` are the same box with another worker in it: the same API, services, departments and arguments; the difference is the
workflow alone.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import asyncpg
from anju_contracts.application import workflow_id
from anju_onebox.layout import Layout
from anju_stories.household import Household
from anju_stories.people import City, city
from anju_terms import review_stage
from sqlalchemy.engine import make_url
from temporalio.client import Client

from tests.bench import on_temporal
from tests.bench.drive import Case, run_round
from tests.bench.machine import proportional_memory_bytes
from tests.bench.trips import Trips
from tests.support.families import is_honest
from tests.workflows.stage import LEVELS

_READY_SECONDS = 120.0
_LOOK_SECONDS = 0.025
_WARM_UP = 2
_ON_NOTICE = "public_notice"


class Observer:
    """Sees where cases are, by one small query for all of them: what the driver learns costs the stack next to nothing."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection
        self._awaited: dict[tuple[str, str], asyncio.Event] = {}
        self._task = asyncio.create_task(self._watch())

    async def reached(self, no: str, stage: str) -> None:
        event = self._awaited.setdefault((no, stage), asyncio.Event())
        try:
            async with asyncio.timeout(120):
                await event.wait()
        finally:
            del self._awaited[no, stage]

    async def close(self) -> None:
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    async def _watch(self) -> None:
        while True:
            numbers = [no for no, _ in self._awaited]
            if numbers:
                for no, stage in await self._connection.fetch("SELECT no, stage FROM application WHERE no = ANY($1)", numbers):
                    event = self._awaited.get((no, stage))
                    if event is not None:
                        event.set()
            await asyncio.sleep(_LOOK_SECONDS)


class Stack:
    """The running box, as its driver holds it."""

    def __init__(
        self, process: asyncio.subprocess.Process, temporal_pid: int, layout: Layout, town: City, client: Client, observer: Observer
    ) -> None:
        self.layout = layout
        self.town = town
        self.client = client
        self.observer = observer
        self.temporal_pid = temporal_pid
        self._process = process
        self._next_household = 0

    @property
    def pid(self) -> int:
        return self._process.pid

    async def put_in(self, worker: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{worker}\n".encode())
        await self._said()

    async def trips(self) -> Trips:
        """What was counted since it was last asked."""
        assert self._process.stdin is not None
        self._process.stdin.write(b"trips\n")
        return Trips.of_json(json.loads(await self._said()))

    async def _said(self) -> str:
        assert self._process.stdout is not None
        async with asyncio.timeout(_READY_SECONDS):
            line = await self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the bench's box ended; its log is {self.layout.data_dir / 'box.err'}")
        return line.decode().strip()

    async def households(self, count: int) -> list[Household]:
        """Households nobody has applied for yet, about whom there is no doubt (approving against one takes two reviewers), signed on and with their reviewers
        at their desks."""
        found: list[Household] = []
        while len(found) < count:
            page = await self.town.world("GET", f"/population/households?start={self._next_household}&count=50")
            for each in page["items"]:
                self._next_household = each["number"] + 1
                if is_honest(each) and len(found) < count:
                    found.append(Household(self.town, each))
        for household in found:
            await household.applicant.token()
            for level in LEVELS:
                await household.reviewer(level).token()
        return found

    def memory_bytes(self) -> int:
        return proportional_memory_bytes([self.pid])


class OnBox:
    """A contestant in the box."""

    def __init__(self, name: str, stack: Stack, worker: str) -> None:
        self.name = name
        self._stack = stack
        self._worker = worker
        self._households: list[Household] = []

    async def prepare(self, count: int) -> None:
        await self._stack.put_in(self._worker)
        self._households = await self._stack.households(count)

    async def submit(self, case: Case) -> None:
        await self._households[case.index].submit()
        case.key = self._households[case.index].no

    async def turn(self, case: Case, level: str) -> None:
        await self._stack.observer.reached(case.key, review_stage(level))

    async def decide(self, case: Case, level: str) -> None:
        await self._households[case.index].decide(level, reason="材料齐全，符合条件")

    async def on_notice(self, case: Case) -> None:
        await self._stack.observer.reached(case.key, _ON_NOTICE)

    async def clear(self, cases: list[Case]) -> None:
        handles = [self._stack.client.get_workflow_handle(workflow_id(case.key)) for case in cases]
        await asyncio.gather(*(handle.terminate("the round is over") for handle in handles))

    def work_of(self, case: Case) -> Counter[str] | None:
        return None

    def pids(self) -> Sequence[int]:
        return [self._stack.pid]


async def counted(data_dir: Path, ports_offset: int, applications: int) -> dict[str, dict[str, float]]:
    """What an application asks of PostgreSQL and of services, from submission to public notice, one after another in a box that has warmed up."""
    async with stack(data_dir, ports_offset, count=True) as box:
        ours = OnBox("ours", box, "ours")
        await run_round(ours, _WARM_UP, 1)
        await box.trips()
        await run_round(ours, applications, 1)
        return (await box.trips()).per(applications)


@asynccontextmanager
async def stack(data_dir: Path, ports_offset: int, *, count: bool = False) -> AsyncIterator[Stack]:
    """Starts the box in a process of its own; with ``count`` it counts its round trips, which costs time. Raises RuntimeError when it does not come up."""
    data_dir.mkdir(parents=True, mode=0o711)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("ANJU_", "TEMPORAL_"))}
    # A register that answers nonsense at the first asking (3 in 100 do) costs a wait of 20 s by the city's profile: a test of its own, not a timing.
    environment["ANJU_SANDBOX_QUIRK_RATE"] = "0"
    with (data_dir / "box.err").open("wb") as errors:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "tests.bench.box_process", str(data_dir), str(ports_offset), *(["count"] if count else [])),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
            env=environment,
        )
    layout = Layout(data_dir.resolve(), ports_offset, 8080 + ports_offset)
    made: Any = None
    try:
        assert process.stdout is not None
        async with asyncio.timeout(_READY_SECONDS):
            temporal_pid = (await process.stdout.readline()).decode().strip()
        if not temporal_pid:
            raise RuntimeError(f"the box did not come up:\n{(data_dir / 'box.err').read_text(errors='replace')[-3000:]}")
        client, _settings = await on_temporal.connect(layout.temporal_address, layout.keys_dir, simulated_clock=True)
        url = make_url((layout.secrets_dir / "casework.database-url").read_text())
        connection = await asyncpg.connect(url.set(drivername="postgresql").render_as_string(hide_password=False))
        observer = Observer(connection)
        async with city(layout.deployment()) as town:
            made = Stack(process, int(temporal_pid), layout, town, client, observer)
            yield made
        await observer.close()
        await connection.close()
    finally:
        if process.stdin is not None:
            process.stdin.close()
        try:
            async with asyncio.timeout(30):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
