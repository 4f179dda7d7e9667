"""Whether recorded histories still replay with the present code, and whether anything is stuck."""

from __future__ import annotations

import asyncio
import hashlib
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Final

import anju_contracts
import anju_profile
import anju_terms
import anju_workflows
import chassis
from anju_workflows.application.calls import LOOKUP_REGISTER
from anju_workflows.flows import WORKFLOWS
from anju_workflows.rent_cycle.calls import CONFIRM_PAYMENT
from anju_workflows.worker import workflow_runner
from google.protobuf.timestamp_pb2 import Timestamp
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.client import WorkflowExecutionStatus, WorkflowHistory
from temporalio.service import RPCError
from temporalio.testing import TimeSkipper
from temporalio.worker import Replayer

from anju_verify.check import Findings, Register
from anju_verify.sources import Execution, Sources

check: Final = Register()

STUCK_SECONDS: Final = 60
# Visibility may list a run that was closed a moment before as open.
_VISIBLE_WITHIN: Final = timedelta(minutes=1)
# These wait for somebody outside: a silent register or bank is an outcome of its own, not something stuck.
_PATIENT: Final = frozenset({LOOKUP_REGISTER, CONFIRM_PAYMENT})
_OUTSIDE: Final = frozenset({"REGISTER_UNAVAILABLE", "BANK_UNAVAILABLE"})
_BROKEN: Final = (WorkflowExecutionStatus.FAILED, WorkflowExecutionStatus.TERMINATED, WorkflowExecutionStatus.TIMED_OUT)


# --- W5 ------------------------------------------------------------------------------------------------------------------------------------


def sample(executions: Iterable[Execution], count: int | None) -> list[Execution]:
    """At most ``count`` of each type, picked by their ids: the same ones at every look."""
    by_type: dict[str, list[Execution]] = defaultdict(list)
    for each in executions:
        by_type[each.type].append(each)
    chosen: list[Execution] = []
    for group in by_type.values():
        group.sort(key=lambda each: hashlib.sha256(f"{each.id}/{each.run_id}".encode()).digest())
        chosen += group if count is None else group[:count]
    return chosen


@check("W5", "recorded histories replay with the present code")
async def w5(sources: Sources, found: Findings) -> None:
    executions = await sources.executions()
    chosen = {each.run_id: each for each in sample(executions, sources.histories)}
    if len(chosen) < len(executions):
        found.note(f"a sample: {len(chosen)} of {len(executions)} histories")
    chosen = _not_replayed_yet(sources, chosen)
    if sources.deployment.profile_dir is not None:
        # Deadlines are counted on the profile's working days.
        anju_profile.load(sources.deployment.profile_dir)
    replayer = Replayer(
        workflows=WORKFLOWS,
        workflow_runner=workflow_runner(),
        data_converter=sources.converter(),
        # The namespace is authenticated with every payload.
        namespace=sources.deployment.temporal.namespace,
    )

    async def histories() -> AsyncIterator[WorkflowHistory]:
        for each in chosen.values():
            history = await sources.history(each)
            if history is not None:
                found.looked()
                yield history

    results = await replayer.replay_workflows(histories(), raise_on_replay_failure=False)
    for run_id, failure in results.replay_failures.items():
        named = chosen[run_id].id if run_id in chosen else run_id
        # The text of a failure may quote a payload.
        found.violation(f"{named} does not replay: {type(failure).__name__}")


def _not_replayed_yet(sources: Sources, chosen: dict[str, Execution]) -> dict[str, Execution]:
    """Without the histories which were whole at the last clean run, and did replay with this very code."""
    tried_with = {"code": _code(), "histories": sources.histories}
    before = sources.mark("W5", **tried_with)
    if before is None or any(before.more.get(name) != value for name, value in tried_with.items()):
        sources.mark("W5", everything=True)
        return chosen
    whole_at = before.at - _VISIBLE_WITHIN
    return {run_id: each for run_id, each in chosen.items() if each.closed_at is None or each.closed_at >= whole_at}


def _code() -> str:
    """What a replay depends on: our packages as they are here, and the engine's library."""
    digest = hashlib.sha256(version("temporalio").encode())
    for package in (anju_workflows, anju_contracts, anju_profile, anju_terms, chassis):
        folder = Path(package.__path__[0])
        for path in sorted(folder.rglob("*")):
            if path.suffix in (".py", ".yaml"):
                digest.update(str(path.relative_to(folder)).encode() + path.read_bytes())
    return digest.hexdigest()


