"""Records that are open while nobody works on them: finding them, showing them, and starting their workflows again.

A workflow may be gone though its matter is not over: terminated by an operator, lost with a namespace, forgotten by an engine restored from an older
backup. The record knows where the matter stands, so that a new run can go on from there (``Records.again``); every such start is itself a record, which the
checker compares with the engine's runs.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple, Protocol

import grpc
from anju.repair.v1 import repair_pb2 as pb
from anju.repair.v1 import repair_pb2_grpc as rpc
from anju_contracts.base import Model
from chassis import logs
from chassis.db import Database
from chassis.errors import NOT_FOUND, Problem, Refusal
from chassis.identity import Caller, current_caller
from chassis.wire import stamp
from sqlalchemy import BigInteger, DateTime, UniqueConstraint, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import Field, SQLModel

from casekit.engine import Standing, TemporalEngine
from casekit.engine_state import MOST
from casekit.operator_steps import OperatorSteps, reasoned

_log = logs.get(__name__)
SERVICE: Final = pb.DESCRIPTOR.services_by_name["RepairService"].full_name
# The process that may ask for repairs: the operators' own command.
OPERATIONS: Final = "operations"
WATCH_SECONDS: Final = 60.0
# A record and its workflow are two books; what is missing in one may be just being written. It counts when it is missing again after this.
AGAIN_SECONDS: Final = 5.0
# Looking takes at most this part of the time, however many records there are.
_SHARE: Final = 0.05
# Two operators at one case: the second counts the first one's repair.
_HOLD: Final = text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))")

WORKFLOW_ALIVE: Final = Problem(
    "WORKFLOW_ALIVE",
    grpc.StatusCode.FAILED_PRECONDITION,
    "该件的办理流程正在运行，不需要修复。",
    "The workflow of this matter is running; there is nothing to repair.",
)
NOT_PARKED: Final = Problem(
    "NOT_PARKED",
    grpc.StatusCode.FAILED_PRECONDITION,
    "该流程没有暂停，不需要继续。",
    "This workflow is not parked; there is nothing to resume.",
)
RECORD_OVER: Final = Problem(
    "RECORD_OVER",
    grpc.StatusCode.FAILED_PRECONDITION,
    "该件已经办结，没有需要继续的步骤。",
    "This matter is over; there is nothing to go on with.",
)


class RepairColumns(SQLModel):
    """Columns of a service's ``repairs`` table: every start of a workflow after its first, append-only. ``version`` is the record's own at that moment,
    where it counts its steps."""

    id: int | None = Field(default=None, sa_type=BigInteger, primary_key=True)
    workflow_id: str = Field(index=True)
    generation: int
    stage: str
    version: int = Field(default=0, sa_type=BigInteger)
    actor: str
    at: datetime = Field(default_factory=lambda: datetime.now(UTC), sa_type=DateTime(timezone=True))


def repairs_once(table: str) -> UniqueConstraint:
    """One repair a generation; put it into ``__table_args__``."""
    return UniqueConstraint("workflow_id", "generation", name=f"uq_{table}_generation")


class Open(NamedTuple):
    """A record that is open and whose workflow was started."""

    workflow_id: str
    stage: str
    stage_title: str
    waiting_on: str
    deadline: datetime | None
    blocked_at: datetime | None


class Again(NamedTuple):
    """With what a workflow is started again. ``version``: see RepairColumns."""

    given: Model
    summary: str
    memo: dict[str, str]
    stage: str
    version: int = 0


class Records(Protocol):
    """One kind of a service's records, each with a workflow of one type behind it."""

    type: str

    def prefix(self) -> str:
        """What the ids of its workflows start with."""
        ...

    async def open(self, session: AsyncSession) -> Sequence[Open]: ...

    async def again(self, session: AsyncSession, workflow_id: str, generation: int) -> Again | None:
        """With what its workflow is started again, and the record held until the transaction ends; None when it is over. Raises Refusal(NOT_FOUND)."""
        ...

    async def mark(self, session: AsyncSession, workflow_ids: Collection[str], at: datetime | None) -> None:
        """Notes since when the records are blocked, as far as they are still open; None: they are not."""
        ...


