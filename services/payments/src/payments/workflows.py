"""Telling the workflow of a bill, or of its lease, what has been recorded."""

from __future__ import annotations

from typing import Protocol

from anju_contracts.base import Model
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode


class Workflows(Protocol):
    async def signal(self, workflow_id: str, name: str, said: Model) -> None: ...


class TemporalWorkflows:
    def __init__(self, client: Client) -> None:
        self._client = client

    async def signal(self, workflow_id: str, name: str, said: Model) -> None:
        """Tells a recorded fact; a closed workflow needs it no more."""
        try:
            await self._client.get_workflow_handle(workflow_id).signal(name, said)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
