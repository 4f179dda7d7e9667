"""How a value that fills a blank of a template reads in the other language.

Workflows give values as people in China read them (2026年11月23日, 1,234.50 元, 街道初审); the English text needs the same fact in English. A value
nobody knows how to say in English stays as it is: a Chinese unit name is better than none.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

_DATE: Final = re.compile(r"(\d{4})年(\d{1,2})月(\d{1,2})日")
_MONTH: Final = re.compile(r"(\d{4})年(\d{1,2})月")
_AMOUNT: Final = re.compile(r"(\d[\d,]*(?:\.\d{2})?) ?元")

_WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "社会保险": "the social insurance register",
        "不动产": "the real estate register",
        "车辆": "the vehicle register",
        "婚姻": "the marriage register",
        "街道初审": "street review",
        "区级复审": "district review",
        "市级终审": "city review",
        "异议复核": "objection review",
    }
)


def english(value: str) -> str:
    """The value as an English text shows it: dates as 2026-11-23, months as 2026-11, amounts as CNY 1,234.50, known words translated."""
    value = _DATE.sub(lambda m: f"{m[1]}-{int(m[2]):02d}-{int(m[3]):02d}", value)
    value = _MONTH.sub(lambda m: f"{m[1]}-{int(m[2]):02d}", value)
    value = _AMOUNT.sub(lambda m: f"CNY {m[1]}", value)
    if value in _WORDS:
        return _WORDS[value]
    parts = value.split("、")
    if len(parts) > 1 and all(part in _WORDS for part in parts):
        return ", ".join(_WORDS[part] for part in parts)
    return value
