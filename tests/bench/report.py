"""What comes out of a run: medians and spread, ratios of neighbouring rounds, a table for the terminal, JSON for machines, a page for people."""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.bench.counts import Cost
from tests.bench.drive import Round
from tests.bench.machine import QUIET
from tests.browser.paint import TIMES, Paint

BAR = 40


@dataclass
class Goal:
    """A ratio with what it is held against; ``at_least`` None is told for information."""

    name: str
    phase: str
    ours: str
    other: str
    at_least: float | None = None


@dataclass
class Phase:
    title: str
    note: str
    rounds: dict[str, list[Round]] = field(default_factory=dict)
    neighbours: float = 0.0

    def add(self, round_: Round) -> None:
        self.rounds.setdefault(round_.contestant, []).append(round_)

    def ratios(self, ours: str, other: str) -> list[float]:
        """Applications per second, each round against the other's round next to it: what disturbs the machine disturbs both."""
        return [a.per_second / b.per_second for a, b in zip(self.rounds[ours], self.rounds[other], strict=True)]

    def cpu_ratios(self, ours: str, other: str) -> list[float]:
        """The same of processor time per application (other ÷ ours, so that above 1 is better), which a busy machine disturbs least."""
        return [b.cpu_ms_per_case / a.cpu_ms_per_case for a, b in zip(self.rounds[ours], self.rounds[other], strict=True)]


@dataclass
class Report:
    settings: dict[str, Any]
    machine: dict[str, Any]
    phases: dict[str, Phase]
    costs: dict[str, Cost]
    trips: dict[str, dict[str, float]]
    goals: list[Goal]
    memory_bytes: int = 0
    seconds: float = 0.0
    paints: list[Paint] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        return {
            "settings": self.settings,
            "machine": self.machine,
            "seconds": round(self.seconds),
            "memory_pss_mib": self.memory_bytes >> 20,
            "phases": {
                key: {
                    "title": phase.title,
                    "neighbours_share": round(phase.neighbours, 3),
                    "contestants": {name: _contestant(rounds) for name, rounds in phase.rounds.items()},
                }
                for key, phase in self.phases.items()
            },
            "ratios": [self._ratio(goal) for goal in self.told()],
            "costs": {name: cost.as_json() for name, cost in self.costs.items()},
            "trips": self.trips,
            "paints": [asdict(each) for each in self.paints],
        }

    def told(self) -> list[Goal]:
        """The goals whose phase was run."""
        return [goal for goal in self.goals if goal.phase in self.phases]

    def _ratio(self, goal: Goal) -> dict[str, Any]:
        phase = self.phases[goal.phase]
        ratios = phase.ratios(goal.ours, goal.other)
        value = statistics.median(ratios)
        return {
            "name": goal.name,
            "median": round(value, 2),
            "lowest": round(min(ratios), 2),
            "highest": round(max(ratios), 2),
            "processor_time_ratio": round(statistics.median(phase.cpu_ratios(goal.ours, goal.other)), 2),
            "goal": goal.at_least,
            "met": None if goal.at_least is None else value >= goal.at_least,
        }

    def write_json(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(self.as_json(), ensure_ascii=False, indent=1) + "\n")


