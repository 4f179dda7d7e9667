"""What the world may say to a workflow, and what a workflow is started with.

Everything here is plain data: services and the web edge import this module (and nothing else of the package) to start a workflow or to talk to
one. No personal data may be added: these models are stored in workflow histories.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Final

from anju_profile.clocks import Clocks as Clocks
from pydantic import BaseModel, ConfigDict, Field

TASK_QUEUE: Final = "anju"
REGISTRY_TASK_QUEUE: Final = "anju-registry"
PAYMENTS_TASK_QUEUE: Final = "anju-payments"


class Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Register(StrEnum):
    SOCIAL_INSURANCE = "social_insurance"
    REAL_ESTATE = "real_estate"
    VEHICLES = "vehicles"
    MARRIAGE = "marriage"


REGISTER_TITLES: Final[dict[Register, str]] = {
    Register.SOCIAL_INSURANCE: "社会保险",
    Register.REAL_ESTATE: "不动产",
    Register.VEHICLES: "车辆",
    Register.MARRIAGE: "婚姻",
}


class LookupOutcome(StrEnum):
    FOUND = "found"
    NO_RECORD = "no_record"
    MISMATCH = "mismatch"
    UNAVAILABLE = "unavailable"


class Verdict(StrEnum):
    MET = "met"
    NOT_MET = "not_met"
    NEEDS_REVIEW = "needs_review"
    NOT_APPLICABLE = "not_applicable"


class Level(StrEnum):
    STREET = "street"
    DISTRICT = "district"
    CITY = "city"


class Decision(StrEnum):
    APPROVE = "approve"
    RETURN = "return"
    REFUSE = "refuse"


# --- Application -------------------------------------------------------------------------------------------------------------------------


class ApplicationInput(Model):
    no: str
    owner: str = Field(description="opaque subject of the citizen")
    masked_name: str
    district: str
    street: str
    category: str
    household_size: int
    submitted_at: datetime
    profile_version: str
    consented: tuple[Register, ...]
    clocks: Clocks
    separate_queues: bool = Field(default=False, description="the registry and payments worker roles have queues of their own")


class ReviewDecision(Model):
    """Update ``decide``: a reviewer's word on the open task."""

    level: Level
    decision: Decision
    reason: str = ""
    actor: str
    request_id: str


class Correction(Model):
    """Update ``correct``: the household handed in dossier number ``round``."""

    round: int
    actor: str
    request_id: str


class Withdrawal(Model):
    """Update ``withdraw`` (Application) and ``leave`` (Waiting)."""

    actor: str
    reason: str = ""
    request_id: str


class ObjectionRaised(Model):
    """Update ``raise_objection``: somebody objects while the case is on public notice."""

    objection_id: str
    request_id: str


class ObjectionDecision(Model):
    """Update ``decide_objection``."""

    objection_id: str
    upheld: bool
    answer: str
    actor: str
    request_id: str


class Accepted(Model):
    """What every update answers: the stage the case is in once the update has been applied."""

    stage: str


class ApplicationResult(Model):
    outcome: str
    reason: str = ""


# --- Waiting -----------------------------------------------------------------------------------------------------------------------------


class WaitingInput(Model):
    application: ApplicationInput
    registered_at: datetime


class OfferMade(Model):
    """Signal ``offer_made``, sent by housing once the offer is in its table."""

    offer_id: str
    unit: str = Field(description="human name of the unit, no personal data")
    expires_at: datetime


class OfferAnswer(Model):
    """Update ``answer_offer``."""

    offer_id: str
    accept: bool
    reason: str = ""
    actor: str
    request_id: str


class WaitingResult(Model):
    outcome: str
    lease_no: str = ""


# --- Lease and rent ----------------------------------------------------------------------------------------------------------------------


class ArrearsPaid(Model):
    """Signal ``arrears_paid`` to the lease, sent by payments: a bill whose own workflow ended in arrears is paid after all.

    ``in_time``: the bank had the money before the bill was written to arrears; we only heard of it later."""

    bill_id: str
    amount_fen: int = Field(gt=0)
    in_time: bool = False


class LeaseInput(Model):
    lease_no: str
    application_no: str
    owner: str
    district: str
    street: str
    unit: str
    monthly_rent_fen: int = Field(gt=0)
    deposit_fen: int = Field(ge=0)
    starts_on: str
    ends_on: str
    sign_by: datetime
    clocks: Clocks
    separate_queues: bool = False
    # Carried across continue-as-new.
    stage: str = "signing"
    step: int = 0
    next_month: int = Field(default=0, ge=0, description="months since starts_on of the next bill")
    open_bills: tuple[str, ...] = ()
    arrears_months: int = 0
    arrears_paid: tuple[ArrearsPaid, ...] = Field(default=(), description="received, the household not told yet")
    heard_paid: tuple[str, ...] = Field(default=(), description="bills whose late money has been heard of")


class SignLease(Model):
    """Update ``sign``."""

    actor: str
    acknowledged: bool
    request_id: str


class BillClosed(Model):
    """Signal ``bill_closed``: a rent cycle ended."""

    bill_id: str
    outcome: str = Field(description="paid or arrears")


class LeaseResult(Model):
    outcome: str


class RentCycleInput(Model):
    bill_id: str = Field(description="{lease}/{yyyymm} or {lease}/deposit")
    lease_no: str
    application_no: str
    owner: str
    district: str
    street: str
    kind: str = Field(description="rent or deposit")
    period: str = ""
    amount_fen: int = Field(gt=0)
    not_before: datetime = Field(description="business day on which the bill is issued; the cycle sleeps until then")
    clocks: Clocks
    separate_queues: bool = False


class PaymentOpened(Model):
    """Signal ``payment_opened``: the tenant went to the bank; from now on the bank is asked until it answers."""

    intent_id: str


class PaymentPosted(Model):
    """Signal ``payment_posted``, sent by payments after the ledger has the money."""

    bill_id: str
    intent_id: str
    settled: bool = Field(description="nothing is owed on the bill any more")


class RentCycleResult(Model):
    outcome: str


# --- ids and names -----------------------------------------------------------------------------------------------------------------------

APPLICATION: Final = "Application"
WAITING: Final = "Waiting"
LEASE: Final = "Lease"
RENT_CYCLE: Final = "RentCycle"


def application_id(no: str) -> str:
    return f"application/{no}"


def waiting_id(no: str) -> str:
    return f"waiting/{no}"


def lease_id(lease_no: str) -> str:
    return f"lease/{lease_no}"


def rent_cycle_id(bill_id: str) -> str:
    return f"bill/{bill_id}"
