"""Tables of notifications. The rows are records, not messages: what leaves the service is built by the servicer."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from chassis.once import OnceColumns
from chassis.outbox import OutboxColumns, pending_index
from sqlalchemy import CheckConstraint, DateTime, ForeignKey, Index, text
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

MIGRATIONS = Path(__file__).parent / "migrations"


class Base(SQLModel, registry=registry()):
    """Own metadata: on one machine every service lives in one process, and their tables must not meet."""


class Once(Base, OnceColumns, table=True):
    __tablename__ = "once"


class Outbox(Base, OutboxColumns, table=True):
    __tablename__ = "outbox"
    __table_args__ = (pending_index("outbox"),)


class InboxMessage(Base, table=True):
    """One entry: for the citizen ``owner``, or for whoever has ``role`` in a division that covers ``division``."""

    __tablename__ = "inbox_message"
    __table_args__ = (
        CheckConstraint("(owner = '') <> (role = '')", name="one_audience"),
        CheckConstraint("sms_state IN ('none', 'queued', 'sent', 'failed')", name="sms_state"),
        # The phone number is kept only as long as it is needed.
        CheckConstraint("(sms_state = 'queued') = (sms IS NOT NULL)", name="sms_only_while_queued"),
        Index("ix_inbox_message_owner", "owner", "at", "id", postgresql_where=text("owner <> ''")),
        Index("ix_inbox_message_staff", "role", "division", "at", "id", postgresql_where=text("role <> ''")),
    )

    id: str = Field(primary_key=True)
    owner: str = Field(default="")
    role: str = Field(default="")
    division: str = Field(default="")
    application_no: str
    template: str
    # The bill it speaks of, by month (YYYYMM) or as deposit: where the message leads, and no more about anybody than the number of his case.
    bill: str = Field(default="")
    # The texts as they were sent, sealed: a reason typed by an official may name a person.
    content: bytes
    at: datetime = Field(sa_type=DateTime(timezone=True))
    sms_state: str = Field(default="none")
    # Phone and text, sealed; empty once delivered or given up.
    sms: bytes | None = Field(default=None, nullable=True)
    created_at: datetime = Field(default_factory=lambda: datetime.now(UTC), sa_type=DateTime(timezone=True))


class InboxReading(Base, table=True):
    """Who has read what: officials share an entry, and each has to read it himself."""

    __tablename__ = "inbox_reading"

    message_id: str = Field(sa_column_args=(ForeignKey("inbox_message.id", ondelete="CASCADE"),), primary_key=True)
    sub: str = Field(primary_key=True)
    at: datetime = Field(default_factory=lambda: datetime.now(UTC), sa_type=DateTime(timezone=True))
