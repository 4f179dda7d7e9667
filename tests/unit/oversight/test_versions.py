"""What is in force on a day: one answer a day, and never another one later."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st
from oversight.domain.versions import History, Version, history

TODAY = date(2026, 11, 27)
days = st.integers(-30, 30).map(lambda n: TODAY + timedelta(days=n))


@st.composite
def histories(draw: st.DrawFn) -> History:
    """As publishing allows them: each version later than the one before."""
    starts = sorted(draw(st.sets(days, max_size=5)))
    withdrawn = draw(st.none() | days) if starts else None
    return history([Version(number, start) for number, start in enumerate(starts, 1)], withdrawn)


@given(histories(), days)
def test_at_most_one_version_is_in_force_and_it_has_begun_and_not_ended(past: History, day: date) -> None:
    holding = [each for each in past.versions if past.state(each, day) == "in_force"]
    found = past.in_force(day)
    assert holding == ([] if found is None else [found])
    if found is not None:
        assert found.effective_on <= day
        assert past.withdrawn_on is None or day < past.withdrawn_on
        assert not any(found.effective_on < other.effective_on <= day for other in past.versions)


@given(histories(), days, days)
def test_publishing_changes_nothing_of_a_day_that_is_over(past: History, effective_on: date, day: date) -> None:
    if past.versions and past.hinders_publishing(effective_on, TODAY) is None and day < TODAY:
        longer = history([*past.versions, Version(len(past.versions) + 1, effective_on)], past.withdrawn_on)
        assert longer.in_force(day) == past.in_force(day)


@given(histories(), days, days)
def test_nor_does_withdrawing(past: History, from_on: date, day: date) -> None:
    if past.hinders_withdrawal(from_on, TODAY) is None and day < TODAY:
        assert history(past.versions, from_on).in_force(day) == past.in_force(day)


@given(histories(), days)
def test_something_is_shown_of_whatever_was_published_and_what_is_in_force_before_all(past: History, day: date) -> None:
    shown = past.shown(day)
    assert (shown is None) == (not past.versions)
    if past.in_force(day) is not None:
        assert shown == past.in_force(day)


def test_a_first_version_may_be_older_than_the_shelf() -> None:
    assert History().hinders_publishing(date(2012, 7, 15), TODAY) is None


def test_a_second_one_may_not_begin_in_the_past_nor_before_the_first() -> None:
    first = history([Version(1, TODAY + timedelta(days=10))])
    assert first.hinders_publishing(TODAY - timedelta(days=1), TODAY) == "in_the_past"
    assert first.hinders_publishing(TODAY + timedelta(days=10), TODAY) == "in_the_past"
    assert first.hinders_publishing(TODAY + timedelta(days=11), TODAY) is None


def test_a_withdrawn_policy_is_neither_published_nor_withdrawn_again() -> None:
    gone = history([Version(1, TODAY)], TODAY)
    assert gone.in_force(TODAY) is None
    assert gone.state(gone.versions[0], TODAY) == "withdrawn"
    assert gone.hinders_publishing(TODAY, TODAY) == gone.hinders_withdrawal(TODAY, TODAY) == "withdrawn"
    assert History().hinders_withdrawal(TODAY, TODAY) == "never_published"
