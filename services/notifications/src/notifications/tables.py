"""Tables of notifications. The rows are records, not messages: what leaves the service is built by the servicer."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

from casekit.operator_steps import OperatorStepColumns
from chassis.once import OnceColumns
from chassis.outbox import OutboxColumns, pending_index
from sqlalchemy import BigInteger, CheckConstraint, DateTime, ForeignKey, Index, UniqueConstraint, text
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


class OperatorStep(Base, OperatorStepColumns, table=True):
    """What operators did by hand at this service, append-only."""

    __tablename__ = "operator_step"


class InboxMessage(Base, table=True):
    """One entry: for the citizen ``owner``, whose clerks are those of ``division``, or for whoever has ``role`` in a division that covers ``division``."""

    __tablename__ = "inbox_message"
    __table_args__ = (
        CheckConstraint("(owner = '') <> (role = '')", name="one_audience"),
        Index("ix_inbox_message_owner", "owner", "at", "id", postgresql_where=text("owner <> ''")),
        Index("uq_inbox_message_broadcast", "broadcast_id", "owner", unique=True, postgresql_where=text("broadcast_id <> ''")),
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
    # Which text it was: a digest of the template, so that another text is another version. Empty for messages of before.
    template_version: str = Field(default="")
    # Of the notice to many households it is one of, the id; a household is told once of each.
    broadcast_id: str = Field(default="", sa_column_kwargs={"server_default": ""})
    created_at: datetime = Field(default_factory=lambda: datetime.now(UTC), sa_type=DateTime(timezone=True))


class Broadcast(Base, table=True):
    """A notice to many households. ``cursor`` is how far casework's list of them is worked off: it moves in the transaction that tells those of a page."""

    __tablename__ = "broadcast"
    __table_args__ = (
        CheckConstraint("state IN ('written', 'sending', 'paused', 'done', 'stopped')", name="broadcast_state"),
        CheckConstraint("(state IN ('done', 'stopped')) = (ended_at IS NOT NULL)", name="broadcast_ended"),
        CheckConstraint("state IN ('written', 'stopped') OR released_at IS NOT NULL", name="sent_when_released"),
        CheckConstraint("released_by = '' OR released_by <> written_by", name="released_by_another"),
        CheckConstraint("released_by_person = '' OR released_by_person <> written_by_person", name="released_by_another_person"),
        Index("ix_broadcast_sending", "next_at", postgresql_where=text("state = 'sending'")),
    )

    id: str = Field(primary_key=True)
    audience: str
    division: str
    must_arrive: bool
    # Title and body in both languages, sealed like every text of a message.
    content: bytes
    state: str = Field(default="written")
    # How many it was for when it was released.
    households: int = Field(default=0, sa_type=BigInteger)
    told: int = Field(default=0, sa_type=BigInteger)
    cursor: str = Field(default="")
    # The next page is told then: the city's pace.
    next_at: datetime = Field(default_factory=lambda: datetime.now(UTC), sa_type=DateTime(timezone=True))
    written_by: str
    written_by_person: str
    written_at: datetime = Field(default_factory=lambda: datetime.now(UTC), sa_type=DateTime(timezone=True))
    released_by: str = Field(default="")
    released_by_person: str = Field(default="")
    released_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True), nullable=True)
    ended_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True), nullable=True)


class Delivery(Base, table=True):
    """What became of a message by one channel beside the inbox. A message has one row a channel tried, and at most one of them is still queued."""

    __tablename__ = "delivery"
    __table_args__ = (
        UniqueConstraint("message_id", "channel", name="once_by_each_channel"),
        CheckConstraint("state IN ('queued', 'sent', 'delivered', 'refused', 'given_up')", name="delivery_state"),
        # The phone number is kept only as long as it is needed.
        CheckConstraint("address IS NULL OR state = 'queued'", name="address_only_while_queued"),
        Index("ix_delivery_queued", "message_id", unique=True, postgresql_where=text("state = 'queued'")),
    )

    # ``{message}.{channel}``: what the other side knows it by.
    id: str = Field(primary_key=True)
    message_id: str = Field(sa_column_args=(ForeignKey("inbox_message.id", ondelete="CASCADE"),))
    channel: str
    state: str = Field(default="queued")
    # Where to, and in which words, sealed; empty once it is sent or given up, and for a channel whose address people look up when they send it.
    address: bytes | None = Field(default=None, nullable=True)
    # Tells one number from another without giving it, for as long as a receipt may come.
    address_index: str = Field(default="")
    # Not before: a telling in the quiet hours waits for their end, and patience counts from here.
    due_at: datetime = Field(default_factory=lambda: datetime.now(UTC), sa_type=DateTime(timezone=True))
    # When it came to the present state; of a receipt, by the clock of who gives it.
    state_at: datetime = Field(default_factory=lambda: datetime.now(UTC), sa_type=DateTime(timezone=True))


class Letter(Base, table=True):
    """A message that goes by letter, from the moment it waits to be printed; the id is its delivery's. Days are those of the post office's papers."""

    __tablename__ = "letter"
    __table_args__ = (
        CheckConstraint("state IN ('waiting', 'printed', 'posted', 'delivered', 'returned')", name="letter_state"),
        CheckConstraint("(state IN ('posted', 'delivered', 'returned')) = (posted_on IS NOT NULL)", name="posted_on_a_day"),
        CheckConstraint("(state IN ('delivered', 'returned')) = (ended_on IS NOT NULL)", name="ended_on_a_day"),
        Index("ix_letter_state", "state", "at", "id"),
    )

    id: str = Field(sa_column_args=(ForeignKey("delivery.id", ondelete="CASCADE"),), primary_key=True)
    at: datetime = Field(
        default_factory=lambda: datetime.now(UTC), sa_type=DateTime(timezone=True), sa_column_kwargs={"server_default": text("now()")}
    )
    state: str = Field(default="waiting", sa_column_kwargs={"server_default": "waiting"})
    printed_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True), nullable=True)
    posted_on: date | None = Field(default=None, nullable=True)
    ended_on: date | None = Field(default=None, nullable=True)
    tracking_no: str = Field(default="", sa_column_kwargs={"server_default": ""})
    # Account of the clerk who made the last step.
    by: str = Field(default="", sa_column_kwargs={"server_default": ""})


class Reach(Base, table=True):
    """How a citizen wants to be told, and whether the number of his application is reached. Who has no row wants what everybody gets."""

    __tablename__ = "reach"

    sub: str = Field(primary_key=True)
    sms: bool = Field(default=True)
    quiet: bool = Field(default=True)
    # The number the gateway refuses, as ``Delivery.address_index`` has it, and since when; empty when it takes it, or was not asked.
    refused_index: str = Field(default="")
    refused_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True), nullable=True)
    updated_at: datetime = Field(default_factory=lambda: datetime.now(UTC), sa_type=DateTime(timezone=True))


class InboxReading(Base, table=True):
    """Who has read what: officials share an entry, and each has to read it himself."""

    __tablename__ = "inbox_reading"

    message_id: str = Field(sa_column_args=(ForeignKey("inbox_message.id", ondelete="CASCADE"),), primary_key=True)
    sub: str = Field(primary_key=True)
    at: datetime = Field(default_factory=lambda: datetime.now(UTC), sa_type=DateTime(timezone=True))
