"""Starting the workflow of a case. What people say to it afterwards goes by ``casekit.words``."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from anju_contracts import application, waiting
from casekit.engine import Engine, Standing

START_APPLICATION: Final = "start_application"
WAITING_BEGUN: Final = "waiting_begun"
# The workflow of a registered case starts the household's time on the list at once; looked at well after it.
BEGUN_AFTER: Final = timedelta(seconds=20)


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

    async def waiting_begun(self, payload: dict[str, Any]) -> None:
        """Outbox handler: a registered household has a workflow on the list. Its case's own begins it, and may be gone before; the entry then stays, and the
        case counts as one nobody works on (``store.served_cases``). What becomes of the household's own housing knows."""
        if await self._engine.standing(waiting.workflow_id(payload["no"])) is Standing.UNKNOWN:
            raise RuntimeError(f"{payload['no']} is registered, and nobody has begun its time on the list")


def summary(no: str) -> str:
    """What operators read beside the workflow of a case."""
    return f"资格申请 {no}"


def memo(given: application.ApplicationInput) -> dict[str, str]:
    """Whose workflow it is: a number given anew by a restored database does not get another family's."""
    return {"owner": given.owner, "submission": given.submission}
