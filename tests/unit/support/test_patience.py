"""Waiting ends with what was waited for, or with a sentence that says what was seen instead."""

from __future__ import annotations

import itertools

import pytest

from tests.support.patience import eventually


async def test_what_is_there_at_last_is_returned() -> None:
    numbers = itertools.count()

    async def look() -> int:
        return next(numbers)

    assert await eventually(look, lambda number: number == 3) == 3
    assert await eventually(lambda: next(numbers)) == 4


async def test_what_does_not_come_is_named_with_the_last_sight() -> None:
    with pytest.raises(AssertionError, match=r"the letter; last seen: 'no letter'"):
        await eventually(lambda: "no letter", lambda seen: seen == "letter", what="the letter", seconds=0.05)
