"""What a case costs the engine stays within the committed budget. Counts, never timings: they are the same on every machine."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from anju_contracts.application import NAME, workflow_id
from anju_onebox.engine.temporal import TemporalServer
from anju_workflows import worker as production
from anju_workflows.telling import NOTIFY
from chassis.crypto import KeyRing
from temporalio.worker import Worker

from tests.bench import counts, on_box, on_temporal
from tests.bench.raw import RawApplication
from tests.support.ports import free_block
from tests.workflows.stage import LEVELS, Stage, stage


@pytest.fixture
async def theatre(temporal_server: TemporalServer) -> AsyncIterator[Stage]:
    # Sealed payloads: the budget holds the bytes which are really stored.
    async with stage(temporal_server.address, KeyRing.generate()) as made:
        yield made


def over_budget(case: str, cost: counts.Cost) -> list[str]:
    measured = {**cost.as_json(), **cost.as_json()["actions"]}
    return [f"{name}: {measured.get(name, 0)} > {limit}" for name, limit in counts.budget()[case].items() if measured.get(name, 0) > limit]


async def test_application_stays_within_its_budget(theatre: Stage) -> None:
    cost = await counts.application(theatre)
    assert cost.actions["updates"] == len(LEVELS)
    assert over_budget("application", cost) == []


async def test_lease_month_stays_within_its_budget(theatre: Stage) -> None:
    cost = await counts.lease_month(theatre)
    assert cost.actions["signals received"] >= 2
    assert over_budget("lease_month", cost) == []


async def test_an_application_asks_of_the_database_and_of_services_what_its_budget_says(session_dir: Path) -> None:
    """Round trips, not statements, are what an application costs a service: one that repeats what is known shows here."""
    folder = session_dir / "counted"
    with free_block(folder) as block:
        trips = await on_box.counted(folder, block.ports_offset, 4)
    limits = counts.budget()["application_trips"]
    assert {name: value for name, value in trips["in all"].items() if value > limits[name]} == {}, trips


def test_a_budget_that_is_passed_is_noticed() -> None:
    dear = counts.Cost(10_000, 9_000, 10**6, 100, 50, {"ordinary activities": 30.0})
    named = {line.split(":")[0] for line in over_budget("application", dear)}
    assert named == {"events", "steps", "workflow_tasks", "local_activities", "engine_actions", "ordinary activities", "history_bytes"}


async def test_the_raw_workflow_asks_the_same_of_the_services(theatre: Stage) -> None:
    """A comparison is worth nothing when one side does less: both are played to registration and their calls of services compared."""
    ours = await theatre.approved()
    await theatre.days(ours, 11)
    await ours.result()
    await theatre.reached(lambda: "registered" in theatre.notes.templates())
    asked = _asked(theatre)
    theatre.notes.advances.clear()
    theatre.notes.steps.clear()
    theatre.notes.told.clear()
    theatre.notes.tries.clear()
    theatre.notes.waiting.clear()
    given = theatre.given()
    async with Worker(
        theatre.client,
        task_queue=on_temporal.RAW_QUEUE,
        workflows=[RawApplication],
        activities=theatre.notes.activities(),
        workflow_runner=production.workflow_runner(),
    ):
        raw = await theatre.client.start_workflow(NAME, given, id=workflow_id(given.no), task_queue=on_temporal.RAW_QUEUE)
        for level in LEVELS:
            await theatre.reached(lambda level=level: theatre.notes.templates().count("review_started") == LEVELS.index(level) + 1)
            await theatre.decide(raw, level)
        await theatre.reached(lambda: "approved_to_notice" in theatre.notes.templates())
        await theatre.days(raw, 11)
        assert (await raw.result())["outcome"] == "registered"
    assert _asked(theatre) == asked
    scheduled = Counter(
        event.activity_task_scheduled_event_attributes.activity_type.name
        for event in (await raw.fetch_history()).events
        if event.HasField("activity_task_scheduled_event_attributes")
    )
    # What is told travels with the steps, on both sides.
    assert scheduled[NOTIFY] == 0
    assert sum(scheduled.values()) == sum(asked.values()) - len(theatre.notes.told)


def _asked(theatre: Stage) -> Counter[str]:
    notes = theatre.notes
    asked = Counter(f"advance:{advance.event}" for advance in notes.advances)
    asked.update(f"told:{told.template}" for told in notes.told)
    asked.update({f"lookup:{register}": tries for register, tries in notes.tries.items()})
    # The assessment leaves no note; there is one for every round of lookups.
    asked.update({"register": len(notes.waiting), "assess": 1})
    return asked
