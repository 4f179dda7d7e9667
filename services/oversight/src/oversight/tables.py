"""Tables of oversight. The rows are records, not messages: what leaves the service is built by the servicer."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Any

from casekit import facts, reads
from casekit.blocked import RepairColumns, repairs_once
from casekit.operator_steps import OperatorStepColumns
from casekit.words import WordColumns, word_rules
from chassis.once import OnceColumns
from chassis.outbox import OutboxColumns, pending_index
from sqlalchemy import BigInteger, CheckConstraint, Column, DateTime, ForeignKey, Index, Sequence, String, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
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


class Repair(Base, RepairColumns, table=True):
    """Workflows that were started again, append-only (a trigger refuses changes)."""

    __tablename__ = "repairs"
    __table_args__ = (repairs_once("repairs"),)


class OperatorStep(Base, OperatorStepColumns, table=True):
    """What operators did by hand about workflows of this service, append-only."""

    __tablename__ = "operator_step"


class Word(Base, WordColumns, table=True):
    """What people said to workflows; the authority for every step of a person on record."""

    __tablename__ = "word"
    __table_args__ = word_rules()


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


COMPLAINT_NUMBERS = Sequence("complaint_number", metadata=Base.metadata)


class Complaint(Base, table=True):
    """What one citizen has said, as it stands now; ``complaint_step`` says how it came there. What he wrote and who he is are sealed."""

    __tablename__ = "complaint"
    __table_args__ = (
        CheckConstraint("score BETWEEN 0 AND 5", name="complaint_score"),
        CheckConstraint("rounds BETWEEN 0 AND 2", name="complaint_rounds"),
        # One way back to it: the account, the code, or the clerk who wrote it down.
        CheckConstraint("(owner <> '') = (channel = 'online')", name="complaint_owner"),
        CheckConstraint("(code_index <> '') = (channel = 'anonymous')", name="complaint_code"),
        Index("ix_complaint_owner", "owner", "seq"),
        Index("ix_complaint_place", "district", "seq"),
        Index("ix_complaint_merged_into", "merged_into"),
        Index("ix_complaint_reference", "reference_no", unique=True, postgresql_where=text("reference_no <> ''")),
        Index("ix_complaint_text", "text_index"),
    )

    no: str = Field(primary_key=True)
    seq: int = Field(sa_column=Column(BigInteger, unique=True, nullable=False))
    kind: str
    channel: str
    reference_no: str = Field(default="")
    district: str
    street: str
    level: str
    about_staff: bool
    flags: list[str] = Field(sa_column=Column(ARRAY(String), nullable=False))
    stage: str
    waiting_on: str
    deadline_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True), nullable=True)
    overdue: bool = Field(default=False)
    version: int = Field(default=1, sa_type=BigInteger)
    rounds: int = Field(default=0)
    # Where an answer under second reading came from.
    before: str = Field(default="")
    received_at: datetime = Field(sa_type=DateTime(timezone=True))
    updated_at: datetime = Field(sa_type=DateTime(timezone=True))
    # Whose it is: account and person; empty for who did not sign on. The clerk who wrote it down.
    owner: str = Field(default="")
    owner_person: str = Field(default="")
    taken_by: str = Field(default="")
    # Keyed hash of the code by which an anonymous writer comes back; the code is not kept.
    code_index: str = Field(default="")
    # Keyed hash of who asked under which key, and of what he asked: a repeat is the same complaint.
    request_index: str = Field(unique=True)
    fingerprint: str
    # Keyed hash of the text: the same again is not taken twice.
    text_index: str
    text_sealed: bytes
    contact_sealed: bytes = Field(default=b"")
    reporter_sealed: bytes = Field(default=b"")
    about_name_sealed: bytes = Field(default=b"")
    # Whom it is about: keyed hash of the name as it was written, and the account the desk has found.
    about_name_index: str = Field(default="")
    about_sub: str = Field(default="")
    # The desk's words: what is to be looked at in an investigation.
    brief_sealed: bytes = Field(default=b"")
    # The words an answer stands in: the one that holds, and one under second reading; with who wrote it.
    answer_word: str = Field(default="")
    answered_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True), nullable=True)
    proposed_word: str = Field(default="")
    written_by: str = Field(default="")
    written_by_person: str = Field(default="")
    score: int = Field(default=0)
    merged_into: str = Field(default="")
    blocked_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True), nullable=True)


class ComplaintStep(Base, table=True):
    """One step, as the workflow had it recorded."""

    __tablename__ = "complaint_step"

    no: str = Field(primary_key=True, sa_column_args=(ForeignKey("complaint.no"),))
    seq: int = Field(primary_key=True)
    step_id: str = Field(unique=True)
    word_id: str = Field(default="")
    event: str
    source: str
    stage: str
    waiting_on: str
    level: str
    actor: str
    at: datetime = Field(sa_type=DateTime(timezone=True))
    deadline_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True), nullable=True)
    overdue: bool = Field(default=False)


class ComplaintText(Base, table=True):
    """What belongs to a word: its text, which goes into no workflow, and what else only the record needs."""

    __tablename__ = "complaint_text"

    word_id: str = Field(primary_key=True)
    no: str = Field(index=True, sa_column_args=(ForeignKey("complaint.no"),))
    action: str
    sealed: bytes = Field(default=b"")
    merge_into: str = Field(default="")
    about: str = Field(default="")
    score: int = Field(default=0)


class ComplaintPhoto(Base, table=True):
    """What was photographed, beside what was written: only its pixels, sealed. Append-only."""

    __tablename__ = "complaint_photo"
    __table_args__ = (CheckConstraint("number BETWEEN 1 AND 6", name="complaint_photo_number"),)

    no: str = Field(primary_key=True, sa_column_args=(ForeignKey("complaint.no"),))
    number: int = Field(primary_key=True)
    size_bytes: int
    sealed: bytes
    added_at: datetime = Field(sa_type=DateTime(timezone=True))


class FollowTry(Base, table=True):
    """Wrong codes for a number within an hour, whether there is such a complaint or not; by keyed hash of the number."""

    __tablename__ = "follow_try"

    number_index: str = Field(primary_key=True)
    since: datetime = Field(sa_type=DateTime(timezone=True))
    tries: int


class Followed(Base, table=True):
    """How far the facts of another service were read: the place it gave."""

    __tablename__ = "followed"

    service: str = Field(primary_key=True)
    cursor: str


class Finished(Base, table=True):
    """A service that was finished for somebody, as its owner has it on record (a fact of that service), or a visit to a counter as its clerk says.
    Append-only."""

    __tablename__ = "finished"
    __table_args__ = (
        Index("ix_finished_owner", "owner", "at", "id"),
        Index("ix_finished_person", "person", postgresql_where=text("person <> ''")),
        UniqueConstraint("code_digest", name="uq_finished_code"),
    )

    # Made of the fact, or of the visit.
    id: str = Field(primary_key=True)
    item: str
    # The service which has it on record, and under which fact.
    source: str
    fact_id: str
    application_no: str
    subject: str
    division: str
    at: datetime = Field(sa_type=DateTime(timezone=True))
    # For whom: account, and blind index of the person where it is known. Both empty for a visit, which is rated by its receipt.
    owner: str
    person: str
    # Who has rendered it, account and person of each: they are rated, and have no part in what follows.
    handlers: list[dict[str, str]] = Field(sa_type=JSONB)
    # SHA-256 of the code on the receipt of a visit.
    code_digest: str | None = Field(default=None, nullable=True)


class Evaluation(Base, table=True):
    """What was said of a finished service: once, and never changed."""

    __tablename__ = "evaluation"
    __table_args__ = (Index("ix_evaluation_day", "day"),)

    finished_id: str = Field(primary_key=True, sa_column_args=(ForeignKey("finished.id"),))
    level: str
    reasons: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    words_sealed: bytes
    channel: str
    at: datetime = Field(sa_type=DateTime(timezone=True))
    # The day in China: months are counted by it.
    day: date
    # Who has said it or, of what was written on paper, typed it in; empty for who came by a receipt.
    said_by: str


class FollowUp(Base, table=True):
    """What follows a bad evaluation. Its end is written once."""

    __tablename__ = "follow_up"
    __table_args__ = (
        CheckConstraint("(state = 'done') = (answered_at IS NOT NULL)", name="follow_up_done"),
        Index("ix_follow_up_next", "next_at", postgresql_where=text("state = 'open'")),
    )

    finished_id: str = Field(primary_key=True, sa_column_args=(ForeignKey("evaluation.finished_id"),))
    state: str = Field(default="open")
    opened_at: datetime = Field(sa_type=DateTime(timezone=True))
    due_at: datetime = Field(sa_type=DateTime(timezone=True))
    # When somebody is told next, while it is open; how often has been.
    next_at: datetime = Field(sa_type=DateTime(timezone=True))
    told: int = Field(default=0)
    escalated_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True), nullable=True)
    result: str = Field(default="")
    answer_sealed: bytes = Field(default=b"")
    answered_by: str = Field(default="")
    answered_by_person: str = Field(default="")
    answered_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True), nullable=True)


reads.define(Base.metadata)
facts.define(Base.metadata)
