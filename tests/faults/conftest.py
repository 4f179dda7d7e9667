from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from anju_onebox.stories.household import Household

from tests.support.boxes import RunningBox, running_box


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def split_box(session_dir: Path) -> AsyncIterator[RunningBox]:
    """A box whose services and worker are processes of their own, so that each can be killed alone."""
    async with running_box(session_dir / "faults", 14_000, "--processes") as running:
        yield running


@pytest.fixture(scope="session")
def stretches() -> Iterator[int]:
    return count(400_000, 400)


@pytest_asyncio.fixture(loop_scope="session")
async def families(split_box: RunningBox, stretches: Iterator[int]) -> Any:
    """``await families(5)``: so many honest, eligible households, spread over the city."""

    async def find(wanted: int, box: RunningBox = split_box) -> list[Household]:
        found: list[Household] = []
        while len(found) < wanted:
            page = await box.town.world("GET", f"/population/households?start={next(stretches)}&count=400")
            for household in page["items"]:
                income = sum(member["annual_income_fen"] for member in household["members"]) / len(household["members"]) / 12
                plain = not household["misdeclared"] and not any(m["homes"] or m["vehicles"] for m in household["members"])
                if plain and household["category"] == "urban_low_income" and income < 200_000 and len(found) < wanted:
                    found.append(Household(box.town, household, box.clock))
        return found

    return find
