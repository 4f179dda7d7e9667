"""RentCycle (账单): one bill from its issue to paid or written to arrears."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from pydantic import Field

from anju_contracts.base import Model, Place
from anju_contracts.moves import Move, Table
from anju_contracts.rent import Line

NAME: Final = "RentCycle"
DEPOSIT: Final = "deposit"
RENT: Final = "rent"


def workflow_id(bill_id: str) -> str:
    return f"bill/{bill_id}"


def bill_id(lease_no: str, period: str) -> str:
    """``{lease}/{yyyymm}``, or ``{lease}/deposit`` for no period."""
    return f"{lease_no}/{period or DEPOSIT}"


class Clocks(Model):
    """The durations of one bill; part of the lease's terms."""

    due_days: int = Field(gt=0)
    reminder_days: tuple[int, ...] = Field(default=(), description="days after the due date at which the tenant is reminded")
    arrears_days: int = Field(ge=0, description="days after the due date at which the bill is written to arrears")
    payment_poll_seconds: int = Field(default=600, gt=0)


class RentCycleInput(Model):
    bill_id: str
    lease_no: str
    application_no: str
    owner: str
    place: Place
    kind: str = Field(description="rent or deposit")
    period: str = Field(default="", description="yyyymm of a rent bill")
    amount_fen: int = Field(gt=0)
    lines: tuple[Line, ...] = Field(default=(), description="of a rent: how it comes to its amount")
    not_before: datetime = Field(description="business day on which the bill is issued; the cycle sleeps until then")
    clocks: Clocks
    separate_queues: bool = False
    generation: int = Field(
        default=0, description="how many workflows the bill has had before; one that is not the first goes on where the record stands"
    )


PAYMENT_OPENED: Final = "payment_opened"
PAYMENT_POSTED: Final = "payment_posted"


class PaymentOpened(Model):
    """Signal ``payment_opened``: the tenant went to the bank; from now on the bank is asked until it answers."""

    intent_id: str


class PaymentPosted(Model):
    """Signal ``payment_posted``, sent by payments after the ledger has the money."""

    bill_id: str
    intent_id: str
    settled: bool = Field(description="nothing is owed on the bill any more")


MOVES: Final = Table(
    "rent_cycle",
    "账单",
    start="scheduled",
    ends=("paid", "arrears"),
    stages={"scheduled": "待出账", "open": "待缴", "overdue": "逾期", "paid": "已缴", "arrears": "欠租"},
    moves=(
        Move("scheduled", "issued", "open", "system"),
        Move("open", "paid", "paid", "citizen"),
        Move("open", "became_overdue", "overdue", "system"),
        Move("overdue", "reminded", "overdue", "system"),
        Move("overdue", "paid", "paid", "citizen"),
        Move("overdue", "written_to_arrears", "arrears", "system"),
    ),
)
