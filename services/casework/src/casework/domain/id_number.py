"""The citizen identity number (公民身份号码, GB 11643-1999): six digits of region, eight of birth date, three of sequence, one check character (MOD 11-2)."""

from __future__ import annotations

import re
from datetime import date

from anju_people.text import clean_code
from stdnum.cn import ric
from stdnum.exceptions import InvalidComponent

from casework.domain.violations import Violation

_NEW_FORM = re.compile(r"[0-9]{17}[0-9X]")
_OLD_FORM = re.compile(r"[0-9]{15}")
# GB/T 2260: provinces, and 81 to 83 for residence permits of people from Hong Kong, Macao and Taiwan.
_PROVINCES = frozenset(
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
TEST_PREFIX = "99"
OLDEST_YEAR = 1900


def normalise(text: str) -> str:
    """Full-width digits to ASCII, x to X, without blanks and hyphens."""
    return clean_code(text)


def birth_date(number: str) -> date | None:
    """The birth date inside a number of the new form; None when it is not a date."""
    try:
        return ric.get_birth_date(number)
    except (InvalidComponent, ValueError):
        return None


def check(number: str, pointer: str, *, today: date, production: bool) -> Violation | None:
    """What is wrong with a normalised number, None when nothing is.

    ``production`` refuses the numbers for demonstration (region 99xxxx).
    """
    if not number:
        return Violation(pointer, "REQUIRED", "请填写身份证号码。", "Enter the identity number.")
    if _OLD_FORM.fullmatch(number):
        return Violation(
            pointer,
            "ID_OLD_FORM",
            "这是15位的旧号码，已停止使用，请填写现在身份证上的18位号码。",
            "This is a 15-digit number, no longer in use. Enter the 18-character number on the current card.",
        )
    if not _NEW_FORM.fullmatch(number):
        return Violation(
            pointer,
            "ID_FORMAT",
            "身份证号码应为18位：前17位是数字，最后一位是数字或X。",
            "An identity number has 18 characters: 17 digits, then a digit or X.",
        )
    return _check_parts(number, pointer, today, production)


def _check_parts(number: str, pointer: str, today: date, production: bool) -> Violation | None:
    if number[:2] not in _PROVINCES and (production or number[:2] != TEST_PREFIX):
        return Violation(
            pointer,
            "ID_REGION",
            "身份证号码的前6位不是有效的地区代码，请对照证件检查。",
            "The first six digits are not the code of a region. Compare with the card.",
        )
    born = birth_date(number)
    if born is None or born.year < OLDEST_YEAR:
        return Violation(
            pointer,
            "ID_BIRTH_DATE",
            "身份证号码第7至14位不是有效的出生日期，请对照证件检查。",
            "Digits 7 to 14 are not a date of birth. Compare with the card.",
        )
    if born > today:
        return Violation(
            pointer,
            "ID_BIRTH_DATE_FUTURE",
            "身份证号码中的出生日期晚于今天，请对照证件检查。",
            "The date of birth in this number lies in the future. Compare with the card.",
        )
    if ric.calc_check_digit(number) != number[-1]:
        return Violation(
            pointer,
            "ID_CHECK_DIGIT",
            "身份证号码校验不通过，可能有一位输入错误，请逐位核对。",
            "The check character does not fit; one character is probably mistyped.",
        )
    return None
