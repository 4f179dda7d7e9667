"""``anju``: the one-machine box from the command line."""

from __future__ import annotations

import asyncio
import errno
import importlib
import math
import os
import shlex
import signal
from collections.abc import Coroutine, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from chassis import commands, loop
from chassis.deployment import Deployment, DeploymentFileError
from chassis.tls import NOTICE
from rich.console import Console
from rich.table import Table

from anju_onebox import key_commands
from anju_onebox.engine.process import EngineError
from anju_onebox.keys import certificates
from anju_onebox.layout import HIGHEST_OFFSET, PROCESSES, Layout
from anju_onebox.terminal import CHINA, DataDir, duration, living, running

_IMPATIENT_AFTER_SECONDS = 1.0

app = commands.program(
    "安居单机版 Anju on one machine.",
    "anju up --ports-offset 2000",
    "anju demo --months 12",
    "anju verify --full",
    "anju repair --yes",
    "anju clock advance application/KF-2026-000002 11d",
)
clock = commands.program(
    "流程时钟（仅仿真） The clock of single workflows (simulation only).",
    "anju clock show lease/KF-2026-000002-1",
    "anju clock advance application/KF-2026-000002 11d",
)
app.add_typer(clock, name="clock")
app.add_typer(key_commands.keys, name="keys")
organisation = commands.program(
    "组织机构 Who of the city's staff may do what.",
    "anju organisation import people.csv",
    "anju organisation import people.csv --deployment city.yaml",
)
app.add_typer(organisation, name="organisation")

_PASS_ON = {"allow_extra_args": True, "ignore_unknown_options": True}


def _run(main: Coroutine[Any, Any, int]) -> NoReturn:
    try:
        code = loop.run(main)
    except EngineError as error:
        typer.echo(str(error), err=True)
        code = 1
    commands.finish(code)


@app.command(
    epilog=commands.examples("anju up", "anju up --ports-offset 2000", "anju up --processes --replica casework=2 --replica worker=2")
)
def up(
    data_dir: DataDir = None,
    ports_offset: Annotated[
        int | None, typer.Option(help="所有端口加此数 added to every port [ANJU_PORTS_OFFSET, 0]", min=0, max=HIGHEST_OFFSET, metavar="N")
    ] = None,
    processes: Annotated[bool, typer.Option("--processes", help="每个服务一个进程 every service as a process of its own")] = False,
    replica: Annotated[list[str] | None, typer.Option(help="与 --processes 同用 with --processes: casework=2", metavar="SERVICE=N")] = None,
) -> None:
    """启动全部 — Starts everything and keeps it until Ctrl-C."""
    if os.environ.get("ANJU_PRODUCTION", "").lower() in ("1", "true", "yes", "on"):
        raise typer.BadParameter("the one-machine box is a simulation; it does not run with ANJU_PRODUCTION")
    replicas = _replicas(replica or [], processes)
    try:
        layout = Layout.from_environment(data_dir, ports_offset, replicas=replicas, split=processes)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    _run(_up(layout))


def _replicas(given: list[str], processes: bool) -> dict[str, int]:
    """Raises typer.BadParameter."""
    replicas = {}
    for entry in given:
        name, _, count = entry.partition("=")
        if not processes or name not in PROCESSES or not count.isdigit() or not 1 <= int(count) <= 9:
            raise typer.BadParameter(f"--replica {entry}: with --processes, a service, the worker or the edge, 1 to 9 of it")
        replicas[name] = int(count)
    return replicas


