"""Tables of housing. The rows are records, not messages: what leaves the service is built by ``wire``.

The database, not care, holds the promises on allocation: a home and a household are each in at most one offer or lease that is not released (A1, A2),
and the periods of a home's leases never overlap (A3). The state of a home is not stored but follows from them.
"""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

from casekit import exports, facts, reads
from casekit.blocked import RepairColumns, repairs_once
from casekit.operator_steps import OperatorStepColumns
from casekit.words import WordColumns, word_rules
from chassis.once import OnceColumns
from chassis.outbox import OutboxColumns, pending_index
from sqlalchemy import BigInteger, CheckConstraint, DateTime, ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ExcludeConstraint
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

MIGRATIONS = Path(__file__).parent / "migrations"

_NOT_RELEASED = text("NOT released")
LISTED = ("waiting", "offered")
# In the place of a reason: an offer housing ended itself, because its household had no workflow which could have taken an answer.
UNSERVED = "unserved"


class Base(SQLModel, registry=registry()):
    """Own metadata: on one machine every service lives in one process, and their tables must not meet."""


class Estate(Base, table=True):
    __tablename__ = "estates"

    id: str = Field(primary_key=True)
    name: str
    district: str = Field(index=True)
    address: str


class Unit(Base, table=True):
    __tablename__ = "units"
    __table_args__ = (
        UniqueConstraint("estate_id", "number", name="uq_units_estate_number"),
        CheckConstraint("bedrooms BETWEEN 1 AND 9", name="ck_units_bedrooms"),
        CheckConstraint("area_centi_sqm > 0", name="ck_units_area"),
        CheckConstraint("monthly_rent_fen > 0", name="ck_units_rent"),
        CheckConstraint("deposit_fen >= 0", name="ck_units_deposit"),
    )

    id: str = Field(primary_key=True)
    estate_id: str = Field(foreign_key="estates.id")
    number: str
    bedrooms: int
    area_centi_sqm: int = Field(sa_type=BigInteger)
    monthly_rent_fen: int = Field(sa_type=BigInteger)
    deposit_fen: int = Field(sa_type=BigInteger)
    # By which the rent standard is chosen (vocabulary home_grades).
    grade: str = Field(default="ordinary", sa_column_kwargs={"server_default": "ordinary"})


class Waiting(Base, table=True):
    """A household's place on the list; rank is its position among the listed ones of its district."""

    __tablename__ = "waiting"
    __table_args__ = (
        CheckConstraint(
            "state IN ('waiting', 'offered', 'leasing', 'leased', 'left', 'struck_off', 'expired')",
            name="ck_waiting_state",
        ),
        CheckConstraint("household_size > 0", name="ck_waiting_size"),
        CheckConstraint("offer_open_days > 0", name="ck_waiting_offer_open"),
        CheckConstraint(
            "(closed_at IS NULL) = (state IN ('waiting', 'offered', 'leasing'))",
            name="ck_waiting_closed",
        ),
        Index(
            "ix_waiting_list",
            "district",
            "accepted_on",
            "application_no",
            postgresql_where=text("state IN ('waiting', 'offered')"),
        ),
    )

    application_no: str = Field(primary_key=True)
    owner: str
    masked_name: str
    district: str
    street: str
    household_size: int
    accepted_on: date
    registered_at: datetime = Field(sa_type=DateTime(timezone=True))
    expires_at: datetime = Field(sa_type=DateTime(timezone=True))
    offer_open_days: int
    state: str
    closed_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True), nullable=True)
    # The household's word by which it left the list.
    word_id: str = Field(default="", sa_column_kwargs={"server_default": ""})
    # Since when its workflow is gone while the household is on the list.
    blocked_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True), nullable=True)


class Offer(Base, table=True):
    """A home offered to a household. It holds both until it is released: declined, expired, or its lease is over."""

    __tablename__ = "offers"
    __table_args__ = (
        CheckConstraint("state IN ('open', 'accepted', 'declined', 'expired')", name="ck_offers_state"),
        CheckConstraint("(state = 'open') = (closed_at IS NULL)", name="ck_offers_closed"),
        CheckConstraint(
            "CASE state WHEN 'open' THEN NOT released WHEN 'accepted' THEN true ELSE released END",
            name="ck_offers_released",
        ),
        CheckConstraint("expires_at > made_at", name="ck_offers_expiry"),
        UniqueConstraint("id", "unit_id", "owner", "released", name="uq_offers_lease_key"),
        Index("uq_offers_live_unit", "unit_id", unique=True, postgresql_where=_NOT_RELEASED),
        Index("uq_offers_live_owner", "owner", unique=True, postgresql_where=_NOT_RELEASED),
        Index("ix_offers_application", "application_no", "made_at"),
    )

    id: str = Field(primary_key=True)
    unit_id: str = Field(foreign_key="units.id")
    application_no: str = Field(foreign_key="waiting.application_no")
    owner: str
    state: str
    released: bool
    made_at: datetime = Field(sa_type=DateTime(timezone=True))
    expires_at: datetime = Field(sa_type=DateTime(timezone=True))
    # By when the household must answer, as it was told when its workflow took the offer; none before.
    answer_by: datetime | None = Field(default=None, sa_type=DateTime(timezone=True), nullable=True)
    closed_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True), nullable=True)
    # Why it was declined, in the household's own words: sealed by the field keys, in base64.
    reason: str = Field(default="")
    # The household's word that ended it; empty when a clock did.
    word_id: str = Field(default="", sa_column_kwargs={"server_default": ""})


