"""Tables of casework. The rows are records, not messages: what leaves the service is built by the servicer.

Whatever a person wrote or is known by is sealed (``*_sealed``, AES-256-GCM under the field key ring) or a blind index; what stands in the clear is
what lists, reports and duties are made of.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from anju_contracts.application import ENDS, START
from anju_terms import terms
from casekit import exports, facts, reads
from casekit.blocked import RepairColumns, repairs_once
from casekit.operator_steps import OperatorStepColumns
from casekit.words import WordColumns, word_rules
from chassis.once import OnceColumns
from chassis.outbox import OutboxColumns, pending_index
from sqlalchemy import BigInteger, CheckConstraint, Column, DateTime, ForeignKey, Index, Sequence, String, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

MIGRATIONS = Path(__file__).parent / "migrations"


class Base(SQLModel, registry=registry()):
    """Own metadata: on one machine every service lives in one process, and their tables must not meet."""


NUMBERS = Sequence("application_number", metadata=Base.metadata)


def _now() -> datetime:
    return datetime.now(UTC)


def _one_of(column: str, values: tuple[str, ...]) -> str:
    return f"{column} IN ({', '.join(repr(value) for value in sorted(values))})"


class Once(Base, OnceColumns, table=True):
    __tablename__ = "once"


class Outbox(Base, OutboxColumns, table=True):
    __tablename__ = "outbox"
    __table_args__ = (pending_index("outbox"),)


class Repair(Base, RepairColumns, table=True):
    """Workflows that were started again, append-only (a trigger refuses changes). ``version`` is the case's own."""

    __tablename__ = "repairs"
    __table_args__ = (repairs_once("repairs"),)


class OperatorStep(Base, OperatorStepColumns, table=True):
    """What operators did by hand at this service, append-only."""

    __tablename__ = "operator_step"


class Word(Base, WordColumns, table=True):
    """What people said about cases; the authority for every step of a person on a timeline."""

    __tablename__ = "word"
    __table_args__ = word_rules()


class Application(Base, table=True):
    """One case as it stands now; ``timeline`` says how it came there."""

    __tablename__ = "application"
    __table_args__ = (
        CheckConstraint(f"(outcome = '') = (NOT {_one_of('stage', ENDS)})", name="application_outcome"),
        CheckConstraint("version >= 1 AND round >= 1 AND household_size >= 1", name="application_counts"),
        Index("ix_application_owner", "owner", "seq"),
        Index("ix_application_street", "street", "seq", postgresql_ops={"street": "text_pattern_ops"}),
        Index("ix_application_counters", "district", "street", "stage"),
        Index("ix_application_blocked", "seq", postgresql_where=text("blocked_at IS NOT NULL")),
    )

    no: str = Field(primary_key=True)
    seq: int = Field(sa_type=BigInteger, unique=True)
    version: int = Field(default=1, sa_type=BigInteger)
    stage: str = Field(default=START)
    waiting_on: str = Field(default="system")
    deadline_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    overdue: bool = Field(default=False)
    district: str
    street: str
    # Where the household lives; "" where its street has no communities on record. Who lives there himself decides nothing of it.
    community: str = Field(default="", sa_column_kwargs={"server_default": ""})
    category: str
    household_size: int
    masked_name: str
    owner: str
    locale: str = Field(default="zh-CN")
    submitted_at: datetime = Field(sa_type=DateTime(timezone=True))
    updated_at: datetime = Field(sa_type=DateTime(timezone=True))
    outcome: str = Field(default="")
    reason_sealed: bytes = Field(default=b"")
    round: int = Field(default=1)
    profile_version: str
    # What the case came with, in order: the registers it asks, the levels that review it, the level that answers objections.
    registers: list[str] = Field(sa_column=Column(ARRAY(String), nullable=False))
    levels: list[str] = Field(sa_column=Column(ARRAY(String), nullable=False))
    objection_level: str
    # Codes of the criteria the newest assessment found not met or not to be verified: approving all the same takes two persons.
    doubts: list[str] = Field(default_factory=list, sa_column=Column(ARRAY(String), nullable=False, server_default="{}"))
    # Since when its workflow is gone while it is open; nobody works on it until operators start it again.
    blocked_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True), nullable=True)


