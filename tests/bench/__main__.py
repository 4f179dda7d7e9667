"""``python -m tests.bench``: measures this machine and says what came out."""

from __future__ import annotations

import asyncio
import itertools
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from anju_onebox.engine.postgres import Postgres
from anju_onebox.engine.temporal import TemporalServer
from anju_onebox.keys import make_keys
from chassis import commands, logs, loop
from chassis.crypto import KeyRing
from chassis.temporal import PAYLOAD_KEYS
from rich.console import Console
from temporalio.runtime import LoggingConfig, Runtime, TelemetryConfig, TelemetryFilter

from tests.bench import counts, machine, on_box, on_dbos, on_temporal, painted, report
from tests.bench.drive import THINK_SECONDS, Contestant, run_round
from tests.bench.report import Goal, Phase, Report
from tests.browser.paint import Paint
from tests.support.chromium import MISSING
from tests.support.ports import free_block
from tests.workflows.stage import stage

METHOD = Path(__file__).with_name("method.md")
PAGE = Path("docs/benchmarks.md")
OURS, RAW, DBOS, DBOS_LEAST, NO_OP = "ours", "raw engine", "DBOS", "DBOS, no verdict", "raw engine, no-op calls"
GOALS = [
    Goal("whole stack: ours / raw engine making the same calls", "stack", OURS, RAW, 1.0),
    Goal("whole stack: ours with all its calls / raw engine calling nobody", "stack", OURS, NO_OP),
    Goal("engine level: ours / raw engine", "engine", OURS, RAW, 1.0),
    Goal("engine level: ours / DBOS", "engine", OURS, DBOS, 1.2),
    Goal("engine level: ours / DBOS without a verdict", "engine", OURS, DBOS_LEAST),
]
WARM_UP = 8
# Cells of a round: enough for all in flight twice over, and no more than the machine can do in the time.
FEWEST = {False: 32, True: 16}
SECONDS = {False: {"engine": 7.0, "stack": 16.0}, True: {"engine": 3.0, "stack": 5.0}}


class Part(StrEnum):
    ENGINE = "engine"
    COUNTS = "counts"
    STACK = "stack"
    PAGES = "pages"


@dataclass(frozen=True)
class Options:
    quick: bool
    only: tuple[Part, ...]
    rounds: int
    cases: int
    in_flight: int
    ports_offset: int
    json: Path


class Bench:
    def __init__(self, options: Options, console: Console, folder: Path) -> None:
        self.options = options
        self.console = console
        self.folder = folder
        self.keys_dir = folder / "keys"
        make_keys(self.keys_dir)
        self.ring = KeyRing.load(self.keys_dir / PAYLOAD_KEYS)
        self.phases: dict[str, Phase] = {}
        self.costs: dict[str, counts.Cost] = {}
        self.trips: dict[str, dict[str, float]] = {}
        self.memory_bytes = 0
        self.paints: list[Paint] = []

    async def engine(self) -> None:
        """Workflow engines with services that answer at once."""
        phase = Phase("Engine level", "Services answer at once; what is left is the workflow engine, its storage and the worker.")
        async with AsyncExitStack() as stack:
            temporal, postgres = TemporalServer(self.folder / "temporal"), Postgres(self.folder / "postgres")
            stack.push_async_callback(temporal.stop)
            stack.callback(postgres.remove)
            stack.push_async_callback(postgres.stop)
            await asyncio.gather(temporal.start(), postgres.start())
            client, settings = await on_temporal.connect(temporal.address, self.keys_dir)
            await stack.enter_async_context(on_dbos.launched(await postgres.create_database("dbos"), self.ring))
            contestants: list[Contestant] = [
                await stack.enter_async_context(on_temporal.ours(OURS, client, settings, [temporal.pid])),
                await stack.enter_async_context(on_temporal.raw(RAW, client, settings, [temporal.pid])),
                on_dbos.OnDbos(DBOS, verdict=True, engine=[postgres.pid]),
                on_dbos.OnDbos(DBOS_LEAST, verdict=False, engine=[postgres.pid]),
            ]
            await self.compete("engine", phase, contestants)
        same = {str(sorted(round_.work.items())) for rounds in phase.rounds.values() for round_ in rounds if round_.work}
        if len(same) != 1:
            raise AssertionError(f"the contestants did not do the same work: {same}")

    async def counting(self) -> None:
        """What a case leaves in the engine's history, and what it asks of PostgreSQL and of services."""
        async with AsyncExitStack() as stack:
            temporal = TemporalServer(self.folder / "counting")
            stack.push_async_callback(temporal.stop)
            await temporal.start()
            for name, played in (("application", counts.application), ("lease-month", counts.lease_month)):
                async with stage(temporal.address, self.ring) as theatre:
                    self.costs[name] = await played(theatre)
                self.say(f"counted: {name}, {self.costs[name].events:.0f} events")

        with free_block(self.folder / "counted") as block:
            self.trips = await on_box.counted(self.folder / "counted", block.ports_offset, WARM_UP)
        self.say(f"counted: {self.trips['in all']['round_trips']:.0f} round trips an application")

    async def stack(self) -> None:
        """The whole box, with our workflow and with the straightforward one in it."""
        phase = Phase("Whole stack", "From the HTTP API to the departments and back, everything in one box process.")
        self.say("starting the box…")
        async with AsyncExitStack() as stack:
            offset = self.options.ports_offset or stack.enter_context(free_block(self.folder / "box")).ports_offset
            box = await stack.enter_async_context(on_box.stack(self.folder / "box", offset))
            _, settings = await on_temporal.connect(box.layout.temporal_address, box.layout.keys_dir, simulated_clock=True)
            contestants: list[Contestant] = [
                on_box.OnBox(OURS, box, "ours"),
                on_box.OnBox(RAW, box, "raw"),
                await stack.enter_async_context(on_temporal.raw(NO_OP, box.client, settings, [box.temporal_pid])),
            ]
            await self.compete("stack", phase, contestants)
            self.memory_bytes = box.memory_bytes()

    async def pages(self) -> None:
        """How long the citizens' pages take to be painted on a slow network."""
        self.say("starting the box for its pages…")
        with free_block(self.folder / "paged") as block:
            async with on_box.stack(self.folder / "paged", block.ports_offset) as box:
                self.paints = await painted.painted(box.layout.web_url)
        self.say(f"painted: {len(self.paints)} medians" if self.paints else f"painted: nothing, {MISSING}")

    async def compete(self, key: str, phase: Phase, contestants: Sequence[Contestant]) -> None:
        """Rounds in turns. The number of applications is what the machine does in the time, measured while warming up."""
        quick, in_flight = self.options.quick, self.options.in_flight
        neighbours, own = machine.Neighbours(), sum(machine.cpu_seconds(_everybody(contestants)).values())
        warm = [await run_round(each, WARM_UP, in_flight) for each in contestants]
        rate = min(round_.per_second for round_ in warm[:2])
        cases = self.options.cases or max(FEWEST[quick], min(100, round(rate * SECONDS[quick][key])))
        for number in range(self.options.rounds):
            turn = number % len(contestants)
            for each in itertools.chain(contestants[turn:], contestants[:turn]):
                round_ = await run_round(each, cases, in_flight)
                phase.add(round_)
                self.say(
                    f"{key} {number + 1}/{self.options.rounds} {round_.contestant}: {round_.per_second:.2f}/s, {round_.cpu_ms_per_case:.0f} ms CPU"
                )
        phase.rounds = {each.name: phase.rounds[each.name] for each in contestants}
        phase.neighbours = neighbours.share(sum(machine.cpu_seconds(_everybody(contestants)).values()) - own)
        self.phases[key] = phase

    def say(self, text: str) -> None:
        self.console.print(f"[dim]{text}[/]", highlight=False)


