"""What a lease asks of housing, and the start of a bill's own workflow."""

from __future__ import annotations

from datetime import date, datetime
from typing import Final, Literal

from anju_contracts.base import Model
from anju_contracts.lease import LeaseTerms, Term
from anju_contracts.rent_cycle import RentCycleInput

from anju_workflows.calling import Step, quick, recorded

ADVANCE_LEASE: Final = "advance_lease"
OPEN_RENT: Final = "open_rent"
START_RENT_CYCLE: Final = "start_rent_cycle"
BILLS_OF_LEASE: Final = "bills_of_lease"


class AdvanceLease(Model):
    lease_no: str
    step: Step
    event: Literal["signed", "activated", "lapsed", "ended"]


class LeaseOnRecord(Model):
    """``terms`` from signing on, ``term`` from the day on which the lease takes effect."""

    terms: LeaseTerms | None = None
    term: Term | None = None


class BillsOfLease(Model):
    lease_no: str


class BillOnRecord(Model):
    """``counted``: it was in arrears, and the bank did not have the money in time."""

    bill_id: str
    period: str
    state: str
    due: datetime
    counted: bool = False


class Bills(Model):
    bills: tuple[BillOnRecord, ...] = ()


async def bills_of_lease(lease_no: str) -> Bills:
    return await quick(BILLS_OF_LEASE, BillsOfLease(lease_no=lease_no), Bills, "查看已出的账单")


async def advance_lease(arg: AdvanceLease, summary: str) -> LeaseOnRecord:
    return await recorded(ADVANCE_LEASE, arg, LeaseOnRecord, summary)


class OpenRent(Model):
    """A bill of rent to be opened. ``cycle`` is of a month as it was signed; housing says what the days that begin with ``first_day`` come to."""

    cycle: RentCycleInput
    first_day: date


async def open_rent(arg: OpenRent) -> bool:
    """False when nothing is owed for these days, and no bill is made."""
    return await quick(OPEN_RENT, arg, bool, "计算租金并开出账单流程")


async def start_rent_cycle(arg: RentCycleInput) -> None:
    await quick(START_RENT_CYCLE, arg, str, "开出账单流程")
