"""W1 to W6 on real workflows, real histories and real tables."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from anju.casework.v1 import casework_pb2
from anju_contracts.application import NAME, Decision, Withdrawal, workflow_id
from anju_contracts.base import TASK_QUEUE
from anju_onebox.engine.postgres import Postgres
from anju_onebox.engine.temporal import TemporalServer
from anju_verify import workflow_health
from anju_verify.check import Status
from anju_workflows.application import calls
from chassis.codec import data_converter
from chassis.crypto import KeyRing
from chassis.deployment import Temporal
from chassis.temporal import PAYLOAD_KEYS
from temporalio import activity, workflow
from temporalio.client import Client, WorkflowHandle
from temporalio.exceptions import ApplicationError
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from tests.conftest import MakeDatabase
from tests.services.verify.conftest import an_engine
from tests.services.verify.records import NOW, Records
from tests.support.patience import eventually
from tests.workflows.stage import Stage, stage

PROFILE_DIR = Path("profiles/kaifeng")
CHECKS = ("W1", "W2", "W3", "W4", "W5", "W6")


class City:
    """One case that ended on the waiting list, one that was refused, one that is with the street."""

    def __init__(self, records: Records, theatre: Stage) -> None:
        self.records = records
        self.theatre = theatre
        self.registered = ""
        self.refused = ""
        self.open = ""

    async def fill(self) -> None:
        await self.records.need("casework", "notifications", "housing", "payments")
        self.registered = await self._case(await self.theatre.approved(), days=11)
        handle = await self.theatre.apply()
        await self._at(handle, "street")
        await self.theatre.decide(handle, "street", Decision.REFUSE, "住房面积超过标准")
        self.refused = await self._case(handle)
        handle = await self.theatre.apply()
        await self._at(handle, "street")
        self.open = await self._case(handle, ends=False)
        await self.records.told(self.registered, "registered")
        await self.records.told(self.refused, "refused")
        await self.records.waiting(self.registered, owner="c-somebody")

    async def withdrawn_unrecorded(self) -> str:
        """One more case: its workflow has ended, its record does not know it."""
        handle = await self.theatre.apply()
        await self._at(handle, "street")
        no = await self._case(handle, ends=False, people=(("王五", "991102198001010011"),))
        await handle.execute_update("withdraw", Withdrawal(actor="c-somebody", request_id="w"))
        await handle.result()
        return no

    async def _at(self, handle: WorkflowHandle[Any, Any], whom: str) -> None:
        no = handle.id.split("/")[1]
        await self.theatre.reached(lambda: bool(self.steps(no)) and self.steps(no)[-1].waiting_on == whom)

    def steps(self, no: str) -> list[calls.Advance]:
        return [step for step in self.theatre.notes.advances if step.no == no]

    async def _case(self, handle: WorkflowHandle[Any, Any], days: int = 0, ends: bool = True, **changes: Any) -> str:
        if days:
            await self.theatre.days(handle, days)
        if ends:
            await handle.result()
        no = handle.id.split("/")[1]
        await self.records.application(no, **changes)
        answer = casework_pb2.Application(no=no).SerializeToString()
        await self.records.put(
            "casework", "once", key=f"c-somebody:SubmitApplication:{no}", fingerprint="f", answer=answer, at=datetime.now(UTC)
        )
        await self.records.timeline(self.steps(no))
        return no


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def whole_city(
    make_module_database: MakeDatabase, postgres: Postgres, session_dir: Path, keys_dir: Path, ring: KeyRing
) -> AsyncIterator[tuple[City, Any]]:
    records = Records(make_module_database, postgres, keys_dir, ring)
    async with (
        an_engine(session_dir / "engine-of-the-city") as server,
        stage(server.address, KeyRing.load(keys_dir / PAYLOAD_KEYS)) as theatre,
    ):
        made = City(records, theatre)
        await made.fill()
        records.aim(temporal=Temporal(address=server.address), profile_dir=PROFILE_DIR)
        yield made, await records.snapshot()


@pytest_asyncio.fixture(loop_scope="session")
async def city(whole_city: tuple[City, Any]) -> AsyncIterator[City]:
    """Each test breaks records which the next one finds whole. What a test does to workflows stays: it brings its own."""
    made, kept = whole_city
    deployment = made.records.deployment
    yield made
    made.records.deployment = deployment
    await made.records.restore(kept)


async def test_good_records_pass(city: City) -> None:
    await city.records.passes(*CHECKS)


# --- W1 ------------------------------------------------------------------------------------------------------------------------------------


async def test_w1_an_acknowledged_case_is_lost(city: City) -> None:
    answer = casework_pb2.Application(no="KF-2026-999999").SerializeToString()
    await city.records.put("casework", "once", key="c-1:SubmitApplication:x", fingerprint="f", answer=answer, at=datetime.now(UTC))
    await city.records.violates("W1", "KF-2026-999999", "acknowledged")


async def test_w1_an_open_case_without_a_workflow(city: City) -> None:
    await city.records.application("KF-2026-999998", people=(("王五", "991102198001010011"),))
    await city.records.violates("W1", "application/KF-2026-999998 is submitted", "nobody works on it")


async def test_w1_an_open_case_whose_workflow_ended(city: City) -> None:
    no = await city.withdrawn_unrecorded()
    await city.records.violates("W1", no, "nobody works on it")


async def test_w1_a_workflow_without_a_record(city: City) -> None:
    await city.records.sabotage("housing", "DELETE FROM waiting")
    await city.records.violates("W1", f"waiting/{city.registered}", "no record")


async def test_w1_a_registered_household_waits_nowhere(city: City) -> None:
    await city.records.application("KF-2026-999997", people=(("王五", "991102198001010011"),), stage="registered", outcome="registered")
    await city.records.violates("W1", "application KF-2026-999997 is registered", "its household waits nowhere")


# --- W2 ------------------------------------------------------------------------------------------------------------------------------------


async def test_w2_a_case_started_anew(city: City) -> None:
    no = await city.withdrawn_unrecorded()
    given = city.theatre.given(no=no)
    await city.theatre.client.start_workflow(NAME, given, id=workflow_id(no), task_queue=TASK_QUEUE)
    # The engine's list of executions follows its histories by a moment.
    await eventually(lambda: city.records.check("W2"), lambda seen: seen.status is Status.VIOLATED)
    await city.records.violates("W2", f"application/{no}", "started again")


# --- W3 ------------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("UPDATE timeline SET event = 'city_approved' WHERE event = 'street_approved'", ("no such move",)),
        ("UPDATE timeline SET stage = 'registered' WHERE event = 'street_approved'", ("leads to district_review", "registered")),
        ("DELETE FROM timeline WHERE event = 'street_approved'", ("the step before it is missing",)),
        (
            "UPDATE application SET stage = 'district_review', waiting_on = 'district' WHERE stage = 'street_review'",
            ("timeline ends in street_review",),
        ),
        ("UPDATE application SET version = version + 1", ("at version",)),
        ("UPDATE timeline SET step_id = 'by hand' WHERE event = 'street_refused'", ("made by another workflow",)),
    ],
)
async def test_w3_paths_nobody_may_go(city: City, statement: str, words: tuple[str, ...]) -> None:
    await city.records.sabotage("casework", statement)
    await city.records.violates("W3", *words)


async def test_w3_a_legal_step_the_workflow_never_made(city: City) -> None:
    """Forged so that the table alone cannot tell: the history can."""
    no = city.open
    await city.records.sabotage(
        "casework",
        f"INSERT INTO timeline SELECT application_no, seq + 1, 'application/{no}/99/street_approved', '', 'street_approved', 'street_review', "
        f"'district_review', 'district', 's-forger', 'street', at, deadline_at, false, note_sealed, '', recorded_at "
        f"FROM timeline WHERE application_no = '{no}' ORDER BY seq DESC LIMIT 1",
        f"UPDATE application SET stage = 'district_review', waiting_on = 'district', version = version + 1 WHERE no = '{no}'",
    )
    await city.records.violates("W3", f"application/{no}", "its history says verifying → street_review")


async def test_w3_a_proposal_is_a_version_without_a_step(city: City) -> None:
    await city.records.sabotage(
        "casework",
        "INSERT INTO proposal (id, task_id, application_no, round, level, sub, person, official_sealed, reason_sealed, at, word_id, seq, acting_for) "
        "SELECT 'p', 1, no, 1, 'street', 's-first', '', '', '', updated_at, '', version + 1, '' FROM application "
        f"WHERE no = '{city.open}'",
        f"UPDATE application SET version = version + 1 WHERE no = '{city.open}'",
    )
    await city.records.passes("W3")


async def test_w3_a_step_made_anew_after_a_crash_is_no_lie(city: City) -> None:
    """The worker died between the step's effect and the engine's note of it: the same number twice, and the last one counts."""
    no = city.refused
    await city.records.sabotage(
        "casework",
        f"UPDATE timeline SET seq = seq + 1, source = 'street_review' WHERE application_no = '{no}' AND event = 'street_refused'",
        f"INSERT INTO timeline SELECT application_no, seq - 1, replace(step_id, 'street_refused', 'escalated'), '', 'escalated', 'street_review', "
        f"'street_review', 'street', 'system', 'system', at, deadline_at, true, note_sealed, '', recorded_at "
        f"FROM timeline WHERE application_no = '{no}' AND event = 'street_refused'",
        f"UPDATE application SET version = version + 1 WHERE no = '{no}'",
    )
    await city.records.passes("W3")


async def test_w3_the_list_says_something_else_than_the_workflow(city: City) -> None:
    """The case is closed on record while its workflow goes on."""
    await city.records.sabotage("housing", "UPDATE waiting SET state = 'struck_off', closed_at = now()")
    await city.records.violates("W3", f"waiting/{city.registered} is on record as struck_off", "is in waiting")


# --- W4 ------------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("service", "statement", "words"),
    [
        ("casework", "UPDATE application SET outcome = 'lapsed' WHERE stage = 'rejected'", ("rejected with the outcome lapsed",)),
        ("casework", "UPDATE application SET reason_sealed = '' WHERE stage = 'rejected'", ("was rejected without a reason",)),
        ("casework", "UPDATE application SET reason_sealed = 'words in the clear' WHERE stage = 'rejected'", ("does not open",)),
        ("casework", "DELETE FROM timeline WHERE event = 'street_refused'", ("last step is not its end",)),
        (
            "casework",
            "INSERT INTO task SELECT 1, no, 'city', now(), now(), false, NULL, '' FROM application WHERE stage = 'rejected'",
            ("a review task is open",),
        ),
        ("notifications", "DELETE FROM inbox_message WHERE template = 'refused'", ("told 0 times (refused or objection_upheld)",)),
        ("notifications", "UPDATE inbox_message SET owner = 'c-neighbour' WHERE template = 'refused'", ("went to somebody else",)),
    ],
)
async def test_w4_ends_that_are_not_whole(city: City, service: str, statement: str, words: tuple[str, ...]) -> None:
    await city.records.sabotage(service, statement)
    await city.records.violates("W4", *words)


async def test_w4_what_is_on_its_way_to_notifications_is_told(city: City) -> None:
    await city.records.sabotage("notifications", "DELETE FROM inbox_message WHERE template = 'refused'")
    await city.records.violates("W4", city.refused, "refused")
    key = f"application/{city.refused}/word/street_refused/tell-refused"
    await city.records.put(
        "casework",
        "outbox",
        id=1,
        kind="tell",
        payload={"key": key, "sealed": ""},
        attempts=0,
        created_at=NOW,
        next_try_at=NOW,
        last_error="",
    )
    await city.records.passes("W4")


# --- W5, W6 --------------------------------------------------------------------------------------------------------------------------------


@workflow.defn(name=NAME, sandboxed=False)
class AnotherApplication:
    """The same name with other steps: what a careless change makes of running cases."""

    @workflow.run
    async def run(self, _given: Any) -> str:
        await workflow.sleep(timedelta(milliseconds=5))
        return "done"


@workflow.defn(name=NAME, sandboxed=False)
class BrokenApplication:
    @workflow.run
    async def run(self, _given: Any) -> str:
        raise RuntimeError("a bug")


@workflow.defn(name=NAME, sandboxed=False)
class WaitingApplication:
    """Asks one activity, which never succeeds."""

    @workflow.run
    async def run(self, given: dict[str, Any]) -> str:
        answer: str = await workflow.execute_activity(given["activity"], start_to_close_timeout=timedelta(seconds=5), result_type=str)
        return answer


@activity.defn(name=calls.ADVANCE_APPLICATION)
async def advance() -> str:
    raise ApplicationError("no", type="UNAVAILABLE")


@activity.defn(name=calls.LOOKUP_REGISTER)
async def silent_register() -> str:
    raise ApplicationError("no", type="REGISTER_UNAVAILABLE")


@asynccontextmanager
async def running(records: Records, engine: TemporalServer, flow: type, given: Any = None) -> AsyncIterator[WorkflowHandle[Any, Any]]:
    ring = KeyRing.load(records.keys_dir / PAYLOAD_KEYS)
    client = await Client.connect(engine.address, data_converter=data_converter(ring))
    records.aim(temporal=Temporal(address=engine.address), profile_dir=PROFILE_DIR)
    queue, workflow_id = uuid.uuid4().hex, f"application/KF-{uuid.uuid4().hex[:6]}"
    parts: dict[str, Any] = {
        "workflows": [flow],
        "activities": [advance, silent_register],
        "workflow_runner": UnsandboxedWorkflowRunner(),
    }
    async with Worker(client, task_queue=queue, **parts):
        yield await client.start_workflow(NAME, given, id=workflow_id, task_queue=queue)


async def test_w5_a_history_of_other_code(records: Records, engine: TemporalServer) -> None:
    async with running(records, engine, AnotherApplication) as handle:
        await handle.result()
        await records.violates("W5", handle.id, "does not replay")


async def test_w5_without_the_keys_is_no_pass(city: City) -> None:
    await city.records.passes("W5")
    city.records.deployment = city.records.deployment.model_copy(update={"keys_dir": None})
    assert (await city.records.check("W5")).status is Status.FAILED_TO_RUN


async def test_w6_a_failing_workflow_task(records: Records, engine: TemporalServer) -> None:
    async with running(records, engine, BrokenApplication) as handle:
        await eventually(
            handle.describe, lambda seen: seen.raw_description.pending_workflow_task.attempt >= 2, what="a second try of the task"
        )
        await records.violates("W6", handle.id, "workflow task fails")


async def test_w6_a_case_that_was_killed(records: Records, engine: TemporalServer) -> None:
    async with running(records, engine, WaitingApplication, {"activity": calls.LOOKUP_REGISTER}) as handle:
        await handle.terminate("by hand")
        await eventually(lambda: records.check("W6"), lambda seen: seen.status is Status.VIOLATED)
        await records.violates("W6", handle.id, "terminated")


@pytest.mark.parametrize(("name", "stuck"), [(calls.ADVANCE_APPLICATION, True), (calls.LOOKUP_REGISTER, False)])
async def test_w6_an_activity_that_never_succeeds(
    records: Records, engine: TemporalServer, monkeypatch: pytest.MonkeyPatch, name: str, stuck: bool
) -> None:
    """Our own service must answer within a minute; a register may take as long as the law lets it."""
    monkeypatch.setattr(workflow_health, "STUCK_SECONDS", 1)
    async with running(records, engine, WaitingApplication, {"activity": name}) as handle:
        await eventually(
            handle.describe, lambda seen: any(each.attempt >= 2 for each in seen.raw_description.pending_activities), what="a second try"
        )
        await asyncio.sleep(1.2)
        if stuck:
            await records.violates("W6", handle.id, f"{name} has not succeeded")
        else:
            await records.passes("W6")


async def test_w6_a_message_nobody_delivers(records: Records, engine: TemporalServer) -> None:
    await records.need("casework")
    records.aim(temporal=Temporal(address=engine.address))
    now = datetime.now(UTC)

    async def entry(number: int, age: int, attempts: int, due: int, *, done: bool = False) -> None:
        await records.put(
            "casework",
            "outbox",
            id=number,
            kind="start_application",
            payload={},
            attempts=attempts,
            created_at=now - timedelta(seconds=age),
            next_try_at=now + timedelta(seconds=due),
            done_at=now if done else None,
            last_error="",
        )

    await entry(1, 3_000, 2, -100, done=True)
    await entry(2, 30, 2, 5)
    await entry(3, 3_000, 0, 600)
    await records.passes("W6")
    await entry(4, 120, 3, 30)
    result = await records.violates("W6", "casework: outbox entry 4", "start_application")
    assert result.violation_count == 1
