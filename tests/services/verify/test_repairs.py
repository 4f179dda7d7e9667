"""A case that was started again has two runs, and its record says so: neither hides anything from the checker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from anju_contracts.application import NAME, workflow_id
from anju_contracts.base import TASK_QUEUE
from anju_workflows.application.calls import Standing
from anju_workflows.search_attributes import GENERATION

from tests.services.verify.records import NOW
from tests.services.verify.test_workflows import CHECKS, City
from tests.services.verify.test_workflows import city as city  # a fixture
from tests.services.verify.test_workflows import whole_city as whole_city  # a fixture
from tests.support.patience import eventually


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def kept(whole_city: tuple[City, Any]) -> AsyncIterator[tuple[str, list[Any]]]:
    """The case that is with the street, ended by an operator and started again; the street has approved it since."""
    made, _ = whole_city
    no, theatre = made.open, made.theatre
    await theatre.client.get_workflow_handle(workflow_id(no)).terminate("by mistake")
    theatre.notes.standing = Standing(stage="street_review", waiting_on="street", deadline=datetime.now(UTC) + timedelta(days=9), round=1)
    given = theatre.given(no=no, generation=1)
    handle = await theatre.client.start_workflow(NAME, given, id=workflow_id(no), task_queue=TASK_QUEUE)

    async def stands() -> bool:
        return (await handle.describe()).typed_search_attributes.get(GENERATION) == 1

    await eventually(stands)
    before = len(made.steps(no))
    await theatre.decide(handle, "street")
    await theatre.reached(lambda: len(made.steps(no)) > before)
    # Visibility follows the engine by a moment.
    async with asyncio.timeout(30):
        query = f"WorkflowId = '{workflow_id(no)}'"
        while [each.status.name async for each in theatre.client.list_workflows(query) if each.status] != ["RUNNING", "TERMINATED"]:
            await asyncio.sleep(0.2)
    yield no, made.steps(no)


@pytest_asyncio.fixture(loop_scope="session")
async def repaired(city: City, kept: tuple[str, list[Any]]) -> str:
    """With the record as casework has it: the timeline of both runs, and the repair between them."""
    no, steps = kept
    await city.records.sabotage("casework", f"DELETE FROM timeline WHERE application_no = '{no}'")
    await city.records.timeline(steps)
    version = len(steps)  # the record's before its newest step
    await city.records.put(
        "casework", "repairs", id=1, workflow_id=workflow_id(no), generation=1, stage="street_review", version=version, actor="o", at=NOW
    )
    return no


async def test_a_repair_on_record_is_no_violation(city: City, repaired: str) -> None:
    await city.records.passes(*CHECKS)


async def test_a_second_run_the_record_does_not_know_of(city: City, repaired: str) -> None:
    await city.records.sabotage("casework", "DELETE FROM repairs")
    await city.records.violates("W2", repaired, "started again")
    await city.records.violates("W3", repaired, "does not know of it")
    await city.records.violates("W6", repaired, "terminated")


@pytest.mark.parametrize(
    ("statement", "word"),
    [
        ("UPDATE repairs SET stage = 'city_review'", "its record stood in city_review"),
        # What the first run did is compared with what was recorded before the repair, and the second with what came after it.
        ("UPDATE timeline SET event = 'street_returned', stage = 'correction' WHERE seq = 4", "its history says district_review"),
        ("DELETE FROM timeline WHERE seq = 2", "recorded street_review; its history says verifying"),
    ],
)
async def test_a_repair_hides_nothing(city: City, repaired: str, statement: str, word: str) -> None:
    await city.records.sabotage("casework", statement + (f" AND application_no = '{repaired}'" if "timeline" in statement else ""))
    await city.records.violates("W3", repaired, word)
