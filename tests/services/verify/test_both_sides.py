"""I4 and I5: what a service has on record against what the workflow holds, each broken on one side.

The workflows are stand-ins which say what they are told to hold; that the real ones say the truth is for their own tests and the journeys.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from anju_contracts.base import STATE, State
from anju_onebox.engine.temporal import TemporalServer
from anju_verify import sources
from anju_verify.check import Status
from chassis.codec import data_converter
from chassis.crypto import KeyRing
from chassis.deployment import Temporal
from chassis.temporal import PAYLOAD_KEYS
from temporalio import workflow
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from tests.services.verify.conftest import an_engine
from tests.services.verify.records import NOW, Records

NO, LEASE_NO, BILL = "KF-2026-000001", "KF-2026-000001-1", "KF-2026-000001-1/202612"


class _Holds:
    """Holds what it was started with until it is told otherwise."""

    def __init__(self) -> None:
        self.held: dict[str, Any] = {}

    async def hold(self, given: dict[str, Any]) -> None:
        self.held = given.get("held", {})
        await workflow.wait_condition(lambda: False)


@workflow.defn(name="Waiting")
class Waiting(_Holds):
    @workflow.run
    async def run(self, given: dict[str, Any]) -> None:
        await self.hold(given)

    @workflow.query(name=STATE)
    def state(self) -> State:
        return State(stage=self.held["stage"], waiting_on="citizen", details={"offer": self.held["offer"]})


@workflow.defn(name="Lease")
class Lease(_Holds):
    @workflow.run
    async def run(self, given: dict[str, Any]) -> None:
        await self.hold(given)

    @workflow.query(name=STATE)
    def state(self) -> State:
        return State(stage="active", waiting_on="citizen", details={"open_bills": ",".join(self.held["bills"])})


@workflow.defn(name="RentCycle")
class RentCycle(_Holds):
    @workflow.run
    async def run(self, given: dict[str, Any]) -> None:
        await self.hold(given)


class World:
    """A household with an open offer, a lease and an open bill, and their workflows."""

    def __init__(self, records: Records, client: Client, queue: str) -> None:
        self.records = records
        self.client = client
        self.queue = queue

    async def start(self, kind: str, workflow_id: str, **given: Any) -> None:
        await self.client.start_workflow(kind, given, id=workflow_id, task_queue=self.queue)
        async with asyncio.timeout(20):
            while not [e async for e in self.client.list_workflows(f"WorkflowId = '{workflow_id}' AND ExecutionStatus = 'Running'")]:
                await asyncio.sleep(0.1)

    async def waits(self, offer: str, stage: str = "offered") -> None:
        await self.start("Waiting", f"waiting/{NO}", held={"offer": offer, "stage": stage})

    async def rents(self, *bills: str) -> None:
        await self.start("Lease", f"lease/{LEASE_NO}", held={"bills": list(bills)})

    async def cycle(self, bill: str, amount: int = 35_000) -> None:
        await self.start("RentCycle", f"bill/{bill}", bill_id=bill, amount_fen=amount)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def one_engine(session_dir: Path) -> AsyncIterator[TemporalServer]:
    async with an_engine(session_dir / "engine-of-both-sides") as server:
        yield server


@pytest_asyncio.fixture(loop_scope="session")
async def world(records: Records, one_engine: TemporalServer, keys_dir: Path) -> AsyncIterator[World]:
    await records.need("casework", "housing", "payments")
    await records.application(NO, stage="registered", outcome="registered", waiting_on="nobody", owner=f"c-{NO}")
    await records.estate()
    await records.waiting(NO, "offered")
    await records.offer("O1", "U1", NO)
    await records.waiting("KF-2026-000009", "leased", owner="c-9")
    await records.offer("O2", "U2", "KF-2026-000009", "accepted", owner="c-9")
    await records.lease(LEASE_NO, "O2", "U2", "KF-2026-000009", owner="c-9")
    await records.put(
        "payments",
        "bills",
        id=BILL,
        lease_no=LEASE_NO,
        application_no="KF-2026-000009",
        owner="c-9",
        district="410202",
        kind="rent",
        period="202612",
        amount_fen=35_000,
        paid_fen=0,
        state="open",
        issued_at=NOW,
        due_at=NOW + timedelta(days=10),
    )
    records.aim(temporal=Temporal(address=one_engine.address))
    queue = uuid.uuid4().hex
    client = await Client.connect(one_engine.address, data_converter=data_converter(KeyRing.load(keys_dir / PAYLOAD_KEYS)))
    async with AsyncExitStack() as stack:
        flows = [Waiting, Lease, RentCycle]
        await stack.enter_async_context(Worker(client, task_queue=queue, workflows=flows, workflow_runner=UnsandboxedWorkflowRunner()))
        yield World(records, client, queue)
    # Ids are used again by the next test.
    async for left in client.list_workflows("ExecutionStatus = 'Running'"):
        await client.get_workflow_handle(left.id).terminate("the test is over")
    async with asyncio.timeout(20):
        while (await client.count_workflows("ExecutionStatus = 'Running'")).count:
            await asyncio.sleep(0.1)


async def test_both_sides_say_the_same(world: World) -> None:
    await world.waits("O1")
    # The next month's bill sleeps in its workflow until its day.
    await world.rents(BILL, f"{LEASE_NO}/202701")
    await world.cycle(BILL)
    await world.cycle(f"{LEASE_NO}/202701")
    await world.records.passes("I4", "I5")


@pytest.mark.parametrize(
    ("offer", "stage", "words"),
    [
        ("", "waiting", ("open offer O1", "knows none")),
        ("O7", "offered", ("open offer O1", "knows O7")),
        ("O1", "waiting", ("is offered on the list", "is waiting")),
    ],
)
async def test_i4_an_offer_the_workflow_does_not_know(world: World, offer: str, stage: str, words: tuple[str, ...]) -> None:
    await world.waits(offer, stage)
    await world.records.violates("I4", NO, *words)


async def test_i4_an_offer_only_the_workflow_knows(world: World) -> None:
    await world.waits("O1")
    await world.records.sabotage(
        "housing", "DELETE FROM offers WHERE id = 'O1'", f"UPDATE waiting SET state = 'waiting' WHERE application_no = '{NO}'"
    )
    await world.records.violates("I4", NO, "no open offer", "the answer to O1")


async def test_i4_a_bill_the_lease_does_not_wait_for(world: World) -> None:
    await world.rents()
    await world.cycle(BILL)
    await world.records.violates("I4", BILL, "does not wait for it")


async def test_i4_a_bill_only_the_lease_knows(world: World) -> None:
    await world.rents(BILL, f"{LEASE_NO}/202701")
    await world.cycle(BILL)
    await world.records.violates("I4", f"{LEASE_NO}/202701", "nowhere")


async def test_i4_a_bill_that_is_paid_and_still_waited_for(world: World) -> None:
    await world.rents(BILL)
    await world.cycle(BILL)
    await world.records.sabotage("payments", "UPDATE bills SET state = 'paid', paid_fen = amount_fen, paid_at = now()")
    await world.records.violates("I4", BILL, "paid or in arrears")


async def test_i4_without_a_worker_is_no_pass(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "_QUERY_SECONDS", 1.0)
    await world.client.start_workflow("Waiting", {}, id=f"waiting/{NO}", task_queue="nobody-polls")
    result = await world.records.check("I4")
    assert result.status is Status.FAILED_TO_RUN
    assert "no worker answers" in result.notes[-1]


async def test_i5_a_household_that_waits_with_another_size(world: World) -> None:
    await world.records.sabotage("housing", "UPDATE waiting SET household_size = 3")
    await world.records.violates("I5", NO, "waits as 3", "has 2 people")


async def test_i5_a_case_that_forgot_its_newest_dossier(world: World) -> None:
    await world.records.sabotage("casework", "UPDATE dossier SET household_size = 4")
    await world.records.violates("I5", f"application {NO}", "of 2 people, its newest dossier of 4")


async def test_i5_a_bill_of_another_amount_than_its_workflow_asks_for(world: World) -> None:
    await world.cycle(BILL, 36_000)
    await world.records.violates("I5", BILL, "36000 fen", "35000")
