"""A case whose workflow is gone: it says so, and is started again where its record stands. Real engine, real casework."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from anju.casework.v1 import casework_pb2 as pb
from anju.common.v1 import common_pb2 as common
from anju.operators.v1 import operators_pb2 as operators
from anju.operators.v1 import operators_pb2_grpc as operators_rpc
from anju.repair.v1 import repair_pb2 as repair
from anju.repair.v1 import repair_pb2_grpc as repair_rpc
from anju_calendar import local_date
from anju_contracts.application import NAME, LookupOutcome, Verdict, workflow_id
from anju_contracts.base import TASK_QUEUE
from anju_onebox.engine.temporal import TemporalServer
from anju_simclock import SimulatedClock
from anju_workflows import telling
from anju_workflows.application import calls
from anju_workflows.application.activities import ApplicationActivities
from anju_workflows.application.flow import Application
from anju_workflows.search_attributes import STAGE, WAITING_ON
from anju_workflows.waiting.flow import Waiting
from anju_workflows.worker import workflow_runner
from casekit import engine_state
from casekit.blocked import OPERATIONS
from casework import record
from casework.app import application
from casework.settings import Settings
from casework.tables import MIGRATIONS
from chassis import temporal
from chassis.errors import Refusal
from chassis.grpc_client import Client as GrpcClient
from chassis.identity import Caller
from chassis.ids import new_id
from temporalio import activity
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.exceptions import ApplicationError
from temporalio.worker import Worker

from tests.conftest import MakeDatabase
from tests.services.casework.conftest import PROFILE
from tests.services.casework.support import (
    CITY_REVIEWER,
    CLERK,
    DISTRICT,
    DISTRICT_REVIEWER,
    MOVES,
    Desk,
    dossier,
    page,
    reason_of,
    someone,
)
from tests.support.keys import signer, staff
from tests.support.patience import eventually

OPERATOR = staff("operator", DISTRICT, sub="operator-1")
AUDITOR = staff("auditor", DISTRICT, sub="auditor-1")


@dataclass
class Town:
    desk: Desk
    url: str
    engine: Client
    clock: SimulatedClock
    people: GrpcClient
    operations: GrpcClient
    strangers: GrpcClient
    answering: asyncio.Event = field(default_factory=asyncio.Event)
    # The judging service refuses what nobody expected it to.
    refusing: asyncio.Event = field(default_factory=asyncio.Event)
    # Cases whose workflow is ended in the moment in which they are registered.
    cut: set[str] = field(default_factory=set)

    async def rows(self, query: str, *arguments: object) -> list[tuple[Any, ...]]:
        connection = await asyncpg.connect(self.url.replace("+asyncpg", ""))
        try:
            return [tuple(row) for row in await connection.fetch(query, *arguments)]
        finally:
            await connection.close()

    async def submitted(self) -> tuple[Caller, str]:
        owner = someone()
        return owner, (await self.desk.submit(owner)).no

    async def at(self, caller: Caller, no: str, stage: str) -> pb.Application:
        return await eventually(lambda: self.desk.get(caller, no), lambda case: case.stage == stage, what=f"{no} in {stage}")

    async def on_notice(self) -> tuple[Caller, str]:
        owner, no = await self.submitted()
        await self.at(owner, no, "street_review")
        for reviewer in (CLERK, DISTRICT_REVIEWER, CITY_REVIEWER):
            await self.desk.decide(reviewer, no)
        return owner, no

    async def object(self, no: str, text: str) -> pb.Objection:
        request = pb.RaiseObjectionRequest(idempotency_key=new_id(), application_no=no, text=text)
        answer: pb.Objection = (await self.desk.call(someone(), "RaiseObjection", request)).objection
        return answer

    async def answer(self, no: str, objection: pb.Objection, *, upheld: bool = False) -> pb.Application:
        request = pb.DecideObjectionRequest(
            idempotency_key=new_id(), application_no=no, objection_id=objection.id, upheld=upheld, answer="已核实"
        )
        answer: pb.Application = (await self.desk.call(DISTRICT_REVIEWER, "DecideObjection", request)).application
        return answer

    async def withdraw(self, owner: Caller, no: str) -> pb.Application:
        request = pb.WithdrawApplicationRequest(idempotency_key=new_id(), no=no)
        answer: pb.Application = (await self.desk.call(owner, "WithdrawApplication", request)).application
        return answer

    async def lose(self, owner: Caller, no: str) -> pb.Application:
        """Somebody ends the workflow in the engine's UI; gives the case as the household reads it once that is noticed."""
        before = await self.desk.get(owner, no)
        await self.engine.get_workflow_handle(workflow_id(no)).terminate("by mistake")
        found = await eventually(lambda: self.desk.get(owner, no), lambda case: case.HasField("blocked_at"))
        # Lists and streams hear of it.
        assert found.version == before.version + 1
        assert found.updated_at.ToDatetime() > before.updated_at.ToDatetime()
        return found

    async def blocked(self) -> dict[str, repair.Blocked]:
        stub = repair_rpc.RepairServiceStub(self.operations.channel)
        answer: repair.ListBlockedResponse = await self.operations.call(stub.ListBlocked, repair.ListBlockedRequest())
        return {each.workflow_id: each for each in answer.blocked}

    async def start_again(self, no: str, client: GrpcClient | None = None) -> repair.StartAgainResponse:
        client = client or self.operations
        stub = repair_rpc.RepairServiceStub(client.channel)
        answer: repair.StartAgainResponse = await client.call(stub.StartAgain, repair.StartAgainRequest(workflow_id=workflow_id(no)))
        return answer

    async def repaired(self, no: str) -> None:
        """Started again, and where its record stands."""
        before = await self.desk.get(OPERATOR, no)
        assert (await self.start_again(no)).stage == before.stage
        handle = self.engine.get_workflow_handle(workflow_id(no))

        async def told() -> tuple[Any, Any]:
            found = (await handle.describe()).typed_search_attributes
            return found.get(STAGE), found.get(WAITING_ON)

        await eventually(told, lambda seen: seen == (before.stage, before.waiting_on))
        after = await self.desk.get(OPERATOR, no)
        assert not after.HasField("blocked_at")
        assert (len(after.timeline), after.deadline_at) == (len(before.timeline), before.deadline_at), (
            "nothing was recorded anew, and the deadline stays"
        )
        assert after.version == before.version + before.HasField("blocked_at"), "whoever follows the case hears that it goes on"

    async def act(self, method: str, no: str, reason: str, key: str = "") -> Any:
        """An operator acts by hand."""
        message = {"Resume": repair.ResumeRequest, "StartAgain": repair.StartAgainRequest}[method]
        request = message(workflow_id=workflow_id(no), reason=reason, idempotency_key=key or new_id())
        return await self.people.call(getattr(repair_rpc.RepairServiceStub(self.people.channel), method), request, caller=OPERATOR)

    async def acts(self, **narrowed: Any) -> list[operators.Step]:
        """What operators have done, as an auditor reads it."""
        stub = operators_rpc.OperatorsServiceStub(self.people.channel)
        return list((await self.people.call(stub.ListSteps, operators.ListStepsRequest(**narrowed), caller=AUDITOR)).steps)

    async def looked_at(self) -> repair.GetEngineResponse:
        """As an operator sees the engine."""
        stub = repair_rpc.RepairServiceStub(self.people.channel)
        answer: repair.GetEngineResponse = await self.people.call(stub.GetEngine, repair.GetEngineRequest(), caller=OPERATOR)
        return answer


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def town(temporal_server: TemporalServer, make_module_database: MakeDatabase, keys_dir: Path) -> AsyncIterator[Town]:
    url = await make_module_database("casework", MIGRATIONS)
    settings = Settings(
        port=0, database_url=url, keys_dir=keys_dir, profile_dir=PROFILE, drain_seconds=1, watch_seconds=0.2, simulated_clock=True
    )
    answering, refusing = asyncio.Event(), asyncio.Event()
    cut: set[str] = set()

    @activity.defn(name=calls.LOOKUP_REGISTER)
    async def lookup(arg: calls.Lookup) -> calls.LookupAnswer:
        await answering.wait()
        return calls.LookupAnswer(outcome=LookupOutcome.FOUND, summary="一致")

    @activity.defn(name=calls.ASSESS)
    async def assess(arg: calls.Assess) -> calls.AssessAnswer:
        if refusing.is_set():
            raise ApplicationError("no such rule", type="NO_SUCH_RULE", non_retryable=True)
        return calls.AssessAnswer(verdict=Verdict.MET, rule_set="test")

    @activity.defn(name=telling.NOTIFY)
    async def notify(arg: telling.Notify) -> str:
        return ""

    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("TEMPORAL_ADDRESS", temporal_server.address)
        engine = await temporal.connect(settings, settings.clocks())
        async with application(settings) as server:
            people, worker, operations = (
                GrpcClient(server.address, signer(keys_dir, name), "casework") for name in ("web-gateway", "worker", OPERATIONS)
            )
            own = ApplicationActivities(worker, worker, worker)

            @activity.defn(name=calls.ADVANCE_APPLICATION)
            async def advance(arg: calls.Advance) -> int:
                version = await own.advance(arg)
                if arg.event == "notice_closed" and arg.no in cut:
                    await engine.get_workflow_handle(workflow_id(arg.no)).terminate("by mistake")
                return version

            async with Worker(
                engine,
                task_queue=TASK_QUEUE,
                workflows=[Application, Waiting],
                activities=[advance, own.standing, lookup, assess, notify],
                workflow_runner=workflow_runner(),
            ):
                yield Town(
                    Desk(people, {"worker": worker}, keys_dir),
                    url,
                    engine,
                    SimulatedClock(engine),
                    people,
                    operations,
                    worker,
                    answering,
                    refusing,
                    cut,
                )
            for client in (people, worker, operations):
                await client.close()


