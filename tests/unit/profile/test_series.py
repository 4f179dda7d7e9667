"""Series of dated values: which value holds on a day, and what is no series."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from anju_profile import Dated, NotInForceError, ReviewLevel, Series
from anju_profile.series import Code, Codes, Exact, Fen, Positive, Section, Whole, Wholes
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

DAYS = st.dates(min_value=date(1990, 1, 1), max_value=date(2090, 12, 31))


def entry(value: Any, day: date | str = "2026-01-01", **more: Any) -> dict[str, Any]:
    return {"from": day, "value": value, "source": "第七条"} | more


@st.composite
def series(draw: st.DrawFn) -> Series[int]:
    days = sorted(draw(st.sets(DAYS, min_size=1, max_size=8)))
    return Whole.model_validate([entry(draw(st.integers(0, 10**9)), day) for day in days])


@given(series(), DAYS)
def test_the_last_entry_which_has_begun_holds(values: Series[int], day: date) -> None:
    begun = [each for each in values.entries if each.effective_from <= day]
    if begun:
        assert values.entry_on(day) == begun[-1]
        assert values.on(day) == begun[-1].value
    else:
        with pytest.raises(NotInForceError):
            values.on(day)


@given(series())
def test_every_entry_holds_from_its_day_until_the_next_one_begins(values: Series[int]) -> None:
    ends = [following.effective_from - timedelta(days=1) for following in values.entries[1:]] + [date.max]
    for each, end in zip(values.entries, ends, strict=True):
        assert values.entry_on(each.effective_from) == values.entry_on(end) == each


@given(series(), DAYS, st.integers(0, 10**9))
def test_a_later_entry_changes_nothing_before_its_day(values: Series[int], day: date, value: int) -> None:
    begins = values.entries[-1].effective_from + timedelta(days=1)
    longer = Whole.model_validate([*values.entries, Dated[int](effective_from=begins, value=value, source="通知")])
    assert longer.on(begins) == value
    if values.entries[0].effective_from <= day < begins:
        assert longer.entry_on(day) == values.entry_on(day)


@given(series())
def test_a_series_is_read_again_as_it_was_written(values: Series[int]) -> None:
    assert Whole.model_validate_json(values.model_dump_json()).entries == values.entries


def test_before_the_first_entry_the_error_says_what_and_since_when() -> None:
    values = Whole.model_validate([entry(3)])
    values.name("lease.sign_days of profile kaifeng-sample-2026.1")
    with pytest.raises(
        NotInForceError, match=r"lease\.sign_days of profile kaifeng-sample-2026\.1 has no value on 2025-12-31.* from 2026-01-01"
    ):
        values.on(date(2025, 12, 31))


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ([], "at least one entry"),
        ([entry(1), entry(2)], "one a day"),
        ([entry(1, "2026-02-01"), entry(2, "2026-01-01")], "2026-01-01 comes after 2026-02-01"),
        ([entry(1, source="")], "at least 1 character"),
        ([entry(1, unit="day")], "Extra inputs"),
        ([{"value": 1, "source": "第七条"}], "Field required"),
    ],
)
def test_what_is_no_series(entries: list[dict[str, Any]], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Whole.model_validate(entries)


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        (Whole, 0, 0),
        (Positive, 15, 15),
        (Exact, "0.30", Decimal("0.30")),
        (Exact, 2, Decimal(2)),
        (Fen, 240_000, 240_000),
        (Wholes, [1, 7], (1, 7)),
        (Code, "district", "district"),
        (Codes, ["vehicles", "marriage"], ("vehicles", "marriage")),
        (Series[tuple[ReviewLevel, ...]], [{"code": "city", "working_days": 5}], (ReviewLevel(code="city", working_days=5),)),
    ],
)
def test_kinds_of_values(kind: type[Series[Any]], value: Any, expected: Any) -> None:
    assert kind.model_validate([entry(value)]).on(date(2026, 1, 1)) == expected


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (Whole, -1),
        (Whole, "1"),
        (Whole, True),
        (Positive, 0),
        (Exact, 0.3),
        (Exact, "NaN"),
        (Fen, 7.5),
        (Wholes, [-1]),
        (Codes, [""]),
        (Code, 1),
    ],
)
def test_values_of_the_wrong_kind_are_refused(kind: type[Series[Any]], value: Any) -> None:
    with pytest.raises(ValidationError):
        kind.model_validate([entry(value)])


def test_a_section_gives_all_its_values_of_a_day() -> None:
    class Reductions(Section):
        rate: Exact
        grades: Codes

    section = Reductions.model_validate({"rate": [entry("0.30"), entry("0.25", "2027-01-01")], "grades": [entry(["a", "b"])]})
    assert section.on(date(2026, 5, 1)) == {"rate": Decimal("0.30"), "grades": ("a", "b")}
    assert section.on(date(2027, 5, 1))["rate"] == Decimal("0.25")
    with pytest.raises(ValidationError, match="rates"):
        Reductions.model_validate({"rate": [entry(1)], "grades": [entry(["a"])], "rates": [entry(1)]})
