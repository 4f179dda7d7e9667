"""Contestants on the Temporal engine, with services that answer at once: our Application, and the straightforward one."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

from anju_contracts.application import NAME, workflow_id
from anju_contracts.base import TASK_QUEUE, Accepted
from anju_workflows import worker as production
from anju_workflows.activities import Activities
from anju_workflows.settings import Settings
from chassis import temporal
from temporalio.client import Client, WorkflowHandle
from temporalio.worker import PollerBehaviorAutoscaling, Worker

from tests.bench.drive import Case, approval, given
from tests.bench.instant import ON_NOTICE, YOUR_TURN, InstantServices
from tests.bench.raw import RawApplication

RAW_QUEUE = "bench-raw"


class OnTemporal:
    def __init__(self, name: str, client: Client, queue: str, services: InstantServices, engine: Sequence[int]) -> None:
        self.name = name
        self._client = client
        self._queue = queue
        self._services = services
        self._engine = list(engine)

    async def prepare(self, count: int) -> None:
        """Nothing: an application is made up on the spot."""

    async def submit(self, case: Case) -> None:
        arg = given()
        case.key = arg.no
        await self._client.start_workflow(NAME, arg, id=workflow_id(arg.no), task_queue=self._queue, static_summary=f"保障房申请 {arg.no}")

    async def turn(self, case: Case, level: str) -> None:
        await self._services.moment(case.key, YOUR_TURN)

    async def decide(self, case: Case, level: str) -> None:
        said = approval(level)
        answer: Accepted = await self._handle(case).execute_update("decide", said, id=said.request_id, result_type=Accepted)
        assert answer.stage

    async def on_notice(self, case: Case) -> None:
        await self._services.moment(case.key, ON_NOTICE)

    async def clear(self, cases: list[Case]) -> None:
        await asyncio.gather(*(self._handle(case).terminate("the round is over") for case in cases))
        self._services.forget()

    def work_of(self, case: Case) -> Counter[str] | None:
        return self._services.work_of(case.key)

    def pids(self) -> Sequence[int]:
        return [os.getpid(), *self._engine]

    def _handle(self, case: Case) -> WorkflowHandle[Any, Any]:
        return self._client.get_workflow_handle(workflow_id(case.key))


@asynccontextmanager
async def ours(name: str, client: Client, settings: Settings, engine: Sequence[int]) -> AsyncIterator[OnTemporal]:
    """The worker the product runs, with only the calls of services replaced."""
    services = InstantServices()
    made = Activities(settings, production.signer(settings, production.NAME), client)
    answering = cast(Any, services)
    # Steps no application of the bench comes to stay the product's own.
    answering.release_household, answering.standing = made.application.release_household, made.application.standing
    made.application = made.telling = answering
    try:
        async with production.build(client, TASK_QUEUE, made, settings):
            yield OnTemporal(name, client, TASK_QUEUE, services, engine)
    finally:
        await made.close()


@asynccontextmanager
async def raw(name: str, client: Client, settings: Settings, engine: Sequence[int]) -> AsyncIterator[OnTemporal]:
    """The same engine, encryption, sandbox and worker options; every step an ordinary activity."""
    services = InstantServices()
    async with raw_worker(client, settings, RAW_QUEUE, [services.advance, services.lookup, services.assess, services.notify]):
        yield OnTemporal(name, client, RAW_QUEUE, services, engine)


def raw_worker(client: Client, settings: Settings, queue: str, activities: Sequence[Any]) -> Worker:
    return Worker(
        client,
        task_queue=queue,
        workflows=[RawApplication],
        activities=activities,
        workflow_runner=production.workflow_runner(),
        max_cached_workflows=settings.worker_max_cached_workflows,
        max_concurrent_activities=100,
        workflow_task_poller_behavior=PollerBehaviorAutoscaling(),
        activity_task_poller_behavior=PollerBehaviorAutoscaling(),
        graceful_shutdown_timeout=timedelta(seconds=settings.worker_drain_seconds),
    )


async def connect(address: str, keys_dir: Path, *, simulated_clock: bool = False) -> tuple[Client, Settings]:
    """A client as our processes have it: payloads sealed with the key ring of ``keys_dir``."""
    settings = Settings(keys_dir=keys_dir, simulated_clock=simulated_clock)
    return await temporal.connect(settings, settings.clocks(), target_host=address), settings
