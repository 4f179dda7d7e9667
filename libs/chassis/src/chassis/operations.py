"""What every service says of itself to the platform's operators: spoken beside its own service, by the same server (``composition``)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

from anju.operations.v1 import operations_pb2 as pb
from anju.operations.v1 import operations_pb2_grpc as rpc

from chassis.db import Database
from chassis.outbox import Outbox
from chassis.tally import MINUTES, Tally
from chassis.tls import Certificates
from chassis.wire import stamp

SERVICE: Final = pb.DESCRIPTOR.services_by_name["OperationsService"].full_name
# A database that has not answered by then does not answer: whoever looks waits for the others too.
_PATIENCE_SECONDS: Final = 1.5

# How often something that has to be looked into has happened since the beginning of the day.
Count = Callable[[], Awaitable[int]]


class OperationsServicer(rpc.OperationsServiceServicer):
    """``name`` of the process; ``outbox`` where it hands things on; ``alarms`` by their names."""

    def __init__(
        self,
        name: str,
        database: Database,
        tally: Tally,
        *,
        outbox: Outbox | None = None,
        certificates: Certificates | None = None,
        alarms: Mapping[str, Count] | None = None,
    ) -> None:
        self._database = database
        self._tally = tally
        self._outbox = outbox
        self._certificates = certificates
        self._alarms = dict(alarms or {})
        self._version = _version(name)
        self._started_at = datetime.now(UTC)

    def add_to(self, server: Any) -> None:
        rpc.add_OperationsServiceServicer_to_server(self, server)

    async def GetHealth(self, request: pb.GetHealthRequest, context: Any) -> pb.GetHealthResponse:
        recent = self._tally.recent()
        answer = pb.GetHealthResponse(
            version=self._version,
            started_at=stamp(self._started_at),
            calls=pb.Calls(
                minutes=MINUTES,
                answered=recent.answered,
                failed=recent.failed,
                unavailable=recent.unavailable,
                mean_milliseconds=_milliseconds(recent.mean_seconds),
                longest_milliseconds=_milliseconds(recent.longest_seconds),
            ),
            database=pb.Database(),
            certificate_ends_at=stamp(self._certificates.now().ends) if self._certificates is not None else None,
        )
        began = time.monotonic()
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                await self._database.ping()
                answer.database.reachable = True
                answer.database.milliseconds = _milliseconds(time.monotonic() - began)
                await self._from_tables(answer)
        except Exception:
            # What could not be read is left out, and so are the numbers that rest on it: nothing here stands for none.
            answer.database.reachable = False
            answer.ClearField("outbox")
            answer.ClearField("alarms")
        return answer

    async def _from_tables(self, answer: pb.GetHealthResponse) -> None:
        if self._outbox is not None:
            due = await self._outbox.due()
            answer.outbox.CopyFrom(
                pb.Outbox(waiting=due.waiting, failing=due.failing, given_up=due.given_up, oldest_at=stamp(due.oldest_at))
            )
        for name, count in self._alarms.items():
            answer.alarms.add(name=name, count=await count())


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)


def _version(name: str) -> str:
    try:
        return version(f"anju-{name}")
    except PackageNotFoundError:
        return ""
