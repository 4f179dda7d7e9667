"""What complaints tell later reports: each that came in, and each step of one (``casekit.facts``)."""

from __future__ import annotations

from anju_calendar import local_date
from casekit.facts import Fact

from oversight.tables import Complaint, ComplaintStep


def received(found: Complaint) -> Fact:
    return Fact(
        id=f"complaint/{found.no}",
        code="complaint_received",
        subject=found.no,
        at=found.received_at,
        division=found.street or found.district,
        division_on=local_date(found.received_at),
        codes={"complaint_kinds": found.kind, "complaint_channels": found.channel},
        figures={"flags": len(found.flags)},
    )


def moved(found: Complaint, step: ComplaintStep) -> Fact:
    """The step by its event; a rating with its score, 1 to 5."""
    return Fact(
        id=step.step_id,
        code="complaint_moved",
        subject=found.no,
        at=step.at,
        division=found.street or found.district,
        division_on=local_date(found.received_at),
        codes={"complaint_events": step.event, "complaint_stages": step.stage, "complaint_kinds": found.kind, "levels": step.level},
        figures={"score": found.score} if step.event == "rated" else {},
    )
