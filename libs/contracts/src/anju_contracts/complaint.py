"""Complaint (投诉、建议、举报、咨询): from what somebody has said to an answer he has rated.

What he wrote, and who he is, stays with oversight: a workflow knows codes, places and clocks, and nothing of the reporter.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal

from pydantic import Field

from anju_contracts.base import Model, Place, Word
from anju_contracts.moves import Move, Table

NAME: Final = "Complaint"
MISUSE: Final = "misuse"
# The desks: a complaint lies with one of them, and goes to the other one when it is escalated.
DESKS: Final = ("district", "city")


def workflow_id(no: str) -> str:
    return f"complaint/{no}"


def other_desk(level: str) -> str:
    return DESKS[1 - DESKS.index(level)]


class Clocks(Model):
    """How long each step may take, in working days."""

    accept_wd: int = Field(gt=0)
    answer_wd: int = Field(gt=0)
    misuse_wd: int = Field(gt=0, description="an investigation of misuse, from the day it is opened")
    rating_wd: int = Field(gt=0, description="after an answer, before silence closes the matter")
    reminder_wd_before: int = Field(ge=0)
    escalation_repeat_wd: int = Field(gt=0)


class ComplaintInput(Model):
    no: str
    submission: str = Field(description="tells it from another which a restored database gives its number to")
    kind: str = Field(description="vocabulary complaint_kinds")
    place: Place
    level: str = Field(description="desk that has it first, one of DESKS")
    urgent: bool = Field(description="triage found a reason why a person looks at once")
    confined: bool = Field(description="it is about staff: it stays with this desk, and two persons answer it")
    clocks: Clocks
    generation: int = Field(
        default=0, description="how many workflows it has had before; one that is not the first goes on where the record stands"
    )
    not_before: datetime | None = Field(default=None, description="the last step on record of one that is started again")
    stage: str = Field(default="received", description="where the record stands")
    deadline: datetime | None = None
    overdue: bool = False
    rounds: int = Field(default=0, description="how often the citizen has had it opened again")
    before: str = Field(default="", description="the stage an answer under second reading came from")


HANDLE: Final = "handle_complaint"
RESPOND: Final = "respond_to_complaint"

Handling = Literal["accept", "reassign", "answer", "propose", "agree", "send_back", "merge"]
Response = Literal["rate", "reopen", "withdraw"]


class ComplaintHandled(Word):
    """Update ``handle_complaint``. The text of an answer, a reason or a doubt is on record with oversight under the word's id."""

    action: Handling
    level: str = Field(default="", description="reassign: the desk it goes to")
    place: Place | None = Field(default=None, description="reassign: where it is in charge")


class ComplaintResponse(Word):
    """Update ``respond_to_complaint``. Rating and text are with oversight, as of ``ComplaintHandled``."""

    action: Response


_DESK: Final = "desk"
_OPEN_AT_A_DESK: Final = ("triage", "accepting", "handling", "investigating")

MOVES: Final = Table(
    "complaint",
    "投诉建议",
    start="received",
    ends=("closed", "withdrawn", "merged"),
    stages={
        "received": "已收到",
        "triage": "人工研判",
        "accepting": "待受理",
        "handling": "办理中",
        "investigating": "调查中",
        "second_reading": "答复待复核",
        "answered": "已答复，待评价",
        "closed": "已办结",
        "withdrawn": "已撤回",
        "merged": "已并案",
    },
    moves=(
        Move("received", "assigned", "accepting", "system"),
        Move("received", "flagged", "triage", "system"),
        *(Move(source, "accepted", "handling", _DESK) for source in ("triage", "accepting")),
        *(Move(source, "investigation_opened", "investigating", _DESK) for source in ("triage", "accepting")),
        *(Move(source, "reassigned", "accepting", _DESK) for source in _OPEN_AT_A_DESK),
        *(Move(source, "became_overdue", source, "system") for source in (*_OPEN_AT_A_DESK, "second_reading")),
        *(Move(source, "answered", "answered", _DESK) for source in ("handling", "investigating")),
        *(Move(source, "proposed", "second_reading", _DESK) for source in ("handling", "investigating")),
        Move("second_reading", "agreed", "answered", _DESK),
        Move("second_reading", "sent_back", "handling", _DESK),
        Move("second_reading", "investigation_resumed", "investigating", _DESK),
        Move("answered", "reopened", "accepting", "citizen"),
        Move("answered", "escalated", "accepting", "citizen"),
        Move("answered", "rated", "closed", "citizen"),
        Move("answered", "rating_expired", "closed", "system"),
        *(Move(source, "merged", "merged", _DESK) for source in _OPEN_AT_A_DESK),
        Move("*", "withdrawn", "withdrawn", "citizen"),
    ),
)

# Events a person makes, by what he said; the stage decides where there are two.
BY_ACTION: Final = {
    "accept": ("accepted", "investigation_opened"),
    "reassign": ("reassigned",),
    "answer": ("answered",),
    "propose": ("proposed",),
    "agree": ("agreed",),
    "send_back": ("sent_back", "investigation_resumed"),
    "merge": ("merged",),
    "rate": ("rated",),
    "reopen": ("reopened", "escalated"),
    "withdraw": ("withdrawn",),
}
