"""One round: a number of applications from submission to public notice, a fixed number of them in flight, every wait of a person timed."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from anju_contracts.application import ApplicationInput, Decision, ReviewDecision

from tests.bench.machine import cpu_seconds
from tests.workflows.stage import CLOCKS, LEVELS, PLACE, REGISTERS, REVIEW

# A reviewer who decides while the engine still writes down that it is his turn measures the engine's queue, not his own wait.
THINK_SECONDS = 0.02


@dataclass
class Case:
    """One application of a round. ``key`` is its number once it has one."""

    index: int
    key: str = ""


class Contestant(Protocol):
    name: str

    async def prepare(self, count: int) -> None:
        """Before the clock starts: whatever is not part of an application."""

    async def submit(self, case: Case) -> None:
        """Returns when the applicant has the acknowledgement."""

    async def turn(self, case: Case, level: str) -> None:
        """Waits until the level's reviewer can decide."""

    async def decide(self, case: Case, level: str) -> None:
        """Returns when the reviewer has the verdict."""

    async def on_notice(self, case: Case) -> None:
        """Waits until the case is on public notice and the household has been told."""

    async def clear(self, cases: list[Case]) -> None:
        """After the clock has stopped: ends what the round left open."""

    def work_of(self, case: Case) -> Counter[str] | None:
        """The calls of services made for the case, where the bench can see them."""

    def pids(self) -> Sequence[int]:
        """The processes that worked for this contestant (with their children)."""


@dataclass
class Round:
    contestant: str
    cases: int
    seconds: float
    cpu_seconds: dict[str, float] = field(default_factory=dict)
    submit_ms: list[float] = field(default_factory=list)
    decide_ms: list[float] = field(default_factory=list)
    case_seconds: list[float] = field(default_factory=list)
    work: Counter[str] | None = None

    @property
    def per_second(self) -> float:
        return self.cases / self.seconds

    @property
    def cpu_ms_per_case(self) -> float:
        return 1000 * sum(self.cpu_seconds.values()) / self.cases


async def run_round(contestant: Contestant, cases: int, in_flight: int) -> Round:
    """Drives the cases; raises what a case raises (a round with a failed case is no measurement)."""
    await contestant.prepare(cases)
    waiting = [Case(index) for index in range(cases)]
    done: list[Case] = []
    round_ = Round(contestant.name, cases, 0.0)
    cpu = cpu_seconds(contestant.pids())
    began = time.perf_counter()

    async def one_after_another() -> None:
        while waiting:
            case = waiting.pop()
            await drive(contestant, case, round_)
            done.append(case)

    async with asyncio.TaskGroup() as group:
        for _ in range(in_flight):
            group.create_task(one_after_another())
    round_.seconds = time.perf_counter() - began
    round_.cpu_seconds = {name: spent - cpu.get(name, 0.0) for name, spent in cpu_seconds(contestant.pids()).items()}
    round_.work = same_work(contestant, done)
    await contestant.clear(done)
    return round_


async def drive(contestant: Contestant, case: Case, round_: Round) -> None:
    began = time.perf_counter()
    await contestant.submit(case)
    round_.submit_ms.append(1000 * (time.perf_counter() - began))
    for level in LEVELS:
        await contestant.turn(case, level)
        await asyncio.sleep(THINK_SECONDS)
        asked = time.perf_counter()
        await contestant.decide(case, level)
        round_.decide_ms.append(1000 * (time.perf_counter() - asked))
    await contestant.on_notice(case)
    round_.case_seconds.append(time.perf_counter() - began)


def same_work(contestant: Contestant, cases: list[Case]) -> Counter[str] | None:
    """What one case did. Raises AssertionError when two cases of the round did different things."""
    first = contestant.work_of(cases[0])
    for case in cases:
        if contestant.work_of(case) != first:
            raise AssertionError(f"{contestant.name}: {contestant.work_of(case)} is not the work of the first case {first}")
    return Counter(first) if first is not None else None


def given() -> ApplicationInput:
    """An application as casework starts it."""
    return ApplicationInput(
        no=f"KF-2026-{uuid.uuid4().hex[:12]}",
        owner="c-somebody",
        place=PLACE,
        registers=REGISTERS,
        levels=REVIEW,
        objection_level="district",
        clocks=CLOCKS,
    )


def approval(level: str) -> ReviewDecision:
    return ReviewDecision(level=level, decision=Decision.APPROVE, reason="材料齐全", actor=f"s-{level}", request_id=uuid.uuid4().hex)
