"""What a bill's workflow is told, on the real engine."""

from __future__ import annotations

from pathlib import Path

from anju_contracts.rent_cycle import PaymentOpened, PaymentPosted
from anju_onebox.engine.temporal import TemporalServer
from chassis import ids
from chassis.codec import data_converter
from chassis.crypto import KeyRing
from chassis.temporal import PAYLOAD_KEYS
from payments.workflows import TemporalWorkflows
from temporalio import workflow
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker


@workflow.defn(name="RentCycle")
class Stub:
    """As little of the real one as payments can see."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.settled = False

    @workflow.run
    async def run(self) -> list[str]:
        await workflow.wait_condition(lambda: self.settled)
        return self.said

    @workflow.signal
    def payment_opened(self, said: PaymentOpened) -> None:
        self.said.append(said.intent_id)

    @workflow.signal
    def payment_posted(self, said: PaymentPosted) -> None:
        self.settled = said.settled


async def test_signals_reach_the_bill_and_a_closed_one_is_no_error(temporal_server: TemporalServer, keys_dir: Path) -> None:
    client = await Client.connect(temporal_server.address, data_converter=data_converter(KeyRing.load(keys_dir / PAYLOAD_KEYS)))
    bill, queue = f"L-{ids.new_id()}/202612", ids.new_id()
    port = TemporalWorkflows(client)
    posted = PaymentPosted(bill_id=bill, intent_id="P1", settled=True)
    async with Worker(client, task_queue=queue, workflows=[Stub], workflow_runner=UnsandboxedWorkflowRunner()):
        handle = await client.start_workflow("RentCycle", id=f"bill/{bill}", task_queue=queue)
        await port.signal(f"bill/{bill}", "payment_opened", PaymentOpened(intent_id="P1"))
        await port.signal(f"bill/{bill}", "payment_posted", posted)
        assert await handle.result() == ["P1"]
    await port.signal(f"bill/{bill}", "payment_posted", posted)
    await port.signal("bill/L-404/deposit", "payment_posted", posted)
