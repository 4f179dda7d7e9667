"""kill -9 while somebody is on his way, and asking again as a phone does."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
from collections import Counter
from collections.abc import Awaitable, Callable

from anju_stories.people import ApiProblem

from tests.support.boxes import RunningBox
from tests.support.patience import eventually


async def insist(step: Callable[[], Awaitable[object]]) -> None:
    """Asks again while the answer is an outage; a refusal that says 'done already' is a success of the try before."""

    async def attempt() -> bool:
        try:
            await step()
        except ApiProblem as problem:
            if problem.status in (500, 502, 503, 504):
                return False
            if problem.status == 409:
                return True
            raise
        except TimeoutError:
            return False
        return True

    await eventually(attempt, what="the step to go through")


def pids(box: RunningBox, process: str) -> dict[str, int]:
    """Of its two replicas, by title."""
    found = json.loads(box.layout.processes_file.read_text())
    return {title: pid for title, pid in found.items() if title.split(" #")[0] == process}


async def kill_each(box: RunningBox, victims: tuple[str, ...], needed: Callable[[str], bool], rng: random.Random) -> Counter[str]:
    """Kills every victim twice, once one of its replicas and once both, each time while somebody needs it. Returns the kills by victim."""
    kills: Counter[str] = Counter()
    order = [(victim, alone) for victim in victims for alone in (True, False)]
    rng.shuffle(order)
    for victim, alone in order:

        async def awaited(victim: str = victim) -> bool:
            return needed(victim)

        await eventually(awaited, what=f"somebody who needs {victim}")
        await asyncio.sleep(rng.uniform(0, 0.2))
        before = pids(box, victim)
        assert len(before) == 2
        struck = dict([rng.choice(sorted(before.items()))]) if alone else before
        for pid in struck.values():
            os.kill(pid, signal.SIGKILL)
        kills[victim] += 1

        async def others(victim: str = victim, struck: dict[str, int] = struck) -> bool:
            now = pids(box, victim)
            return all(now.get(title) not in (None, pid) for title, pid in struck.items())

        await eventually(others, what=f"others for {sorted(struck)}")
    return kills