class Dossier(Base, table=True):
    """One dossier a round. A round above the application's own is a correction which the workflow has not yet answered."""

    __tablename__ = "dossier"
    __table_args__ = (
        CheckConstraint("round >= 1", name="dossier_round"),
        CheckConstraint("cardinality(blinds) >= 1", name="dossier_blinds"),
        Index("ix_dossier_blinds", "blinds", postgresql_using="gin"),
        Index("ix_dossier_name_blinds", "name_blinds", postgresql_using="gin"),
    )

    application_no: str = Field(sa_column=Column(String, ForeignKey("application.no"), primary_key=True))
    round: int = Field(primary_key=True)
    sealed: bytes
    blinds: list[str] = Field(sa_column=Column(ARRAY(String), nullable=False))
    # Of the names: a reviewer finds a household by the whole name of one of it.
    name_blinds: list[str] = Field(default_factory=list, sa_column=Column(ARRAY(String), nullable=False, server_default="{}"))
    category: str
    household_size: int
    masked_name: str
    request_id: str = Field(default="")
    actor: str
    # The visit at a counter in which a clerk has typed it; None for what the household has typed itself.
    assistance_id: str | None = Field(default=None, sa_column=Column(String, ForeignKey("assistance.id"), nullable=True, index=True))
    created_at: datetime = Field(default_factory=_now, sa_type=DateTime(timezone=True))


class Authorisation(Base, table=True):
    """That somebody lets the counter act for him: whom, on which paper, before which clerk. Append-only."""

    __tablename__ = "authorisation"
    __table_args__ = (Index("ix_authorisation_person", "person", "recorded_at"),)

    # Made of the clerk and the key of the request: a repeat is the same.
    id: str = Field(primary_key=True)
    # Blind index of whose authorisation it is.
    person: str
    masked_name: str
    document_sealed: bytes
    # Of the photograph of the paper (``AuthorisationPhoto``).
    photo_sha256: str
    text_version: str
    sub: str
    clerk_person: str
    acting_for: str
    # Where the clerk had his duty: clerks of these act on it.
    divisions: list[str] = Field(sa_column=Column(ARRAY(String), nullable=False))
    recorded_at: datetime = Field(sa_type=DateTime(timezone=True))


class AuthorisationEnd(Base, table=True):
    """That somebody has taken an authorisation back: himself, or in a visit at a counter. What was done before stays. Append-only."""

    __tablename__ = "authorisation_end"

    authorisation_id: str = Field(sa_column=Column(String, ForeignKey("authorisation.id"), primary_key=True))
    sub: str
    assisted_by: str
    assistance: str
    at: datetime = Field(sa_type=DateTime(timezone=True))


class AuthorisationPhoto(Base, table=True):
    """The photograph of a signed authorisation, sealed. Append-only."""

    __tablename__ = "authorisation_photo"

    authorisation_id: str = Field(sa_column=Column(String, ForeignKey("authorisation.id"), primary_key=True))
    photo_sealed: bytes


class Assistance(Base, table=True):
    """A visit at a counter: which clerk acts for whom, for what, until when. Append-only; whatever is typed in it names it."""

    __tablename__ = "assistance"
    __table_args__ = (
        CheckConstraint(_one_of("purpose", tuple(terms("counter_purposes"))), name="assistance_purpose"),
        CheckConstraint("ends_at > opened_at", name="assistance_ends"),
        Index("ix_assistance_sub", "sub", "opened_at"),
    )

    # Made of the clerk and the key of the request: a repeat is the same.
    id: str = Field(primary_key=True)
    authorisation_id: str = Field(sa_column=Column(String, ForeignKey("authorisation.id"), nullable=False, index=True))
    purpose: str
    # In whose name the clerk acts: the account the household's cases belong to.
    owner: str
    sub: str
    clerk_person: str
    acting_for: str
    divisions: list[str] = Field(sa_column=Column(ARRAY(String), nullable=False))
    # The clerk's name as he was signed on.
    official_sealed: bytes
    opened_at: datetime = Field(sa_type=DateTime(timezone=True))
    ends_at: datetime = Field(sa_type=DateTime(timezone=True))


