"""``anju verify``: checks every numbered invariant against the databases, the histories and the outside world's own books.

An independent program: it reads with plain SQL, asks Temporal, and compares with what the outside world wrote down itself. It imports no service, so a
mistake in a service cannot hide in here as well.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from anju_onebox.verify.check import Report
from anju_onebox.verify.report import as_json, print_report
from anju_onebox.verify.run import DEFAULT_HISTORIES, Options, checks, verify
from anju_onebox.verify.targets import VerifyTargets

if TYPE_CHECKING:
    from anju_onebox.layout import Layout

__all__ = ["Options", "Report", "VerifyTargets", "main", "verify"]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="anju verify",
        description="核对每一条不变量 Checks every invariant. Exit code 0: none broken, 1: violations, 2: a check could not run.",
    )
    parser.add_argument("--json", action="store_true", help="JSON instead of a table")
    parser.add_argument("--only", metavar="M1,W3", default="", help=f"only these: {', '.join(checks())}")
    parser.add_argument("--canary", action="append", default=[], metavar="VALUE", help="a value that must stand nowhere in the clear (P1)")
    parser.add_argument("--canary-file", type=Path, metavar="FILE", help="such values, one a line: nothing of them in the process list")
    parser.add_argument("--histories", default=str(DEFAULT_HISTORIES), metavar="N|all", help="histories replayed of each workflow (W5)")
    parser.add_argument("--settle", type=float, default=3.0, metavar="SECONDS", help="a violation counts when it is still there after this")
    parser.add_argument("--targets", type=Path, metavar="FILE", help="where everything is, as JSON; default: this box")
    return parser


def options(arguments: Sequence[str]) -> tuple[Options, argparse.Namespace]:
    """Raises SystemExit(2) for words it does not know."""
    parser = _parser()
    chosen = parser.parse_args(arguments)
    only = tuple(word.strip().upper() for word in chosen.only.split(",") if word.strip())
    unknown = [word for word in only if word not in checks()]
    if unknown:
        parser.error(f"no such check: {', '.join(unknown)}")
    if chosen.histories != "all" and not chosen.histories.isdecimal():
        parser.error("--histories takes a number or all")
    canaries = list(chosen.canary)
    if chosen.canary_file is not None:
        canaries += [line.strip() for line in chosen.canary_file.read_text(encoding="utf-8").splitlines() if line.strip()]
    histories = None if chosen.histories == "all" else int(chosen.histories)
    return Options(only=only, canaries=tuple(canaries), histories=histories, settle_seconds=chosen.settle), chosen


def main(layout: Layout, arguments: Sequence[str]) -> int:
    """0: no invariant is broken (some may not have been checked for want of records), 1: violations, 2: a check could not run."""
    wanted, chosen = options(arguments)
    targets = VerifyTargets.read(chosen.targets) if chosen.targets else VerifyTargets.of(layout)
    report = asyncio.run(verify(targets, wanted))
    if chosen.json:
        sys.stdout.write(json.dumps(as_json(report), ensure_ascii=False, indent=2) + "\n")
    else:
        print_report(report)
    return report.exit_code
