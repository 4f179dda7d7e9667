"""Tables of registry-gateway. The rows are records, not messages: what leaves the service is built by the servicer."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from casekit import facts
from sqlalchemy import BigInteger, CheckConstraint, DateTime, Index, text
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

MIGRATIONS = Path(__file__).parent / "migrations"


ONE_OPEN = "uq_query_objection_open"


class Base(SQLModel, registry=registry()):
    """Own metadata: on one machine every service lives in one process, and their tables must not meet."""


class Lookup(Base, table=True):
    """State of one register's lookup for one round of a case. ``outcome`` is "" before the first try has ended."""

    __tablename__ = "lookup"
    __table_args__ = (
        CheckConstraint("outcome IN ('', 'found', 'no_record', 'unknown_person', 'mismatch', 'unavailable')", name="lookup_outcome"),
        # Finished means answered: silence never finishes a lookup.
        CheckConstraint("NOT finished OR outcome IN ('found', 'no_record', 'unknown_person', 'mismatch')", name="lookup_finished"),
        CheckConstraint("tries >= 0", name="lookup_tries"),
        Index("ix_lookup_waiting", "begun_at", postgresql_where=text("NOT finished")),
    )

    application_no: str = Field(primary_key=True)
    round: int = Field(primary_key=True)
    register_name: str = Field(primary_key=True)
    outcome: str = Field(default="")
    summary_zh: str = Field(default="")
    summary_en: str = Field(default="")
    tries: int = Field(default=0)
    last_try_at: datetime = Field(sa_type=DateTime(timezone=True))
    # Of the machine's clock, for operators: ``last_try_at`` is the business instant.
    begun_at: datetime = Field(sa_type=DateTime(timezone=True), sa_column_kwargs={"server_default": text("now()")})
    tried_at: datetime = Field(sa_type=DateTime(timezone=True), sa_column_kwargs={"server_default": text("now()")})
    finished: bool = Field(default=False)


class Receipt(Base, table=True):
    """One answer about one person by one office. Salt and body may be erased later; the evidence hash and the chain stay verifiable.

    ``body`` is sealed (place ``receipt|body|<id>``) and holds the request's id and hash, the outcome and the permitted facts. An answer about somebody
    else is kept as a mismatch without a body: it is not ours to keep.
    """

    __tablename__ = "receipt"
    __table_args__ = (
        CheckConstraint("outcome IN ('found', 'no_record', 'unknown_person', 'mismatch')", name="receipt_outcome"),
        CheckConstraint("accepted = (outcome <> 'mismatch')", name="receipt_accepted"),
        Index(
            "uq_receipt_accepted",
            "application_no",
            "round",
            "register_name",
            "subject_index",
            "endpoint",
            unique=True,
            postgresql_where=text("accepted"),
        ),
        Index("ix_receipt_case", "application_no", "round", "register_name"),
    )

    id: str = Field(primary_key=True)
    application_no: str
    round: int
    register_name: str
    subject_index: int
    endpoint: str
    outcome: str
    accepted: bool
    attempt_id: str
    request_hash: str
    evidence_hash: str
    salt: bytes | None = Field(default=None, nullable=True)
    body: bytes | None = Field(default=None, nullable=True)
    received_at: datetime = Field(sa_type=DateTime(timezone=True))


class AccessLog(Base, table=True):
    """Every question (written before it leaves), every answer and every refusal to ask, as a hash chain. Append-only by trigger.

    ``kind``: question, answer, refusal. An attempt is one person at one office; it may take several questions (pages, a renewed secret) and has at most
    one answer. ``as_of`` is the business instant, ``recorded_at`` the machine's.
    """

    __tablename__ = "access_log"
    __table_args__ = (
        CheckConstraint("kind IN ('question', 'answer', 'refusal')", name="access_log_kind"),
        CheckConstraint(
            "kind <> 'question' OR (purpose <> '' AND legal_basis <> '' AND person <> ''"
            " AND consent_id <> '' AND consent_channel <> '' AND consent_version <> '' AND consent_given_at IS NOT NULL)",
            name="access_log_grounds",
        ),
        Index("uq_access_log_question", "request_id", unique=True, postgresql_where=text("kind = 'question'")),
        Index("uq_access_log_answer", "attempt_id", unique=True, postgresql_where=text("kind = 'answer'")),
        Index("ix_access_log_case", "application_no", "seq"),
        Index(
            "ix_access_log_answered",
            "register_name",
            "endpoint",
            "seq",
            postgresql_where=text("kind = 'answer' AND outcome <> 'unavailable'"),
        ),
        Index(
            "ix_access_log_unanswered",
            "register_name",
            "endpoint",
            "seq",
            postgresql_where=text("kind = 'answer' AND outcome = 'unavailable'"),
        ),
        Index(
            "ix_access_log_doubtful",
            "recorded_at",
            postgresql_where=text("kind = 'answer' AND (code = 'bad_signature' OR outcome = 'mismatch')"),
        ),
        Index("ix_access_log_person", "person", "seq", postgresql_where=text("kind = 'question'")),
    )

    seq: int | None = Field(default=None, sa_type=BigInteger, primary_key=True, sa_column_kwargs={"autoincrement": False})
    kind: str
    attempt_id: str
    request_id: str
    application_no: str
    round: int
    register_name: str
    endpoint: str
    subject_index: int
    # Blind index of whom the question is about; empty where it did not come to one.
    person: str
    purpose: str
    legal_basis: str
    # The consent of that person, as casework keeps it.
    consent_id: str
    consent_channel: str
    consent_version: str
    consent_given_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True), nullable=True)
    operator: str
    fields: str
    request_hash: str
    outcome: str
    code: str
    evidence_hash: str
    as_of: datetime = Field(sa_type=DateTime(timezone=True))
    recorded_at: datetime = Field(sa_type=DateTime(timezone=True))
    prev_hash: str
    hash: str


class QueryObjection(Base, table=True):
    """What a person has against a query about himself, and the answer. A trigger keeps what was said, and an answer once it is given.

    ``text_sealed`` and ``answer_sealed`` are sealed (places ``query_objection|<column>|<id>``). ``founded``: the query should not have been made.
    """

    __tablename__ = "query_objection"
    __table_args__ = (
        CheckConstraint("state IN ('open', 'founded', 'unfounded')", name="query_objection_state"),
        CheckConstraint("(state = 'open') = (answered_at IS NULL)", name="query_objection_answered"),
        CheckConstraint("(state = 'open') = (answered_by = '' AND answer_sealed = ''::bytea)", name="query_objection_answer"),
        Index(ONE_OPEN, "request_id", unique=True, postgresql_where=text("state = 'open'")),
        Index("ix_query_objection_request", "request_id", "raised_at"),
        Index("ix_query_objection_due", "due_at", "id"),
    )

    # From the key of the request: a repeat finds it.
    id: str = Field(primary_key=True)
    fingerprint: str
    # The question in the log.
    request_id: str
    # Blind index of who objects, whom the question was about.
    person: str
    text_sealed: bytes
    raised_at: datetime = Field(sa_type=DateTime(timezone=True))
    due_at: datetime = Field(sa_type=DateTime(timezone=True))
    state: str = Field(default="open")
    answer_sealed: bytes = Field(default=b"")
    # Account of the auditor.
    answered_by: str = Field(default="")
    answered_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True), nullable=True)


facts.define(Base.metadata)
