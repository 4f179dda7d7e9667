"""What every subject's contract stands on."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

TASK_QUEUE: Final = "anju"
REGISTRY_TASK_QUEUE: Final = "anju-registry"
PAYMENTS_TASK_QUEUE: Final = "anju-payments"

RESUME: Final = "resume"
STATE: Final = "state"
# Search attribute of a case that is parked until an operator resumes it.
BLOCKED: Final = "Blocked"
# A validator's answer that is none: the case is in the middle of a step, and the record may be ahead of it.
RECORDING: Final = "RECORDING"


class Model(BaseModel):
    """Immutable. What it does not know it ignores, and a field that comes later has a default: a workflow started under an earlier contract is
    read for years."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Place(Model):
    """Division codes of the street and district that are in charge of the case; they do not change while it is open."""

    district: str
    street: str


class _Written:
    """Marks a field in which a person writes freely: it may name anybody, and is sealed wherever it is kept."""


WRITTEN: Final = _Written()
Text = Annotated[str, WRITTEN]


class Word(Model):
    """What a person said: every update of a person is one. ``request_id`` is the id of the word on record in the service that took it."""

    actor: str = Field(description="opaque subject of the person")
    request_id: str


class Accepted(Model):
    """What every update answers: the stage the case is in once it has been applied, and the workflow's own time."""

    stage: str
    at: datetime | None = None


class Outcome(Model):
    """How a workflow ended; ``outcome`` is an end of its table of moves."""

    outcome: str


class Resume(Model):
    """Signal ``resume``, sent by an operator: whatever stood in a step's way has been put right; the step is tried again."""

    actor: str = ""
    note: str = ""


class State(Model):
    """Answer of query ``state``: what the workflow holds to be so, to be compared with the record. ``details`` are ids and counts by name."""

    stage: str
    waiting_on: str
    deadline: datetime | None = None
    blocked: str = Field(default="", description="why the case is parked; empty when it is not")
    blocked_at: datetime | None = Field(default=None, description="since when, by the workflow's own clock")
    details: dict[str, str] = Field(default_factory=dict)