@pytest.fixture(autouse=True)
def registers_answer(town: Town) -> None:
    town.answering.set()


async def test_while_registers_are_asked(town: Town) -> None:
    town.answering.clear()
    owner, no = await town.submitted()
    await town.at(owner, no, "verifying")
    await town.lose(owner, no)
    await town.repaired(no)
    town.answering.set()
    await town.at(owner, no, "street_review")
    assert (await town.desk.decide(CLERK, no)).stage == "district_review"


async def test_at_the_second_level(town: Town) -> None:
    owner, no = await town.submitted()
    await town.at(owner, no, "street_review")
    await town.desk.decide(CLERK, no)
    shown = await town.lose(owner, no)
    assert (shown.stage, shown.waiting_on) == ("district_review", "district")
    assert await reason_of(town.desk.decide(DISTRICT_REVIEWER, no)) == "BLOCKED"
    listed = (await town.blocked())[workflow_id(no)]
    assert (listed.type, listed.stage, listed.stage_title, listed.waiting_on, listed.engine) == (
        NAME,
        "district_review",
        "区级复审",
        "district",
        "broken",
    )
    assert listed.deadline_at == shown.deadline_at
    blocked = pb.ListApplicationsRequest(page=page(), blocked=True)
    assert no in [case.no for case in (await town.desk.call(OPERATOR, "ListApplications", blocked)).applications]

    await town.repaired(no)
    assert no not in [case.no for case in (await town.desk.call(OPERATOR, "ListApplications", blocked)).applications]
    assert await reason_of(town.desk.decide(CLERK, no)) == "TASK_NOT_OPEN"
    assert (await town.desk.decide(DISTRICT_REVIEWER, no)).stage == "city_review"
    case = await town.desk.decide(CITY_REVIEWER, no)
    assert case.stage == "public_notice"
    assert MOVES.is_path(entry.event for entry in case.timeline[1:])


