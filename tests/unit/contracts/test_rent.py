"""The arithmetic of rent: area × standard, by days, less a reduction; rounded once a line, and added up."""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction

import pytest
from anju_contracts import rent
from anju_contracts.rent import Billing, Line, Month, Price, Reduction
from hypothesis import given
from hypothesis import strategies as st

MONTHLY, CALENDAR, QUARTERLY = Billing(), Billing(calendar_months=True), Billing(months_per_bill=3, calendar_months=True)
starts = st.dates(date(2020, 1, 1), date(2040, 12, 31))
terms = st.tuples(starts, st.integers(0, 1825)).map(lambda given: (given[0], given[0] + timedelta(days=given[1])))
billings = st.builds(Billing, months_per_bill=st.integers(1, 12), calendar_months=st.booleans())
prices = st.builds(Price, month_fen=st.integers(1, 10**7), area_centi_sqm=st.integers(1, 30_000))
PRICE = Price(month_fen=35_000, area_centi_sqm=5_000, fen_per_sqm_month=700)


@st.composite
def reduced(draw: st.DrawFn) -> tuple[tuple[date, date], list[Reduction]]:
    """A term and reductions that never meet."""
    first, last = draw(terms)
    days = sorted(draw(st.sets(st.dates(first - timedelta(days=40), last + timedelta(days=40)), max_size=6)))
    pairs = zip(days[::2], days[1::2], strict=False)
    return (first, last), [Reduction(code="hardship", permille=draw(st.integers(1, 1000)), first_day=a, last_day=b) for a, b in pairs]


def days_of(lines: tuple[Line, ...] | list[Line]) -> list[date]:
    return [line.first_day + timedelta(days=number) for line in lines for number in range(line.days)]


@given(reduced(), billings, prices)
def test_every_day_of_the_term_is_billed_once_and_every_bill_adds_up(
    given_: tuple[tuple[date, date], list[Reduction]], billing: Billing, price: Price
) -> None:
    (first, last), reductions = given_
    bills = [rent.lines(months, price, reductions) for months in rent.bills(first, last, billing)]
    days = [day for bill in bills for day in days_of(bill)]
    assert days == [first + timedelta(days=number) for number in range((last - first).days + 1)]
    assert len({f"{bill[0].first_day:%Y%m}" for bill in bills}) == len(bills), "bills are told apart by the month they begin in"
    for bill in bills:
        assert rent.wrong(bill, sum(line.amount_fen for line in bill)) == ""
        assert rent.wrong(bill, sum(line.amount_fen for line in bill) + 1) != ""
        for line in bill:
            exact = Fraction(line.month_fen * line.days * (1000 - line.reduced_permille), line.month_days * 1000)
            assert abs(exact - line.amount_fen) <= Fraction(1, 2)


@given(terms, st.integers(1, 12), prices)
def test_a_whole_month_costs_what_was_signed(term: tuple[date, date], months_per_bill: int, price: Price) -> None:
    for calendar in (True, False):
        for months in rent.bills(*term, Billing(months_per_bill=months_per_bill, calendar_months=calendar)):
            for month, line in zip(months, rent.lines(months, price), strict=True):
                if line.days == month.whole_days:
                    assert line.amount_fen == price.month_fen
                else:
                    assert line.amount_fen <= price.month_fen


def test_first_and_last_month_of_the_calendar_are_by_days() -> None:
    bills = rent.bills(date(2026, 12, 16), date(2027, 2, 14), CALENDAR)
    assert bills == [
        (Month(date(2026, 12, 16), date(2026, 12, 31), 31),),
        (Month(date(2027, 1, 1), date(2027, 1, 31), 31),),
        (Month(date(2027, 2, 1), date(2027, 2, 14), 28),),
    ]
    # 350.00 × 16 ÷ 31 = 180.645…; 350.00 × 14 ÷ 28 = 175.00.
    assert [sum(line.amount_fen for line in rent.lines(months, PRICE)) for months in bills] == [18_065, 35_000, 17_500]


def test_a_quarterly_bill_ends_with_the_quarter() -> None:
    bills = rent.bills(date(2026, 12, 16), date(2027, 12, 15), QUARTERLY)
    assert [(months[0].first_day, months[-1].last_day) for months in bills] == [
        (date(2026, 12, 16), date(2026, 12, 31)),
        (date(2027, 1, 1), date(2027, 3, 31)),
        (date(2027, 4, 1), date(2027, 6, 30)),
        (date(2027, 7, 1), date(2027, 9, 30)),
        (date(2027, 10, 1), date(2027, 12, 15)),
    ]


def test_months_of_a_lease_that_begins_on_the_last_of_a_month() -> None:
    months = [month for months in rent.bills(date(2027, 1, 31), date(2027, 5, 30), MONTHLY) for month in months]
    assert [month.first_day for month in months] == [date(2027, 1, 31), date(2027, 2, 28), date(2027, 3, 31), date(2027, 4, 30)]
    assert all((month.last_day - month.first_day).days + 1 == month.whole_days for month in months)


def test_a_reduction_that_begins_in_mid_month_cuts_the_month() -> None:
    low = Reduction(code="low_income", permille=300, first_day=date(2027, 1, 11))
    (first, second) = rent.lines([Month(date(2027, 1, 1), date(2027, 1, 31), 31)], PRICE, [low])
    assert (first.days, first.reduction, first.amount_fen) == (10, "", 11_290)
    # 350.00 × 21 ÷ 31 × 70 % = 165.967…
    assert (second.days, second.reduction, second.reduced_permille, second.amount_fen) == (21, "low_income", 300, 16_597)


def test_rounding_is_half_up() -> None:
    assert rent.month_fen(1_050, 1) == 11
    assert rent.month_fen(1_049, 1) == 10
    assert rent.amount_of(5, 1, 2, 0) == 3


def test_two_reductions_on_one_day_are_nobodys_guess() -> None:
    both = [Reduction(code=code, permille=300, first_day=date(2027, 1, 1)) for code in ("low_income", "hardship")]
    with pytest.raises(ValueError, match="two reductions hold on 2027-01-01"):
        rent.lines([Month(date(2027, 1, 1), date(2027, 1, 31), 31)], PRICE, both)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"amount_fen": 34_999}, "days of the month"),
        ({"month_fen": 34_999}, "area × standard"),
        ({"days": 30}, "a line's days"),
        ({"month_days": 30}, "a line's days"),
        ({"reduced_permille": 10}, "without its name"),
        ({"reduction": "hardship"}, "without its reduction"),
    ],
)
def test_a_figure_that_was_changed_is_found(change: dict[str, int | str], why: str) -> None:
    (line,) = rent.lines([Month(date(2027, 1, 1), date(2027, 1, 31), 31)], PRICE)
    assert rent.wrong([line], 35_000) == ""
    assert why in rent.wrong([line.model_copy(update=change)], 35_000)


def test_lines_that_leave_days_out_are_found() -> None:
    months = next(iter(rent.bills(date(2027, 1, 1), date(2027, 3, 31), QUARTERLY)))
    lines = rent.lines(months, PRICE)
    assert "leave days out" in rent.wrong([lines[0], lines[2]], 70_000)