async def _up(layout: Layout) -> int:
    from anju_onebox.box import box, log_to_file
    from anju_onebox.show import Progress, print_welcome

    console = Console()
    progress = Progress(console)
    try:
        layout.make_folders()
        log_to_file(layout.logs_dir / "box.log", os.environ.get("ANJU_LOG_LEVEL", "INFO"))
    except OSError as error:
        progress.failed(_about_disk(error))
        return 1
    stop = asyncio.Event()
    running_loop = asyncio.get_running_loop()
    starting = asyncio.current_task()
    ready = False

    asked_at = 0.0

    def stopped(number: int) -> None:
        nonlocal asked_at
        if stop.is_set():
            # Asked again: the engines end with this process. (One Ctrl-C may arrive twice, from the terminal and from a wrapper.)
            if running_loop.time() - asked_at > _IMPATIENT_AFTER_SECONDS:
                os._exit(128 + number)
            return
        asked_at = running_loop.time()
        stop.set()
        if not ready and starting is not None:
            starting.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        running_loop.add_signal_handler(number, stopped, number)
    try:
        async with box(layout, progress) as running:
            ready = True
            print_welcome(console, layout, progress.seconds)
            await running.lasts(stop)
    except asyncio.CancelledError:
        if not stop.is_set():
            raise
    except EngineError as error:
        progress.failed(str(error))
        return 1
    except OSError as error:
        progress.failed(_about_disk(error))
        return 1
    except Exception as error:
        console.print_exception(show_locals=False, max_frames=4)
        progress.failed(f"{type(error).__name__}；日志 log: {layout.logs_dir / 'box.log'}")
        return 1
    progress.say("已停止 stopped")
    return 0


def _about_disk(error: OSError) -> str:
    """What the person at the terminal can do about a file or a socket the system refuses."""
    match error.errno:
        case errno.EACCES | errno.EPERM | errno.EROFS:
            advice = "数据目录不可写，请检查权限或用 --data-dir 换一个目录 — the data directory is not writable: check its owner, or choose another with --data-dir"
        case errno.ENOSPC | errno.EDQUOT:
            advice = "磁盘已满，请腾出空间后重新启动；已确认的数据都在 — the disk is full: make room and start again; what was acknowledged is kept"
        case _:
            advice = "系统拒绝了一个文件或端口 — the system refused a file or a port"
    return f"{advice}\n  {error}"


@app.command()
def status(data_dir: DataDir = None) -> None:
    """运行状态 — Which parts answer. Exit code 0: all, 1: not all, 3: not running."""
    _run(_status(running(data_dir)))


async def _status(layout: Layout) -> int:
    from anju_onebox import probes

    parts = await probes.every_part(layout)
    table = Table(show_header=False)
    for name, answers in parts.items():
        port = layout.ports.get(name)
        table.add_row(name, "[green]正常 ready[/]" if answers else "[red]无应答 no answer[/]", f":{port}" if port else "")
    Console().print(table)
    if layout.split and (
        soon := [end for end in certificates(layout.keys_dir).values() if end is None or end - datetime.now(UTC) < NOTICE]
    ):
        Console().print(f"[yellow]{len(soon)} 份证书即将到期 certificates end soon[/]: anju keys certify")
    return 0 if all(parts.values()) else 1


@app.command(
    epilog=commands.examples(
        '(eval "$(anju env worker)"; anju-worker serve)', '(eval "$(anju env casework --port 7411)"; anju-casework serve)'
    )
)
def env(
    process: Annotated[str, typer.Argument(help=", ".join(PROCESSES))],
    port: Annotated[int | None, typer.Option(help="另一个端口 another port than the running one's")] = None,
    data_dir: DataDir = None,
) -> None:
    """打印环境变量 — Prints the environment with which one more process of a kind runs against the running rest."""
    if process not in PROCESSES:
        raise typer.BadParameter(f"{process}: one of {', '.join(PROCESSES)}")
    layout = living(data_dir)
    for name, value in (layout.temporal_environment() | layout.environment(process, port=port)).items():
        if name.endswith("_FILE"):
            # A variable of the same name would win over the file.
            typer.echo(f"unset {name.removesuffix('_FILE')}")
        typer.echo(f"export {name}={shlex.quote(value)}")
    commands.finish(0)


@clock.command()
def show(workflow: Annotated[str, typer.Argument(help="application/KF-…")], data_dir: DataDir = None) -> None:
    """流程当前时间 — What time it is for one workflow."""
    _run(_clock(living(data_dir), workflow, None))


@clock.command()
def advance(
    workflow: Annotated[str, typer.Argument(help="application/KF-…")],
    by: Annotated[str, typer.Argument(help="30d, 12h, 1d12h, 90s")],
    data_dir: DataDir = None,
) -> None:
    """快进流程 — Moves one workflow forward through time."""
    _run(_clock(living(data_dir), workflow, duration(by)))


