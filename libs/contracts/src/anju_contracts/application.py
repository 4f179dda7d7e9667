"""Application (资格申请): from submission to the waiting list (Order 11, articles 7 to 10)."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Final

from anju_terms import review_stage, terms
from pydantic import Field

from anju_contracts.base import Model, Place, Text, Word
from anju_contracts.moves import Move, Table

NAME: Final = "Application"


def workflow_id(no: str) -> str:
    return f"application/{no}"


class LookupOutcome(StrEnum):
    """What a register said. The four are kept apart for ever: an outage or a mismatch never becomes a refusal."""

    FOUND = "found"
    NO_RECORD = "no_record"
    UNKNOWN_PERSON = "unknown_person"
    MISMATCH = "mismatch"
    UNAVAILABLE = "unavailable"


class Verdict(StrEnum):
    MET = "met"
    NOT_MET = "not_met"
    NEEDS_REVIEW = "needs_review"
    NOT_APPLICABLE = "not_applicable"


class Decision(StrEnum):
    APPROVE = "approve"
    RETURN = "return"
    REFUSE = "refuse"
    # Whoever could decide at the level has left the case to others (回避): the next level decides for it.
    HAND_ON = "hand_on"


# --- what it is started with -------------------------------------------------------------------------------------------------------------


class Clocks(Model):
    """Every duration an application waits for. Working days (``_wd``) count on the statutory calendar, seconds are plain time."""

    lookup_wd: int = Field(gt=0, description="how long a silent register is waited for before people check by hand")
    lookup_first_retry_seconds: int = Field(gt=0)
    lookup_max_retry_seconds: int = Field(gt=0)
    review_reminder_wd_before: int = Field(ge=0)
    escalation_repeat_wd: int = Field(gt=0)
    correction_wd: int = Field(gt=0)
    confirmation_wd: int = Field(default=10, gt=0, description="how long the adults of a household have to confirm for themselves")
    public_notice_days: int = Field(gt=0)
    objection_review_wd: int = Field(gt=0, description="15 working days: Order 11, article 9")


class Level(Model):
    """A review level of the case: its code in the vocabulary ``levels``, and how many working days it has."""

    code: str
    working_days: int = Field(gt=0)


class ApplicationInput(Model):
    no: str
    owner: str = Field(description="opaque subject of the citizen")
    submission: str = Field(default="", description="id of the submission on record: tells this case from another one that got its number")
    place: Place
    registers: tuple[str, ...] = Field(description="registers to be asked, in order")
    levels: tuple[Level, ...] = Field(description="review levels, in order")
    objection_level: str = Field(description="level that answers objections")
    clocks: Clocks
    awaited: tuple[int, ...] = Field(
        default=(), description="places in the household of the adults who have yet to confirm: no register is asked before they have"
    )
    separate_queues: bool = Field(default=False, description="the registry and payments worker roles have queues of their own")
    generation: int = Field(
        default=0,
        description="how many workflows the case has had before; one that is not the first reads where the case stands and goes on",
    )
    not_before: datetime | None = Field(
        default=None, description="last step on record of a case that goes on: where clocks are simulated, its own is not set back"
    )


# --- what may be said to it ---------------------------------------------------------------------------------------------------------------

DECIDE: Final = "decide"
CORRECT: Final = "correct"
CONFIRM: Final = "confirm"
WITHDRAW_CONSENT: Final = "withdraw_consent"
WITHDRAW: Final = "withdraw"
RAISE_OBJECTION: Final = "raise_objection"
DECIDE_OBJECTION: Final = "decide_objection"


class ReviewDecision(Word):
    """Update ``decide``: a reviewer's word on the open task. To pass it on needs no reason here: why everybody left it to others stands in the record."""

    level: str
    decision: Decision
    reason: Text = ""


class Correction(Word):
    """Update ``correct``: the household handed in dossier number ``round``; ``awaited`` are the places of its adults who have yet to confirm."""

    round: int
    awaited: tuple[int, ...] = ()


