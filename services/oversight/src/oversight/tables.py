"""Tables of oversight. The rows are records, not messages: what leaves the service is built by the servicer."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Column, DateTime, ForeignKey, Index, Text, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

MIGRATIONS = Path(__file__).parent / "migrations"


class Base(SQLModel, registry=registry()):
    """Own metadata: on one machine every service lives in one process, and their tables must not meet."""


class Policy(Base, table=True):
    """A policy, whatever its versions say. Its withdrawal alone is written later, once."""

    __tablename__ = "policy"

    id: str = Field(primary_key=True)
    begun_at: datetime = Field(sa_type=DateTime(timezone=True))
    # First day out of force.
    withdrawn_on: date | None = Field(default=None, nullable=True)
    withdrawn_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True), nullable=True)
    withdrawn_by: str = Field(default="")
    withdrawn_by_person: str = Field(default="")
    withdrawal_reason: str = Field(default="")
    superseded_by: str = Field(default="")


class PolicyVersion(Base, table=True):
    """A version: a draft, which is written over, until it is published, which is for ever."""

    __tablename__ = "policy_version"
    __table_args__ = (
        CheckConstraint("state IN ('draft', 'published')", name="policy_version_state"),
        Index("ix_policy_version_one_draft", "policy_id", unique=True, postgresql_where=text("state = 'draft'")),
        Index("ix_policy_version_pairs", "pairs", postgresql_using="gin"),
    )

    policy_id: str = Field(primary_key=True, sa_column_args=(ForeignKey("policy.id"),))
    number: int = Field(primary_key=True)
    state: str
    category: str
    effective_on: date
    content: dict[str, Any] = Field(sa_type=JSONB)
    digest: str
    # What is searched: the title and everything, as words are compared; and every pair of neighbours in it.
    title: str = Field(sa_type=Text)
    plain: str = Field(sa_type=Text)
    pairs: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    # Who has written in it: account and person of each.
    writers: list[dict[str, str]] = Field(sa_type=JSONB)
    saved_at: datetime = Field(sa_type=DateTime(timezone=True))
    published_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True), nullable=True)
    published_by: str = Field(default="")
    published_by_person: str = Field(default="")


class PolicyView(Base, table=True):
    """How often a policy was opened on a day in China, by one way. Nothing about who; only its number grows."""

    __tablename__ = "policy_view"
    __table_args__ = (CheckConstraint("views > 0", name="policy_view_counts"),)

    policy_id: str = Field(primary_key=True, sa_column_args=(ForeignKey("policy.id"),))
    day: date = Field(primary_key=True)
    channel: str = Field(primary_key=True)
    views: int = Field(sa_column=Column(BigInteger, nullable=False))
