"""Talking to workflows: people's decisions as updates with a verdict, recorded facts as signals."""

from __future__ import annotations

import asyncio
from typing import Final, Protocol

import grpc
from anju_contracts.base import Accepted, Model
from chassis.errors import UNAVAILABLE, Problem, Refusal
from temporalio.client import Client, WorkflowHandle, WorkflowUpdateFailedError, WorkflowUpdateRPCTimeoutOrCancelledError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from housing.errors import ALREADY_ENDED, ENGLISH, STEP_REFUSED

# Below the default deadline of a call: the caller gets a verdict or an honest "try again", not a broken connection.
VERDICT_SECONDS: Final = 8.0


class Workflows(Protocol):
    async def update(self, workflow_id: str, name: str, said: Model, request_id: str) -> Accepted: ...

    async def signal(self, workflow_id: str, name: str, said: Model) -> None: ...


class TemporalWorkflows:
    def __init__(self, client: Client) -> None:
        self._client = client

    async def update(self, workflow_id: str, name: str, said: Model, request_id: str) -> Accepted:
        """Puts a person's decision to the workflow. The same ``request_id`` again gives the same verdict.

        Raises Refusal: what the workflow's validator said, ALREADY_ENDED when it is closed, UNAVAILABLE when there is no verdict in time.
        """
        handle: WorkflowHandle[object, object] = self._client.get_workflow_handle(workflow_id)
        try:
            async with asyncio.timeout(VERDICT_SECONDS):
                return await self._verdict(handle, name, said, request_id)
        except WorkflowUpdateFailedError as error:
            raise _refusal(error) from error
        except (TimeoutError, WorkflowUpdateRPCTimeoutOrCancelledError):
            raise Refusal(UNAVAILABLE) from None
        except RuntimeError as error:
            # A lazy client which cannot connect raises nothing more specific.
            raise Refusal(UNAVAILABLE) from error
        except RPCError as error:
            raise Refusal(ALREADY_ENDED if error.status is RPCStatusCode.NOT_FOUND else UNAVAILABLE) from error

    async def _verdict(self, handle: WorkflowHandle[object, object], name: str, said: Model, request_id: str) -> Accepted:
        try:
            verdict: Accepted = await handle.execute_update(name, said, id=request_id, result_type=Accepted)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            # Closed. If this very request closed it and only our answer was lost, the engine still has the verdict.
            verdict = await handle.get_update_handle(request_id, result_type=Accepted).result()
        return verdict

    async def signal(self, workflow_id: str, name: str, said: Model) -> None:
        """Tells a recorded fact; a closed workflow needs it no more."""
        try:
            await self._client.get_workflow_handle(workflow_id).signal(name, said)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise


def _refusal(error: WorkflowUpdateFailedError) -> Refusal:
    cause = error.cause
    if not isinstance(cause, ApplicationError):
        return Refusal(UNAVAILABLE)
    reason = cause.type or STEP_REFUSED.reason
    zh = cause.message or STEP_REFUSED.zh
    return Refusal(Problem(reason, grpc.StatusCode.FAILED_PRECONDITION, zh, ENGLISH.get(reason, STEP_REFUSED.en)))
