"""Tables of eligibility. The rows are records, not messages: what leaves the service is built by the servicer."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import CheckConstraint, DateTime, Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

MIGRATIONS = Path(__file__).parent / "migrations"


class Base(SQLModel, registry=registry()):
    """Own metadata: on one machine every service lives in one process, and their tables must not meet."""


class PublishedRuleSet(Base, table=True):
    """Every rule set this service has ever judged by. Never changed: an assessment of years ago must come out the same."""

    __tablename__ = "rule_set"
    __table_args__ = (Index("ix_rule_set_version", "version", "published_at"),)

    fingerprint: str = Field(primary_key=True)
    version: str
    body: dict[str, Any] = Field(sa_type=JSONB)
    published_at: datetime = Field(sa_type=DateTime(timezone=True))


class Assessment(Base, table=True):
    """One judgement for each round of a case. ``inputs`` and ``judgement`` are sealed (places ``assessment|inputs|<id>``, ``…|judgement|…``)."""

    __tablename__ = "assessment"
    __table_args__ = (
        Index("uq_assessment_round", "application_no", "round", unique=True),
        CheckConstraint("round >= 1", name="assessment_round"),
        CheckConstraint("verdict IN ('met', 'not_met', 'needs_review')", name="assessment_verdict"),
    )

    id: str = Field(primary_key=True)
    application_no: str
    round: int
    rule_set: str
    fingerprint: str = Field(foreign_key="rule_set.fingerprint")
    verdict: str
    inputs: bytes
    judgement: bytes
    as_of: datetime = Field(sa_type=DateTime(timezone=True))
    created_at: datetime = Field(sa_type=DateTime(timezone=True))
