"""What casework tells later reports of: each submission and each step of a case (``casekit.facts``)."""

from __future__ import annotations

from anju_calendar import local_date
from anju_terms import is_code
from casekit.facts import Fact

from casework.tables import Application, Timeline


def submitted(case: Application) -> Fact:
    return Fact(
        id=f"application/{case.no}",
        code="application_submitted",
        subject=case.no,
        at=case.submitted_at,
        application_no=case.no,
        division=case.street,
        division_on=local_date(case.submitted_at),
        codes={"categories": case.category},
        figures={"people": case.household_size},
    )


def moved(case: Application, step: Timeline) -> Fact:
    """The step by its event; a level's decision names the level too."""
    level = {"levels": step.actor_kind} if is_code("levels", step.actor_kind) else {}
    return Fact(
        id=step.step_id,
        code="application_moved",
        subject=case.no,
        at=step.at,
        application_no=case.no,
        division=case.street,
        division_on=local_date(case.submitted_at),
        codes={"events": step.event, "stages": step.stage, "categories": case.category, **level},
    )