# --- W6 ------------------------------------------------------------------------------------------------------------------------------------


@check("W6", f"nothing is stuck for more than {STUCK_SECONDS} s")
async def w6(sources: Sources, found: Findings) -> None:
    await _outboxes(sources, found)
    executions = await sources.executions()
    found.looked(len(executions))
    newest = {each.id: each for each in executions}
    repairs = await sources.repairs()
    for each in executions:
        # A reset ends the run whose place it takes; a repair takes the place of one that somebody had ended.
        replaced = (each.id in sources.resets or each.id in repairs) and newest[each.id] is not each
        if each.status in _BROKEN and not replaced:
            found.violation(f"{each.id} {each.status.name.lower() if each.status else ''}: a case ends by its own word only")
    await asyncio.gather(*(_moves(sources, each, found) for each in executions if each.open))


async def _outboxes(sources: Sources, found: Findings) -> None:
    for service in sources.deployment.databases:
        if await sources.value(service, "SELECT to_regclass('outbox')") is None:
            continue
        found.looked(await sources.value(service, "SELECT count(*) FROM outbox"))
        # An entry may be meant for later; one that was tried, or whose time has long come, is late.
        late = await sources.rows(
            service,
            """
            SELECT id, kind, attempts, last_error FROM outbox
            WHERE done_at IS NULL AND created_at < now() - $1::interval AND (attempts > 0 OR next_try_at < now() - $1::interval)
            """,
            timedelta(seconds=STUCK_SECONDS),
        )
        for row in late:
            said = f" after {row['attempts']} tries: {row['last_error']}" if row["attempts"] else ""
            found.violation(f"{service}: outbox entry {row['id']} ({row['kind']}) is not delivered{said}")


async def _moves(sources: Sources, execution: Execution, found: Findings) -> None:
    """An open workflow's task and its activities are younger than a minute, by the workflow's own clock."""
    client = await sources.temporal()
    handle = client.get_workflow_handle(execution.id, run_id=execution.run_id)
    try:
        raw = (await handle.describe()).raw_description
        if not raw.HasField("pending_workflow_task") and not raw.pending_activities:
            return
        own_now = await TimeSkipper(client).get_current_time(handle)
    except RPCError:
        # Closed since it was listed.
        return
    task = raw.pending_workflow_task
    if raw.HasField("pending_workflow_task"):
        since = _age(own_now, task.original_scheduled_time)
        found.unless(task.attempt < 2, f"{execution.id}: its workflow task fails")
        found.unless(since < STUCK_SECONDS, f"{execution.id}: a workflow task has been open for more than {STUCK_SECONDS} s")
    slow = [each for each in raw.pending_activities if not _waits_for_the_outside(each)]
    asked = await _first_asked(sources, execution) if slow else {}
    for activity in slow:
        stuck = _age(own_now, asked.get(activity.activity_id, activity.scheduled_time)) > STUCK_SECONDS
        found.unless(not stuck, f"{execution.id}: {activity.activity_type.name} has not succeeded for more than {STUCK_SECONDS} s")


async def _first_asked(sources: Sources, execution: Execution) -> dict[str, Timestamp]:
    """When each activity was asked for; what is pending says only when its next try is due."""
    history = await sources.history(execution)
    return {
        event.activity_task_scheduled_event_attributes.activity_id: event.event_time
        for event in (history.events if history is not None else ())
        if event.HasField("activity_task_scheduled_event_attributes")
    }


def _waits_for_the_outside(activity: PendingActivityInfo) -> bool:
    """Asked again because the outside is silent; or just being asked."""
    kind = activity.last_failure.application_failure_info.type
    if activity.activity_type.name not in _PATIENT:
        return False
    return not kind or kind in _OUTSIDE


def _age(own_now: datetime, since: Timestamp) -> float:
    """Seconds. On a box whose clocks are moved, the engine's times of a workflow that was moved lie ahead of the real clock: they are its own."""
    if not since.seconds:
        return 0.0
    then, now = since.ToDatetime(UTC), datetime.now(UTC)
    return ((now if then <= now else own_now) - then).total_seconds()
