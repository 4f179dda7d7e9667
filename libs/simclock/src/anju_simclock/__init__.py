"""Moving workflows through time on a one-machine simulation: by the engine's own bounded fast-forward, never by another code path.

Every workflow has its own clock. A workflow started at a business date in its future (``not_before`` in its input) is started at that date. With
the controlled clock switched off (every deployment), nothing in here is used.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from pydantic import BaseModel, Field, model_validator
from temporalio.client import Client, Interceptor, OutboundInterceptor, StartWorkflowInput, WorkflowHandle
from temporalio.testing import TimeSkipper, TimeSkippingConfig
from temporalio.testing._timeskipping import FastForwardConfig


class SimulatedSettings(BaseModel):
    """What a process that starts workflows or runs them says of its clock."""

    simulated_clock: bool = Field(
        default=False,
        description="Workflows may be moved through time (one-machine simulation only, refused in production).",
    )

    @model_validator(mode="after")
    def _never_in_production(self) -> Self:
        if self.simulated_clock and getattr(self, "production", False):
            raise ValueError("the controlled clock is a simulation; it is refused in production")
        return self

    def clocks(self) -> list[Interceptor]:
        """For ``chassis.temporal.connect``: none outside of a simulation."""
        return [SimulatedClockInterceptor()] if self.simulated_clock else []


# The engine's own wait has no end, and time skipping is an experiment there: were a move lost, it would be waited for for ever. Asked again, it goes on.
_ASKED_AGAIN_SECONDS = 30.0
_STOPPED = TimeSkippingConfig(enabled=False, disable_propagation=True)


class SimulatedClockInterceptor(Interceptor):
    """Starts every workflow with a clock that stands still until it is moved, at ``not_before`` when its input names one."""

    def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:  # the SDK's name
        return _Outbound(next)


class _Outbound(OutboundInterceptor):
    async def start_workflow(self, input: StartWorkflowInput) -> WorkflowHandle[Any, Any]:  # the SDK's name
        input.time_skipping_config = _config_for(input.args)._to_proto()
        return await super().start_workflow(input)


def _config_for(args: Sequence[Any]) -> TimeSkippingConfig:
    not_before = getattr(args[0], "not_before", None) if args else None
    ahead = not_before - datetime.now(UTC) if isinstance(not_before, datetime) else timedelta()
    if ahead <= timedelta(seconds=1):
        return _STOPPED
    return TimeSkippingConfig(
        enabled=True,
        disable_propagation=True,
        fast_forward_config=FastForwardConfig(id=str(uuid.uuid4()), duration=ahead),
    )


class SimulatedClock:
    """Reads and moves the clocks of single workflows.

    ``patience`` is how long, in real time, a workflow may take for its way to the new time. While it waits for an activity its clock stands still, and the
    engine would go on waiting with it for ever.
    """

    def __init__(self, client: Client, *, patience: timedelta = timedelta(minutes=5)) -> None:
        self._client = client
        self._skipper = TimeSkipper(client, config=_STOPPED)
        self._patience = patience

    async def now(self, workflow_id: str) -> datetime:
        return await self._skipper.get_current_time(self._client.get_workflow_handle(workflow_id))

    async def advance(self, workflow_id: str, by: timedelta) -> bool:
        """Moves one workflow's clock; False when it ended before the time was reached. Raises TimeoutError, which says what it waits for."""
        handle, clock = self._client.get_workflow_handle(workflow_id), asyncio.get_running_loop()
        until, target = clock.time() + self._patience.total_seconds(), await self.now(workflow_id) + by
        while (ahead := target - await self.now(workflow_id)) > timedelta():
            try:
                async with asyncio.timeout(min(_ASKED_AGAIN_SECONDS, until - clock.time())):
                    return await self._skipper.fast_forward(handle, ahead)
            except TimeoutError:
                if clock.time() >= until:
                    raise TimeoutError(
                        f"{workflow_id} did not come {by} further within {self._patience}; it waits for: {await _pending(handle)}"
                    ) from None
        return True

    async def advance_to(self, workflow_id: str, instant: datetime) -> bool:
        """Moves one workflow's clock forward to ``instant``; a clock that is already there stays."""
        ahead = instant - await self.now(workflow_id)
        return ahead <= timedelta() or await self.advance(workflow_id, ahead)


async def _pending(handle: WorkflowHandle[Any, Any]) -> str:
    description = (await handle.describe()).raw_description
    activities = [
        f"{each.activity_type.name}, try {each.attempt}: {each.last_failure.message or 'no failure'}"
        for each in description.pending_activities
    ]
    if description.HasField("pending_workflow_task"):
        activities.append(f"its workflow task, try {description.pending_workflow_task.attempt}")
    return "; ".join(activities) or "nothing the engine knows of"
