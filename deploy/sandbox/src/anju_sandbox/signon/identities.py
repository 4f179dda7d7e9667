"""Who can sign on: citizens of the population, and staff by role and division."""

import hashlib
import hmac
import re
from collections.abc import Iterator
from dataclasses import dataclass

from stdnum.cn import ric

from anju_sandbox.world import words
from anju_sandbox.world.facts import Person
from anju_sandbox.world.places import CITY, DISTRICTS
from anju_sandbox.world.population import Population

# Role, title, the level its division must have, and the division when none is given.
STAFF_ROLES = {
    "street_clerk": ("街道经办", "street", "410202001"),
    "district_reviewer": ("区级复审", "district", "410202"),
    "city_reviewer": ("市级终审", "city", CITY),
    "house_manager": ("房管所", "any", CITY),
    "finance": ("财务", "city", CITY),
    "operator": ("运维", "city", CITY),
    "auditor": ("审计", "city", CITY),
    "user_admin": ("用户管理员", "city", CITY),
    "audit_admin": ("安全审计员", "city", CITY),
}
MAX_SEATS = 9
_STREET = re.compile(r"\d{9}")


@dataclass(frozen=True, slots=True)
class Identity:
    """Somebody signed on; the claims are complete."""

    sub: str
    claims: dict[str, object]


class Identities:
    """Builds identities. ``sub`` is opaque and stable: a keyed hash for citizens, role and division for staff."""

    def __init__(self, population: Population, subject_key_hex: str, locale: str = "zh-CN") -> None:
        self.population = population
        self._key = bytes.fromhex(subject_key_hex)
        self._locale = locale

    def citizen(self, id_number: str) -> Identity | None:
        """An adult or child of the population by ID number; None for a stranger."""
        person = self.population.person(id_number)
        return self._citizen(person) if person else None

    def persona(self, key: str) -> Identity | None:
        """The applicant of a demo persona."""
        persona = self.population.persona(key)
        return self._citizen(persona.household.applicant) if persona else None

    def _citizen(self, person: Person) -> Identity:
        digest = hmac.new(self._key, person.id_number.encode(), hashlib.sha256).hexdigest()
        claims: dict[str, object] = {
            "name": person.name,
            "kind": "citizen",
            "roles": [],
            "divisions": [],
            "locale": self._locale,
            "real_name": person.name,
            "id_number": person.id_number,
            "phone": person.phone,
        }
        return Identity(f"c-{digest[:24]}", claims)

    def staff(self, role: str, division: str = "", seat: int = 1) -> Identity | None:
        """A member of staff; None for an unknown role or a division of the wrong level.

        Seats are different people with the same duty: what needs two persons needs two seats.
        """
        if role not in STAFF_ROLES or not 1 <= seat <= MAX_SEATS:
            return None
        _title, level, default = STAFF_ROLES[role]
        division = division or default
        if not self._fits(division, level):
            return None
        sub = f"s-{role}-{division}" + (f"-{seat}" if seat > 1 else "")
        digest = hashlib.sha256(sub.encode()).digest()
        # A number of nobody's in the population (its own begin with 99): an official is a person, and another one in every seat.
        body = f"98{int.from_bytes(digest[2:4]) % 10_000:04d}{1970 + digest[4] % 30}{1 + digest[5] % 12:02d}{1 + digest[6] % 28:02d}{int.from_bytes(digest[7:9]) % 1000:03d}"
        name = words.SURNAMES[digest[0] % len(words.SURNAMES)] + words.GIVEN_FEMALE[digest[1] % len(words.GIVEN_FEMALE)]
        claims: dict[str, object] = {
            "name": name,
            "kind": "staff",
            "roles": [role],
            "divisions": [division],
            "locale": self._locale,
            "id_number": body + str(ric.calc_check_digit(body + "0")),
        }
        return Identity(sub, claims)

    def officials(self, seats: int) -> Iterator[tuple[str, str, Identity]]:
        """Everybody who can sign on as staff in one of the first ``seats`` seats, with duty and division."""
        divisions = self.population.divisions
        streets = [code for codes in divisions.streets.values() for code in codes]
        for role, (_, level, _) in STAFF_ROLES.items():
            places = {"street": streets, "district": list(DISTRICTS), "city": [CITY], "any": [CITY, *DISTRICTS, *streets]}[level]
            for division in places:
                for seat in range(1, seats + 1):
                    identity = self.staff(role, division, seat)
                    if identity is not None:
                        yield role, division, identity

    def _fits(self, division: str, level: str) -> bool:
        divisions = self.population.divisions
        if level == "street" or (level == "any" and _STREET.fullmatch(division)):
            listed = divisions.streets.get(division[:6], [])
            known = divisions.csv_path is None or division in listed
            return bool(_STREET.fullmatch(division)) and division[:6] in DISTRICTS and known
        if level == "district":
            return division in DISTRICTS
        return division == CITY or (level == "any" and division in DISTRICTS)
