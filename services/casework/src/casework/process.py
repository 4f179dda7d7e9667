"""Talking to the case's workflow: starting it, and putting a person's decision to it. The workflow's validator gives the verdict."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

from anju_contracts import application
from anju_contracts.base import Word
from casekit.engine import CLOSED, NOT_STARTED, Engine, OnRecord, in_words_of, without_workflow
from chassis.errors import Refusal

from casework import errors

START_APPLICATION: Final = "start_application"
CONFIRM_WORD: Final = "confirm_word"
_KNOWN: Final = {
    problem.reason: problem
    for problem in (errors.TASK_NOT_OPEN, errors.STEP_REFUSED, errors.NOT_RETURNED, errors.ALREADY_ENDED, errors.NOT_ON_NOTICE)
} | {CLOSED.reason: errors.ALREADY_ENDED}


class Process:
    """``on_record`` says how a case stands by its record, asked when its workflow does not answer."""

    def __init__(self, engine: Engine, on_record: Callable[[str], Awaitable[OnRecord]]) -> None:
        self._engine = engine
        self._on_record = on_record

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

    async def ask(self, no: str, update: str, said: Word, request_id: str) -> str:
        """Puts an update to the case's workflow and gives the stage it leads to. The same ``request_id`` gets the same answer.

        Raises Refusal: the validator's own reason (an answer), ALREADY_ENDED when the case is over, BLOCKED when it is open and its workflow is gone, or
        UNAVAILABLE when that is not there yet or it is not known whether the update was taken (ask again with the same id).
        """
        try:
            return (await self._engine.put(application.workflow_id(no), update, said, request_id)).stage
        except Refusal as refusal:
            if refusal.problem in (CLOSED, NOT_STARTED):
                refusal = without_workflow(refusal, await self._on_record(no))
            raise in_words_of(refusal, _KNOWN) from None


def summary(no: str) -> str:
    """What operators read beside the workflow of a case."""
    return f"资格申请 {no}"


def memo(given: application.ApplicationInput) -> dict[str, str]:
    """Whose workflow it is: a number given anew by a restored database does not get another family's."""
    return {"owner": given.owner, "submission": given.submission}
