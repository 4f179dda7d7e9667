from __future__ import annotations

from datetime import date, timedelta

import pytest
from anju_contracts.lease import MOVES
from housing.domain import leases
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("day", "months", "ends_on"),
    [
        (date(2026, 11, 23), 12, date(2027, 11, 22)),
        (date(2027, 1, 31), 1, date(2027, 2, 27)),
        (date(2028, 2, 29), 12, date(2029, 2, 27)),
        (date(2028, 2, 29), 60, date(2033, 2, 27)),
        (date(2026, 12, 1), 1, date(2026, 12, 31)),
    ],
)
def test_term(day: date, months: int, ends_on: date) -> None:
    assert leases.term(day, months, None) == (day, ends_on)


@pytest.mark.parametrize("months", [0, -1, 61])
def test_a_term_outside_the_law_is_refused(months: int) -> None:
    with pytest.raises(ValueError, match="months"):
        leases.term(date(2026, 1, 1), months, None)


def test_a_lease_begins_after_the_one_before_it() -> None:
    day = date(2026, 11, 23)
    assert leases.term(day, 1, date(2026, 12, 1))[0] == date(2026, 12, 1)
    assert leases.term(day, 1, date(2026, 11, 1))[0] == day


@given(st.dates(date(2012, 7, 15), date(2080, 1, 1)), st.lists(st.integers(1, 60), min_size=2, max_size=4))
def test_leases_of_a_home_follow_each_other_without_sharing_a_day(day: date, terms: list[int]) -> None:
    last: date | None = None
    for months in terms:
        starts_on, ends_on = leases.term(day, months, last + timedelta(days=1) if last else None)
        assert starts_on <= ends_on
        assert last is None or starts_on == last + timedelta(days=1)
        last = ends_on


def test_moves_are_those_of_the_one_table() -> None:
    moves = {
        (state, event): leases.next_state(state, event) for state in MOVES.stages for event in ("signed", "activated", "lapsed", "ended")
    }
    assert {key: state for key, state in moves.items() if state} == {
        ("signing", "signed"): "deposit",
        ("signing", "lapsed"): "lapsed",
        ("deposit", "activated"): "active",
        ("deposit", "lapsed"): "lapsed",
        ("active", "ended"): "ended",
    }
    assert leases.next_state("signing", "no such event") is None


def test_lease_numbers() -> None:
    assert leases.lease_no(2026, 123) == "L-2026-000123"
