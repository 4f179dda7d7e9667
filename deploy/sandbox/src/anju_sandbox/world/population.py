"""The population: a pure function of seed and household number, so 10^5 people cost nothing until they are asked for."""

import random
from collections.abc import Iterator
from functools import lru_cache

from anju_sandbox.world.facts import Household, Person
from anju_sandbox.world.households import build_household
from anju_sandbox.world.identity import MAX_HOUSEHOLDS, key_of, same_person
from anju_sandbox.world.personas import FIRST_ORDINARY_HOUSEHOLD, Persona, build_persona, titles
from anju_sandbox.world.places import Divisions

_REMEMBERED_HOUSEHOLDS = 2048


class Population:
    """Everybody who lives in the sandbox. ID numbers carry the index, so look-ups survive a restart without a table."""

    def __init__(self, seed: int, divisions: Divisions | None = None) -> None:
        self.seed = seed
        self.divisions = divisions or Divisions()
        self._household = lru_cache(maxsize=_REMEMBERED_HOUSEHOLDS)(self._build)

    def _build(self, number: int) -> Household | None:
        # A text seed goes through SHA-512, so neighbouring numbers do not give similar people.
        # The place is drawn from its own stream: facts about people must not depend on which division list is loaded.
        if number < FIRST_ORDINARY_HOUSEHOLD:
            return build_persona(random.Random(f"{self.seed}/persona/{number}"), number, self.divisions)  # noqa: S311
        return build_household(random.Random(f"{self.seed}/household/{number}"), number, self.divisions)  # noqa: S311

    def household(self, number: int) -> Household | None:
        """The household of a number, or None where nobody lives (unused persona numbers, out of range)."""
        return self._household(number) if 0 <= number < MAX_HOUSEHOLDS else None

    def households(self, count: int, start: int = 0) -> Iterator[Household]:
        """``count`` ordinary households, lazily, from the ``start``-th on; raises ValueError past the last one."""
        first = FIRST_ORDINARY_HOUSEHOLD + start
        if start < 0 or first + count > MAX_HOUSEHOLDS:
            raise ValueError(f"the sandbox has {MAX_HOUSEHOLDS - FIRST_ORDINARY_HOUSEHOLD} ordinary households")
        for number in range(first, first + count):
            household = self.household(number)
            if household is not None:
                yield household

    def personas(self) -> tuple[Persona, ...]:
        """The demo applicants in showing order."""
        found = []
        for number, key, title, story in titles():
            household = self.household(number)
            if household is not None:
                found.append(Persona(key, title, story, household))
        return tuple(found)

    def persona(self, key: str) -> Persona | None:
        """A demo applicant by key."""
        return next((persona for persona in self.personas() if persona.key == key), None)

    def household_of(self, id_number: str) -> Household | None:
        """The household a person lives in, by any written form of the ID number."""
        key = key_of(id_number)
        household = self.household(key.household) if key else None
        if household and any(same_person(person.id_number, id_number) for person in household.members):
            return household
        return None

    def person(self, id_number: str) -> Person | None:
        """The truth about a person, by any written form of the ID number; None for a stranger."""
        household = self.household_of(id_number)
        if household is None:
            return None
        return next(person for person in household.members if same_person(person.id_number, id_number))

    def namesake(self, person: Person) -> Person | None:
        """Another person of the same name whom a careless register would mix up with this one."""
        here = key_of(person.id_number)
        for number, _, _, _ in titles():
            household = self.household(number)
            if (here and number < here.household) or household is None:
                continue
            for other in household.members:
                if other.name == person.name and other.id_number != person.id_number:
                    return other
        return None