# Writes down who starts a workflow again and why, in the transaction of the repair.
Note = Callable[[AsyncSession], Awaitable[None]]


class Gone(NamedTuple):
    """A record that was open, twice in a row, while nobody worked on it."""

    type: str
    record: Open
    standing: Standing


@dataclass
class Compared:
    """What the last comparison of records and workflows has found; ``at`` is None before the first."""

    at: datetime | None = None
    gone: tuple[Gone, ...] = ()


@dataclass(frozen=True)
class Keeper:
    """The kinds of records of one service, the engine, and the table of repairs."""

    database: Database
    engine: TemporalEngine
    repairs: type[Any]
    kinds: Sequence[Records]
    steps: OperatorSteps
    compared: Compared = field(default_factory=Compared)

    async def missing(self, kind: Records) -> tuple[list[tuple[Open, Standing]], list[Open]]:
        """The open records nobody works on, with what the engine says; and all open records. The record is read first: a workflow records its end before it
        closes, and exists before its record can be open."""
        async with self.database.transaction() as session:
            found = list(await kind.open(session))
        running = await self.engine.running(kind.type) if found else set()
        # Visibility may be a moment behind; the engine is asked itself before somebody is said to be forgotten.
        asked = [(each, await self.engine.standing(each.workflow_id)) for each in found if each.workflow_id not in running]
        return [(each, standing) for each, standing in asked if standing is not Standing.OPEN], found

    async def resume(self, caller: Caller, request: pb.ResumeRequest) -> None:
        """Who asks and why is on record before the engine is told, and told again by a repeat. Raises Refusal: NOT_PARKED, UNAVAILABLE."""
        async with self.database.statements() as session:
            known = await self.steps.known(session, caller, request)
        if not known and not await self.engine.parked(request.workflow_id):
            raise Refusal(NOT_PARKED)
        async with self.database.transaction() as session:
            await self.steps.note(session, caller, request, "resume", request.workflow_id)
        await self.engine.resume(request.workflow_id, caller.sub)
        _log.warning("workflow_resumed", workflow_id=request.workflow_id)

    async def start_again(self, kind: Records, workflow_id: str, actor: str, note: Note | None = None) -> tuple[Again, int, str]:
        """What it was started with, its generation and run. Raises Refusal: NOT_FOUND, RECORD_OVER, WORKFLOW_ALIVE."""
        if await self.engine.standing(workflow_id) is Standing.OPEN:
            raise Refusal(WORKFLOW_ALIVE)
        async with self.database.transaction() as session:
            await session.execute(_HOLD, {"key": f"repair/{workflow_id}"})
            before = select(func.max(self.repairs.generation)).where(self.repairs.workflow_id == workflow_id)
            generation = ((await session.execute(before)).scalar_one() or 0) + 1
            again = await kind.again(session, workflow_id, generation)
            if again is None:
                raise Refusal(RECORD_OVER)
            session.add(self.repairs(workflow_id=workflow_id, generation=generation, stage=again.stage, version=again.version, actor=actor))
            await kind.mark(session, [workflow_id], None)
            if note is not None:
                await note(session)
        run_id = await self.engine.start_again(kind.type, workflow_id, again.given, summary=again.summary, memo=again.memo)
        if run_id is None:
            raise Refusal(WORKFLOW_ALIVE)
        _log.warning("workflow_started_again", workflow_id=workflow_id, generation=generation, stage=again.stage)
        return again, generation, run_id


