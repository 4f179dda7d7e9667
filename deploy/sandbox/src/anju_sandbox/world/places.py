"""The divisions a household applies in: read from the deployment's own list, nothing of it is kept here."""

import csv
import random
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from anju_sandbox.world.facts import Place

# The seven real estate registers of the sample city; they are the addresses of the endpoints, so they are known here.
DISTRICTS = {
    "410202": "龙亭区",
    "410203": "顺河回族区",
    "410204": "鼓楼区",
    "410205": "禹王台区",
    "410212": "祥符区",
    "410223": "尉氏县",
    "410225": "兰考县",
}
CITY = "4102"


@dataclass(frozen=True)
class Divisions:
    """Districts, streets and communities from a CSV with the columns code, level, name, parent."""

    csv_path: Path | None = None

    @cached_property
    def _rows(self) -> dict[str, list[tuple[str, str, str]]]:
        levels: dict[str, list[tuple[str, str, str]]] = {"district": [], "street": [], "community": []}
        if self.csv_path is None:
            levels["district"] = [(code, name, CITY) for code, name in DISTRICTS.items()]
            return levels
        with self.csv_path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                if row["level"] in levels:
                    levels[row["level"]].append((row["code"], row["name"], row["parent"]))
        return levels

    @cached_property
    def names(self) -> dict[str, str]:
        """Name of every known code."""
        return DISTRICTS | {code: name for rows in self._rows.values() for code, name, _ in rows}

    @cached_property
    def streets(self) -> dict[str, list[str]]:
        """Street codes of each district; one stand-in street per district when no list was given."""
        found: dict[str, list[str]] = {code: [] for code, _, _ in self._rows["district"]}
        for code, _, parent in self._rows["street"]:
            found.setdefault(parent, []).append(code)
        return {district: codes or [f"{district}001"] for district, codes in found.items()}

    @cached_property
    def communities(self) -> dict[str, list[str]]:
        """Community codes of each street."""
        found: dict[str, list[str]] = {}
        for code, _, parent in self._rows["community"]:
            found.setdefault(parent, []).append(code)
        return found

    def name(self, code: str) -> str:
        """Name of a division, or its code where the list has none."""
        return self.names.get(code, code)

    def place(self, street: str, community: str = "") -> Place:
        """A place by its codes."""
        district = street[:6]
        label = self.name(community) if community else ""
        return Place(district, self.name(district), street, self.name(street), community, label)

    def pick(self, rng: random.Random) -> Place:
        """A random place; urban districts four times as often as the two counties, as their people apply more."""
        districts = list(self.streets)
        weights = [1 if code.startswith("41022") else 4 for code in districts]
        district = rng.choices(districts, weights)[0]
        street = rng.choice(self.streets[district])
        communities = self.communities.get(street, [])
        return self.place(street, rng.choice(communities) if communities else "")
