"""How a fact reads in each language: a day, a month, an amount of money, a code of the shared vocabularies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final, Literal

import anju_calendar as calendar
from anju_terms import terms

# fmt: off
_MONTHS: Final = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December",
)
# fmt: on
Kind = Literal["text", "day", "month", "fen", "count", "term", "list", "words"]

# Every blank of a template and the kind of fact that fills it. What a person typed is ``text`` and reads the same in every language.
BLANKS: Final[Mapping[str, Kind]] = MappingProxyType(
    {
        "no": "text",
        "reason": "text",
        "unit": "text",
        "lease": "text",
        "reader": "text",
        "on": "day",
        "deadline": "day",
        "closes": "day",
        "expires": "day",
        "sign_by": "day",
        "starts": "day",
        "due": "day",
        "until": "day",
        "month": "month",
        "amount": "fen",
        "owed": "fen",
        "rank": "count",
        "left": "count",
        "days": "count",
        "level": "term",
        "item": "term",
        "register": "list",
        "headline": "words",
        "message": "words",
    }
)


@dataclass(frozen=True)
class Fact:
    """One fact: ``term`` is (vocabulary, code), ``list`` holds terms, ``words`` are what somebody wrote in Chinese and in English."""

    kind: Kind
    value: str | int | datetime | tuple[str, str] | tuple[tuple[str, str], ...]

    def zh(self) -> str:
        match self.kind, self.value:
            case "day", datetime() as instant:
                day = calendar.local_date(instant)
                return f"{day.year}年{day.month}月{day.day}日"
            case "month", str(period):
                return f"{period[:4]}年{int(period[4:])}月"
            case "fen", int(fen):
                return f"{_amount(fen)} 元"
            case "term", (str(vocabulary), str(code)):
                return _phrase(vocabulary, code, "zh-CN")
            case "list", tuple(items):
                return "、".join(_phrase(item[0], item[1], "zh-CN") for item in items if isinstance(item, tuple))
            case "words", (str(zh), str()):
                return zh
        return str(self.value)

    def en(self) -> str:
        match self.kind, self.value:
            case "day", datetime() as instant:
                day = calendar.local_date(instant)
                return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"
            case "month", str(period):
                return f"{_MONTHS[int(period[4:]) - 1]} {period[:4]}"
            case "fen", int(fen):
                return f"{_amount(fen)} yuan"
            case "term", (str(vocabulary), str(code)):
                return _phrase(vocabulary, code, "en")
            case "list", tuple(items):
                return ", ".join(_phrase(item[0], item[1], "en") for item in items if isinstance(item, tuple))
            case "words", (str(), str(en)):
                return en
        return str(self.value)


# What a preview fills the blanks with.
EXAMPLES: Final[Mapping[Kind, Fact]] = MappingProxyType(
    {
        "text": Fact("text", "××××"),
        "day": Fact("day", datetime(2026, 12, 1, 4, tzinfo=UTC)),
        "month": Fact("month", "202612"),
        "fen": Fact("fen", 48_650),
        "count": Fact("count", 3),
        "term": Fact("term", ("stages", "street_review")),
        "list": Fact("list", (("registers", "social_insurance"), ("registers", "real_estate"))),
        "words": Fact("words", ("××××", "××××")),
    }
)


def is_term(vocabulary: str, code: str) -> bool:
    try:
        return code in terms(vocabulary)
    except KeyError:
        return False


def is_month(period: str) -> bool:
    return len(period) == 6 and period.isdecimal() and 1 <= int(period[4:]) <= 12


def _phrase(vocabulary: str, code: str, locale: str) -> str:
    return terms(vocabulary)[code].phrase.by_locale(locale)


def _amount(fen: int) -> str:
    return f"{fen // 100:,}.{fen % 100:02d}"
