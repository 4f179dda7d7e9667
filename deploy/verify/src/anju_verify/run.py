"""Runs the checks. One that fails to run does not keep the others from running."""

from __future__ import annotations

import asyncio
import time
import traceback
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from chassis.deployment import Deployment

from anju_verify import (
    allocation,
    appointments,
    both_sides,
    complaints,
    contracts,
    counter,
    evaluations,
    facts,
    messages,
    money,
    policies,
    privacy,
    registers,
    rents,
    requests,
    workflow_health,
    workflow_records,
)
from anju_verify.check import Check, Findings, Report, Result, Status, UnreachableError
from anju_verify.marks import Marks
from anju_verify.sources import Sources

DEFAULT_HISTORIES: Final = 50
# No check may hold the others up for ever.
_CHECK_SECONDS: Final = 900.0
_TOPICS: Final = (
    money,
    rents,
    allocation,
    contracts,
    workflow_records,
    workflow_health,
    registers,
    requests,
    both_sides,
    appointments,
    complaints,
    messages,
    counter,
    evaluations,
    policies,
    facts,
    privacy,
)


@dataclass(frozen=True)
class Options:
    """``only`` empty: all. ``histories`` None: all. A violation counts when it is seen again after ``settle_seconds``: a running box moves between
    the look into one database and the look into the next."""

    only: tuple[str, ...] = ()
    canaries: tuple[str, ...] = ()
    histories: int | None = DEFAULT_HISTORIES
    settle_seconds: float = 3.0
    # Where the last clean looks are kept; None: every run reads everything.
    marks_file: Path | None = None
    # Everything is read, and kept as a clean look then.
    full: bool = False
    # Ids of workflows whose histories were reset, or which were started again, by somebody who had the right to.
    resets: frozenset[str] = frozenset()


def checks() -> dict[str, Check]:
    """Every check by its id, in the order of the promises."""
    return {check.id: check for topic in _TOPICS for check in topic.check.checks}


async def verify(deployment: Deployment, options: Options | None = None) -> Report:
    """Never raises for what it finds or cannot reach: that stands in the report. Raises OSError when the file of marks cannot be written."""
    options = options or Options()
    started = time.monotonic()
    chosen = [each for each in checks().values() if not options.only or each.id in options.only]
    results: dict[str, Result] = {}
    known = Marks.read(options.marks_file) if options.marks_file is not None else Marks()
    async with Sources(
        deployment,
        canaries=options.canaries,
        histories=options.histories,
        resets=options.resets,
        marks=Marks() if options.full else known,
    ) as sources:
        for each in chosen:
            results[each.id] = await _run(each, sources)
        again = [each for each in chosen if results[each.id].status is Status.VIOLATED]
        if again and options.settle_seconds > 0:
            await asyncio.sleep(options.settle_seconds)
            sources.forget()
            for each in again:
                results[each.id] = _both(results[each.id], await _run(each, sources))
    if options.marks_file is not None:
        clean = {name: mark for name, mark in sources.marks.items() if results[name].status is Status.PASSED}
        Marks(checks=known.checks | clean).write(options.marks_file)
    return Report(tuple(results.values()), round(time.monotonic() - started, 2))


async def _run(check: Check, sources: Sources) -> Result:
    found, started = Findings(), time.monotonic()
    status: Status | None = None
    try:
        async with asyncio.timeout(_CHECK_SECONDS):
            await check.function(sources, found)
    except UnreachableError as error:
        found.note(str(error))
        status = Status.FAILED_TO_RUN
    except TimeoutError:
        found.note(f"not done after {_CHECK_SECONDS:.0f} s")
        status = Status.FAILED_TO_RUN
    except Exception as error:
        # The text of a driver's error may quote a value of the row it stumbled over.
        found.note(f"{type(error).__name__} in {_place(error)}")
        status = Status.FAILED_TO_RUN
    seen = sources.seen(check.id)
    if seen is not None:
        found.note(f"only what changed since {seen.at:%Y-%m-%d %H:%M:%S} UTC")
    if found.count:
        status = Status.VIOLATED
    elif status is None:
        status = Status.PASSED if found.looked_at or seen is not None else Status.NOT_CHECKED
    seconds = round(time.monotonic() - started, 2)
    return Result(
        id=check.id,
        statement=check.statement,
        status=status,
        looked_at=found.looked_at,
        violation_count=found.count,
        violations=tuple(found.violations),
        notes=tuple(found.notes),
        seconds=seconds,
        subjects=tuple(found.subjects),
    )


def _place(error: BaseException) -> str:
    """The innermost line of ours."""
    ours = [frame for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename).parent == Path(__file__).parent]
    return f"{Path(ours[-1].filename).name}:{ours[-1].lineno}" if ours else "?"


def _both(first: Result, second: Result) -> Result:
    """What was wrong both times, as it was the second time."""
    if second.status is not Status.VIOLATED:
        return second
    seen = set(first.subjects)
    stayed = [(text, about) for text, about in zip(second.violations, second.subjects, strict=True) if about in seen]
    status = Status.VIOLATED if stayed else Status.PASSED
    texts, subjects = tuple(text for text, _ in stayed), tuple(about for _, about in stayed)
    return replace(second, status=status, violation_count=len(stayed), violations=texts, subjects=subjects)
