"""Lease (租赁合同): from the drafted contract through years of rent (Order 11, articles 16 to 18)."""

from __future__ import annotations

from datetime import date, datetime
from typing import Final

from pydantic import Field

from anju_contracts import rent_cycle
from anju_contracts.base import Model, Place, Word
from anju_contracts.moves import Move, Table
from anju_contracts.rent import Billing

NAME: Final = "Lease"


def workflow_id(lease_no: str) -> str:
    return f"lease/{lease_no}"


class LeaseTerms(Model):
    """What was agreed: fixed by housing on the day of signing."""

    monthly_rent_fen: int = Field(gt=0)
    deposit_fen: int = Field(ge=0)
    rent: rent_cycle.Clocks
    deposit: rent_cycle.Clocks
    billing: Billing = Field(default=Billing())


class Term(Model):
    """From the day on which the lease takes effect: first and last day, both included (at most five years: Order 11, article 18)."""

    starts_on: date
    ends_on: date


class ArrearsPaid(Model):
    """Signal ``arrears_paid``, sent by payments: a bill whose own workflow ended in arrears is paid after all.

    ``in_time``: the bank had the money before the bill was written to arrears; we only heard of it later, and the counted month is taken back.
    """

    bill_id: str
    amount_fen: int = Field(gt=0)
    in_time: bool = False


class LeaseInput(Model):
    lease_no: str
    application_no: str
    owner: str
    place: Place
    unit: str = Field(description="human name of the home, no personal data")
    sign_by: datetime
    separate_queues: bool = False
    generation: int = Field(default=0, description="how many workflows the lease has had before; keeps their steps apart")
    again: bool = Field(default=False, description="started again where its record stands: what became of its bills is read first")
    not_before: datetime | None = Field(default=None, description="as of an application")
    # Carried across continue-as-new, and given to one that is started again.
    stage: str = "signing"
    step: int = 0
    terms: LeaseTerms | None = None
    term: Term | None = None
    next_month: int = Field(default=0, ge=0, description="bills of rent before the next one")
    open_bills: tuple[str, ...] = ()
    arrears_bills: tuple[str, ...] = Field(default=(), description="bills counted as arrears (Order 11, article 29: six months in all)")
    late_money: tuple[ArrearsPaid, ...] = Field(default=(), description="received, the household not told yet")
    heard: tuple[str, ...] = Field(default=(), description="bills whose late money has been heard of")


SIGN: Final = "sign"
BILL_CLOSED: Final = "bill_closed"
ARREARS_PAID: Final = "arrears_paid"


class SignLease(Word):
    """Update ``sign``."""

    acknowledged: bool
    digest: str = Field(default="", description="of the contract that was shown, which is what is signed")


class BillClosed(Model):
    """Signal ``bill_closed``: a rent cycle ended."""

    bill_id: str
    outcome: str = Field(description="paid or arrears")


MOVES: Final = Table(
    "lease",
    "租赁合同",
    start="signing",
    ends=("ended", "lapsed"),
    stages={"signing": "待签约", "deposit": "待交押金", "active": "租住中", "ended": "已到期", "lapsed": "未签约失效"},
    moves=(
        Move("signing", "signed", "deposit", "citizen"),
        Move("signing", "sign_expired", "lapsed", "system"),
        Move("deposit", "deposit_paid", "active", "citizen"),
        Move("deposit", "deposit_expired", "lapsed", "system"),
        Move("active", "term_ended", "ended", "system"),
    ),
)
