"""``anju keys``: makes, rotates and looks at the keys and certificates of a box or a deployment."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from chassis import commands
from chassis.identity import CALLERS
from chassis.tls import NOTICE

from anju_onebox.authority import Step, StepError
from anju_onebox.keys import certificates, make_keys, rotate_keys
from anju_onebox.keys import certify as certify_all
from anju_onebox.terminal import CHINA, DataDir, duration, living

keys = commands.program(
    "密钥与证书 — Makes and rotates the keys and certificates of a box or a deployment.",
    "anju keys init /etc/anju/keys",
    "anju keys rotate",
    "anju keys certify",
)
KeysFolder = Annotated[Path | None, typer.Argument(help="keys folder; the running box's when left out", show_default=False)]


@keys.command(epilog=commands.examples("anju keys init /etc/anju/keys"))
def init(folder: Annotated[Path, typer.Argument(help="keys folder of a deployment")]) -> None:
    """生成密钥 — Makes the keys and certificates of a deployment, once: what is there stays. Services make none.

    Mount FOLDER/processes/NAME into the process NAME, as ANJU_KEYS_DIR and ANJU_TLS_DIR. The rest stays here: it opens everything.
    """
    make_keys(folder)
    typer.echo(f"{folder}: " + ", ".join(sorted(file.name for file in folder.iterdir() if not file.name.startswith("."))))


@keys.command(epilog=commands.examples("anju keys rotate", "anju keys rotate /etc/anju/keys --after 30m"))
def rotate(
    folder: KeysFolder = None,
    after: Annotated[
        str,
        typer.Option(
            help="多久后启用新密钥 when the new keys begin to seal: later than every process has them, a minute of clock difference counted"
        ),
    ] = "5s",
    data_dir: DataDir = None,
) -> None:
    """轮换密钥 — One more key in every ring and for every caller: known to all at once, used a while later; the old ones go on opening. Nothing is restarted.

    The processes of a box read it at once. Where each has a copy of its folder, give --after the time it takes to hand the new files to all of them.
    """
    wait = duration(after)
    made = rotate_keys(_made(folder, data_dir), wait)
    typer.echo("\n".join(made))
    typer.echo(f"启用 in use from: {datetime.now(CHINA) + wait:%Y-%m-%d %H:%M:%S}")


@keys.command(
    epilog=commands.examples("anju keys certify", "anju keys certify /etc/anju/keys", "anju keys certify /etc/anju/keys --authority add")
)
def certify(
    folder: KeysFolder = None,
    authority: Annotated[
        Step | None,
        typer.Option(
            help="更换签发机构的一步 a step of another authority's taking over, each handed to every process before the next",
            show_default=False,
        ),
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """换发证书 — A new certificate for every process; running ones take it for new connections, and no call is cut. Nothing is restarted."""
    try:
        made = certify_all(_made(folder, data_dir), step=authority)
    except StepError as error:
        raise commands.CannotRunError(str(error)) from error
    _show_ends(made)


@keys.command(epilog=commands.examples("anju keys check", "anju keys check /etc/anju/keys"))
def check(folder: KeysFolder = None, data_dir: DataDir = None) -> None:
    """检查证书 — When each certificate ends. Exit code 0: none within 30 days, 1: one does, or cannot be used."""
    ends = certificates(_made(folder, data_dir))
    _show_ends(ends)
    soon = [process for process, end in ends.items() if end is None or end - datetime.now(UTC) < NOTICE]
    if soon:
        raise commands.CannotRunError(f"请换发 to be made anew: {', '.join(soon)} — anju keys certify")


def _made(folder: Path | None, data_dir: Path | None) -> Path:
    """The folder, or the running box's. Raises CannotRunError for one in which no keys were made."""
    place = folder or living(data_dir).keys_dir
    if not (place / CALLERS).exists():
        raise commands.CannotRunError(f"{place}: 没有密钥，请先 anju keys init — no keys there; anju keys init makes them")
    return place


def _show_ends(ends: Mapping[str, datetime | None]) -> None:
    for process, end in ends.items():
        typer.echo(f"{process}: {end.astimezone(CHINA):%Y-%m-%d %H:%M}" if end is not None else f"{process}: 不可用 none that can be used")
