"""Tables of organisation. The rows are records, not messages: what leaves the service is built by the servicer."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Column, DateTime, ForeignKey, Identity, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

MIGRATIONS = Path(__file__).parent / "migrations"


class Base(SQLModel, registry=registry()):
    """Own metadata: on one machine every service lives in one process, and their tables must not meet."""


class Member(Base, table=True):
    """An account of the city sign-on that has or had a duty, and whose it is."""

    __tablename__ = "member"

    account: str = Field(primary_key=True)
    # Blind index of the identity number; empty where only the account is known. Once it is known, the account is good for this person alone.
    person: str = Field(default="")
    name_sealed: bytes
    entered_at: datetime = Field(sa_type=DateTime(timezone=True))


class Appointment(Base, table=True):
    """A duty in a unit, from day to day (both included). Only its end and its confirmation are written later; no row is taken out."""

    __tablename__ = "appointment"
    __table_args__ = (
        CheckConstraint("state IN ('proposed', 'in_force', 'rejected')", name="appointment_state"),
        CheckConstraint("ends IS NULL OR ends >= begins", name="appointment_days"),
        Index("ix_appointment_account", "account"),
        Index("ix_appointment_unit", "unit"),
    )

    id: str = Field(primary_key=True)
    account: str = Field(sa_column_args=(ForeignKey("member.account"),))
    duty: str
    unit: str
    begins: date
    ends: date | None = Field(default=None, nullable=True)
    # When it was taken away within its last day.
    revoked_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True), nullable=True)
    state: str
    entered_by: str
    entered_by_person: str = Field(default="")
    entered_at: datetime = Field(sa_type=DateTime(timezone=True))
    # The second of the four eyes, where it takes them.
    confirmed_by: str = Field(default="")
    confirmed_by_person: str = Field(default="")
    # Where the work of somebody who left went: an account, or "pool" for those of the duty who stay.
    work_to: str = Field(default="")


class Cover(Base, table=True):
    """``substitute`` stands in for ``absent`` from day to day, both included. Only its end is written later; no row is taken out."""

    __tablename__ = "cover"
    __table_args__ = (
        CheckConstraint("absent <> substitute", name="cover_of_another"),
        CheckConstraint("ends >= begins", name="cover_days"),
        Index("ix_cover_absent", "absent"),
        Index("ix_cover_substitute", "substitute"),
    )

    id: str = Field(primary_key=True)
    absent: str = Field(sa_column_args=(ForeignKey("member.account"),))
    substitute: str = Field(sa_column_args=(ForeignKey("member.account"),))
    begins: date
    ends: date
    revoked_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True), nullable=True)
    entered_by: str
    entered_at: datetime = Field(sa_type=DateTime(timezone=True))


class Change(Base, table=True):
    """Every change, in the transaction that makes it; append-only. ``before`` and ``after`` are days, codes and ids: no names."""

    __tablename__ = "change"
    __table_args__ = (Index("ix_change_account", "account"),)

    seq: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    at: datetime = Field(sa_type=DateTime(timezone=True))
    kind: str
    by_account: str
    by_person: str = Field(default="")
    # Whom it is about.
    account: str
    subject_id: str
    before: dict[str, Any] = Field(sa_type=JSONB)
    after: dict[str, Any] = Field(sa_type=JSONB)


class View(Base, table=True):
    """How somebody wants to see a list again. His own and nobody's record: it goes when he removes it."""

    __tablename__ = "list_view"
    __table_args__ = (Index("ux_list_view_default", "account", "list", unique=True, postgresql_where=text("is_default")),)

    account: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    list: str
    is_default: bool
    # Its name and filters: what people type may hold anything.
    sealed: bytes
    changed_at: datetime = Field(sa_type=DateTime(timezone=True))
