"""``python -m anju_profile check | publish``: the published versions of the cities' profiles. Run from the top of the source tree."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from anju_calendar import local_date
from chassis import commands
from pydantic import ValidationError

from anju_profile import draft, load
from anju_profile.published import LOCK, ChangedVersionError, UnknownVersionError, published, record

app = commands.program(
    "城市规则配置 Published versions of a city's profile.",
    "python -m anju_profile check",
    "python -m anju_profile publish profiles/kaifeng 2027.1",
)


@app.command()
def check(folder: Annotated[Path, typer.Argument(help="folder of the cities")] = Path("profiles")) -> None:
    """Every published version of every city is readable and says what it said when it was published."""
    wrong = 0
    for lock in sorted(folder.glob(f"*/{LOCK}")):
        for version in published(lock.parent).versions:
            try:
                load(lock.parent, version)
            except (ChangedVersionError, UnknownVersionError, ValidationError, OSError) as error:
                typer.echo(f"{lock.parent.name}: {error}", err=True)
                wrong += 1
    raise typer.Exit(1 if wrong else 0)


@app.command()
def publish(city: Annotated[Path, typer.Argument(help="folder of the city, such as profiles/kaifeng")], version: str) -> None:
    """Publishes the folder versions/VERSION of a city and makes it the version new cases are decided by."""
    try:
        draft(city, version)
        record(city, version, local_date(datetime.now(UTC)))
    except (ChangedVersionError, ValueError, OSError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    typer.echo(f"{version} is published and current: commit {city / LOCK} with the version")


if __name__ == "__main__":
    commands.start(app, name="python -m anju_profile")
