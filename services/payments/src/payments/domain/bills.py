"""What a bill is, and what may happen to it."""

from __future__ import annotations

import re
from typing import Final

from anju_contracts.rent_cycle import MOVES

RENT, DEPOSIT = "rent", "deposit"
STATES: Final = ("open", "overdue", "paid", "arrears")
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


def takes_money(kind: str, state: str) -> bool:
    """Whether money settles the bill. A rent is owed until it is paid, in arrears too; an unpaid deposit ends with its lease, and money that
    comes afterwards is the tenant's credit."""
    return state in ("open", "overdue") or (state == "arrears" and kind == RENT)
