"""A check: one numbered invariant, one function, and what it found."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from anju_verify.sources import Sources

# Enough to see what is wrong; the count says how much.
MAX_SHOWN: Final = 20
# A check that finds more than this stops collecting: the list would be the database.
MAX_KEPT: Final = 10_000


class Status(StrEnum):
    PASSED = "passed"
    VIOLATED = "violated"
    NOT_CHECKED = "not_checked"
    FAILED_TO_RUN = "could_not_run"


class UnreachableError(Exception):
    """Something a check needs is not there or does not answer."""


@dataclass
class Findings:
    """What a check looked at, and what it found. Violations never carry personal data: they are read on screens and kept in logs."""

    looked_at: int = 0
    violations: list[str] = field(default_factory=list)
    # What each of them is about, without the figures that move on a running box.
    subjects: list[str] = field(default_factory=list)
    count: int = 0
    notes: list[str] = field(default_factory=list)

    def looked(self, count: int = 1) -> None:
        self.looked_at += count

    def violation(self, text: str, about: str = "") -> None:
        """``about`` names what is wrong when ``text`` has figures in it that change while it stays wrong."""
        self.count += 1
        if len(self.violations) < MAX_KEPT:
            self.violations.append(text)
            self.subjects.append(about or text)

    def unless(self, holds: object, text: str, about: str = "") -> None:
        """A violation unless the condition holds."""
        if not holds:
            self.violation(text, about)

    def note(self, text: str) -> None:
        self.notes.append(text)


Function = Callable[["Sources", Findings], Awaitable[None]]


@dataclass(frozen=True)
class Check:
    id: str
    statement: str
    function: Function


@dataclass(frozen=True)
class Result:
    id: str
    statement: str
    status: Status
    looked_at: int
    violation_count: int
    violations: tuple[str, ...]
    notes: tuple[str, ...]
    seconds: float
    subjects: tuple[str, ...] = ()


@dataclass(frozen=True)
class Report:
    results: tuple[Result, ...]
    seconds: float

    def __getitem__(self, check_id: str) -> Result:
        return next(result for result in self.results if result.id == check_id)

    @property
    def exit_code(self) -> int:
        """1 for violations, 2 when a check could not run and nothing is known to be broken, else 0."""
        statuses = {result.status for result in self.results}
        if Status.VIOLATED in statuses:
            return 1
        return 2 if Status.FAILED_TO_RUN in statuses else 0


class Register:
    """The checks of one topic, in the order in which they are declared."""

    def __init__(self) -> None:
        self.checks: list[Check] = []

    def __call__(self, check_id: str, statement: str) -> Callable[[Function], Function]:
        def add(function: Function) -> Function:
            self.checks.append(Check(check_id, statement, function))
            return function

        return add
