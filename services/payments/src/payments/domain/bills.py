"""What a bill is, and what may happen to it."""

from __future__ import annotations

import re
from typing import Final

from anju_contracts.rent_cycle import MOVES

RENT, DEPOSIT = "rent", "deposit"
STATES: Final = ("open", "overdue", "paid", "arrears")
# The ages of what is owed, by the last day of each; the last has none.
AGES: Final = {"days_30": 30, "days_90": 90, "days_180": 180, "older": None}
_PERIOD = re.compile(r"[0-9]{4}(0[1-9]|1[0-2])")
_MARKS: Final = {"overdue": "became_overdue", "arrears": "written_to_arrears"}


def bill_id(lease_no: str, kind: str, period: str) -> str:
    """{lease}/{yyyymm} of a rent, {lease}/deposit of a deposit. Raises ValueError when the period does not go with the kind."""
    if not lease_no or "/" in lease_no:
        raise ValueError("not a lease number")
    if kind == RENT and _PERIOD.fullmatch(period):
        return f"{lease_no}/{period}"
    if kind == DEPOSIT and not period:
        return f"{lease_no}/deposit"
    raise ValueError("a rent has a month, a deposit has none")


def marked(state: str, mark: str) -> str | None:
    """The state after ``mark`` (overdue, arrears); None when the table of legal moves has no such move."""
    event = _MARKS.get(mark, "")
    return MOVES.next(state, event) if MOVES.allows(state, event) else None


def age_of_days(age: str) -> tuple[int, int | None]:
    """The days after the due day of an age: more than the first, and at most the second. Raises KeyError for none."""
    last = AGES[age]
    before = list(AGES.values())[list(AGES).index(age) - 1] if age != next(iter(AGES)) else 0
    return before or 0, last


def takes_money(kind: str, state: str) -> bool:
    """Whether money settles the bill. A rent is owed until it is paid, in arrears too; an unpaid deposit ends with its lease, and money that
    comes afterwards is the tenant's credit."""
    return state in ("open", "overdue") or (state == "arrears" and kind == RENT)
