"""What a lease asks of housing, and the start of a bill's own workflow."""

from __future__ import annotations

from typing import Final, Literal

from anju_contracts.base import Model
from anju_contracts.lease import LeaseTerms, Term
from anju_contracts.rent_cycle import RentCycleInput

from anju_workflows.calling import Step, quick, recorded

ADVANCE_LEASE: Final = "advance_lease"
START_RENT_CYCLE: Final = "start_rent_cycle"


class AdvanceLease(Model):
    lease_no: str
    step: Step
    event: Literal["signed", "activated", "lapsed", "ended"]


class LeaseOnRecord(Model):
    """``terms`` from signing on, ``term`` from the day on which the lease takes effect."""

    terms: LeaseTerms | None = None
    term: Term | None = None


async def advance_lease(arg: AdvanceLease, summary: str) -> LeaseOnRecord:
    return await recorded(ADVANCE_LEASE, arg, LeaseOnRecord, summary)


async def start_rent_cycle(arg: RentCycleInput) -> None:
    await quick(START_RENT_CYCLE, arg, str, "开出账单流程")
