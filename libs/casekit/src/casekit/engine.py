"""Speaking to a workflow: starting it for a record, putting a person's word to it, telling it a recorded fact. One way for every service.

A workflow that does not answer to its id is *not started yet*, *closed*, or *unknown* (the engine is away, or keeps no history that old): three
things, and none of them means that what was said has been done. Who asked knows from his own record which of them is no surprise: a matter is over
when its record says so, and a record that is open while nobody works on it is *blocked* (``without_workflow``).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any, Final, Protocol

import grpc
from anju.repair.v1 import repair_pb2 as pb
from anju_contracts.base import BLOCKED as BLOCKED_NAME
from anju_contracts.base import RESUME, TASK_QUEUE, Accepted, Model, Resume, Word
from chassis import logs
from chassis.errors import UNAVAILABLE, Problem, Refusal
from temporalio.client import (
    Client,
    RPCTimeoutOrCancelledError,
    WorkflowExecutionStatus,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.common import SearchAttributeKey, WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from casekit import engine_state

_log = logs.get(__name__)

_BLOCKED: Final = SearchAttributeKey.for_bool(BLOCKED_NAME)
# Below the default deadline of a call: the caller gets a verdict or an honest "try again", not a broken connection.
VERDICT_SECONDS: Final = 8.0
# What the engine itself answers when the workflow closed while it held an accepted update.
_CLOSED_MEANWHILE: Final = "AcceptedUpdateCompletedWorkflow"
# The lazily opened connection could not be opened: nothing more specific is raised.
_AWAY: Final = (TimeoutError, RPCTimeoutOrCancelledError, WorkflowUpdateRPCTimeoutOrCancelledError, RuntimeError)

CLOSED: Final = Problem(
    "CLOSED", grpc.StatusCode.FAILED_PRECONDITION, "该事项已经办结，请刷新后查看。", "This matter is over; please reload the page."
)
NOT_STARTED: Final = Problem(
    "UNAVAILABLE",
    grpc.StatusCode.UNAVAILABLE,
    "系统正在建立办理流程，请稍后再试。",
    "The case is being set up; please try again in a moment.",
)
# Asked again later, the same word may be taken: what was handed in stays with the service, and goes on once an operator has started the case again.
BLOCKED: Final = Problem(
    "BLOCKED",
    grpc.StatusCode.UNAVAILABLE,
    "这件事的办理流程出了故障，平台运维人员正在处理。已办理的和已提交的都在，不会丢失，办理期限照旧；请过些时候再来查看，不用重新提交。",
    "The process behind this matter has stopped by a fault of ours; the platform's operators are looking into it. Nothing is lost and nothing has to be"
    " handed in again: please come back later.",
)
REFUSED: Final = Problem(
    "STEP_REFUSED",
    grpc.StatusCode.FAILED_PRECONDITION,
    "当前阶段不能办理这一步，请刷新后查看。",
    "This step cannot be taken at the current stage.",
)


class OtherCaseError(RuntimeError):
    """The workflow under this id stands for another record: a database was restored behind the engine, and gave a number anew."""


class Standing(Enum):
    """What the engine knows of a workflow id. ``CLOSED``: it ended by its own word. ``BROKEN``: somebody else ended it (terminated, failed, timed out).
    ``UNKNOWN``: never started, or closed so long ago that it is forgotten."""

    OPEN = "open"
    CLOSED = "closed"
    BROKEN = "broken"
    UNKNOWN = "unknown"


class OnRecord(Enum):
    """What the owning record says of a matter whose workflow does not answer. ``STARTING``: its workflow is still on its way to the engine."""

    STARTING = "starting"
    OPEN = "open"
    OVER = "over"


def without_workflow(refusal: Refusal, on_record: OnRecord) -> Refusal:
    """What ``put`` says of a workflow that does not answer, by the record: it is over, it is being set up, or it is blocked. Read the record after
    ``put`` was refused: a workflow records its end before it closes. Any other refusal stays as it is."""
    if refusal.problem not in (CLOSED, NOT_STARTED):
        return refusal
    return Refusal({OnRecord.STARTING: NOT_STARTED, OnRecord.OPEN: BLOCKED, OnRecord.OVER: CLOSED}[on_record])


class Engine(Protocol):
    """What a service says to workflows. Tests put somebody else in its place."""

    async def start(self, name: str, workflow_id: str, given: Model, *, summary: str, memo: Mapping[str, str]) -> None: ...

    async def put(self, workflow_id: str, update: str, said: Word, word_id: str) -> Accepted: ...

    async def tell(self, workflow_id: str, signal: str, said: Model) -> Standing: ...

    async def standing(self, workflow_id: str) -> Standing: ...


class TemporalEngine:
    def __init__(self, client: Client, *, verdict_seconds: float = VERDICT_SECONDS) -> None:
        self._client = client
        self._verdict_seconds = verdict_seconds

    async def start(self, name: str, workflow_id: str, given: Model, *, summary: str, memo: Mapping[str, str]) -> None:
        """Starts a workflow for a record, once; ``memo`` says whose it is. Raises OtherCaseError when the id is taken by another record's."""
        try:
            await self._client.start_workflow(
                name,
                given,
                id=workflow_id,
                task_queue=TASK_QUEUE,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
                static_summary=summary,
                memo=dict(memo),
            )
        except WorkflowAlreadyStartedError:
            kept = await (await self._client.get_workflow_handle(workflow_id).describe()).memo()
            if any(kept.get(key) != value for key, value in memo.items()):
                _log.error("workflow_of_another_case", workflow_id=workflow_id)
                raise OtherCaseError(f"{workflow_id} is the workflow of another record") from None

    async def put(self, workflow_id: str, update: str, said: Word, word_id: str) -> Accepted:
        """Puts a person's word to a workflow. The same ``word_id`` again gets the same verdict, also from a workflow it has closed.

        Raises Refusal: what the workflow's validator said; CLOSED; NOT_STARTED; UNAVAILABLE when it is not known whether the word was taken (put it
        again under the same id)."""
        try:
            async with asyncio.timeout(self._verdict_seconds):
                return await self._verdict(workflow_id, update, said, word_id)
        except WorkflowUpdateFailedError as failed:
            raise _refusal(failed.cause) from failed
        except RPCError as error:
            raise Refusal(UNAVAILABLE) from error
        except _AWAY as error:
            raise Refusal(UNAVAILABLE) from error

    async def _verdict(self, workflow_id: str, update: str, said: Word, word_id: str) -> Accepted:
        handle = self._client.get_workflow_handle(workflow_id)
        try:
            verdict: Accepted = await handle.execute_update(update, said, id=word_id, result_type=Accepted)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            if await self.standing(workflow_id) is Standing.UNKNOWN:
                raise Refusal(NOT_STARTED) from error
            try:
                # If this very word closed it and only our answer was lost, the engine still has the verdict.
                verdict = await handle.get_update_handle(word_id, result_type=Accepted).result()
            except RPCError as gone:
                raise Refusal(CLOSED if gone.status is RPCStatusCode.NOT_FOUND else UNAVAILABLE) from gone
        return verdict

    async def tell(self, workflow_id: str, signal: str, said: Model) -> Standing:
        """Tells a recorded fact, and says to whom: OPEN when the workflow has it; else nobody has, and the caller's own record decides whether anybody
        still should."""
        try:
            await self._client.get_workflow_handle(workflow_id).signal(signal, said)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            return await self.standing(workflow_id)
        return Standing.OPEN

    async def standing(self, workflow_id: str) -> Standing:
        try:
            described = await self._client.get_workflow_handle(workflow_id).describe()
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            return Standing.UNKNOWN
        match described.status:
            case WorkflowExecutionStatus.RUNNING:
                return Standing.OPEN
            case WorkflowExecutionStatus.COMPLETED:
                return Standing.CLOSED
        return Standing.BROKEN

    async def look(self, types: Sequence[str]) -> pb.GetEngineResponse:
        """For operators: ``casekit.engine_state``."""
        return await engine_state.look(self._client, types)

    async def parked(self, workflow_id: str) -> bool:
        """Whether it waits for an operator. Raises Refusal(UNAVAILABLE) when the engine does not say."""
        try:
            described = await self._client.get_workflow_handle(workflow_id).describe()
        except (RPCError, *_AWAY) as error:
            if isinstance(error, RPCError) and error.status is RPCStatusCode.NOT_FOUND:
                return False
            raise Refusal(UNAVAILABLE) from error
        return described.status is WorkflowExecutionStatus.RUNNING and bool(described.typed_search_attributes.get(_BLOCKED))

    async def resume(self, workflow_id: str, actor: str) -> None:
        """Raises Refusal(UNAVAILABLE) when it is not known whether it was told."""
        try:
            await self._client.get_workflow_handle(workflow_id).signal(RESUME, Resume(actor=actor))
        except (RPCError, *_AWAY) as error:
            raise Refusal(UNAVAILABLE) from error

    async def running(self, name: str) -> set[str]:
        """Ids of the open workflows of a type, as visibility lists them: it may be a moment behind."""
        query = f'WorkflowType = "{name}" AND ExecutionStatus = "Running"'
        return {each.id async for each in self._client.list_workflows(query)}

    async def start_again(self, name: str, workflow_id: str, given: Model, *, summary: str, memo: Mapping[str, str]) -> str | None:
        """Starts a workflow whose former runs are gone; its run id, None when one is running."""
        try:
            handle = await self._client.start_workflow(
                name,
                given,
                id=workflow_id,
                task_queue=TASK_QUEUE,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
                static_summary=summary,
                memo=dict(memo),
            )
        except WorkflowAlreadyStartedError:
            return None
        return handle.first_execution_run_id


def _refusal(cause: BaseException) -> Refusal:
    """The validator's own reason and words; an English sentence is found by the service that knows the reason."""
    if not isinstance(cause, ApplicationError):
        return Refusal(UNAVAILABLE)
    if cause.type == _CLOSED_MEANWHILE:
        return Refusal(CLOSED)
    if cause.type == UNAVAILABLE.reason:
        # One that was started again and has not read yet where its case stands.
        return Refusal(UNAVAILABLE)
    return Refusal(Problem(cause.type or REFUSED.reason, REFUSED.status, cause.message or REFUSED.zh, REFUSED.en), zh=cause.message)


def in_words_of(refusal: Refusal, problems: Mapping[str, Problem]) -> Refusal:
    """The same refusal with the service's own English for its reason, and its own problem for CLOSED."""
    known: Any = problems.get(refusal.problem.reason)
    if known is None:
        return refusal
    if refusal.problem is CLOSED:
        return Refusal(known)
    return Refusal(Problem(refusal.problem.reason, known.status, refusal.problem.zh, known.en), zh=refusal.zh)
