"""A lease's term and its legal moves."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

from anju_calendar import add_months
from anju_contracts.lease import MOVES

MAX_TERM_MONTHS: Final = 60  # Order 11, article 18.

# What the lease's workflow reports, as events of the table of legal moves; lapsing has a name for either stage it may happen in.
_EVENTS: Final[dict[str, tuple[str, ...]]] = {
    "signed": ("signed",),
    "activated": ("deposit_paid",),
    "lapsed": ("sign_expired", "deposit_expired"),
    "ended": ("term_ended",),
}


def next_state(state: str, event: str) -> str | None:
    """The state after ``event`` (signed, activated, lapsed, ended); None when the table has no such move."""
    for name in _EVENTS.get(event, ()):
        if MOVES.allows(state, name):
            return MOVES.next(state, name)
    return None


def is_live(state: str) -> bool:
    """Whether a lease in this state holds its home."""
    return state not in MOVES.ends


def term(day: date, months: int, free_from: date | None) -> tuple[date, date]:
    """First and last day of a lease of ``months`` months that takes effect on ``day``.

    It begins on the day itself, or on ``free_from`` when an earlier lease of the home runs to the day before: two leases never share a day.
    Raises ValueError for a term outside 1 to 60 months.
    """
    if not 1 <= months <= MAX_TERM_MONTHS:
        raise ValueError(f"a lease of {months} months")
    starts_on = day if free_from is None else max(day, free_from)
    return starts_on, add_months(starts_on, months) - timedelta(days=1)


def lease_no(year: int, number: int) -> str:
    """L-2026-000123: the year it was drafted in and its number in that year."""
    return f"L-{year}-{number:06d}"
