"""What a household that was refused can do about it: every remedy of the day of the decision, with its body, its counter and its last day."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import anju_calendar as calendar
from anju_profile import Remedy
from anju_terms import Title


@dataclass(frozen=True)
class Open:
    """A remedy against one decision. ``until``: its last day; None where the law sets none."""

    code: str
    body: Title
    where: Title
    until: date | None
    online: bool
    basis: str


def against(rows: Iterable[Remedy], level: str, decided_on: date, places: Mapping[str, str]) -> list[Open]:
    """The remedies against a refusal by ``level`` on ``decided_on``. ``places`` has the names of the case's city, district and street."""
    return [
        Open(row.code, named(row.body, places), named(row.where, places), _until(row, decided_on), row.online, row.basis)
        for row in rows
        if not row.levels or level in row.levels
    ]


def named(text: Title, places: Mapping[str, str]) -> Title:
    return Title(zh=text.zh.format_map(places), en=text.en.format_map(places))


def _until(row: Remedy, decided_on: date) -> date | None:
    """The first day does not count, and a last day on which nobody works is put off to the next working day (Civil Code, articles 201 to 203)."""
    if row.months:
        last = calendar.add_months(decided_on, row.months)
    elif row.days:
        last = decided_on + timedelta(days=row.days)
    else:
        return None
    try:
        return last if calendar.is_working_day(last) else calendar.add_working_days(last, 1)
    except calendar.UnknownYearError:
        # The holidays of a year far ahead are not known yet: what is shown is never later than what holds.
        return last
