"""Starting the workflow of a case. What people say to it afterwards goes by ``casekit.words``."""

from __future__ import annotations

from typing import Any, Final

from anju_contracts import application
from casekit.engine import Engine

START_APPLICATION: Final = "start_application"


class Process:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def start_application(self, payload: dict[str, Any]) -> None:
        """Outbox handler: starts the workflow of a case; one that was started for it before counts as done.

        Raises OtherCaseError when the number has a workflow of another submission: the entry stays, and is an alarm."""
        given = application.ApplicationInput.model_validate(payload)
        await self._engine.start(
            application.NAME,
            application.workflow_id(given.no),
            given,
            summary=summary(given.no),
            memo=memo(given),
        )


def summary(no: str) -> str:
    """What operators read beside the workflow of a case."""
    return f"资格申请 {no}"


def memo(given: application.ApplicationInput) -> dict[str, str]:
    """Whose workflow it is: a number given anew by a restored database does not get another family's."""
    return {"owner": given.owner, "submission": given.submission}