async def test_a_correction_handed_in_while_the_case_was_blocked_is_taken_once_it_goes_on(town: Town) -> None:
    owner, no = await town.submitted()
    await town.at(owner, no, "street_review")
    await town.desk.decide(CLERK, no, pb.DECISION_RETURN, "请补充劳动合同")
    await town.lose(owner, no)
    case = await town.desk.get(owner, no)
    request = pb.CorrectApplicationRequest(idempotency_key=new_id(), no=no, dossier=dossier(case.dossier.members[0], category="new_worker"))
    assert await reason_of(town.desk.call(owner, "CorrectApplication", request)) == "BLOCKED"
    await town.repaired(no)
    corrected = (await town.desk.call(owner, "CorrectApplication", request)).application
    assert (corrected.round, corrected.category) == (2, "new_worker")
    await town.at(owner, no, "street_review")
    assert (await town.desk.decide(CLERK, no)).stage == "district_review"


async def test_what_nobody_says_again_is_taken_by_itself(town: Town) -> None:
    owner, no = await town.submitted()
    await town.at(owner, no, "street_review")
    await town.desk.decide(CLERK, no, pb.DECISION_RETURN, "请补充劳动合同")
    await town.lose(owner, no)
    case = await town.desk.get(owner, no)
    request = pb.CorrectApplicationRequest(idempotency_key=new_id(), no=no, dossier=case.dossier)
    assert await reason_of(town.desk.call(owner, "CorrectApplication", request)) == "BLOCKED"
    await town.repaired(no)
    due = "UPDATE outbox SET next_try_at = now() WHERE kind = 'settle_word' AND payload->>'word' IN (SELECT id FROM word WHERE workflow_id = $1)"
    await town.rows(due, workflow_id(no))
    assert (await town.at(owner, no, "street_review")).round == 2


