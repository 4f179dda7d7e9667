"""What one case costs the engine, counted in its history: events, actions, bytes as they are stored.

These are not timings: they are the same on every machine, so a committed budget (``budget.json``) holds them.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from anju_contracts.lease import workflow_id
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHandle

from tests.workflows import test_waiting_lease_rent as tenancy
from tests.workflows.stage import Stage

BUDGET: Final = Path(__file__).with_name("budget.json")
LEASE_MONTHS: Final = 12
# What makes the engine do something of its own, by the event that shows it.
ACTIONS: Final = {
    "WORKFLOW_EXECUTION_STARTED": "starts",
    "ACTIVITY_TASK_SCHEDULED": "ordinary activities",
    "TIMER_STARTED": "timers",
    "WORKFLOW_EXECUTION_UPDATE_ACCEPTED": "updates",
    "WORKFLOW_EXECUTION_SIGNALED": "signals received",
    "SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED": "signals sent",
    "START_CHILD_WORKFLOW_EXECUTION_INITIATED": "children",
    "UPSERT_WORKFLOW_SEARCH_ATTRIBUTES": "search attribute updates",
    "WORKFLOW_EXECUTION_CONTINUED_AS_NEW": "continued as new",
}
WORKFLOW_TASKS: Final = "WORKFLOW_TASK_COMPLETED"
MARKERS: Final = "MARKER_RECORDED"


@dataclass
class Cost:
    """Of one workflow or, divided, of a part of one."""

    events: float
    # Without the engine's own three of every workflow task: how many tasks there are depends on how answers happen to fall together.
    steps: float
    history_bytes: float
    workflow_tasks: float
    local_activities: float
    actions: dict[str, float]

    @property
    def engine_actions(self) -> float:
        return sum(self.actions.values())

    def __add__(self, other: Cost) -> Cost:
        names = self.actions | other.actions
        actions = {name: self.actions.get(name, 0) + other.actions.get(name, 0) for name in names}
        return Cost(
            self.events + other.events,
            self.steps + other.steps,
            self.history_bytes + other.history_bytes,
            self.workflow_tasks + other.workflow_tasks,
            self.local_activities + other.local_activities,
            actions,
        )

    def per(self, count: int) -> Cost:
        return Cost(
            self.events / count,
            self.steps / count,
            self.history_bytes / count,
            self.workflow_tasks / count,
            self.local_activities / count,
            {name: value / count for name, value in self.actions.items()},
        )

    def as_json(self) -> dict[str, Any]:
        return {
            "events": round(self.events, 1),
            "steps": round(self.steps, 1),
            "history_bytes": round(self.history_bytes),
            "workflow_tasks": round(self.workflow_tasks, 1),
            "local_activities": round(self.local_activities, 1),
            "engine_actions": round(self.engine_actions, 1),
            "actions": {name: round(value, 1) for name, value in sorted(self.actions.items()) if round(value, 1)},
        }


NOTHING: Final = Cost(0, 0, 0, 0, 0, {})


async def cost(handle: WorkflowHandle[Any, Any]) -> Cost:
    """Of all runs of one workflow. The events are taken as the engine keeps them, sealed."""
    total = NOTHING
    description = await handle.describe()
    run_id: str | None = description.raw_description.workflow_execution_info.first_run_id or description.run_id
    while run_id:
        history = await handle._client.get_workflow_handle(handle.id, run_id=run_id).fetch_history()
        kinds = Counter(EventType.Name(event.event_type).removeprefix("EVENT_TYPE_") for event in history.events)
        total += Cost(
            len(history.events),
            sum(count for kind, count in kinds.items() if not kind.startswith("WORKFLOW_TASK_")),
            sum(event.ByteSize() for event in history.events),
            kinds[WORKFLOW_TASKS],
            kinds[MARKERS],
            {label: kinds[kind] for kind, label in ACTIONS.items() if kinds[kind]},
        )
        run_id = history.events[-1].workflow_execution_continued_as_new_event_attributes.new_execution_run_id or None
    return total


async def application(theatre: Stage) -> Cost:
    """From submission to registration, nothing going wrong: four lookups, three decisions, public notice."""
    handle = await theatre.approved()
    await theatre.days(handle, 11)
    result = await handle.result()
    assert result["outcome"] == "registered"
    return await cost(handle)


async def lease_month(theatre: Stage) -> Cost:
    """A month of rent paid in time: the lease's share and the bill's own workflow, over a year of them."""
    handle, no = await tenancy.active_lease(theatre)
    starts = datetime.now(UTC).date()
    await tenancy.pay(theatre, f"{no}/{tenancy.calls_period(starts, 0)}")
    before = await cost(handle)
    bills = NOTHING
    for month in range(1, LEASE_MONTHS + 1):
        await theatre.days(handle, 31)
        bills += await cost(await tenancy.pay(theatre, f"{no}/{tenancy.calls_period(starts, month)}"))
    after = await cost(theatre.client.get_workflow_handle(workflow_id(no)))
    return (after + before.per(-1) + bills).per(LEASE_MONTHS)


def budget() -> dict[str, dict[str, float]]:
    """Upper limits by case and measure."""
    loaded: dict[str, dict[str, float]] = json.loads(BUDGET.read_text())
    return loaded