async def _clock(layout: Layout, workflow: str, by: timedelta | None) -> int:
    from anju_simclock import SimulatedClock
    from chassis import temporal
    from chassis.settings import ProcessSettings
    from temporalio.service import RPCError, RPCStatusCode

    os.environ.update(layout.temporal_environment())
    simulated = SimulatedClock(await temporal.connect(layout.settings(ProcessSettings, "worker")))
    try:
        now = await simulated.now(workflow)
    except RPCError as error:
        if error.status not in (RPCStatusCode.NOT_FOUND, RPCStatusCode.INVALID_ARGUMENT):
            raise
        typer.echo(f"没有这个流程 — no such workflow: {workflow}", err=True)
        return 1
    if by is not None:
        if not await _pass_time_at_the_bank(layout, workflow, by):
            typer.echo("银行（仿真）没有回应，时间没有推进 — the sandbox's bank does not answer; no time has passed", err=True)
            return 1
        try:
            lasted = await simulated.advance(workflow, by)
        except RPCError as error:
            if error.status != RPCStatusCode.NOT_FOUND:
                raise
            typer.echo(f"流程早已办结，不能再快进 — the workflow has ended and cannot be moved any more: {workflow}", err=True)
            return 1
        if not lasted:
            typer.echo("流程已办结 — the workflow ended before that time")
            return 0
        now = await simulated.now(workflow)
    typer.echo(now.astimezone(CHINA).strftime("%Y-%m-%d %H:%M:%S %Z"))
    return 0


async def _pass_time_at_the_bank(layout: Layout, workflow: str, by: timedelta) -> bool:
    """An order at the bank lives on the clock of its bill (ADR 7). False when the bank does not answer."""
    import aiohttp

    kind, _, bill_id = workflow.partition("/")
    if kind != "bill":
        return True
    city = layout.deployment()
    said = {"remark": bill_id, "seconds": math.ceil(by.total_seconds())}
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as http,
            http.post(f"{city.outside_url}/bank/pass-time", json=said, headers=city.outside_headers()) as answer,
        ):
            return answer.status == 200
    except (aiohttp.ClientError, TimeoutError):
        return False


@app.command(
    epilog=commands.examples(
        "anju world GET /faults",
        """anju world POST /faults '{"server": "marriage", "kind": "down"}'""",
        "anju world DELETE /faults",
    )
)
def world(
    method: Annotated[str, typer.Argument(help="GET, POST, PUT, DELETE")],
    path: Annotated[str, typer.Argument(help="/faults, /bank/pay, /world/clock …: deploy/sandbox/README.md")],
    body: Annotated[str, typer.Argument(help="JSON")] = "",
    data_dir: DataDir = None,
) -> None:
    """外部世界（仿真）— Asks the sandbox's control server, with its token: faults, the bank, life events, the clock."""
    _run(_world(living(data_dir), method.upper(), path, body))


async def _world(layout: Layout, method: str, path: str, body: str) -> int:
    import aiohttp

    city = layout.deployment()
    headers = {**city.outside_headers(), "Content-Type": "application/json"}
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as http,
            http.request(method, city.outside_url + path, data=body or None, headers=headers) as answer,
        ):
            typer.echo(await answer.text())
            return 0 if answer.status < 400 else 1
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        typer.echo(f"外部世界没有回应 — the sandbox does not answer: {type(error).__name__}", err=True)
        return 1


def _hand_to_tool(package: str, arguments: Sequence[str], data_dir: Path | None) -> NoReturn:
    """``<package>.cli.run(deployment, arguments)``, loaded only when it is asked for: of the running box, unless the words name another deployment."""
    part = importlib.import_module(f"{package}.cli")
    elsewhere = {"-h", "--help"} & set(arguments) or any(word.startswith("--deployment") for word in arguments)
    if elsewhere:
        commands.finish(part.run(None, arguments))
    layout = living(data_dir)
    os.environ.update(layout.temporal_environment())
    commands.finish(part.run(layout.deployment(), arguments))


@app.command(context_settings=_PASS_ON, add_help_option=False)
def demo(context: typer.Context, data_dir: DataDir = None) -> None:
    """演示 — One household from application to first rent, on the running box."""
    _hand_to_tool("anju_stories", ["demo", *context.args], data_dir)


