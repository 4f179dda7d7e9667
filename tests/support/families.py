"""Households of the sandbox's population whose way is known in advance, because they tell the truth and own nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

from anju_stories.household import Household

from tests.support.boxes import RunningBox

_PAGE = 400
# Well under the sample's income limit, so that the rules have no doubt.
_MONTHLY_INCOME_FEN = 200_000


def is_honest(household: dict[str, Any]) -> bool:
    members = household["members"]
    income = sum(member["annual_income_fen"] for member in members) / len(members) / 12
    owns = any(member["homes"] or member["vehicles"] for member in members)
    return not household["misdeclared"] and not owns and household["category"] == "urban_low_income" and income < _MONTHLY_INCOME_FEN


class Families:
    """Each household once. ``start`` keeps suites on boxes of their own stretch of the population, away from the demo's and the replay's."""

    def __init__(self, box: RunningBox, start: int) -> None:
        self._box = box
        self._honest = self._from(start)

    async def _from(self, start: int) -> AsyncIterator[dict[str, Any]]:
        while True:
            page = await self._box.town.world("GET", f"/population/households?start={start}&count={_PAGE}")
            start = page["next_start"]
            for household in filter(is_honest, page["items"]):
                yield household

    async def one(self, district: str = "", fits: Callable[[dict[str, Any]], bool] = lambda household: True) -> Household:
        """An honest household, of one district when it is given."""
        async for household in self._honest:
            if district in ("", household["place"]["district"]) and fits(household):
                return Household(self._box.town, household, self._box.clock)
        raise AssertionError("the population has no end")

    async def several(self, wanted: int) -> list[Household]:
        return [await self.one() for _ in range(wanted)]
