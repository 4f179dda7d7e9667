"""Numbers of the documents people have, each by its own standard: one definition for the pages, the public API, casework and the register gateway.

The pages' twin is ``web/src/lib/people.ts``; ``tests/unit/people/cases.json`` holds both to the same answers.

- The citizen identity number (公民身份号码, GB 11643-1999) and, of the same form, that of the residence permits of people from Hong Kong, Macao and Taiwan
  (81 to 83): six digits of region, eight of birth date, three of sequence, one check character (ISO 7064 MOD 11-2).
- The foreigner's permanent residence card (外国人永久居留身份证). Since December 2023 (National Immigration Administration): 9, the province that took the
  application (2), the nationality as in ISO 3166-1 numeric (3), then as the citizen's number. Before that 15 characters: the nationality in three letters, the
  place (4), the birth date without its century (6), a sequence digit, and the check digit of travel documents (ICAO 9303: weights 7, 3, 1).

Whoever has none of these (a passport only) has no number a register could be asked by; he is told the counter.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Final

from stdnum.cn import ric
from stdnum.exceptions import InvalidComponent

from anju_people.text import clean_code

_EIGHTEEN = re.compile(r"[0-9]{17}[0-9X]")
_CITIZEN_BEFORE_1999 = re.compile(r"[0-9]{15}")
_FOREIGNER_BEFORE_2023 = re.compile(r"[A-Z]{3}[0-9]{12}")
# GB/T 2260; 81 to 83 are the residence permits.
_PROVINCES: Final = frozenset(
    [
        "11",
        "12",
        "13",
        "14",
        "15",
        "21",
        "22",
        "23",
        "31",
        "32",
        "33",
        "34",
        "35",
        "36",
        "37",
        "41",
        "42",
        "43",
        "44",
        "45",
        "46",
        "50",
        "51",
        "52",
        "53",
        "54",
        "61",
        "62",
        "63",
        "64",
        "65",
        "71",
        "81",
        "82",
        "83",
    ]
)
# No place has codes which start with 99: numbers for training and demonstration.
TEST_PREFIX: Final = "99"
OLDEST_YEAR: Final = 1900


def is_foreigner(number: str) -> bool:
    """Whether a number in its one form is of a foreigner's permanent residence card."""
    return _FOREIGNER_BEFORE_2023.fullmatch(number) is not None or (number[:1] == "9" and number[1:3] in _PROVINCES and len(number) == 18)


def is_old_card(number: str) -> bool:
    """Whether it is of a card of before December 2023, in which the century of the birth date is missing."""
    return _FOREIGNER_BEFORE_2023.fullmatch(number) is not None


def birth_date(number: str) -> date | None:
    """The whole birth date inside a number of 18 characters; None when it is not a date, or when the number has none."""
    if not _EIGHTEEN.fullmatch(number):
        return None
    try:
        return ric.get_birth_date(number)
    except (InvalidComponent, ValueError):
        return None


def was_born(number: str, born: date) -> bool:
    """Whether a birth date is the one in the number, as much of it as the number has."""
    return number[7:13] == f"{born:%y%m%d}" if is_old_card(number) else birth_date(number) == born


def in_todays_form(number: str) -> str:
    """A citizen's number of before 1999 (15 digits, the century and the check character missing) as it is written today; any other as it is."""
    if not _CITIZEN_BEFORE_1999.fullmatch(number):
        return number
    whole = f"{number[:6]}19{number[6:]}"
    return whole + str(ric.calc_check_digit(whole))


def male(number: str) -> bool:
    """By the sequence digit, odd for men."""
    return int(number[13 if is_old_card(number) else 16]) % 2 == 1


def fault(typed: str, *, today: date, production: bool) -> str:
    """The code of what is wrong with a number, however it was typed; "" when nothing is.

    ``production`` refuses the numbers for demonstration (region 99xxxx)."""
    number = clean_code(typed)
    if not number:
        return "REQUIRED"
    if _CITIZEN_BEFORE_1999.fullmatch(number):
        return "ID_OLD_FORM"
    if is_old_card(number):
        return _old_card(number, today)
    if not _EIGHTEEN.fullmatch(number):
        return "ID_FORMAT"
    if number[:2] not in _PROVINCES and not is_foreigner(number) and (production or number[:2] != TEST_PREFIX):
        return "ID_REGION"
    born = birth_date(number)
    if born is None or born.year < OLDEST_YEAR:
        return "ID_BIRTH_DATE"
    if born > today:
        return "ID_BIRTH_DATE_FUTURE"
    return "" if ric.calc_check_digit(number) == number[-1] else "ID_CHECK_DIGIT"


def _old_card(number: str, today: date) -> str:
    if number[3:5] not in _PROVINCES:
        return "ID_REGION"
    if not any(_is_day(f"{century}{number[7:13]}", today) for century in ("19", "20")):
        return "ID_BIRTH_DATE"
    values = (int(char, 36) for char in number[:14])
    return "" if sum(value * (7, 3, 1)[place % 3] for place, value in enumerate(values)) % 10 == int(number[14]) else "ID_CHECK_DIGIT"


def _is_day(digits: str, latest: date) -> bool:
    try:
        return date(int(digits[:4]), int(digits[4:6]), int(digits[6:])) <= latest
    except ValueError:
        return False