@app.command(context_settings=_PASS_ON, add_help_option=False)
def replay(context: typer.Context, data_dir: DataDir = None) -> None:
    """重放 — Replays the volume of applications a city has published, on the running box."""
    _hand_to_tool("anju_stories", ["replay", *context.args], data_dir)


@app.command(context_settings=_PASS_ON, add_help_option=False)
def verify(context: typer.Context, data_dir: DataDir = None) -> None:
    """核对 — Checks every invariant against the databases, the histories and the outside world's books."""
    _hand_to_tool("anju_verify", context.args, data_dir)


@app.command(epilog=commands.examples("anju setup --deployment city.yaml", "anju setup --deployment city.yaml --retention-days 365"))
def setup(
    deployment: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Temporal 的位置 where Temporal is; default: the running box")
    ] = None,
    retention_days: Annotated[
        int | None,
        typer.Option(min=1, max=3650, help="days a closed case's history is kept; without it at least 90, and never less than now"),
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """准备集群 — Makes the namespace, its retention and the search attributes of a Temporal cluster. Safe to repeat."""
    where = _deployment(deployment, data_dir)
    _run(_setup(where, None if retention_days is None else timedelta(days=retention_days)))


@app.command(
    epilog=commands.examples(
        "anju repair", "anju repair --yes", "anju repair --yes application/KF-2026-000002", "anju repair --deployment city.yaml"
    )
)
def repair(
    workflow: Annotated[
        list[str] | None, typer.Argument(help="只处理这些流程 only these workflows: application/KF-…", show_default=False)
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="执行；不加则只列出 does it; without it nothing is changed")] = False,
    deployment: Annotated[
        Path | None, typer.Option(metavar="FILE", help="各部分的位置 where everything is; default: the running box", show_default=False)
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """修复受阻的件 — Records that are open while their workflow is gone: starts each again where its record stands. A running one is left alone.

    Exit code 0: nothing is blocked (any more), 1: something is.
    """
    from anju_onebox import repair as repairing

    where = _deployment(deployment, data_dir)
    _run(repairing.run(where, workflow or [], go=yes))


@organisation.callback()
def _organisation() -> None:
    # With one command only, Typer would drop its name.
    pass


@organisation.command("import")
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV: account,name,id_number,duty,unit,from,until; a line a duty")],
    deployment: Annotated[
        Path | None, typer.Option(metavar="FILE", help="各部分的位置 where everything is; default: the running box", show_default=False)
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """导入首批人员 — The first people of a city, administrators among them. Good once: then they appoint, each looked at by the other."""
    from anju_onebox import people

    _run(people.run(_deployment(deployment, data_dir), people.read(file)))


def _deployment(file: Path | None, data_dir: Path | None) -> Deployment:
    """Of the file, else of the running box. Raises typer.BadParameter."""
    if file is None:
        layout = living(data_dir)
        os.environ.update(layout.temporal_environment())
        return layout.deployment()
    try:
        return Deployment.read(file)
    except DeploymentFileError as error:
        raise typer.BadParameter(str(error)) from error


async def _setup(deployment: Deployment, retention: timedelta | None) -> int:
    from anju_workflows import setup
    from chassis.temporal import connect_to
    from temporalio.service import RPCError

    try:
        made = await setup.set_up(await connect_to(deployment.temporal), retention)
    except (RPCError, ConnectionError, TimeoutError, setup.NotSetUpError) as error:
        typer.echo(f"Temporal {deployment.temporal.address}: {error}", err=True)
        return 1
    for line in made:
        typer.echo(f"＋ {line}")
    typer.echo(
        f"{'已就绪 ready' if made else '本已就绪，没有改动 was ready, nothing changed'}: {deployment.temporal.address}, {deployment.temporal.namespace}"
    )
    return 0


@app.command("deployment-file", epilog=commands.examples("anju deployment-file > city.yaml"))
def deployment_file(data_dir: DataDir = None) -> None:
    """打印位置文件 — Prints where everything of the running box is, as anju verify --deployment FILE takes it for a deployment."""
    typer.echo(living(data_dir).deployment().text())
    commands.finish(0)


def main() -> None:
    """Entry point."""
    commands.start(app, name="anju")


if __name__ == "__main__":
    main()
