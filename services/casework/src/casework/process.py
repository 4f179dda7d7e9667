"""Talking to the case's workflow: starting it, and putting a person's decision to it. The workflow's validator gives the verdict."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from anju_contracts import application
from anju_contracts.base import TASK_QUEUE, Accepted, Word
from chassis.errors import UNAVAILABLE, Problem, Refusal
from temporalio.client import Client, RPCTimeoutOrCancelledError, WorkflowUpdateFailedError
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from casework import errors

START_APPLICATION: Final = "start_application"
CONFIRM_WORD: Final = "confirm_word"
ANSWER_SECONDS: Final = 8.0
_KNOWN: Final = {
    problem.reason: problem
    for problem in (errors.TASK_NOT_OPEN, errors.STEP_REFUSED, errors.NOT_RETURNED, errors.ALREADY_ENDED, errors.NOT_ON_NOTICE)
}
# What the engine itself answers when the workflow closed while it held an accepted update.
_CLOSED_MEANWHILE: Final = "AcceptedUpdateCompletedWorkflow"


class Process:
    def __init__(self, client: Client, *, answer_seconds: float = ANSWER_SECONDS) -> None:
        self._client = client
        self._answer_seconds = answer_seconds

    async def start_application(self, payload: dict[str, Any]) -> None:
        """Outbox handler: starts the workflow of a case; one that was started before counts as done."""
        given = application.ApplicationInput.model_validate(payload)
        try:
            await self._client.start_workflow(
                application.NAME,
                given,
                id=application.workflow_id(given.no),
                task_queue=TASK_QUEUE,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                static_summary=f"资格申请 {given.no}",
            )
        except WorkflowAlreadyStartedError:
            return

    async def ask(self, no: str, update: str, said: Word, request_id: str) -> str:
        """Puts an update to the case's workflow and gives the stage it leads to. The same ``request_id`` gets the same answer.

        Raises Refusal: the validator's own reason (an answer), ALREADY_ENDED when the workflow is closed, or UNAVAILABLE when it is not known
        whether the update was taken (ask again with the same id).
        """
        handle = self._client.get_workflow_handle(application.workflow_id(no))
        try:
            accepted: Accepted = await asyncio.wait_for(
                handle.execute_update(update, said, id=request_id, result_type=Accepted), self._answer_seconds
            )
        except WorkflowUpdateFailedError as failed:
            raise _refusal(failed.cause) from failed
        except RPCError as error:
            if error.status == RPCStatusCode.NOT_FOUND:
                raise Refusal(errors.ALREADY_ENDED) from error
            raise Refusal(UNAVAILABLE) from error
        except (TimeoutError, RPCTimeoutOrCancelledError, RuntimeError) as error:
            # RuntimeError: the lazily opened connection could not be opened.
            raise Refusal(UNAVAILABLE) from error
        return accepted.stage


def _refusal(cause: BaseException) -> Refusal:
    if not isinstance(cause, ApplicationError):
        return Refusal(UNAVAILABLE)
    if cause.type == _CLOSED_MEANWHILE:
        return Refusal(errors.ALREADY_ENDED)
    reason = cause.type or errors.STEP_REFUSED.reason
    known = _KNOWN.get(reason, errors.STEP_REFUSED)
    return Refusal(Problem(reason, known.status, known.zh, known.en), zh=cause.message)