class AssistanceEnd(Base, table=True):
    """That a visit was ended before its time. Append-only."""

    __tablename__ = "assistance_end"

    assistance_id: str = Field(sa_column=Column(String, ForeignKey("assistance.id"), primary_key=True))
    at: datetime = Field(sa_type=DateTime(timezone=True))


class Draft(Base, table=True):
    """What a citizen has typed and not handed in yet, a draft a person and application (``application_no`` empty for a new one). Nobody else reads it.
    ``owner`` is the person's blind index, or the account where no person is verified."""

    __tablename__ = "draft"
    __table_args__ = (CheckConstraint("version >= 1", name="draft_version"), Index("ix_draft_expires", "expires_at"))

    owner: str = Field(primary_key=True)
    application_no: str = Field(primary_key=True)
    version: int = Field(default=1, sa_type=BigInteger)
    sealed: bytes
    saved_at: datetime = Field(sa_type=DateTime(timezone=True))
    expires_at: datetime = Field(sa_type=DateTime(timezone=True))


class RecusalDeclaration(Base, table=True):
    """Whom, and where, an official has declared that he does not decide (回避). Append-only. The newest of a person counts, also after ``renew_by``:
    relatives do not end with it. What a newer one has taken the place of counts until that one's ``renew_by``: nobody declares anew around a case."""

    __tablename__ = "recusal_declaration"
    __table_args__ = (
        Index("ix_recusal_declaration_sub", "sub", "declared_at"),
        Index("ix_recusal_declaration_person", "person", "declared_at"),
    )

    id: str = Field(primary_key=True)
    sub: str
    person: str
    # Division code of the community he lives in; "" where none is on record.
    community: str
    declared_at: datetime = Field(sa_type=DateTime(timezone=True))
    # When he has to declare anew before he decides.
    renew_by: datetime = Field(sa_type=DateTime(timezone=True))


class DeclaredRelative(Base, table=True):
    """A relative in a declaration, by blind index and kinship. His name and number are not kept."""

    __tablename__ = "declared_relative"
    __table_args__ = (CheckConstraint(_one_of("kinship", tuple(terms("kinships"))), name="declared_relative_kinship"),)

    declaration_id: str = Field(sa_column=Column(String, ForeignKey("recusal_declaration.id"), primary_key=True))
    blind: str = Field(primary_key=True)
    kinship: str


class DutyHolder(Base, table=True):
    """Who is known to hold a duty, because he has looked at its tasks; who holds it otherwise, this system cannot know."""

    __tablename__ = "duty_holder"

    role: str = Field(primary_key=True)
    sub: str = Field(primary_key=True)
    person: str
    divisions: list[str] = Field(sa_column=Column(ARRAY(String), nullable=False))
    seen_at: datetime = Field(sa_type=DateTime(timezone=True))


class Recusal(Base, table=True):
    """That an official has left a case to others. Append-only; it holds for the whole case."""

    __tablename__ = "recusal"
    __table_args__ = (Index("ix_recusal_application", "application_no", "at"),)

    # Made of the person and the key of the request: a repeat is the same.
    id: str = Field(primary_key=True)
    application_no: str = Field(sa_column=Column(String, ForeignKey("application.no"), nullable=False))
    level: str
    sub: str
    person: str
    reason: str
    official_sealed: bytes
    words_sealed: bytes
    at: datetime = Field(sa_type=DateTime(timezone=True))
    # The version of the case which it made; 0 when the step made it by which the level passes the case on.
    seq: int = Field(sa_type=BigInteger)
    # The word by which it passes it on, when nobody known of the level was left: all of these accounts had left it to others or may not decide it.
    word_id: str = Field(default="")
    holders: list[str] = Field(sa_column=Column(ARRAY(String), nullable=False))


