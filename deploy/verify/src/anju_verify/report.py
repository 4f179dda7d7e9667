"""What was found, for people and for machines."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from anju_verify.check import MAX_SHOWN, Report, Status

_TITLES = {
    Status.PASSED: ("通过 passed", "green"),
    Status.VIOLATED: ("违反 violated", "bold red"),
    Status.NOT_CHECKED: ("无记录 not checked", "yellow"),
    Status.FAILED_TO_RUN: ("未能核对 could not run", "magenta"),
}


def as_json(report: Report) -> dict[str, Any]:
    """Violations are cut to the first few of each check; ``violation_count`` has them all."""
    results = [asdict(result) | {"violations": result.violations[:MAX_SHOWN]} for result in report.results]
    for result in results:
        del result["subjects"]
    return {"exit_code": report.exit_code, "seconds": report.seconds, "results": results}


def print_report(report: Report, console: Console | None = None) -> None:
    # Violations name workflow ids and columns: nothing in them may be taken for markup.
    console = console or Console(highlight=False)
    table = Table(title="核对 anju verify", show_lines=False)
    for column, justify in (("", "left"), ("不变量 invariant", "left"), ("记录 looked at", "right"), ("结果 result", "left")):
        table.add_column(column, justify="right" if justify == "right" else "left")
    for result in report.results:
        title, style = _TITLES[result.status]
        if result.violation_count:
            title = f"{title} ×{result.violation_count}"
        statement = Text(result.statement)
        for note in result.notes:
            statement.append(f"\n{note}", style="dim")
        table.add_row(result.id, statement, f"{result.looked_at:,}", Text(title, style=style))
    console.print(table)
    for result in report.results:
        for text in result.violations[:MAX_SHOWN]:
            console.print(Text(f"{result.id}  {text}", style="red"))
        if result.violation_count > MAX_SHOWN:
            console.print(Text(f"{result.id}  … {result.violation_count - MAX_SHOWN} more", style="red"))
    console.print(Text(f"{report.seconds:.1f} s"))
