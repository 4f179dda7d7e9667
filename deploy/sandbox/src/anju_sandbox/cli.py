"""``anju-sandbox``: runs the outside world, or shows who lives in it."""

import asyncio
import contextlib
import signal
from pathlib import Path
from typing import Annotated, Any

import structlog
import typer
import uvloop

from anju_sandbox.app import sandbox
from anju_sandbox.settings import SandboxSettings
from anju_sandbox.world.places import Divisions
from anju_sandbox.world.population import Population

app = typer.Typer(no_args_is_help=True, add_completion=False, help="The outside world on one machine.")
DataDir = Annotated[Path | None, typer.Option(help="where books, keys and credentials live")]


def _settings(data_dir: Path | None, **changes: Any) -> SandboxSettings:
    given = {name: value for name, value in (changes | {"data_dir": data_dir}).items() if value is not None}
    return SandboxSettings(**given)


@app.command()
def serve(
    data_dir: DataDir = None,
    only: Annotated[str, typer.Option(help="comma-separated server names; all when empty")] = "",
    host: Annotated[str | None, typer.Option(help="address to listen on")] = None,
) -> None:
    """Runs the servers until interrupted."""
    names = [name for name in only.split(",") if name.strip()]
    uvloop.run(_serve(_settings(data_dir, host=host), names))


async def _serve(settings: SandboxSettings, names: list[str]) -> None:
    log = structlog.get_logger("anju_sandbox")
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(number, stop.set)
    async with sandbox(settings, names) as world:
        for name, url in world.urls.items():
            log.info("listening", server=name, url=url)
        await stop.wait()
    log.info("stopped")


@app.command()
def personas(data_dir: DataDir = None) -> None:
    """Lists the demo applicants."""
    settings = _settings(data_dir)
    for persona in Population(settings.seed, Divisions(settings.divisions_csv)).personas():
        applicant = persona.household.applicant
        typer.echo(f"{persona.key:24}{applicant.name}  {applicant.id_number}  {applicant.phone}  {persona.title}")


def main() -> None:
    """Entry point."""
    app()


if __name__ == "__main__":
    main()
