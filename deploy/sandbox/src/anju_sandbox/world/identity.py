"""ID numbers and phones which carry their own index, so that any of them can be looked up without a table.

Format: GB 11643 citizen number, ``RRRRRR YYYYMMDD SSS C``. Region codes 99xxxx belong to no place, hence no
real person can be hit. ``RRRR = household % 10000``; ``SSS = 2 * (8 * (household // 10000) + slot) + male``.
"""

import re
from dataclasses import dataclass
from datetime import date

from stdnum.cn import ric

REGION_PREFIX = "99"
SLOTS = 8
_REGIONS = 10_000
MAX_HOUSEHOLDS = _REGIONS * (500 // SLOTS)
_ID18 = re.compile(r"99\d{15}[\dX]")
_ID15 = re.compile(r"99\d{13}")
PHONE = re.compile(r"199990\d{5}")


@dataclass(frozen=True, slots=True)
class PersonKey:
    """Where a person stands in the population: household number and slot inside it (0 applicant, 1 spouse, 2… others)."""

    household: int
    slot: int


def make_id_number(key: PersonKey, birth: date, *, male: bool) -> str:
    """18 character ID number of a person. Raises ValueError when the household number is out of range."""
    if not (0 <= key.household < MAX_HOUSEHOLDS and 0 <= key.slot < SLOTS):
        raise ValueError("household or slot out of range")
    high, region = divmod(key.household, _REGIONS)
    sequence = 2 * (SLOTS * high + key.slot) + int(male)
    body = f"{REGION_PREFIX}{region:04d}{birth:%Y%m%d}{sequence:03d}"
    # calc_check_digit wants the full length and ignores the last place.
    return body + str(ric.calc_check_digit(body + "0"))


def key_of(id_number: str) -> PersonKey | None:
    """The index hidden in an ID number, or None if it cannot belong to the population (18 or old 15 digit form)."""
    text = id_number.strip().upper()
    if _ID18.fullmatch(text):
        region, sequence = int(text[2:6]), int(text[14:17])
    elif _ID15.fullmatch(text):
        region, sequence = int(text[2:6]), int(text[12:15])
    else:
        return None
    high, slot = divmod(sequence // 2, SLOTS)
    household = high * _REGIONS + region
    return PersonKey(household, slot) if household < MAX_HOUSEHOLDS else None


def old_form(id_number: str) -> str | None:
    """The 15 digit form used until 1999 (no century, no check digit); None for people born later."""
    return id_number[:6] + id_number[8:17] if id_number[6:8] == "19" else None


def same_person(left: str, right: str) -> bool:
    """Whether two written forms (15 or 18 digits, either case of X) name one ID number."""
    a, b = left.strip().upper(), right.strip().upper()
    if len(a) == len(b):
        return a == b
    long, short = (a, b) if len(a) > len(b) else (b, a)
    return len(long) == 18 and old_form(long) == short


def make_phone(key: PersonKey) -> str:
    """A number in the unassigned-looking 199990xxxxx block; unique for the adults of the first 50,000 households."""
    return f"199990{(key.household * 2 + key.slot % 2) % 100_000:05d}"
