"""A history that somebody reset on purpose is no violation when the checker is told; one it was not told of is."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest_asyncio
from anju_verify.check import Status
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest
from temporalio.client import WorkflowExecutionStatus

from tests.services.verify.test_workflows import City
from tests.services.verify.test_workflows import city as city  # a fixture
from tests.services.verify.test_workflows import whole_city as whole_city  # a fixture


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def reset_case(whole_city: tuple[City, Any]) -> AsyncIterator[str]:
    """The workflow id of the case that is with the street, reset to its last workflow task."""
    made, _ = whole_city
    client, workflow_id = made.theatre.client, f"application/{made.open}"
    handle = client.get_workflow_handle(workflow_id)
    history = await handle.fetch_history()
    last = max(event.event_id for event in history.events if event.HasField("workflow_task_completed_event_attributes"))
    await client.workflow_service.reset_workflow_execution(
        ResetWorkflowExecutionRequest(
            namespace=client.namespace,
            workflow_execution=WorkflowExecution(workflow_id=workflow_id, run_id=history.run_id),
            reason="by hand",
            workflow_task_finish_event_id=last,
            request_id=str(uuid.uuid4()),
        )
    )
    async with asyncio.timeout(30):
        while True:
            runs = [each async for each in client.list_workflows(f"WorkflowId = '{workflow_id}'")]
            if sorted(each.status.name for each in runs if each.status) == ["RUNNING", "TERMINATED"]:
                break
            await asyncio.sleep(0.2)
    yield workflow_id


async def test_a_reset_nobody_spoke_of(city: City, reset_case: str) -> None:
    await city.records.violates("W2", reset_case, "started again")
    await city.records.violates("W6", reset_case, "terminated")


async def test_a_reset_that_was_expected(city: City, reset_case: str) -> None:
    await city.records.passes("W1", "W2", "W3", "W4", "W5", "W6", resets=frozenset({reset_case}))


async def test_an_expected_reset_excuses_nothing_else(city: City, reset_case: str) -> None:
    no = reset_case.split("/")[1]
    await city.records.sabotage("casework", f"UPDATE application SET stage = 'district_review' WHERE no = '{no}'")
    await city.records.violates("W3", no, resets=frozenset({reset_case}))


async def test_a_reset_that_never_was_is_said(city: City) -> None:
    result = await city.records.check("W2", resets=frozenset({"application/KF-2026-999999"}))
    assert any("KF-2026-999999" in note for note in result.notes)


async def test_closed_histories_are_replayed_once(city: City, tmp_path: Path) -> None:
    """Those which were closed for a while at the last clean run, as long as the code stays the same."""
    marks = tmp_path / "marks.json"
    first = await city.records.check("W5", marks_file=marks)
    assert first.status is Status.PASSED
    told = json.loads(marks.read_text())
    mark = told["checks"]["W5"]
    mark["at"] = (datetime.fromisoformat(mark["at"]) + timedelta(minutes=2)).isoformat()
    marks.write_text(json.dumps(told))
    second = await city.records.check("W5", marks_file=marks)
    open_ = [
        e async for e in city.theatre.client.list_workflows("ExecutionStatus = 'Running'") if e.status is WorkflowExecutionStatus.RUNNING
    ]
    assert second.status is Status.PASSED
    assert second.looked_at <= len(open_) + 2 < first.looked_at
    mark["code"] = mark["more"]["code"] = "other code"
    marks.write_text(json.dumps(told))
    assert (await city.records.check("W5", marks_file=marks)).looked_at == first.looked_at
