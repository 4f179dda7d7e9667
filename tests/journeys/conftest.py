from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from anju_onebox.stories.household import Household

from tests.support.boxes import RunningBox, running_box


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def box(session_dir: Path) -> AsyncIterator[RunningBox]:
    """One whole box for all journeys; each journey brings its own household."""
    async with running_box(session_dir / "journeys", 12_000) as running:
        yield running


@pytest.fixture(scope="session")
def numbers() -> Iterator[int]:
    # Far from the stretches which the demo and the replay use.
    return count(200_000, 400)


@pytest_asyncio.fixture(loop_scope="session")
async def honest_family(box: RunningBox, numbers: Iterator[int]) -> Callable[..., Any]:
    """``await honest_family()``: a household that tells the truth, owns nothing, earns little, in 龙亭区 unless told otherwise."""

    async def find(district: str = "410202", fits: Callable[[dict[str, Any]], bool] | None = None) -> Household:
        while True:
            page = await box.town.world("GET", f"/population/households?start={next(numbers)}&count=400")
            for household in page["items"]:
                income = sum(member["annual_income_fen"] for member in household["members"]) / len(household["members"]) / 12
                plain = not household["misdeclared"] and not any(m["homes"] or m["vehicles"] for m in household["members"])
                poor = household["category"] == "urban_low_income" and income < 200_000
                if plain and poor and household["place"]["district"] == district and (fits is None or fits(household)):
                    return Household(box.town, household, box.clock)

    return find


@pytest_asyncio.fixture(loop_scope="session")
async def family(honest_family: Callable[..., Any]) -> Household:
    made: Household = await honest_family()
    return made
