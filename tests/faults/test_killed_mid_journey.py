"""kill -9 of the worker, of each service, and of everything at once, while households are on their way."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from anju_onebox.stories.household import Household
from anju_onebox.stories.people import ApiProblem, eventually

from tests.support.boxes import RunningBox, launch, ready, stop
from tests.support.families import Families

pytestmark = [pytest.mark.fault, pytest.mark.timeout(600)]

SERVICES = ("casework", "eligibility", "registry-gateway", "housing", "payments", "notifications")


async def insist(step: Callable[[], Awaitable[object]], *, seconds: float = 60) -> None:
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

    await eventually(attempt, bool, seconds=seconds, what="the step to go through")


async def to_notice(family: Household) -> None:
    key = str(uuid.uuid4())
    await insist(lambda: family.submit(key=key))
    for level in ("street", "district", "city"):
        await family.reaches(f"{level}_review", *LATER[level], seconds=120)
        await insist(lambda level=level: family.decide(level))  # type: ignore[misc]
    await family.reaches("public_notice", seconds=120)


# A decision that got through before its answer was lost has moved the case on already.
LATER = {
    "street": ("district_review", "city_review", "public_notice"),
    "district": ("city_review", "public_notice"),
    "city": ("public_notice",),
}


def pid(box: RunningBox, title: str) -> int:
    return int(json.loads(box.layout.processes_file.read_text())[title])


async def killer(box: RunningBox, victims: tuple[str, ...], kills: int, rng: random.Random) -> int:
    done = 0
    for number in range(kills):
        await asyncio.sleep(rng.uniform(0.5, 2.0))
        try:
            os.kill(pid(box, victims[number % len(victims)]), signal.SIGKILL)
            done += 1
        except (ProcessLookupError, KeyError):
            continue
    return done


@pytest.mark.parametrize("victims", [("worker",), SERVICES], ids=["worker", "each service"])
async def test_households_arrive_while_processes_are_killed(split_box: RunningBox, families: Families, victims: tuple[str, ...]) -> None:
    seed = random.SystemRandom().randrange(1 << 32)
    print(f"seed {seed}")
    made = await families.several(6)
    travelling = [asyncio.create_task(to_notice(family)) for family in made]
    kills = await killer(split_box, victims, max(6, len(victims)), random.Random(seed))
    assert kills >= 4
    await asyncio.gather(*travelling)
    numbers = {family.no for family in made}
    assert len(numbers) == len(made)
    for family in made:
        events = [entry["event"] for entry in (await family.case())["timeline"]]
        approvals = [e for e in events if e.endswith("_approved")]
        assert approvals == ["street_approved", "district_approved", "city_approved"], events


async def test_everything_killed_at_once_goes_on_where_it_was(session_dir: Path, families: Families) -> None:
    """The whole group, engines included: nothing acknowledged is lost, and the cases go on after the restart."""
    from anju_onebox.layout import Layout
    from anju_onebox.stories.people import city

    offset, folder = 16_000, session_dir / "power"
    process, log = launch(folder, offset)
    layout = Layout(folder.resolve(), offset, 8080 + offset)
    try:
        await ready(layout, process, log)
        async with city(layout) as town:
            made = [Household(town, family.household) for family in await families.several(3)]
            for family in made:
                await family.submit()
            await made[0].reaches("street_review")
            await made[0].decide("street")
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)
            process, log = launch(folder, offset)
            await ready(layout, process, log)
            case = await made[0].reaches("district_review")
            assert [e["event"] for e in case["timeline"]].count("street_approved") == 1
            for family in made[1:]:
                await family.reaches("street_review")
                await family.decide("street")
                await family.reaches("district_review")
    finally:
        stop(process)
