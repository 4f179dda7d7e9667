"""One box: the engines as child processes, and everything of Anju either in this process or, split, as processes of their own."""

from __future__ import annotations

import asyncio
import fcntl
import importlib
import json
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager as Running
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import IO, Any

from chassis import logs
from chassis.crypto import KeyRing
from chassis.temporal import PAYLOAD_KEYS

from anju_onebox import databases, policies, probes
from anju_onebox.codec_server import codec_server
from anju_onebox.engine.keeper import Engine, keep
from anju_onebox.engine.postgres import DatabaseServer, Postgres, database_server
from anju_onebox.engine.process import EngineError, is_free
from anju_onebox.engine.temporal import TemporalServer
from anju_onebox.handover import hand_over
from anju_onebox.layout import SANDBOX, SERVICES, WEB, WORKER, Layout, database_name
from anju_onebox.seed import seed, seed_people
from anju_onebox.show import Progress
from anju_onebox.supervisor import Supervisor

_PREDECESSOR_SECONDS = 15.0


class Box:
    """The running box."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.database: DatabaseServer | None = None
        self.temporal: TemporalServer | None = None
        self.supervisor: Supervisor | None = None
        self.keepers: list[asyncio.Task[None]] = []

    async def lasts(self, stop: asyncio.Event) -> None:
        """Until it is asked to stop. Raises EngineError when an engine is gone and cannot be brought back."""
        asked = asyncio.create_task(stop.wait())
        try:
            done, _ = await asyncio.wait({asked, *self.keepers}, return_when=asyncio.FIRST_COMPLETED)
            for task in done - {asked}:
                task.result()
        finally:
            asked.cancel()


@asynccontextmanager
async def box(layout: Layout, progress: Progress) -> AsyncIterator[Box]:
    """Brings everything up and keeps it until the block ends, then stops it in order.

    Must run in the main thread. Raises EngineError with a sentence for the person at the terminal.
    """
    result = Box(layout)
    async with AsyncExitStack() as stack:
        layout.make_folders()
        stack.enter_context(_sole_owner(layout))
        layout.prepare()
        hand_over(layout)
        await _check_ports(layout)
        stack.enter_context(_temporal_variables(layout))
        await _start_engines(result, stack, progress)
        stack.push_async_callback(_dismiss, result.keepers)
        layout.save()
        stack.callback(lambda: layout.state_file.unlink(missing_ok=True))
        await stack.enter_async_context(
            codec_server(KeyRing.load(layout.keys_dir / PAYLOAD_KEYS), layout.codec_port, layout.temporal_ui_port)
        )
        await (_start_split if layout.split else _start_together)(result, stack, progress)
        await probes.until(lambda: probes.web_is_ready(layout), f"the web edge ({layout.web_url}/healthz)")
        progress.ready("门户", "web edge", layout.web_url)
        yield result
        progress.say("[dim]正在停止… stopping…[/]")


async def _start_engines(result: Box, stack: AsyncExitStack, progress: Progress) -> None:
    layout = result.layout
    temporal = TemporalServer(
        layout.data_dir,
        port=layout.temporal_port,
        ui_port=layout.temporal_ui_port,
        codec_endpoint=f"http://127.0.0.1:{layout.codec_port}",
    )
    result.temporal = temporal
    stack.push_async_callback(temporal.stop)

    async def start_database() -> None:
        result.database = await database_server(layout.data_dir, layout.postgres_port)
        stack.push_async_callback(result.database.stop)
        progress.ready("数据库", "PostgreSQL")
        migrated = await databases.prepare(result.database, layout)
        progress.ready("数据表", "schemas", f"{len(migrated)} 个库升级" if migrated else "")

    async def start_temporal() -> None:
        await temporal.start()
        progress.ready("流程引擎", "Temporal")

    tasks = [asyncio.create_task(start_database()), asyncio.create_task(start_temporal())]
    try:
        if not layout.split:
            # The engines boot on their own; the seconds are used to load our code.
            await asyncio.sleep(0.3)
            _load_code()
        await asyncio.gather(*tasks)
    except BaseException:
        # An engine that was being started must be known to the stack before it is unwound.
        await asyncio.gather(*tasks, return_exceptions=True)
        raise
    engines: list[tuple[str, Engine]] = [("流程引擎 Temporal", temporal)]
    if isinstance(result.database, Postgres):
        engines.append(("数据库 PostgreSQL", result.database))
    result.keepers += [asyncio.create_task(keep(name, engine, progress.say)) for name, engine in engines]


async def _dismiss(keepers: list[asyncio.Task[None]]) -> None:
    """Before the engines are stopped, so that nobody starts them again."""
    for keeper in keepers:
        keeper.cancel()
    await asyncio.gather(*keepers, return_exceptions=True)


def _load_code() -> None:
    for package in (*(database_name(name) for name in (*SERVICES, WEB)),):
        importlib.import_module(f"{package}.app")
    for module in ("anju_sandbox.app", "anju_workflows.worker"):
        importlib.import_module(module)


async def _start_together(result: Box, stack: AsyncExitStack, progress: Progress) -> None:
    """Everything in this process, on this event loop."""
    from anju_sandbox.app import sandbox
    from anju_workflows import settings as worker_settings
    from anju_workflows.worker import worker

    layout = result.layout
    await stack.enter_async_context(sandbox(_sandbox_settings(layout)))
    progress.ready("外部世界（仿真）", "sandbox: departments, bank, SMS, sign-on")
    for service in SERVICES:
        await stack.enter_async_context(_application(layout, service))
    progress.ready("八个服务", "services", ", ".join(SERVICES))
    await stack.enter_async_context(worker(layout.settings(worker_settings.Settings, WORKER)))
    progress.ready("流程执行", "worker")
    await _seed(layout, progress)
    await stack.enter_async_context(_application(layout, WEB))


def _application(layout: Layout, process: str) -> Running[Any]:
    package = database_name(process)
    application: Callable[[Any], Running[Any]] = importlib.import_module(f"{package}.app").application
    return application(layout.settings(importlib.import_module(f"{package}.settings").Settings, process))


def _sandbox_settings(layout: Layout) -> Any:
    """The sandbox reads its settings from the environment only, as in the split box: the two ways cannot drift apart."""
    from anju_sandbox.settings import SandboxSettings

    with _variables(layout.sandbox_environment()):
        return SandboxSettings()


async def _start_split(result: Box, stack: AsyncExitStack, progress: Progress) -> None:
    """Everything as processes of their own."""
    layout = result.layout

    register = layout.processes_file
    stack.callback(lambda: register.unlink(missing_ok=True))
    supervisor = Supervisor(layout, lambda pids: _write_whole(register, json.dumps(pids)))
    result.supervisor = supervisor
    stack.push_async_callback(supervisor.stop)
    await supervisor.start(SANDBOX)
    await supervisor.start(*SERVICES)
    await supervisor.start(WORKER)
    for service in SERVICES:
        for number in range(layout.replicas.get(service, 1)):
            await probes.until(lambda service=service, number=number: probes.service_serves(layout, service, number), service)  # type: ignore[misc]
    progress.ready("八个服务", "services, a process each", ", ".join(SERVICES))
    await probes.until(lambda: probes.worker_polls(layout), "the worker")
    progress.ready("流程执行", "worker")
    await _seed(layout, progress)
    await supervisor.start(WEB)


async def _seed(layout: Layout, progress: Progress) -> None:
    """Before the edge opens: whoever it lets in finds the city's housing and policies there, and officials their duties."""
    added = await seed(layout)
    if added:
        progress.ready("示例房源", "sample housing stock", f"{added} 套")
    appointed = await seed_people(layout)
    if appointed:
        progress.ready("示例人员", "sample staff", f"{appointed} 人")
    shelved = await policies.seed(layout)
    if shelved:
        progress.ready("示例政策", "sample policies", f"{shelved} 件")


