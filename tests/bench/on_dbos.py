"""The same case on DBOS: a durable function whose steps are rows in PostgreSQL.

The same calls of services as ours, each a ``@DBOS.step``; a reviewer's decision is ``send`` and ``recv``; the verdict comes back as an event,
because a reviewer has to be told. ``verdict=False`` leaves the answer out: the least DBOS can do for a decision.
"""

from __future__ import annotations

import asyncio
import base64
import os
import pickle
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from anju_contracts.application import ApplicationInput, ReviewDecision, approved
from anju_contracts.base import Accepted, Outcome
from anju_workflows import deadlines
from anju_workflows.application import calls
from anju_workflows.calling import Step
from anju_workflows.telling import Telling, day, household
from chassis.crypto import KeyRing
from dbos import DBOS, DBOSConfig, Serializer, SetWorkflowID

from tests.bench.drive import Case, approval, given
from tests.bench.instant import ON_NOTICE, YOUR_TURN, InstantServices
from tests.bench.raw import moves_of, turn

OBJECTION = "objection"
_PLACE = "bench"
services = InstantServices()


class Sealed(Serializer):
    """DBOS's own pickle, sealed with the same cipher and key ring as the payloads of the other contestants."""

    def __init__(self, ring: KeyRing) -> None:
        self._ring = ring

    def serialize(self, data: Any) -> str:
        return base64.b64encode(self._ring.encrypt(pickle.dumps(data), _PLACE)).decode()

    def deserialize(self, serialized_data: str) -> Any:  # type: ignore[override]  # upstream names the first parameter cls
        return pickle.loads(self._ring.decrypt(base64.b64decode(serialized_data), _PLACE))


@DBOS.step(name=calls.ADVANCE_APPLICATION, retries_allowed=True, max_attempts=100)
async def advance(arg: calls.Advance) -> int:
    return await services.advance(arg)


@DBOS.step(name=calls.LOOKUP_REGISTER, retries_allowed=True, max_attempts=100)
async def lookup(arg: calls.Lookup) -> calls.LookupAnswer:
    return await services.lookup(arg)


@DBOS.step(name=calls.ASSESS, retries_allowed=True, max_attempts=100)
async def assess(arg: calls.Assess) -> calls.AssessAnswer:
    return await services.assess(arg)


class _Steps:
    """The numbered steps of one case."""

    def __init__(self, given: ApplicationInput) -> None:
        self.given = given
        self.moves = moves_of(given)
        self.stage = self.moves.start
        self.steps = 0

    async def advance(self, event: str, waiting_on: str, deadline: datetime | None, tell: Telling, actor: str = "system") -> None:
        self.stage = self.moves.next(self.stage, event)
        self.steps += 1
        step_id = f"application/{self.given.no}/{self.steps}/{event}"
        step = Step(step_id=step_id, as_of=datetime.now(UTC), actor=actor, tell=(tell,))
        await advance(calls.Advance(no=self.given.no, step=step, event=event, stage=self.stage, waiting_on=waiting_on, deadline=deadline))


@DBOS.workflow(name="Application")
async def application(given: ApplicationInput, verdict: bool) -> Outcome:
    """From submission to public notice, which an objection ends (the bench's way to let the function end after the clock has stopped)."""
    case = _Steps(given)
    now = datetime.now(UTC)
    await case.advance("start_verification", "registers", deadlines.lookups(now, given.clocks), household("application_received"))
    asked = [calls.Lookup(no=given.no, round=1, register_code=register, as_of=now) for register in given.registers]
    await asyncio.gather(*(lookup(each) for each in asked))
    await assess(calls.Assess(no=given.no, round=1, as_of=datetime.now(UTC)))
    event, actor = "verification_done", "system"
    for level in given.levels:
        deadline = deadlines.review(datetime.now(UTC), level)
        await case.advance(event, level.code, deadline, turn(level.code, deadline), actor)
        left = deadlines.reminder(deadline, given.clocks) - datetime.now(UTC)
        said: ReviewDecision = await DBOS.recv_async(level.code, timeout_seconds=left.total_seconds())
        event, actor = approved(level.code), said.actor
        if verdict:
            await DBOS.set_event_async(f"verdict-{level.code}", Accepted(stage=case.moves.next(case.stage, event)))
    closes = deadlines.public_notice(datetime.now(UTC), given.clocks)
    await case.advance(event, "public", closes, household("approved_to_notice", closes=day(closes)), actor)
    await DBOS.recv_async(OBJECTION, timeout_seconds=timedelta(days=10).total_seconds())
    return Outcome(outcome="registered")


class OnDbos:
    def __init__(self, name: str, *, verdict: bool, engine: Sequence[int]) -> None:
        self.name = name
        self._verdict = verdict
        self._engine = list(engine)

    async def prepare(self, count: int) -> None:
        """Nothing: an application is made up on the spot."""

    async def submit(self, case: Case) -> None:
        arg = given()
        case.key = arg.no
        with SetWorkflowID(f"application/{arg.no}"):
            await DBOS.start_workflow_async(application, arg, self._verdict)

    async def turn(self, case: Case, level: str) -> None:
        await services.moment(case.key, YOUR_TURN)

    async def decide(self, case: Case, level: str) -> None:
        said = approval(level)
        case_id = f"application/{case.key}"
        await DBOS.send_async(case_id, said, topic=level, idempotency_key=said.request_id)
        if self._verdict:
            answer: Accepted = await DBOS.get_event_async(case_id, f"verdict-{level}", timeout_seconds=30)
            assert answer.stage

    async def on_notice(self, case: Case) -> None:
        await services.moment(case.key, ON_NOTICE)

    async def clear(self, cases: list[Case]) -> None:
        for case in cases:
            await DBOS.send_async(f"application/{case.key}", "the round is over", topic=OBJECTION)
        for case in cases:
            handle: Any = await DBOS.retrieve_workflow_async(f"application/{case.key}")
            await handle.get_result()
        services.forget()

    def work_of(self, case: Case) -> Counter[str] | None:
        return services.work_of(case.key)

    def pids(self) -> Sequence[int]:
        return [os.getpid(), *self._engine]


@asynccontextmanager
async def launched(database_url: str, ring: KeyRing) -> AsyncIterator[None]:
    """DBOS as it comes: LISTEN/NOTIFY, a pool of 20, its own defaults everywhere; only the payloads are sealed like everybody's."""
    config: DBOSConfig = {
        "name": "bench",
        "system_database_url": database_url.replace("+asyncpg", "+psycopg"),
        "serializer": Sealed(ring),
        "log_level": "WARNING",
    }
    DBOS(config=config)
    DBOS.launch()
    try:
        yield
    finally:
        await asyncio.to_thread(DBOS.destroy)