def percentile(values: Sequence[float], share: float) -> float:
    """Nearest rank."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def _contestant(rounds: list[Round]) -> dict[str, Any]:
    rates = [each.per_second for each in rounds]
    programs = sorted({name for each in rounds for name in each.cpu_seconds})
    submits = [ms for each in rounds for ms in each.submit_ms]
    decides = [ms for each in rounds for ms in each.decide_ms]
    return {
        "rounds": len(rounds),
        "cases_a_round": rounds[0].cases,
        "applications_per_second": round(statistics.median(rates), 2),
        "lowest": round(min(rates), 2),
        "highest": round(max(rates), 2),
        "cpu_ms_per_application": round(statistics.median(each.cpu_ms_per_case for each in rounds)),
        "cpu_ms_by_program": {
            name: round(1000 * sum(each.cpu_seconds.get(name, 0.0) for each in rounds) / sum(each.cases for each in rounds))
            for name in programs
        },
        "submit_ms": {"p50": round(percentile(submits, 0.5), 1), "p99": round(percentile(submits, 0.99), 1)},
        "decide_ms": {"p50": round(percentile(decides, 0.5), 1), "p99": round(percentile(decides, 0.99), 1)},
    }


# --- terminal -----------------------------------------------------------------------------------------------------------------------------


def show(report: Report, console: Console) -> None:
    data = report.as_json()
    for phase in data["phases"].values():
        table = Table(title=phase["title"], title_justify="left")
        for column in ("", "applications/s", "spread", "submit p50/p99 ms", "decide p50/p99 ms", "CPU ms per application"):
            table.add_column(column, justify="left" if not column else "right")
        for name, each in phase["contestants"].items():
            table.add_row(name, *_cells(each))
        console.print(table)
        if phase["neighbours_share"] > QUIET:
            console.print(f"[yellow]disturbed: other programs used {phase['neighbours_share']:.0%} of the machine meanwhile[/]")
    table = Table(title="ratios (median of neighbouring rounds)", title_justify="left")
    for column in ("", "ratio", "spread", "by CPU time", "goal"):
        table.add_column(column)
    for ratio in data["ratios"]:
        table.add_row(ratio["name"], *_ratio_cells(ratio))
    console.print(table)
    for name, cost in data["costs"].items():
        console.print(f"{name}: {json.dumps(cost, ensure_ascii=False)}", highlight=False)
    if data["trips"]:
        table = Table(title="what an application asks of PostgreSQL and of services", title_justify="left")
        for column in _TRIPS:
            table.add_column(column)
        for name, row in data["trips"].items():
            table.add_row(name, *(f"{value:g}" for value in row.values()))
        console.print(table)
    if report.paints:
        table = Table(title="time to the heading", title_justify="left")
        for column in _PAINTS:
            table.add_column(column)
        for paint in report.paints:
            table.add_row(paint.network, paint.path, paint.visit, f"{paint.first_seconds:.2f} s", f"{paint.own_seconds:.2f} s")
        console.print(table)
    if report.memory_bytes:
        console.print(f"memory of the whole box (PSS) after the run: {data['memory_pss_mib']} MiB")


def _cells(each: dict[str, Any]) -> tuple[str, ...]:
    parts = " + ".join(f"{name} {ms}" for name, ms in each["cpu_ms_by_program"].items())
    return (
        f"{each['applications_per_second']:.2f}",
        f"{each['lowest']:.2f}–{each['highest']:.2f}",
        f"{each['submit_ms']['p50']:.0f} / {each['submit_ms']['p99']:.0f}",
        f"{each['decide_ms']['p50']:.0f} / {each['decide_ms']['p99']:.0f}",
        f"{each['cpu_ms_per_application']} ({parts})",
    )


def _ratio_cells(ratio: dict[str, Any]) -> tuple[str, ...]:
    goal = "–" if ratio["goal"] is None else f"≥ {ratio['goal']}: {'met' if ratio['met'] else 'missed'}"
    return f"{ratio['median']:.2f}", f"{ratio['lowest']:.2f}–{ratio['highest']:.2f}", f"{ratio['processor_time_ratio']:.2f}", goal


# --- page ---------------------------------------------------------------------------------------------------------------------------------


def page(report: Report, method: str) -> str:
    """docs/benchmarks.md: the method as it is written, the numbers as they were taken."""
    data = report.as_json()
    machine = data["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    lines = [
        method.strip(),
        "",
        "## The last run",
        "",
        f"{machine['processors']} processors, {machine['memory_gib']} GiB, {machine['system']}, Python {machine['python']}; {versions}.",
        f"Settings: {', '.join(f'{name} {value}' for name, value in data['settings'].items())}. The run took {data['seconds']} s.",
        "",
        "### Ratios",
        "",
        "| | ratio | spread | by CPU time | goal |",
        "|---|---|---|---|---|",
        *(f"| {ratio['name']} | {' | '.join(_ratio_cells(ratio))} |" for ratio in data["ratios"]),
        "",
    ]
    for key, phase in data["phases"].items():
        lines += _phase_page(report.phases[key], phase)
    lines += _costs_page(data)
    lines += _paints_page(report.paints)
    return "\n".join(lines).rstrip() + "\n"


def _phase_page(phase: Phase, data: dict[str, Any]) -> list[str]:
    contestants = data["contestants"]
    fastest = max(each["applications_per_second"] for each in contestants.values())
    width = max(len(name) for name in contestants)
    bars = [
        f"{name:<{width}}  {'█' * max(1, round(BAR * each['applications_per_second'] / fastest)):<{BAR}}  {each['applications_per_second']:.2f}/s"
        for name, each in contestants.items()
    ]
    cases = next(iter(contestants.values()))
    lines = [f"### {phase.title}", "", phase.note, "", "```", *bars, "```", ""]
    lines += [
        "| | applications/s | spread | submit p50 / p99, ms | decide p50 / p99, ms | CPU per application, ms |",
        "|---|---|---|---|---|---|",
    ]
    lines += [f"| {name} | {' | '.join(_cells(each))} |" for name, each in contestants.items()]
    quiet = f"{data['neighbours_share']:.0%} of the machine went to other programs meanwhile"
    loud = "**, which disturbs times more than ratios**" if data["neighbours_share"] > QUIET else ""
    return [*lines, "", f"{cases['rounds']} rounds of {cases['cases_a_round']} applications each; {quiet}{loud}.", ""]


_PAINTS = ("network", "page", "visit", "first heading", "the page's own")


def _paints_page(paints: Sequence[Paint]) -> list[str]:
    if not paints:
        return []
    note = f"A phone's browser on a limited network, median of {TIMES}; the first heading comes with the HTML, the page's own is drawn by the app."
    head = [f"| {' | '.join(_PAINTS)} |", f"|{'---|' * len(_PAINTS)}"]
    return ["", "### Time to the heading", "", note, "", *head, *(paint.row() for paint in paints), ""]


_TRIPS = ("call", "calls", "statements", "round trips")


def _costs_page(data: dict[str, Any]) -> list[str]:
    if not data["costs"]:
        return []
    columns = {
        "events": "history events",
        "steps": "of them steps",
        "history_bytes": "history, bytes as stored",
        "workflow_tasks": "workflow tasks",
        "engine_actions": "engine actions",
        "local_activities": "local activities",
    }
    lines = [
        "### What a case costs the engine",
        "",
        f"| | {' | '.join(columns.values())} | actions |",
        f"|---|{'---|' * (len(columns) + 1)}",
    ]
    for name, cost in data["costs"].items():
        actions = ", ".join(f"{value:g} {label}" for label, value in cost["actions"].items())
        lines.append(f"| {name} | {' | '.join(f'{cost[column]:g}' for column in columns)} | {actions} |")
    if data["trips"]:
        lines += [
            "",
            "### What an application asks of PostgreSQL and of services",
            "",
            f"| {' | '.join(_TRIPS)} |",
            f"|{'---|' * len(_TRIPS)}",
        ]
        lines += [f"| {name} | {' | '.join(f'{value:g}' for value in row.values())} |" for name, row in data["trips"].items()]
    lines += ["", "Held by `tests/bench/budget.json` and `tests/bench/test_counts.py`, on every change.", ""]
    if data["memory_pss_mib"]:
        lines += [f"Memory of the whole box (PSS, everything with its children) at the end of the run: {data['memory_pss_mib']} MiB.", ""]
    return lines
