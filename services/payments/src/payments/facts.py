"""What payments tells later reports of: each entry in the books, and what becomes of bills (``casekit.facts``)."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from casekit.facts import Fact

from payments.domain.ledger import Entry
from payments.tables import Bill

_ENTRIES: Final = {
    "issue": "bill_issued",
    "withdraw": "claim_withdrawn",
    "payment": "money_received",
    "suspense": "money_unexplained",
    "credit": "credit_used",
    "cash": "money_received",
    "cash_difference": "cash_difference",
    "cash_deposit": "cash_deposited",
}


def booked(key: str, entry: Entry, at: datetime, bill: Bill | None, subject: str) -> Fact:
    """An entry in the books, by its key; money of an unknown order is about no bill."""
    return _fact(f"transfer/{key}", _ENTRIES[entry.kind], bill, subject, at, entry.amount_fen)


def marked(bill: Bill, at: datetime) -> Fact:
    """That a bill is overdue or in arrears from now on."""
    return _fact(f"bill/{bill.id}/{bill.state}", f"bill_{bill.state}", bill, bill.id, at, bill.amount_fen - bill.paid_fen)


def paid(bill: Bill, at: datetime) -> Fact:
    """``at``: when the bank had the money."""
    return _fact(f"bill/{bill.id}/paid", "bill_paid", bill, bill.id, at, bill.amount_fen)


def taken_back(bill: Bill, at: datetime) -> Fact:
    """The bank had the money in time, and we heard of it late: there were no arrears."""
    return _fact(f"bill/{bill.id}/taken_back", "arrears_taken_back", bill, bill.id, at, bill.amount_fen)


def _fact(id_: str, code: str, bill: Bill | None, subject: str, at: datetime, amount_fen: int) -> Fact:
    """Since when the code of the division stands the facts of the application say."""
    return Fact(
        id=id_,
        code=code,
        subject=subject,
        at=at,
        application_no=bill.application_no if bill is not None else "",
        division=(bill.street or bill.district) if bill is not None else "",
        codes={"bill_kinds": bill.kind} if bill is not None else {},
        figures={"amount_fen": amount_fen},
    )
