"""What a month of rent comes to: area × rent standard, less a reduction, by days where a month is not lived through (Order 11, articles 19 to 21).

Housing works it out, the lease's workflow goes through the same months, payments keeps every figure with the bill. Money is whole fen. **Rounding**: the
rent of a whole month is rounded to the fen, half up; a line of a bill is worked out from it without rounding in between, and rounded once in the same
way; a bill is the sum of its lines. Nothing else is rounded.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from itertools import groupby, pairwise
from typing import Final, NamedTuple

import anju_calendar as calendar
from pydantic import Field

from anju_contracts.base import Model

WHOLE_PERMILLE: Final = 1000
_DAY: Final = timedelta(days=1)


class Billing(Model):
    """How a lease is billed, fixed on the day of signing."""

    months_per_bill: int = Field(default=1, gt=0, le=12)
    calendar_months: bool = Field(
        default=False, description="months begin on the first of the calendar's month, else on the day of the lease"
    )


class Price(Model):
    """The rent of a whole month. ``fen_per_sqm_month``: the standard it follows; nought when it was decided otherwise."""

    month_fen: int = Field(gt=0)
    area_centi_sqm: int = Field(gt=0)
    fen_per_sqm_month: int = Field(default=0, ge=0)


class Reduction(Model):
    """A reduction (租金减免) of a household, by its code in the vocabulary ``rent_reductions``; both days are included, no last day: until further notice."""

    code: str
    permille: int = Field(gt=0, le=WHOLE_PERMILLE)
    first_day: date
    last_day: date | None = None


class Month(NamedTuple):
    """The part of a month that lies in a lease, both days included; ``whole_days`` is how many days the whole month has."""

    first_day: date
    last_day: date
    whole_days: int


class Line(Model):
    """A line of a bill: some days of one month at one price. Every figure of ``amount_of``, and what comes of them."""

    first_day: date
    last_day: date
    days: int = Field(gt=0)
    month_days: int = Field(gt=0)
    area_centi_sqm: int = Field(gt=0)
    fen_per_sqm_month: int = Field(default=0, ge=0)
    month_fen: int = Field(gt=0)
    reduction: str = ""
    reduced_permille: int = Field(default=0, ge=0, le=WHOLE_PERMILLE)
    amount_fen: int = Field(ge=0)


def month_fen(area_centi_sqm: int, fen_per_sqm_month: int) -> int:
    """The rent of a whole month by the standard."""
    return _half_up(area_centi_sqm * fen_per_sqm_month, 100)


def amount_of(month_fen: int, days: int, month_days: int, reduced_permille: int) -> int:
    """What a line comes to."""
    return _half_up(month_fen * days * (WHOLE_PERMILLE - reduced_permille), month_days * WHOLE_PERMILLE)


def months(starts_on: date, ends_on: date, billing: Billing) -> Iterator[Month]:
    """Every month of a term: together they are its days, each once."""
    first, number = starts_on, 0
    while first <= ends_on:
        number += 1
        if billing.calendar_months:
            whole = monthrange(first.year, first.month)[1]
            last = first.replace(day=whole)
        else:
            last = calendar.add_months(starts_on, number) - _DAY
            whole = (last - first).days + 1
        yield Month(first, min(last, ends_on), whole)
        first = last + _DAY


def bills(starts_on: date, ends_on: date, billing: Billing) -> list[tuple[Month, ...]]:
    """The months of each bill of a term. Bills by the calendar end with its quarters or years, so that only the first and the last may be shorter."""

    def bill_of(numbered: tuple[int, Month]) -> int:
        number, month = numbered
        if billing.calendar_months:
            return (month.first_day.year * 12 + month.first_day.month - 1) // billing.months_per_bill
        return number // billing.months_per_bill

    numbered = enumerate(months(starts_on, ends_on, billing))
    return [tuple(month for _, month in of_bill) for _, of_bill in groupby(numbered, bill_of)]


def lines(of_bill: Iterable[Month], price: Price, reductions: Sequence[Reduction] = ()) -> tuple[Line, ...]:
    """The lines of one bill: a month is cut where a reduction begins or ends. Raises ValueError when two reductions hold on one day."""
    return tuple(
        Line(
            first_day=first,
            last_day=last,
            days=(last - first).days + 1,
            month_days=month.whole_days,
            area_centi_sqm=price.area_centi_sqm,
            fen_per_sqm_month=price.fen_per_sqm_month,
            month_fen=price.month_fen,
            reduction=reduction.code if reduction is not None else "",
            reduced_permille=reduction.permille if reduction is not None else 0,
            amount_fen=amount_of(
                price.month_fen, (last - first).days + 1, month.whole_days, reduction.permille if reduction is not None else 0
            ),
        )
        for month in of_bill
        for first, last, reduction in _cut(month, reductions)
    )


def wrong(found: Sequence[Line], amount_fen: int) -> str:
    """What does not add up in a bill of ``amount_fen``; empty when every figure does."""
    for line in found:
        if line.days != (line.last_day - line.first_day).days + 1 or line.days > line.month_days:
            return "a line's days are not those between its first and its last"
        if line.fen_per_sqm_month and line.month_fen != month_fen(line.area_centi_sqm, line.fen_per_sqm_month):
            return "a month's rent is not area × standard"
        if bool(line.reduction) != bool(line.reduced_permille):
            return "a reduction without its name, or a name without its reduction"
        if line.amount_fen != amount_of(line.month_fen, line.days, line.month_days, line.reduced_permille):
            return "a line is not its month's rent × days ÷ days of the month, less the reduction"
    if any(after.first_day != before.last_day + _DAY for before, after in pairwise(found)):
        return "its lines leave days out, or count days twice"
    return "" if sum(line.amount_fen for line in found) == amount_fen else "its lines do not sum to its amount"


def _cut(month: Month, reductions: Sequence[Reduction]) -> Iterator[tuple[date, date, Reduction | None]]:
    first = month.first_day
    while first <= month.last_day:
        holding = [each for each in reductions if each.first_day <= first and (each.last_day is None or first <= each.last_day)]
        if len(holding) > 1:
            raise ValueError(f"two reductions hold on {first}")
        ends = [month.last_day, *(each.first_day - _DAY for each in reductions if each.first_day > first)]
        last = min([*ends, *(each.last_day for each in holding if each.last_day is not None)])
        yield first, last, holding[0] if holding else None
        first = last + _DAY


def _half_up(numerator: int, denominator: int) -> int:
    """Of amounts that are not negative."""
    return (2 * numerator + denominator) // (2 * denominator)
