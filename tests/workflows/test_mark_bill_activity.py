"""Marking a bill as the worker does it, against a gRPC server: an open order is no answer, the step is made again."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import grpc
import pytest
from anju.payments.v1 import payments_pb2 as pb
from anju.payments.v1 import payments_pb2_grpc as rpc
from anju_workflows import calls
from anju_workflows.activities.payments import ORDER_OPEN, PaymentsActivities
from chassis.grpc_client import Client
from temporalio.client import Client as TemporalClient
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from tests.support import keys

STEP = calls.Step(step_id="bill/L-1/202612/4/written_to_arrears", as_of=datetime(2026, 12, 31, tzinfo=UTC))
MARK = calls.MarkBill(bill_id="L-1/202612", step=STEP, state="arrears")


class Payments(rpc.PaymentsServiceServicer):
    def __init__(self) -> None:
        self.answers = [
            pb.MarkBillResponse(bill=pb.Bill(state="overdue"), order_open=True),
            pb.MarkBillResponse(bill=pb.Bill(state="paid")),
        ]

    async def MarkBill(self, request: pb.MarkBillRequest, context: Any) -> pb.MarkBillResponse:
        return self.answers.pop(0)


async def test_a_bill_is_not_in_arrears_for_its_workflow_while_an_order_is_open(keys_dir: Path) -> None:
    server = grpc.aio.server()
    rpc.add_PaymentsServiceServicer_to_server(Payments(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    client = Client(f"127.0.0.1:{port}", keys.signer(keys_dir, "worker"))
    mark = PaymentsActivities(client, cast(TemporalClient, None)).mark_bill
    with pytest.raises(ApplicationError) as again:
        await ActivityEnvironment().run(mark, MARK)
    assert (again.value.type, again.value.non_retryable) == (ORDER_OPEN, False)
    assert (await ActivityEnvironment().run(mark, MARK)).bill_settled
    await client.close()
    await server.stop(None)