class Watch:
    """Compares what is open on record with what the engine runs, and marks what nobody works on: people read it on the record, operators in the log."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self._missed: dict[str, set[str]] = {}

    async def look(self) -> bool:
        """One round; whether something is missing that was not the last time."""
        fresh, gone = False, list[Gone]()
        for kind in self._keeper.kinds:
            missing, found = await self._keeper.missing(kind)
            ids = {each.workflow_id for each, _ in missing}
            before = self._missed.get(kind.type, set())
            self._missed[kind.type] = ids
            fresh = fresh or not ids <= before
            noted = {each.workflow_id for each in found if each.blocked_at is not None}
            gone += [Gone(kind.type, each, standing) for each, standing in missing if each.workflow_id in before]
            blocked = (ids & before) - noted
            for workflow_id in sorted(blocked):
                _log.error("workflow_gone", workflow_id=workflow_id)
            if blocked or noted - ids:
                async with self._keeper.database.transaction() as session:
                    await kind.mark(session, blocked, datetime.now(UTC))
                    await kind.mark(session, noted - ids, None)
        self._keeper.compared.at, self._keeper.compared.gone = datetime.now(UTC), tuple(gone)
        return fresh


@asynccontextmanager
async def watching(keeper: Keeper, seconds: float) -> AsyncIterator[None]:
    """Looks every ``seconds`` until the block ends."""
    watch = Watch(keeper)

    async def rounds() -> None:
        pause = seconds
        while True:
            await asyncio.sleep(pause)
            began = time.monotonic()
            try:
                fresh = await watch.look()
            except Exception as error:
                # The engine is away: nothing is known of anybody.
                _log.warning("workflows_not_compared", error=logs.describe(error))
                fresh = False
            pause = max(min(seconds, AGAIN_SECONDS) if fresh else seconds, (time.monotonic() - began) / _SHARE)

    task = asyncio.create_task(rounds(), name="blocked")
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


class RepairServicer(rpc.RepairServiceServicer):
    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper

    async def ListBlocked(self, request: pb.ListBlockedRequest, context: Any) -> pb.ListBlockedResponse:
        answer = pb.ListBlockedResponse()
        for kind in self._keeper.kinds:
            for each, standing in (await self._keeper.missing(kind))[0]:
                answer.blocked.add(
                    workflow_id=each.workflow_id,
                    type=kind.type,
                    stage=each.stage,
                    stage_title=each.stage_title,
                    waiting_on=each.waiting_on,
                    deadline_at=stamp(each.deadline),
                    engine=standing.value,
                    blocked_at=stamp(each.blocked_at),
                )
        return answer

    def _kind(self, workflow_id: str) -> Records:
        """Raises Refusal(NOT_FOUND)."""
        kind = next((kind for kind in self._keeper.kinds if workflow_id.startswith(kind.prefix())), None)
        if kind is None:
            raise Refusal(NOT_FOUND)
        return kind

    async def Resume(self, request: pb.ResumeRequest, context: Any) -> pb.ResumeResponse:
        self._kind(request.workflow_id)
        reasoned(request)
        await self._keeper.resume(current_caller(), request)
        return pb.ResumeResponse()

    async def GetEngine(self, request: pb.GetEngineRequest, context: Any) -> pb.GetEngineResponse:
        answer = await self._keeper.engine.look([kind.type for kind in self._keeper.kinds])
        compared = self._keeper.compared
        for each in compared.gone[:MOST]:
            answer.stuck.add(
                workflow_id=each.record.workflow_id,
                type=each.type,
                kind="gone",
                since=stamp(each.record.blocked_at),
            )
        answer.gone = len(compared.gone)
        if compared.at is not None:
            answer.compared_at.FromDatetime(compared.at)
        return answer

    async def StartAgain(self, request: pb.StartAgainRequest, context: Any) -> pb.StartAgainResponse:
        caller, kind = current_caller(), self._kind(request.workflow_id)
        note: Note | None = None
        if caller.kind == "staff":
            reasoned(request)

            async def note(session: AsyncSession) -> None:
                await self._keeper.steps.note(session, caller, request, "start_again", request.workflow_id)

        again, generation, run_id = await self._keeper.start_again(kind, request.workflow_id, caller.sub, note)
        return pb.StartAgainResponse(stage=again.stage, generation=generation, run_id=run_id)
