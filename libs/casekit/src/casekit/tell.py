"""What people are told about a step: written down with the step, handed to notifications afterwards, at least once."""

from __future__ import annotations

from typing import Any, Final

from anju.common.v1 import common_pb2 as common
from anju.notifications.v1 import notifications_pb2 as pb
from anju.notifications.v1 import notifications_pb2_grpc as rpc
from chassis.grpc_client import Client
from chassis.outbox import Handler, Outbox
from google.protobuf import json_format
from sqlalchemy.ext.asyncio import AsyncSession

# The kind of these entries in a service's outbox; its handler is ``deliver``.
TELL: Final = "tell"


def hand_on(outbox: Outbox, session: AsyncSession, step: common.Step, application_no: str) -> None:
    """Writes what the step tells into the outbox, in the caller's transaction. Call it once a step, where the step itself is recorded.

    Raises ValueError when two messages of the step would have the same key: the second would be taken for a repeat of the first and be lost.
    """
    keys = [_key(step.step_id, telling) for telling in step.tell]
    if len(set(keys)) != len(keys):
        raise ValueError("a step tells the same people the same thing twice")
    for key, telling in zip(keys, step.tell, strict=True):
        request = pb.NotifyRequest(key=key, application_no=application_no, telling=telling, as_of=step.as_of)
        outbox.add(session, TELL, json_format.MessageToDict(request, preserving_proto_field_name=True))


def _key(step_id: str, telling: common.Telling) -> str:
    return "-".join(part for part in (f"{step_id}/tell", telling.template, telling.role, telling.division) if part)


def deliver(client: Client) -> Handler:
    """The outbox's handler of ``TELL`` entries. ``client`` calls notifications, which knows a message by its key: telling it again is telling it once."""
    stub = rpc.NotificationsServiceStub(client.channel)

    async def notify(payload: dict[str, Any]) -> None:
        await client.call(stub.Notify, json_format.ParseDict(payload, pb.NotifyRequest()))

    return notify