class Lease(Base, table=True):
    __tablename__ = "leases"
    __table_args__ = (
        # A lease is of its offer's home and household; one that is over releases its offer, and a released offer has no live lease.
        # The two rows cannot disagree after a commit.
        ForeignKeyConstraint(
            ["offer_id", "unit_id", "owner", "released"],
            ["offers.id", "offers.unit_id", "offers.owner", "offers.released"],
            name="fk_leases_offer",
            deferrable=True,
            initially="DEFERRED",
        ),
        CheckConstraint("state IN ('signing', 'deposit', 'active', 'ended', 'lapsed')", name="ck_leases_state"),
        CheckConstraint("released = (state IN ('ended', 'lapsed'))", name="ck_leases_released"),
        # Order 11, article 18: at most five years.
        CheckConstraint("term_months BETWEEN 1 AND 60", name="ck_leases_term_months"),
        CheckConstraint("ends_on >= starts_on AND ends_on < starts_on + interval '60 months'", name="ck_leases_term"),
        # The term begins when the lease takes effect, not before.
        CheckConstraint(
            "(starts_on IS NOT NULL AND ends_on IS NOT NULL) = (state IN ('active', 'ended')) AND (starts_on IS NULL) = (ends_on IS NULL)",
            name="ck_leases_in_effect",
        ),
        CheckConstraint("vacated_on BETWEEN starts_on AND ends_on", name="ck_leases_vacated"),
        CheckConstraint("monthly_rent_fen > 0 AND deposit_fen >= 0", name="ck_leases_money"),
        UniqueConstraint("offer_id", name="uq_leases_offer"),
        ExcludeConstraint(
            ("unit_id", "="),
            (text("daterange(starts_on, COALESCE(vacated_on, ends_on), '[]')"), "&&"),
            using="gist",
            where=text("starts_on IS NOT NULL"),
            name="ex_leases_unit_period",
        ),
        Index("uq_leases_live_unit", "unit_id", unique=True, postgresql_where=_NOT_RELEASED),
        Index("uq_leases_live_owner", "owner", unique=True, postgresql_where=_NOT_RELEASED),
        Index("ix_leases_application", "application_no"),
        Index("ix_leases_street", "street", "no"),
        Index("ix_leases_owner", "owner", "no"),
    )

    no: str = Field(primary_key=True)
    offer_id: str
    unit_id: str = Field(foreign_key="units.id")
    application_no: str = Field(foreign_key="waiting.application_no")
    owner: str
    district: str
    street: str
    state: str
    released: bool
    term_months: int
    # First and last day, both included; none before the lease takes effect.
    starts_on: date | None = Field(default=None, nullable=True)
    ends_on: date | None = Field(default=None, nullable=True)
    # The last day the home was held, when the lease ended before its term.
    vacated_on: date | None = Field(default=None, nullable=True)
    monthly_rent_fen: int = Field(sa_type=BigInteger)
    deposit_fen: int = Field(sa_type=BigInteger)
    drafted_at: datetime = Field(sa_type=DateTime(timezone=True))
    sign_by: datetime = Field(sa_type=DateTime(timezone=True))
    signed_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True), nullable=True)
    # The household's word by which it was signed, and the contract it signed by it.
    word_id: str = Field(default="", sa_column_kwargs={"server_default": ""})
    contract_id: str | None = Field(default=None, foreign_key="contracts.word_id", nullable=True)
    version: int = Field(default=1, sa_type=BigInteger)
    # Since when its workflow is gone while the lease is not over.
    blocked_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True), nullable=True)


class KeptContract(Base, table=True):
    """A contract as the household read and signed it, kept with its word; gone when the word was refused. The one a lease was signed by stays as it is."""

    __tablename__ = "contracts"

    word_id: str = Field(primary_key=True)
    lease_no: str = Field(index=True)
    # SHA-256 of the document, in hexadecimal: what the household was shown, and what its word says.
    digest: str
    document_sealed: bytes
    # The day whose profile it follows.
    terms_on: date


class ContractFile(Base, table=True):
    """The file of a signed contract, kept sealed: made once, and never changed."""

    __tablename__ = "contract_files"

    word_id: str = Field(primary_key=True, foreign_key="contracts.word_id")
    sha256: str
    file_sealed: bytes


class Repair(Base, RepairColumns, table=True):
    """Workflows that were started again, append-only."""

    __tablename__ = "repairs"
    __table_args__ = (repairs_once("repairs"),)


class OperatorStep(Base, OperatorStepColumns, table=True):
    """What operators did by hand at this service, append-only."""

    __tablename__ = "operator_step"


class LeaseNumber(Base, table=True):
    """The last lease number of each year; taken under its row lock, so that numbers have no gaps."""

    __tablename__ = "lease_numbers"

    year: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    last: int


class Once(Base, OnceColumns, table=True):
    __tablename__ = "once"


class Word(Base, WordColumns, table=True):
    """What households said; the authority for every answer, leave and signature on record."""

    __tablename__ = "word"
    __table_args__ = word_rules()


class Outbox(Base, OutboxColumns, table=True):
    __tablename__ = "outbox"
    __table_args__ = (pending_index("outbox"),)


reads.define(Base.metadata)
exports.define(Base.metadata)
facts.define(Base.metadata)
