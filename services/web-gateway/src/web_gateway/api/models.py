"""What travels through /api/v1. Field names are the protos'; money is integer fen, areas are hundredths of a square metre."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Generic, Literal, TypeVar

from pydantic import Field

from web_gateway.api.layer import Answer, Body, Params
from web_gateway.api.vocabulary import CodeOf, OneOf

T = TypeVar("T")

# -- building blocks -------------------------------------------------------------------------------------------------------------------------

# No household income, home or bill of this city is a hundred billion yuan; and every reader can still count it exactly (2^53).
Fen = Annotated[int, Field(ge=0, le=10**13, description="Fen (1/100 yuan).")]
Area = Annotated[int, Field(ge=0, le=10**9, description="Hundredths of a square metre.")]
Short = Annotated[str, Field(max_length=200)]
Reason = Annotated[str, Field(max_length=500)]
ApplicationNo = Annotated[
    str, Field(pattern=r"^[A-Z]{2}-[0-9]{4}-[0-9]{6}$", description="Acceptance number.", examples=["KF-2026-000123"])
]
Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
Code = Annotated[str, Field(pattern=r"^[0-9]{4,12}$", description="Division code (GB/T 2260).", examples=["410202"])]
DistrictCode = Annotated[str, Field(pattern=r"^[0-9]{6}$", description="District or county code (GB/T 2260).", examples=["410202"])]
Period = Annotated[str, Field(pattern=r"^([0-9]{6}|deposit)$", description="yyyymm, or deposit.", examples=["202612"])]

# What may grow by data is a string of one vocabulary: a closed list where it is asked for, an open one where it is answered.
Stage = Annotated[str, CodeOf("stages")]
WaitingOn = Annotated[str, CodeOf("waiting_on")]
Register = Annotated[str, CodeOf("registers")]
Category = Annotated[str, CodeOf("categories")]
Role = Annotated[str, CodeOf("roles")]
AskedRegister = Annotated[str, OneOf("registers")]
# The law closes these.
Outcome = Literal["found", "no_record", "mismatch", "unavailable"]
Verdict = Literal["met", "not_met", "needs_review", "not_applicable"]


class Page(Answer, Generic[T]):
    items: list[T]
    next_cursor: str = Field(default="", description="Cursor of the next page; empty on the last.")


class Listing(Answer, Generic[T]):
    """A list that is always whole."""

    items: list[T]


class Paged(Params):
    limit: int = Field(default=20, ge=1, le=100, description="At most this many items.")
    cursor: str = Field(default="", max_length=500, description="The next_cursor of the page before.")


class OfApplication(Params):
    no: ApplicationNo


class OfApplicationPaged(Paged):
    no: ApplicationNo


# -- session, city -----------------------------------------------------------------------------------------------------------------------------


class PrefillData(Answer):
    """Of the real-name sign-on, for the applicant's own form."""

    name: str
    id_number: str
    phone: str


class SessionView(Answer):
    sub: str
    kind: Literal["citizen", "staff"]
    name: str
    roles: list[Role]
    divisions: list[str]
    locale: str
    csrf_token: str = Field(description="Send it as X-CSRF-Token with every unsafe request; empty for a bearer token, which needs none.")
    prefill: PrefillData | None


class Division(Answer):
    code: str
    level: Literal["city", "district", "street", "community"]
    name: str
    parent: str


class RuleCriterion(Answer):
    code: str
    category: Category
    title: str
    threshold: str
    legal_ref: str
    confirmed: bool = Field(description="False: a sample value, not the law's or the city's own number.")


class RuleSet(Answer):
    version: str
    criteria: list[RuleCriterion]


class Notice(Answer):
    application_no: str
    masked_name: str
    district: str
    street: str
    household_size: int
    category: Category
    published_at: datetime
    closes_at: datetime


# -- homes and leases --------------------------------------------------------------------------------------------------------------------------


class Estate(Answer):
    id: str
    name: str
    district: str
    address: str
    units: int
    vacant: int


class Unit(Answer):
    id: str
    estate_id: str
    estate_name: str
    district: str
    number: str
    bedrooms: int
    area_centi_sqm: int
    monthly_rent_fen: int
    deposit_fen: int
    state: Annotated[str, CodeOf("unit_states")]


class NewUnit(Body):
    estate_id: Id
    estate_name: Annotated[str, Field(min_length=1, max_length=100)]
    district: DistrictCode
    address: Short
    number: Annotated[str, Field(min_length=1, max_length=100, examples=["3号楼2单元501"])]
    bedrooms: Annotated[int, Field(ge=0, le=10)]
    area_centi_sqm: Annotated[int, Field(ge=1, le=10**6)]
    monthly_rent_fen: Annotated[int, Field(ge=1, le=10**9)]
    deposit_fen: Annotated[int, Field(ge=0, le=10**9)]


class AddUnits(Body):
    units: Annotated[list[NewUnit], Field(min_length=1, max_length=100)]


class Offer(Answer):
    id: str
    application_no: str
    unit: Unit
    state: Annotated[str, CodeOf("offer_states")]
    made_at: datetime
    expires_at: datetime


class OffersMade(Answer):
    offers: list[Offer]
    still_waiting: int
    still_vacant: int


class AnswerOffer(Body):
    accept: bool
    reason: Reason = ""


class Lease(Answer):
    no: str
    application_no: str
    unit: Unit
    state: Annotated[str, CodeOf("lease_states")]
    starts_on: str = Field(description="First day, YYYY-MM-DD; empty until the lease takes effect.")
    ends_on: str = Field(description="Last day, YYYY-MM-DD; empty until the lease takes effect.")
    term_months: int
    monthly_rent_fen: int
    deposit_fen: int
    signed_at: datetime | None
    version: int
    sign_by: datetime


class SignLease(Body):
    acknowledged: bool = Field(description="The household was told the liability clauses and the return situations (Order 11, article 16).")


class WaitingEntry(Answer):
    application_no: str
    masked_name: str
    district: str
    street: str
    household_size: int
    rank: int
    registered_at: datetime
    state: Annotated[str, CodeOf("waiting_states")]
    expires_at: datetime


class Tenancy(Answer):
    waiting: WaitingEntry | None
    offers: list[Offer]
    lease: Lease | None


# -- money, messages, work ---------------------------------------------------------------------------------------------------------------------


class Bill(Answer):
    id: str
    lease_no: str
    application_no: str
    kind: Annotated[str, CodeOf("bill_kinds")]
    period: str
    amount_fen: int
    paid_fen: int
    state: Annotated[str, CodeOf("bill_states")]
    issued_at: datetime
    due_at: datetime
    paid_at: datetime | None
    district: str


class Intent(Answer):
    id: str
    bill_id: str
    amount_fen: int
    state: str = Field(description="opened, paid, failed or expired.")
    pay_url: str


class AccountBalance(Answer):
    account: str
    title: str
    debit_fen: int
    credit_fen: int


class Message(Answer):
    id: str
    application_no: str
    template: str
    title: str
    body: str
    at: datetime
    read: bool
    sms_state: str


class Inbox(Page[Message]):
    unread: int = Field(description="Messages not read, counted up to 99.")


class Task(Answer):
    application_no: str
    level: Annotated[str, CodeOf("tasks")]
    district: str
    street: str
    masked_name: str
    household_size: int
    category: Category
    opened_at: datetime
    deadline_at: datetime | None
    overdue: bool
    version: int


class Counter(Answer):
    district: str
    district_name: str
    street: str
    street_name: str
    stage: Stage
    count: int