class Confirmation(Word):
    """Update ``confirm``: the adult at place ``member`` of dossier ``round`` belongs to the household and agrees to be asked about, or says that he
    does not. He says so himself, or a clerk who has seen his paper."""

    round: int
    member: int
    agrees: bool


class ConsentWithdrawn(Word):
    """Update ``withdraw_consent``: the person at place ``member`` of dossier ``round`` takes back what he has agreed to (Personal Information Protection
    Law, article 15). Nothing is asked about him from then on; what was found before stays valid."""

    round: int
    member: int


class Withdrawal(Word):
    """Update ``withdraw``."""

    reason: Text = ""


class ObjectionRaised(Word):
    """Update ``raise_objection``: somebody objects while the case is on public notice."""

    objection_id: str


class ObjectionDecision(Word):
    """Update ``decide_objection``."""

    objection_id: str
    upheld: bool
    answer: Text


# --- its moves ----------------------------------------------------------------------------------------------------------------------------

START: Final = "submitted"
ENDS: Final = ("registered", "rejected", "withdrawn", "lapsed")
_ORDINARY: Final = ("correction", "public_notice", "objection_review")


def approved(level: str) -> str:
    return f"{level}_approved"


def returned(level: str) -> str:
    return f"{level}_returned"


def refused(level: str) -> str:
    return f"{level}_refused"


def handed_on(level: str) -> str:
    return f"{level}_handed_on"


@cache
def moves(levels: tuple[str, ...], objection_level: str) -> Table:
    """The table of a case with these review levels, in order. Raises ValueError without a level."""
    if not levels:
        raise ValueError("an application is reviewed by at least one level")
    reviews = [review_stage(level) for level in levels]
    found = [
        Move(START, "start_verification", "verifying", "system"),
        # Nobody is asked about who has not agreed himself.
        Move(START, "confirmation_awaited", "confirming", "system"),
        Move("confirming", "member_confirmed", "confirming", "member"),
        Move("confirming", "all_confirmed", "verifying", "member"),
        Move("confirming", "member_refused", "correction", "member"),
        Move("confirming", "confirmation_expired", "lapsed", "system"),
        # Who takes his consent back is awaited again; while registers are asked, it is the household's to say how it goes on. Afterwards nothing is asked
        # about him any more, and the people who decide know of it.
        Move("confirming", "consent_withdrawn", "confirming", "member"),
        Move("verifying", "consent_withdrawn", "correction", "member"),
        *(Move(stage, "consent_withdrawn", stage, "member") for stage in (*reviews, *_ORDINARY)),
        Move("verifying", "verification_done", reviews[0], "system"),
    ]
    for level, stage, following in zip(levels, reviews, [*reviews[1:], "public_notice"], strict=True):
        last = level == levels[-1]
        found += [
            Move(stage, approved(level), following, level),
            Move(stage, returned(level), "correction", level),
            Move(stage, refused(level), "rejected", level),
            # Above the last level there is nobody: it waits where it is until somebody is given the duty.
            Move(stage, handed_on(level), stage if last else following, level),
            # Escalations change who is pressed, not the stage.
            Move(stage, "escalated", stage, "system"),
        ]
    found += [
        # A correction starts over at verification: no level decides on facts it has not seen.
        Move("correction", "corrected", "verifying", "citizen"),
        Move("correction", "corrected_with_new_adult", "confirming", "citizen"),
        Move("correction", "correction_expired", "lapsed", "system"),
        Move("public_notice", "objection_raised", "objection_review", "public"),
        Move("objection_review", "objection_raised", "objection_review", "public"),
        Move("objection_review", "one_objection_dismissed", "objection_review", objection_level),
        Move("objection_review", "objection_dismissed", "public_notice", objection_level),
        Move("objection_review", "objection_upheld", "rejected", objection_level),
        Move("objection_review", "escalated", "objection_review", "system"),
        Move("public_notice", "notice_closed", "registered", "system"),
        Move("*", "withdrawn", "withdrawn", "citizen"),
    ]
    titles = terms("stages")
    stages = {stage: titles[stage].zh for stage in (START, "confirming", "verifying", *reviews, *_ORDINARY, *ENDS)}
    return Table("application", "资格申请", START, ENDS, stages, found)
