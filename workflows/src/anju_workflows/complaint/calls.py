"""What a complaint asks of oversight."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from anju_contracts.base import Model

from anju_workflows.calling import Step, quick, recorded

ADVANCE_COMPLAINT: Final = "advance_complaint"


class AdvanceComplaint(Model):
    no: str
    step: Step
    event: str
    stage: str
    waiting_on: str
    level: str
    district: str
    street: str
    deadline: datetime | None = None
    overdue: bool = False


async def advance(arg: AdvanceComplaint, summary: str, *, final: bool) -> int:
    """The record's version. ``final`` when another's word would cross it illegally (ADR 2)."""
    return await (recorded if final else quick)(ADVANCE_COMPLAINT, arg, int, summary)
