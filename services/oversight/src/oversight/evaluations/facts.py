"""What oversight tells later reports of evaluations (``casekit.facts``). The application is left out: who said what is nobody's to find in a report."""

from __future__ import annotations

from casekit.facts import Fact

from oversight.tables import Evaluation, Finished, FollowUp


def evaluated(finished: Finished, said: Evaluation) -> Fact:
    return Fact(
        id=f"evaluation/{finished.id}",
        code="service_evaluated",
        subject=finished.id,
        at=said.at,
        division=finished.division,
        codes={"evaluated_services": finished.item, "satisfaction_levels": said.level, "evaluation_channels": said.channel},
    )


def followed_up(finished: Finished, follow_up: FollowUp) -> Fact:
    assert follow_up.answered_at is not None
    return Fact(
        id=f"evaluation/{finished.id}/followed-up",
        code="follow_up_done",
        subject=finished.id,
        at=follow_up.answered_at,
        division=finished.division,
        codes={"evaluated_services": finished.item, "follow_up_results": follow_up.result},
        figures={"overdue": int(follow_up.answered_at > follow_up.due_at)},
    )