def _write_whole(path: Path, text: str) -> None:
    """Whoever reads the file meanwhile reads the old text or the new one, never half of it."""
    aside = path.with_suffix(".tmp")
    aside.write_text(text)
    aside.replace(path)


@contextmanager
def _sole_owner(layout: Layout) -> Any:
    """Two boxes on one data directory would ruin it. Raises EngineError when there is another one."""
    handle: IO[str] = layout.lock_file.open("a")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        handle.close()
        raise EngineError(f"{layout.data_dir} 已有一个安居在运行 — another box is running on this data directory") from error
    try:
        yield
    finally:
        handle.close()


async def _check_ports(layout: Layout) -> None:
    """Names every taken port at once, before anything is started. Raises EngineError.

    The engines of a killed box need a moment to end; they are waited for.
    """
    patience = _PREDECESSOR_SECONDS if layout.state_file.exists() else 0.0
    deadline = asyncio.get_running_loop().time() + patience
    while taken := [f"{port} ({name})" for name, port in layout.ports.items() if not is_free(port)]:
        if asyncio.get_running_loop().time() >= deadline:
            raise EngineError(f"端口被占用 ports in use: {', '.join(taken)} — anju up --ports-offset 2000")
        await asyncio.sleep(0.2)


def _temporal_variables(layout: Layout) -> Any:
    return _variables(layout.temporal_environment(), without="TEMPORAL_")


@contextmanager
def _variables(values: dict[str, str], without: str = "") -> Any:
    """Environment variables for the length of the block; ``without`` hides all others of that prefix."""
    before = dict(os.environ)
    for name in [name for name in before if without and name.startswith(without)]:
        del os.environ[name]
    os.environ.update(values)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def log_to_file(path: Path, level: str) -> None:
    """Logs of this process go to a file: the terminal belongs to the person."""
    import logging
    from logging.handlers import RotatingFileHandler

    logs.configure("box", level)
    root = logging.getLogger()
    path.parent.mkdir(parents=True, exist_ok=True)
    handler = RotatingFileHandler(path, maxBytes=50 << 20, backupCount=2, encoding="utf-8")
    handler.setFormatter(root.handlers[0].formatter)
    root.handlers[:] = [handler]