async def test_a_withdrawal_said_while_the_case_was_blocked_is_carried_out_once_it_goes_on(town: Town) -> None:
    """The household read that nothing is lost and nothing has to be handed in again."""
    owner, no = await town.submitted()
    await town.at(owner, no, "street_review")
    await town.lose(owner, no)
    assert await reason_of(town.withdraw(owner, no)) == "BLOCKED"
    await town.repaired(no)
    due = "UPDATE outbox SET next_try_at = now() WHERE kind = 'settle_word' AND payload->>'word' IN (SELECT id FROM word WHERE workflow_id = $1)"
    await town.rows(due, workflow_id(no))
    await town.at(owner, no, "withdrawn")


async def test_on_notice_with_two_objections_open_to_the_waiting_list(town: Town) -> None:
    owner, no = await town.on_notice()
    closes = (await town.desk.get(owner, no)).deadline_at
    first, second = await town.object(no, "名下有房"), await town.object(no, "不住在本区")
    await town.at(owner, no, "objection_review")
    await town.lose(owner, no)
    await town.repaired(no)
    assert await reason_of(town.answer(no, second)) in ("TASK_NOT_OPEN", "STEP_REFUSED"), "one after the other"
    assert (await town.answer(no, first)).stage == "objection_review"
    after = await town.answer(no, second)
    assert (after.stage, after.deadline_at) == ("public_notice", closes), "the notice closes when it would have"
    await town.lose(owner, no)
    await town.repaired(no)
    await town.clock.advance(workflow_id(no), timedelta(days=11))
    case = await town.at(owner, no, "registered")
    assert MOVES.is_path(entry.event for entry in case.timeline[1:])
    assert (await town.engine.get_workflow_handle(f"waiting/{no}").describe()).status is not None
    assert [tuple(row) for row in await town.rows("SELECT generation, stage FROM repairs WHERE workflow_id = $1", workflow_id(no))] == [
        (1, "objection_review"),
        (2, "public_notice"),
    ]