def _everybody(contestants: Sequence[Contestant]) -> set[int]:
    """Every process of the bench itself: what is not theirs was somebody else's."""
    return {os.getpid(), *(pid for each in contestants for pid in each.pids())}


async def run(options: Options, console: Console) -> Report:
    described, began = machine.describe(), time.monotonic()
    # Not below a private home: PostgreSQL runs as another user when the bench runs as root.
    folder = Path(tempfile.mkdtemp(prefix="anju-bench-"))
    folder.chmod(0o711)
    try:
        bench = Bench(options, console, folder)
        for name, phase in (("engine", bench.engine), ("counts", bench.counting), ("stack", bench.stack), ("pages", bench.pages)):
            if not options.only or name in options.only:
                await phase()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    settings = {"in flight": options.in_flight, "rounds": options.rounds, "reviewer's pause": f"{THINK_SECONDS * 1000:.0f} ms"}
    return Report(
        settings, described, bench.phases, bench.costs, bench.trips, GOALS, bench.memory_bytes, time.monotonic() - began, bench.paints
    )


app = commands.program("Throughput and latency on this machine.")


@app.command(epilog=commands.examples("make bench", "make bench ARGS='--quick --only engine'"))
def main(
    quick: Annotated[bool, typer.Option("--quick", help="about a minute; leaves docs/benchmarks.md alone")] = False,
    only: Annotated[list[Part] | None, typer.Option(help="only this part (may be repeated)")] = None,
    rounds: Annotated[int, typer.Option(min=1, help="rounds of every contestant")] = 3,
    cases: Annotated[int, typer.Option(min=0, help="applications a round; 0: as many as the machine does in its time")] = 0,
    in_flight: Annotated[int, typer.Option(min=1, help="applications at once")] = 16,
    ports_offset: Annotated[int, typer.Option(min=0, help="of the box's ports; 0: a free one")] = 0,
    json: Annotated[Path, typer.Option(help="where the numbers go")] = Path("test-output/bench.json"),
) -> None:
    """Measures throughput and latency, and writes docs/benchmarks.md."""
    options = Options(quick, tuple(only or ()), rounds, cases, in_flight, ports_offset, json)
    logs.configure("bench", "ERROR")
    # What a round leaves open is terminated in the middle of its work: the core's warnings about that are no news here.
    quiet = LoggingConfig(filter=TelemetryFilter(core_level="ERROR", other_level="ERROR"))
    Runtime.set_default(Runtime(telemetry=TelemetryConfig(logging=quiet)))
    console = Console(width=None if sys.stdout.isatty() else 160)
    result = loop.run(run(options, console))
    report.show(result, console)
    result.write_json(options.json)
    whole = not options.quick and not options.only
    target = PAGE if whole else options.json.with_suffix(".md")
    target.write_text(report.page(result, METHOD.read_text()))
    console.print(f"written: {options.json}, {target}")


if __name__ == "__main__":
    commands.start(app, name="python -m tests.bench")
