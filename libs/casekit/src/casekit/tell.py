"""What people are told about a step: written down with the step, handed to notifications afterwards, at least once.

A reason somebody typed may name anybody: what waits in the outbox is sealed.
"""

from __future__ import annotations

import base64
from datetime import datetime
from typing import Any, Final

from anju.common.v1 import common_pb2 as common
from anju.notifications.v1 import notifications_pb2 as pb
from anju.notifications.v1 import notifications_pb2_grpc as rpc
from chassis.crypto import KeyRing
from chassis.grpc_client import Client
from chassis.outbox import Outbox
from chassis.wire import stamp
from sqlalchemy.ext.asyncio import AsyncSession

# The kind of these entries in a service's outbox; its handler is ``Tellings.deliver``.
TELL: Final = "tell"


class Tellings:
    """``ring`` seals what waits; ``client`` calls notifications, which knows a message by its key: telling it again is telling it once."""

    def __init__(self, ring: KeyRing, client: Client) -> None:
        self._ring = ring
        self._client = client
        self._stub = rpc.NotificationsServiceStub(client.channel)

    def hand_on(self, outbox: Outbox, session: AsyncSession, step: common.Step, application_no: str, *, owner: str = "") -> None:
        """Writes what the step tells into the outbox, in the caller's transaction. Call it once a step, where the step itself is recorded. ``owner``: the
        account that is told where the matter is no household's case.

        Raises ValueError when two messages of the step would have the same key: the second would be taken for a repeat of the first and be lost.
        """
        keys = [_key(step.step_id, telling) for telling in step.tell]
        if len(set(keys)) != len(keys):
            raise ValueError("a step tells the same people the same thing twice")
        for key, telling in zip(keys, step.tell, strict=True):
            request = pb.NotifyRequest(
                key=key, application_no=application_no, telling=telling, as_of=step.as_of, owner="" if telling.role else owner
            )
            sealed = self._ring.encrypt(request.SerializeToString(deterministic=True), _place(key))
            outbox.add(session, TELL, {"key": key, "sealed": base64.b64encode(sealed).decode()})

    async def deliver(self, payload: dict[str, Any]) -> None:
        """The outbox's handler of ``TELL`` entries."""
        request = pb.NotifyRequest.FromString(self._ring.decrypt(base64.b64decode(payload["sealed"]), _place(payload["key"])))
        await self._client.call(self._stub.Notify, request)


def fill_in(step: common.Step, **values: common.Value) -> None:
    """Adds to what the step tells the household what only the service that records it knows (a rank, a number, a day)."""
    for telling in step.tell:
        if not telling.role:
            for name, value in values.items():
                telling.values[name].CopyFrom(value)


def day(instant: datetime) -> common.Value:
    return common.Value(day=stamp(instant))


def count(number: int) -> common.Value:
    return common.Value(count=number)


def fen(amount: int) -> common.Value:
    return common.Value(fen=amount)


def text(value: str) -> common.Value:
    return common.Value(text=value)


def _key(step_id: str, telling: common.Telling) -> str:
    return "-".join(part for part in (f"{step_id}/tell", telling.template, telling.role, telling.division) if part)


def _place(key: str) -> str:
    return f"outbox|tell|{key}"
