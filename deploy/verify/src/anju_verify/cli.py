"""``anju-verify --deployment FILE``; on one machine ``anju verify`` hands in the running box's own."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from chassis import commands
from chassis.deployment import Deployment, DeploymentFileError

MARKS_FILE = "verify-marks.json"

app = commands.program("安居核对 The checker of Anju's invariants.")


@app.command(
    epilog=commands.examples(
        "anju verify",
        "anju verify --deployment city.yaml --only M1,M6 --json",
        "anju verify --canary-file people.txt --histories all",
        "anju verify --full --expect-reset application/KF-2026-000002",
    )
)
def verify(
    context: typer.Context,
    deployment: Annotated[
        Path | None, typer.Option(metavar="FILE", help="各部分的位置 where everything is: anju deployment-file; default: the running box")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON instead of a table")] = False,
    only: Annotated[str, typer.Option(metavar="M1,W3", help="只核对这些 only these invariants", show_default=False)] = "",
    canary: Annotated[list[str] | None, typer.Option(metavar="VALUE", help="a value that must stand nowhere in the clear (P1)")] = None,
    canary_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="such values, one a line: nothing of them in the process list", exists=True, dir_okay=False),
    ] = None,
    histories: Annotated[str, typer.Option(metavar="N|all", help="histories replayed of each workflow (W5)")] = "50",
    full: Annotated[
        bool, typer.Option("--full", help="全部重新核对 reads everything again, not only what changed since the last clean run")
    ] = False,
    marks: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="where the last clean looks are kept; default: verify-marks.json in the deployment's files_dir"),
    ] = None,
    expect_reset: Annotated[
        list[str] | None, typer.Option(metavar="WORKFLOW_ID", help="已知重置过的流程 a workflow that was reset or started again on purpose")
    ] = None,
    expect_resets: Annotated[
        Path | None, typer.Option(metavar="FILE", help="such workflow ids, one a line, # for comments", exists=True, dir_okay=False)
    ] = None,
    settle: Annotated[float, typer.Option(metavar="SECONDS", min=0, help="a violation counts when it is still there after this")] = 3.0,
) -> None:
    """核对每一条不变量 — Checks every invariant. Exit code 0: none broken, 1: violations, 2: a check could not run."""
    from anju_verify.report import as_json as machine_report
    from anju_verify.report import print_report
    from anju_verify.run import Options, checks
    from anju_verify.run import verify as check_all

    wanted = tuple(word.strip().upper() for word in only.split(",") if word.strip())
    unknown = [word for word in wanted if word not in checks()]
    if unknown:
        raise typer.BadParameter(f"--only: no such check: {', '.join(unknown)}; there are {', '.join(checks())}")
    if histories != "all" and not histories.isdecimal():
        raise typer.BadParameter("--histories takes a number or all")
    values = list(canary or [])
    if canary_file is not None:
        values += _lines(canary_file)
    resets = [*(expect_reset or []), *(() if expect_resets is None else _lines(expect_resets))]
    looked_at = _deployment(context, deployment)
    if marks is None and looked_at.files_dir is not None:
        marks = looked_at.files_dir / MARKS_FILE
    options = Options(
        only=wanted,
        canaries=tuple(values),
        histories=None if histories == "all" else int(histories),
        settle_seconds=settle,
        marks_file=marks,
        full=full,
        resets=frozenset(line for line in resets if not line.startswith("#")),
    )

    async def work() -> int:
        report = await check_all(looked_at, options)
        if as_json:
            sys.stdout.write(json.dumps(machine_report(report), ensure_ascii=False, indent=2) + "\n")
        else:
            print_report(report)
        return report.exit_code

    commands.wait_for(work())


def _lines(file: Path) -> list[str]:
    return [line.strip() for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]


def _deployment(context: typer.Context, file: Path | None) -> Deployment:
    """Raises typer.BadParameter."""
    if file is None:
        if not isinstance(context.obj, Deployment):
            raise typer.BadParameter("--deployment FILE is needed: where everything is (anju deployment-file writes one of a running box)")
        return context.obj
    try:
        return Deployment.read(file)
    except DeploymentFileError as error:
        raise typer.BadParameter(str(error)) from error


def run(deployment: Deployment | None, arguments: Sequence[str]) -> int:
    """0: no invariant is broken (some may not have been checked for want of records), 1: violations, 2: a check could not run."""
    return commands.run(app, arguments, name="anju verify", given=deployment)


def main() -> None:
    """Entry point."""
    commands.start(app, name="anju-verify")


if __name__ == "__main__":
    main()