class Interruption(Base, table=True):
    """That nobody works on a case any more, its workflow being gone, or that somebody does again. Append-only; ``seq`` is the version of the case it made."""

    __tablename__ = "interruption"

    application_no: str = Field(sa_column=Column(String, ForeignKey("application.no"), primary_key=True))
    seq: int = Field(sa_type=BigInteger, primary_key=True)
    blocked: bool
    at: datetime = Field(sa_type=DateTime(timezone=True))


class RegisteredSpouse(Base, table=True):
    """Whom the marriage register names as the spouse of a member, who is not of the household himself. Append-only."""

    __tablename__ = "registered_spouse"

    application_no: str = Field(sa_column=Column(String, ForeignKey("application.no"), primary_key=True))
    blind: str = Field(primary_key=True)


class Resident(Base, table=True):
    """Blind index of every member of a household. A person stands in one active application for whom he applies or which he has confirmed; naming
    somebody who has not confirmed keeps him out of nothing."""

    __tablename__ = "resident"
    __table_args__ = (
        Index("uq_resident_confirmed", "blind", unique=True, postgresql_where=text("active AND confirmed")),
        Index("ix_resident_active", "blind", postgresql_where=text("active")),
    )

    application_no: str = Field(sa_column=Column(String, ForeignKey("application.no"), primary_key=True))
    blind: str = Field(primary_key=True)
    since_round: int = Field(default=1)
    active: bool = Field(default=True)
    confirmed: bool = Field(default=False)


class Consent(Base, table=True):
    """What one person of a household has agreed to, with the version of the text which was shown; or that he says he does not belong to it.

    ``id`` is that of the word which gave it: of the submission or correction for the applicant and the minors he speaks for, of his own or the clerk's
    for another adult. A refusal stays beside what is said of a later round."""

    __tablename__ = "consent"
    __table_args__ = (
        CheckConstraint(_one_of("channel", tuple(terms("consent_channels"))), name="consent_channel"),
        Index("uq_consent_given", "application_no", "blind", unique=True, postgresql_where=text("agrees AND withdrawn_at IS NULL")),
        CheckConstraint("withdrawn_at IS NULL OR (agrees AND withdrawn_at >= given_at)", name="consent_withdrawn"),
        Index("ix_consent_blind", "blind"),
    )

    id: str = Field(primary_key=True)
    application_no: str = Field(sa_column=Column(String, ForeignKey("application.no"), nullable=False))
    blind: str
    round: int
    agrees: bool
    channel: str
    text_version: str
    registers: list[str] = Field(sa_column=Column(ARRAY(String), nullable=False))
    given_at: datetime = Field(sa_type=DateTime(timezone=True))
    # Opaque subject of who signed on and said so: the person, the applicant for a minor, the clerk at a counter, also for an applicant who has signed there.
    given_by: str
    # Which paper the clerk has seen.
    document_sealed: bytes = Field(default=b"")
    # Which one, when he has taken it back at a counter.
    withdrawal_sealed: bytes = Field(default=b"", sa_column_kwargs={"server_default": ""})
    # Since when he no longer agrees. The row stays: what was asked before rested on it.
    withdrawn_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True), nullable=True)


class Timeline(Base, table=True):
    """Every step of a case, append-only (a trigger refuses changes). ``seq`` is the version which the step made."""

    __tablename__ = "timeline"
    __table_args__ = (CheckConstraint("seq >= 2", name="timeline_seq"),)

    application_no: str = Field(sa_column=Column(String, ForeignKey("application.no"), primary_key=True))
    seq: int = Field(sa_type=BigInteger, primary_key=True)
    step_id: str = Field(unique=True)
    # The word which the step carries out; empty for one that a clock or the system makes.
    word_id: str = Field(default="")
    event: str
    source: str
    stage: str
    waiting_on: str
    actor: str
    actor_kind: str
    at: datetime = Field(sa_type=DateTime(timezone=True))
    deadline_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    overdue: bool = Field(default=False)
    note_sealed: bytes = Field(default=b"")
    objection_id: str = Field(default="")
    recorded_at: datetime = Field(default_factory=_now, sa_type=DateTime(timezone=True))


