"""What the commands of ``anju`` share: the running box they speak of, and how people write durations."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Final, NoReturn
from zoneinfo import ZoneInfo

import typer
from chassis import commands

from anju_onebox.layout import Layout

NOT_RUNNING: Final = 3
CHINA: Final = ZoneInfo("Asia/Shanghai")
DataDir = Annotated[Path | None, typer.Option(help="数据目录 data directory [ANJU_DATA_DIR, .anju]", show_default=False)]
_DURATION = re.compile(r"(\d{1,6})(d|h|m|s)")
# A step longer than ten years is a slip of the finger, and a lease's history would be a decade long.
_FURTHEST = timedelta(days=3660)
_UNITS = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds"}


def running(data_dir: Path | None) -> Layout:
    try:
        return Layout.of_running(data_dir)
    except FileNotFoundError:
        not_running()


def not_running() -> NoReturn:
    typer.echo("安居没有在运行，请先执行 make up — no box is running on this data directory; start one with make up", err=True)
    commands.finish(NOT_RUNNING)


def living(data_dir: Path | None) -> Layout:
    """As running, but a box that was killed is not taken for a running one by the note it left."""
    layout = running(data_dir)
    if not layout.is_owned():
        not_running()
    return layout


def duration(text: str) -> timedelta:
    """Raises typer.BadParameter."""
    parts = _DURATION.findall(text)
    if not 0 < len(parts) <= len(_UNITS) or "".join(number + unit for number, unit in parts) != text:
        raise typer.BadParameter(f"{text}: 30d, 12h, 1d12h, 90s")
    by = sum((timedelta(**{_UNITS[unit]: int(number)}) for number, unit in parts), timedelta())
    if not timedelta() < by <= _FURTHEST:
        raise typer.BadParameter(f"{text}: 须在 0 到 {_FURTHEST.days} 天之间 more than nothing, and at most {_FURTHEST.days}d at once")
    return by
