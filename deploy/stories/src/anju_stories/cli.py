"""``anju demo`` and ``anju replay``: on the running box, or with ``--deployment FILE`` anywhere the outside world is a sandbox."""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from chassis import commands
from chassis.deployment import Deployment, DeploymentFileError

# The city's own record, 2021 to 2023.
PUBLISHED_APPLICATIONS = 814

app = commands.program("安居演示 Stories on a running Anju, against its public API.")
DeploymentFile = Annotated[
    Path | None, typer.Option(metavar="FILE", help="各部分的位置 where everything is: anju deployment-file; default: the running box")
]


@app.command(epilog=commands.examples("anju demo", "anju demo --months 12", "anju demo --deployment city.yaml"))
def demo(
    context: typer.Context,
    months: Annotated[int, typer.Option(min=1, max=36, help="months of rent they live through")] = 3,
    persona: Annotated[str, typer.Option(help="who applies: anju-sandbox personas lists them")] = "family",
    deployment: DeploymentFile = None,
) -> None:
    """演示 — One household from application to the last month's rent. Exit code 0 when it has paid it."""
    from anju_stories.demo import tell

    _tell(
        "demo",
        tell(_deployment(context, deployment), months, persona),
        "再次运行会换一户家庭从头演示。Run it again, and another household starts from the beginning.",
    )


@app.command(epilog=commands.examples("anju replay kaifeng", "anju replay kaifeng --seed 7 --households 60 --months 2"))
def replay(
    context: typer.Context,
    city: Annotated[str, typer.Argument(help="kaifeng")],
    seed: Annotated[int, typer.Option(min=0, max=500, help="which stretch of invented households")] = 1,
    households: Annotated[int, typer.Option(min=1, help="how many apply")] = PUBLISHED_APPLICATIONS,
    months: Annotated[int, typer.Option(min=0, max=36, help="months of rent each tenant lives through")] = 3,
    at_once: Annotated[int, typer.Option(min=1, help="households followed at the same time")] = 24,
    deployment: DeploymentFile = None,
) -> None:
    """重放 — Replays the volume of applications a city has published. Exit code 0 when every household was followed to its end."""
    from anju_stories.replay import run as replay_city

    if city != "kaifeng":
        raise typer.BadParameter(f"{city}: no volume is published but that of kaifeng")
    _tell(
        "replay",
        replay_city(_deployment(context, deployment), seed, households, months, at_once),
        "同一种子再次运行时，这些家庭从中断处接着办。Run the same seed again, and these households go on where they were.",
    )


def _deployment(context: typer.Context, file: Path | None) -> Deployment:
    """Raises typer.BadParameter."""
    try:
        found = Deployment.read(file) if file is not None else context.obj
    except DeploymentFileError as error:
        raise typer.BadParameter(str(error)) from error
    if not isinstance(found, Deployment):
        raise typer.BadParameter("--deployment FILE is needed: where everything is (anju deployment-file writes one of a running box)")
    missing = [
        name
        for name, value in (("web_url", found.web_url), ("outside_url", found.outside_url), ("temporal.address", found.temporal.address))
        if not value
    ]
    if missing:
        raise typer.BadParameter(
            f"the deployment has no {', '.join(missing)}: stories invent people, who live in the sandbox's world and clock"
        )
    return found


def _tell(name: str, story: Coroutine[Any, Any, int], interrupted: str) -> NoReturn:
    """Raises CannotRunError when the system is at fault, not the program: a trace of calls would help nobody."""
    from aiohttp import ClientError
    from temporalio.service import RPCError

    from anju_stories.people import ApiProblem

    try:
        commands.wait_for(story, interrupted=f"已中断；已经办过的都留在系统里。Interrupted; what was done stays.\n{interrupted}")
    except (ClientError, RPCError, ApiProblem, ConnectionError, TimeoutError) as error:
        raise commands.CannotRunError(
            f"{name}：系统没有应答或没有按时完成（{type(error).__name__}: {error}）。请用 anju status 查看哪一部分不在 — "
            "the system did not answer, or not in time; anju status says which part is missing"
        ) from error


def run(deployment: Deployment | None, arguments: Sequence[str]) -> int:
    """Exit code of ``demo …`` or ``replay …``."""
    return commands.run(app, arguments, name="anju", given=deployment)
