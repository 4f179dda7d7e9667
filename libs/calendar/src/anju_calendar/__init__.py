"""Working days (工作日) of the State Council's yearly calendar, adjusted weekends (调休) included.

The published table ends with the newest announcement; later years are loaded on top of it. A year nobody loaded raises: a statutory deadline is
never guessed.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import chinese_calendar

SHANGHAI = ZoneInfo("Asia/Shanghai")

_loaded: dict[int, tuple[frozenset[date], frozenset[date]]] = {}


class UnknownYearError(LookupError):
    """No working-day table for this year; load the State Council's notice before counting in it."""


def load_year(year: int, holidays: Iterable[date], workdays: Iterable[date]) -> None:
    """Adds a year: days off on weekdays, and weekend days that are worked. Replaces an earlier load of the same year."""
    _loaded[year] = frozenset(holidays), frozenset(workdays)


def is_working_day(day: date) -> bool:
    """Whether offices work on ``day``. Raises UnknownYearError when its year has no table."""
    table = _loaded.get(day.year)
    if table is not None:
        holidays, workdays = table
        return day in workdays or (day.weekday() < 5 and day not in holidays)
    try:
        return bool(chinese_calendar.is_workday(day))
    except NotImplementedError:
        raise UnknownYearError(f"no working-day table for {day.year}") from None


def add_working_days(day: date, days: int) -> date:
    """The last of ``days`` working days counted from the day after ``day`` (the first day does not count: Civil Code, article 201)."""
    while days > 0:
        day += timedelta(days=1)
        if is_working_day(day):
            days -= 1
    return day


def subtract_working_days(day: date, days: int) -> date:
    """The working day ``days`` working days before ``day``."""
    while days > 0:
        day -= timedelta(days=1)
        if is_working_day(day):
            days -= 1
    return day


def local_date(instant: datetime) -> date:
    """The business date of an instant: the date in China."""
    return instant.astimezone(SHANGHAI).date()


def end_of_day(day: date) -> datetime:
    """The last second of a day in China, in UTC: deadlines end with the day, not in its middle."""
    return datetime.combine(day, time(23, 59, 59), SHANGHAI).astimezone(UTC)


def start_of_day(day: date) -> datetime:
    return datetime.combine(day, time(0), SHANGHAI).astimezone(UTC)


def working_days_after(instant: datetime, days: int) -> datetime:
    """The end of the last of ``days`` working days after ``instant``, in UTC."""
    return end_of_day(add_working_days(local_date(instant), days))


def working_days_before(instant: datetime, days: int) -> datetime:
    """The start of the working day ``days`` working days before ``instant``, in UTC."""
    return start_of_day(subtract_working_days(local_date(instant), days))


def days_after(instant: datetime, days: int) -> datetime:
    """The end of the calendar day ``days`` days after ``instant``, in UTC."""
    return end_of_day(local_date(instant) + timedelta(days=days))


def add_months(day: date, months: int) -> date:
    """The same day ``months`` later; a day the month does not have becomes its last one (31 January + 1 month = 28 or 29 February)."""
    month = day.year * 12 + day.month - 1 + months
    year, month = divmod(month, 12)
    for last in (day.day, 30, 29, 28):
        if last <= day.day:
            try:
                return date(year, month + 1, last)
            except ValueError:
                continue
    raise AssertionError("every month has 28 days")