class Task(Base, table=True):
    """Review tasks; a case has one open task at most."""

    __tablename__ = "task"
    __table_args__ = (
        Index("uq_task_open", "application_no", unique=True, postgresql_where=text("closed_at IS NULL")),
        Index("ix_task_due", "deadline_at", "application_no", postgresql_where=text("closed_at IS NULL")),
    )

    id: int | None = Field(default=None, sa_type=BigInteger, primary_key=True)
    application_no: str = Field(sa_column=Column(String, ForeignKey("application.no"), nullable=False))
    level: str
    opened_at: datetime = Field(sa_type=DateTime(timezone=True))
    deadline_at: datetime = Field(sa_type=DateTime(timezone=True))
    overdue: bool = Field(default=False)
    closed_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    closed_by: str = Field(default="")


class Proposal(Base, table=True):
    """An approval against what is not met or could not be verified, by the first of the two persons it takes. ``word_id`` is the second one's word, which
    carries it out; "" until then. ``void``: why it counts no longer, when whoever proposed it may not decide the case any more; another person is the
    first then. Nothing else of it ever changes (a trigger sees to it)."""

    __tablename__ = "proposal"
    __table_args__ = (
        Index("uq_proposal_task", "task_id", unique=True, postgresql_where=text("void = ''")),
        Index("ix_proposal_application", "application_no"),
    )

    # Made of the first person and the key of the request: a repeat is the same.
    id: str = Field(primary_key=True)
    task_id: int = Field(sa_column=Column(BigInteger, ForeignKey("task.id"), nullable=False))
    application_no: str = Field(sa_column=Column(String, ForeignKey("application.no"), nullable=False))
    round: int
    level: str
    sub: str
    person: str
    # Whom the official stood in for; empty for himself.
    acting_for: str = Field(default="")
    official_sealed: bytes
    reason_sealed: bytes
    at: datetime = Field(sa_type=DateTime(timezone=True))
    # The version of the case which it made.
    seq: int = Field(sa_type=BigInteger)
    word_id: str = Field(default="")
    # Code of the vocabulary ``recusals``, or NO_DUTY.
    void: str = Field(default="", sa_column_kwargs={"server_default": ""})


class Signature(Base, table=True):
    """The name of the official whose word it is, as he was signed on: later levels and complaints read who has decided."""

    __tablename__ = "signature"

    word_id: str = Field(primary_key=True)
    official_sealed: bytes


class Notice(Base, table=True):
    """Public notices (公示); a case has one open notice at most, suspended while an objection is looked at."""

    __tablename__ = "notice"
    __table_args__ = (
        Index("uq_notice_open", "application_no", unique=True, postgresql_where=text("closed_at IS NULL")),
        Index("ix_notice_shown", "id", postgresql_where=text("closed_at IS NULL AND NOT suspended")),
    )

    id: int | None = Field(default=None, sa_type=BigInteger, primary_key=True)
    application_no: str = Field(sa_column=Column(String, ForeignKey("application.no"), nullable=False))
    published_at: datetime = Field(sa_type=DateTime(timezone=True))
    closes_at: datetime = Field(sa_type=DateTime(timezone=True))
    suspended: bool = Field(default=False)
    closed_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))


class Objection(Base, table=True):
    """Objections (异议). ``pending`` until the workflow has taken it; nobody sees a pending one. ``closed``: the case ended before it was answered."""

    __tablename__ = "objection"
    __table_args__ = (
        CheckConstraint(_one_of("state", ("pending", "open", "upheld", "dismissed", "closed")), name="objection_state"),
        Index("ix_objection_application", "application_no", "raised_at"),
    )

    id: str = Field(primary_key=True)
    application_no: str = Field(sa_column=Column(String, ForeignKey("application.no"), nullable=False))
    raised_by: str
    # The verified person behind the account, by blind index; "" where the sign-on knows none.
    person: str = Field(default="", sa_column_kwargs={"server_default": ""})
    raised_at: datetime = Field(sa_type=DateTime(timezone=True))
    text_sealed: bytes
    state: str = Field(default="pending")
    answer_sealed: bytes = Field(default=b"")


reads.define(Base.metadata)
exports.define(Base.metadata)
facts.define(Base.metadata)
