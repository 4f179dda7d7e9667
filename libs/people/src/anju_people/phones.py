"""Telephone numbers as contact apps, cards and people write them. The pages' twin is ``web/src/lib/people.ts``, held to the same cases."""

from __future__ import annotations

import re

from anju_people.text import clean_code

_ABROAD = re.compile(r"(?:\+86|0086|86)(?=1[0-9]{10}$|0?[0-9]{9,11}$)")
_MOBILE = re.compile(r"1[0-9]{10}")
_LANDLINE = re.compile(r"(?:0[0-9]{2,3})?[0-9]{7,8}")


def clean_phone(typed: str) -> str:
    """The number without the country's code, blanks, brackets and what contact apps put around it."""
    digits = clean_code(typed).translate({ord(char): None for char in "()/"})
    return _ABROAD.sub("", digits, count=1)


def fault(typed: str) -> str:
    """The code of what is wrong with a number at which a household is to get messages; "" when nothing is."""
    number = clean_phone(typed)
    if not number:
        return "PHONE_MISSING"
    if _MOBILE.fullmatch(number):
        return ""
    return "PHONE_LANDLINE" if _LANDLINE.fullmatch(number) else "PHONE_FORMAT"