async def test_a_case_that_is_gone_between_its_registration_and_the_waiting_list(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its record is at its end, and its household would wait nowhere."""
    monkeypatch.setattr(record, "BEGUN_AFTER", timedelta(milliseconds=200))
    owner, no = await town.on_notice()
    town.cut.add(no)
    await town.clock.advance(workflow_id(no), timedelta(days=11))
    await town.at(owner, no, "registered")
    found = await eventually(town.blocked, lambda blocked: workflow_id(no) in blocked)
    assert found[workflow_id(no)].stage == "registered"
    await eventually(lambda: town.desk.get(owner, no), lambda case: case.HasField("blocked_at"))
    assert (await town.start_again(no)).stage == "registered"
    assert (await town.engine.get_workflow_handle(workflow_id(no)).result())["outcome"] == "registered"
    assert (await town.engine.get_workflow_handle(f"waiting/{no}").describe()).status is WorkflowExecutionStatus.RUNNING
    assert not (await town.desk.get(owner, no)).HasField("blocked_at")
    assert workflow_id(no) not in await town.blocked()
    assert await reason_of(town.start_again(no)) == "RECORD_OVER"


async def test_only_what_is_gone_is_started_again_and_once(town: Town) -> None:
    owner, no = await town.submitted()
    await town.at(owner, no, "street_review")
    assert await reason_of(town.start_again(no)) == "WORKFLOW_ALIVE"
    assert workflow_id(no) not in await town.blocked()
    await town.lose(owner, no)
    answers = await asyncio.gather(*(reason_of(town.start_again(no)) for _ in range(5)))
    assert sorted(answers) == ["", *["WORKFLOW_ALIVE"] * 4]
    assert await reason_of(town.start_again("KF-2026-999999")) == "NOT_FOUND"
    assert await reason_of(town.start_again(no, town.strangers)) == "NOT_ALLOWED"
    await town.withdraw(owner, no)
    await town.engine.get_workflow_handle(workflow_id(no)).result()
    assert await reason_of(town.start_again(no)) == "RECORD_OVER"
    assert not (await town.desk.get(owner, no)).HasField("blocked_at")


async def test_operators_see_who_polls_and_which_workflows_are_stuck_and_why(town: Town) -> None:
    town.refusing.set()
    owner, parked = await town.submitted()

    def about(answer: repair.GetEngineResponse, no: str) -> list[repair.Stuck]:
        return [each for each in answer.stuck if each.workflow_id == workflow_id(no)]

    found = await eventually(town.looked_at, lambda answer: bool(about(answer, parked)), what=f"{parked} to be parked")
    (stuck,) = about(found, parked)
    assert (stuck.kind, stuck.type, stuck.why) == ("blocked", NAME, "NO_SUCH_RULE")
    assert stuck.HasField("since")
    assert found.reachable
    (kind,) = found.types
    assert kind.blocked == 1 <= kind.running
    assert (kind.HasField("failing"), kind.failing) == (True, 0)
    queue = next(each for each in found.queues if (each.name, each.kind) == (TASK_QUEUE, "workflow"))
    assert queue.pollers >= 1
    assert queue.HasField("polled_at")

    key = new_id()
    assert await reason_of(town.act("Resume", parked, "", key)) == "INVALID_FIELDS", "nobody acts without saying why"
    town.refusing.clear()
    for _ in range(2):
        await town.act("Resume", parked, "已补上规则", key)
    await town.at(owner, parked, "street_review")
    await eventually(town.looked_at, lambda answer: not about(answer, parked))

    await town.lose(owner, parked)
    gone = await eventually(town.looked_at, lambda answer: bool(about(answer, parked)))
    assert [each.kind for each in about(gone, parked)] == ["gone"]
    assert gone.gone >= 1
    assert gone.HasField("compared_at")
    assert await reason_of(town.act("Resume", parked, "再试一次")) == "NOT_PARKED"
    assert await reason_of(town.act("StartAgain", parked, " ")) == "INVALID_FIELDS"
    assert (await town.act("StartAgain", parked, "误终止")).stage == "street_review"
    assert await reason_of(town.act("StartAgain", parked, "误终止")) == "WORKFLOW_ALIVE"
    assert await reason_of(town.act("Resume", "KF-1999-000001", "查")) == "NOT_PARKED"
    assert [(each.kind, each.subject, each.actor, each.reason) for each in await town.acts(subject=parked)] == [
        ("start_again", workflow_id(parked), OPERATOR.sub, "误终止"),
        ("resume", workflow_id(parked), OPERATOR.sub, "已补上规则"),
    ], "what was refused was not done, and a repeat is the same act"
    assert [each.kind for each in await town.acts(subject=parked, kind="resume")] == ["resume"]
    assert [each.kind for each in await town.acts(page=common.PageRequest(sort="at", limit=1))] == ["resume"]
    assert not await town.acts(actor="somebody-else")
    assert not await town.acts(subject="KF-1999-000001")
    assert not await town.acts(day="2001-01-01")
    assert len(await town.acts(day=local_date(datetime.now(UTC)).isoformat())) == 2
    with pytest.raises(Refusal):
        await town.acts(day="yesterday")
    assert await town.acts(page=common.PageRequest(purpose="audit"))
    assert await town.rows("SELECT what, households FROM staff_read WHERE what = 'export_audit'") == [("export_audit", [])], (
        "a file is on record"
    )
    assert not [row for row in await town.rows("SELECT reason_sealed FROM operator_step") if "误".encode() in row[0]]
    with pytest.raises(asyncpg.PostgresError):
        await town.rows("DELETE FROM operator_step")


async def test_an_engine_that_is_away_is_said_to_be(town: Town) -> None:
    elsewhere = await Client.connect("127.0.0.1:9", lazy=True)
    assert await engine_state.look(elsewhere, [NAME]) == repair.GetEngineResponse(reachable=False)
