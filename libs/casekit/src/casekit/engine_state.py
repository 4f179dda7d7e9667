"""What the engine says of a service's workflows, for the platform's operators: whether it answers, who polls its queues, and which workflows are stuck.

Counts are of visibility, which may be a moment behind; they are for people who look, and nothing is decided by them.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC
from typing import Final

from anju.repair.v1 import repair_pb2 as pb
from anju_contracts.base import BLOCKED, PAYMENTS_TASK_QUEUE, REGISTRY_TASK_QUEUE, STATE, TASK_QUEUE, State
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client, WorkflowExecution
from temporalio.exceptions import TemporalError
from temporalio.service import RPCError, RPCStatusCode

# Whoever looks waits for the others too.
PATIENCE_SECONDS: Final = 2.5
_QUERY_SECONDS: Final = 1.5
# So many of a kind are described one by one; the count says how many there are.
MOST: Final = 10
_QUEUES: Final = (
    (TASK_QUEUE, TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW, "workflow"),
    (TASK_QUEUE, TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY, "activity"),
    (REGISTRY_TASK_QUEUE, TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY, "activity"),
    (PAYMENTS_TASK_QUEUE, TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY, "activity"),
)
_OPEN: Final = 'ExecutionStatus = "Running"'
BLOCKED_ONLY: Final = f"{BLOCKED} = true"
# The engine's own mark of a workflow whose tasks fail or time out again and again: a mistake of the code, which no signal puts right.
FAILING_ONLY: Final = 'TemporalReportedProblems IN ("category=WorkflowTaskFailed", "category=WorkflowTaskTimedOut")'


async def look(client: Client, types: Sequence[str]) -> pb.GetEngineResponse:
    """Of workflows of these types. An engine that does not answer in time is not reachable, and nothing is said of it."""
    began = time.monotonic()
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            kinds, queues = await asyncio.gather(
                asyncio.gather(*(_kind(client, name) for name in types)),
                asyncio.gather(*(_queue(client, *each) for each in _QUEUES)),
            )
    except (TemporalError, RuntimeError, TimeoutError):
        return pb.GetEngineResponse(reachable=False)
    answer = pb.GetEngineResponse(reachable=True, milliseconds=round((time.monotonic() - began) * 1000), queues=queues)
    for counted, stuck in kinds:
        answer.types.append(counted)
        answer.stuck.extend(stuck)
    return answer


async def _kind(client: Client, name: str) -> tuple[pb.WorkflowType, list[pb.Stuck]]:
    of_type = f'WorkflowType = "{name}" AND {_OPEN}'
    running, blocked, failing = await asyncio.gather(
        client.count_workflows(of_type),
        client.count_workflows(f"{of_type} AND {BLOCKED_ONLY}"),
        _failing(client, of_type),
    )
    counted = pb.WorkflowType(type=name, running=running.count, blocked=blocked.count, failing=failing)
    stuck: list[pb.Stuck] = []
    if blocked.count:
        stuck += await asyncio.gather(*[_parked(client, each) for each in await _first(client, f"{of_type} AND {BLOCKED_ONLY}")])
    if failing:
        stuck += await asyncio.gather(*[_failed(client, each) for each in await _first(client, f"{of_type} AND {FAILING_ONLY}")])
    return counted, stuck


async def _failing(client: Client, of_type: str) -> int | None:
    """None where the engine does not know the mark."""
    try:
        return (await client.count_workflows(f"{of_type} AND {FAILING_ONLY}")).count
    except RPCError as error:
        if error.status is not RPCStatusCode.INVALID_ARGUMENT:
            raise
        return None


async def _first(client: Client, query: str) -> list[WorkflowExecution]:
    return [each async for each in client.list_workflows(query, page_size=MOST, limit=MOST)]


async def _parked(client: Client, found: WorkflowExecution) -> pb.Stuck:
    """With its own word why and since when; without, where no worker answers for it."""
    stuck = pb.Stuck(workflow_id=found.id, type=found.workflow_type, kind="blocked")
    try:
        async with asyncio.timeout(_QUERY_SECONDS):
            state = await client.get_workflow_handle(found.id).query(STATE, result_type=State)
    except (TemporalError, RuntimeError, TimeoutError):
        return stuck
    stuck.why = state.blocked
    if state.blocked_at is not None:
        stuck.since.FromDatetime(state.blocked_at)
    return stuck


async def _failed(client: Client, found: WorkflowExecution) -> pb.Stuck:
    stuck = pb.Stuck(workflow_id=found.id, type=found.workflow_type, kind="failing")
    pending = (await client.get_workflow_handle(found.id).describe()).raw_description.pending_workflow_task
    if pending.HasField("original_scheduled_time"):
        stuck.since.CopyFrom(pending.original_scheduled_time)
    stuck.tries = pending.attempt
    return stuck


async def _queue(client: Client, name: str, kind: TaskQueueType.ValueType, title: str) -> pb.TaskQueue:
    request = DescribeTaskQueueRequest(namespace=client.namespace, task_queue=TaskQueue(name=name), task_queue_type=kind, report_stats=True)
    found = await client.workflow_service.describe_task_queue(request)
    queue = pb.TaskQueue(name=name, kind=title, pollers=len(found.pollers), backlog=found.stats.approximate_backlog_count)
    queue.backlog_seconds = found.stats.approximate_backlog_age.seconds
    last = max((each.last_access_time.ToDatetime(UTC) for each in found.pollers), default=None)
    if last is not None:
        queue.polled_at.FromDatetime(last)
    return queue
