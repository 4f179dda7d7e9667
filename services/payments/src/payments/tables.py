"""Tables of payments. The rows are records, not messages: what leaves the service is built by ``wire``.

The ledger is append-only. Triggers, made by the migration, refuse a transfer whose postings do not sum to nought or are not all there (M1), and every
update or deletion (M8), for which the service's role has no right either; unique keys refuse a second transfer for the same business or for the same payment at a provider (M3). There is no table of
balances: a balance is the sum of its postings (M2), so nothing can go out of step and no hot row is waited for.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from casekit import exports, facts, reads
from casekit.blocked import RepairColumns, repairs_once
from casekit.operator_steps import OperatorStepColumns
from chassis.once import OnceColumns
from chassis.outbox import OutboxColumns, pending_index
from sqlalchemy import BigInteger, CheckConstraint, Column, DateTime, Index, Integer, Interval, SmallInteger, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, ExcludeConstraint
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

MIGRATIONS = Path(__file__).parent / "migrations"


class Base(SQLModel, registry=registry()):
    """Own metadata: on one machine every service lives in one process, and their tables must not meet."""


class Bill(Base, table=True):
    __tablename__ = "bills"
    __table_args__ = (
        CheckConstraint("kind IN ('rent', 'deposit')", name="ck_bills_kind"),
        CheckConstraint("state IN ('open', 'overdue', 'paid', 'arrears')", name="ck_bills_state"),
        CheckConstraint("amount_fen > 0", name="ck_bills_amount"),
        # M4: what is paid above the bill is the tenant's credit, not the bill's.
        CheckConstraint("paid_fen BETWEEN 0 AND amount_fen", name="ck_bills_paid"),
        CheckConstraint("credit_fen BETWEEN 0 AND greatest(paid_fen, 0)", name="ck_bills_credit"),
        CheckConstraint("(state = 'paid') = (paid_fen = amount_fen)", name="ck_bills_settled"),
        CheckConstraint("(state = 'paid') = (paid_at IS NOT NULL)", name="ck_bills_paid_at"),
        # No day of a lease is billed twice; a deposit has no days.
        ExcludeConstraint(
            ("lease_no", "="),
            (text("daterange(first_day, last_day, '[]')"), "&&"),
            name="ex_bills_days",
            where=text("first_day IS NOT NULL"),
        ),
        CheckConstraint("(first_day IS NULL) = (last_day IS NULL) AND first_day <= last_day", name="ck_bills_days"),
        Index("ix_bills_owner", "owner", "period", "id"),
        Index("ix_bills_district", "district", "period", "id"),
        Index("ix_bills_lease", "lease_no", "period", "id"),
        Index("ix_bills_application", "application_no"),
        Index("ix_bills_served", "id", postgresql_where=text("state IN ('open', 'overdue') OR blocked_at IS NOT NULL")),
    )

    id: str = Field(primary_key=True)
    lease_no: str
    application_no: str
    owner: str
    district: str
    kind: str
    period: str
    amount_fen: int = Field(sa_type=BigInteger)
    paid_fen: int = Field(default=0, sa_type=BigInteger)
    # How much of that was the tenant's credit.
    credit_fen: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs={"server_default": "0"})
    state: str
    issued_at: datetime = Field(sa_type=DateTime(timezone=True))
    due_at: datetime = Field(sa_type=DateTime(timezone=True))
    # When the bank had the rest of the money, at the latest.
    paid_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True), nullable=True)
    # When it is to be written to arrears, and once that has happened, when it was.
    arrears_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True), nullable=True)
    # How far the clock of its workflow is before the wall clock; nought in a deployment (``domain.orders``).
    ahead: timedelta = Field(default=timedelta(), sa_type=Interval, sa_column_kwargs={"server_default": text("'0'")})
    # What its workflow runs on, for one that has to be started again.
    street: str = Field(default="", sa_column_kwargs={"server_default": ""})
    reminder_days: list[int] = Field(default=[], sa_column=Column(ARRAY(Integer), nullable=False, server_default="{}"))
    payment_poll_seconds: int = Field(default=600, sa_column_kwargs={"server_default": "600"})
    # Of a rent: its days, both included, and how it comes to its amount (``anju_contracts.rent``).
    first_day: date | None = Field(default=None, nullable=True)
    last_day: date | None = Field(default=None, nullable=True)
    lines: list[dict[str, Any]] = Field(default=[], sa_column=Column(JSONB, nullable=False, server_default="[]"))
    # Since when its workflow is gone while it is open; kept over the bill's end, until the lease has been told of it.
    blocked_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True), nullable=True)


class Repair(Base, RepairColumns, table=True):
    """Workflows that were started again, append-only."""

    __tablename__ = "repairs"
    __table_args__ = (repairs_once("repairs"),)


class OperatorStep(Base, OperatorStepColumns, table=True):
    """What operators did by hand at this service, append-only."""

    __tablename__ = "operator_step"


class Intent(Base, table=True):
    """An order at a provider; at most one is open on a bill."""

    __tablename__ = "intents"
    __table_args__ = (
        CheckConstraint("char_length(id) <= 30", name="ck_intents_id"),
        CheckConstraint("state IN ('opened', 'paid', 'failed', 'expired')", name="ck_intents_state"),
        CheckConstraint("amount_fen > 0", name="ck_intents_amount"),
        Index("uq_intents_open_bill", "bill_id", unique=True, postgresql_where=text("state = 'opened'")),
        Index("ix_intents_bill", "bill_id"),
    )

    id: str = Field(primary_key=True)
    bill_id: str = Field(foreign_key="bills.id")
    provider: str
    amount_fen: int = Field(sa_type=BigInteger)
    state: str
    pay_url: str = Field(default="")
    opened_at: datetime = Field(sa_type=DateTime(timezone=True))
    # The bank takes no money for the order after this. Both times are the bank's; with ``ahead``, they are on the clock the bill had then.
    expires_at: datetime = Field(sa_type=DateTime(timezone=True))
    ahead: timedelta = Field(default=timedelta(), sa_type=Interval, sa_column_kwargs={"server_default": text("'0'")})


class Transfer(Base, table=True):
    """One entry in the books. ``key`` names the business it is for and lives for ever; ``entries`` is how many postings it has."""

    __tablename__ = "transfers"
    __table_args__ = (
        UniqueConstraint("key", name="uq_transfers_key"),
        UniqueConstraint("provider", "provider_txn", name="uq_transfers_provider"),
        CheckConstraint("(provider IS NULL) = (provider_txn IS NULL)", name="ck_transfers_provider"),
        CheckConstraint(
            "kind IN ('issue', 'withdraw', 'payment', 'suspense', 'credit', 'cash', 'cash_difference', 'cash_deposit')",
            name="ck_transfers_kind",
        ),
        CheckConstraint("amount_fen > 0 AND entries >= 2", name="ck_transfers_amount"),
    )

    id: int | None = Field(default=None, sa_type=BigInteger, primary_key=True)
    key: str
    kind: str
    provider: str | None = Field(default=None, nullable=True)
    provider_txn: str | None = Field(default=None, nullable=True)
    bill_id: str | None = Field(default=None, foreign_key="bills.id", nullable=True, index=True)
    amount_fen: int = Field(sa_type=BigInteger)
    entries: int = Field(sa_type=SmallInteger)
    as_of: datetime = Field(sa_type=DateTime(timezone=True))
    created_at: datetime = Field(sa_type=DateTime(timezone=True), sa_column_kwargs={"server_default": text("now()")})


class Posting(Base, table=True):
    """Debit positive, credit negative."""

    __tablename__ = "postings"
    __table_args__ = (
        UniqueConstraint("transfer_id", "account", name="uq_postings_account"),
        CheckConstraint("amount_fen <> 0", name="ck_postings_amount"),
        CheckConstraint(
            "account IN ('bank:ccb', 'bank:cash', 'income:rent', 'suspense') OR account ~ '^(receivable|deposit|credit|cash):[^:]+$'",
            name="ck_postings_account",
        ),
        Index("ix_postings_account", "account", postgresql_include=["amount_fen"]),
    )

    id: int | None = Field(default=None, sa_type=BigInteger, primary_key=True)
    transfer_id: int = Field(sa_type=BigInteger, foreign_key="transfers.id")
    account: str
    amount_fen: int = Field(sa_type=BigInteger)


class CashTaken(Base, table=True):
    """Cash that somebody took at a counter, by the entry which posted it."""

    __tablename__ = "cash_taken"
    __table_args__ = (Index("ix_cash_taken_uncounted", "point", postgresql_where=text("count_id IS NULL")),)

    transfer_id: int = Field(sa_type=BigInteger, primary_key=True, foreign_key="transfers.id")
    bill_id: str = Field(foreign_key="bills.id")
    point: str
    amount_fen: int = Field(sa_type=BigInteger)
    # Account and verified person: somebody who has two accounts does not count what he took under the other.
    taken_by: str
    taken_by_person: str = Field(default="", sa_column_kwargs={"server_default": ""})
    taken_at: datetime = Field(sa_type=DateTime(timezone=True))
    count_id: str | None = Field(default=None, foreign_key="cash_counts.id", nullable=True)


class CashCount(Base, table=True):
    """All that was taken at a counter since the count before, counted by somebody who took none of it, and how it came to the bank."""

    __tablename__ = "cash_counts"
    __table_args__ = (
        UniqueConstraint("slip_no", name="uq_cash_counts_slip"),
        CheckConstraint("expected_fen > 0 AND counted_fen >= 0", name="ck_cash_counts_amount"),
        CheckConstraint(
            "(slip_no IS NULL) = (deposited_by IS NULL) AND (slip_no IS NULL) = (deposited_at IS NULL)", name="ck_cash_counts_slip"
        ),
        CheckConstraint("(slip_no IS NULL) = (slip_fen IS NULL) AND slip_fen >= 0", name="ck_cash_counts_slip_amount"),
        CheckConstraint(
            "(owner <> '') = (counted_fen <> expected_fen OR coalesce(slip_fen <> counted_fen, false))", name="ck_cash_counts_owner"
        ),
    )

    id: str = Field(primary_key=True)
    point: str
    expected_fen: int = Field(sa_type=BigInteger)
    counted_fen: int = Field(sa_type=BigInteger)
    receipts: int
    counted_by: str
    counted_by_person: str = Field(default="", sa_column_kwargs={"server_default": ""})
    counted_at: datetime = Field(sa_type=DateTime(timezone=True))
    slip_no: str | None = Field(default=None, nullable=True)
    slip_fen: int | None = Field(default=None, sa_type=BigInteger, nullable=True)
    deposited_by: str | None = Field(default=None, nullable=True)
    deposited_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True), nullable=True)
    # Who follows up what is short or over.
    owner: str = Field(default="", sa_column_kwargs={"server_default": ""})


class Alarm(Base, table=True):
    """Something about money that a person must look at. The same thing again only counts up, and so does everything that is not signed by the
    bank: nobody can fill the disk with it."""

    __tablename__ = "alarms"

    id: str = Field(primary_key=True)
    kind: str
    provider: str
    order_id: str = Field(default="")
    seen: int = Field(default=1, sa_type=BigInteger)
    first_at: datetime = Field(sa_type=DateTime(timezone=True))
    last_at: datetime = Field(sa_type=DateTime(timezone=True))


class Once(Base, OnceColumns, table=True):
    __tablename__ = "once"


class Outbox(Base, OutboxColumns, table=True):
    __tablename__ = "outbox"
    __table_args__ = (pending_index("outbox"),)


reads.define(Base.metadata)
exports.define(Base.metadata)
facts.define(Base.metadata)
