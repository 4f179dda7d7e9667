"""Against a real engine: starting a case's workflow once, and putting people's words to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from anju.casework.v1 import casework_pb2 as pb
from anju_contracts import application as contract
from anju_contracts.base import TASK_QUEUE, Accepted, Outcome, Place, Word
from anju_onebox.engine.temporal import TemporalServer
from casekit.engine import OnRecord, OtherCaseError, TemporalEngine, in_words_of, without_workflow
from casework.app import application
from casework.process import Process
from casework.settings import Settings
from casework.tables import MIGRATIONS
from casework.words import PROBLEMS
from chassis import temporal
from chassis.errors import Refusal
from chassis.grpc_client import Client as GrpcClient
from chassis.ids import new_id
from temporalio import workflow
from temporalio.client import Client
from temporalio.exceptions import ApplicationError
from temporalio.worker import Worker

from tests.conftest import MakeDatabase
from tests.services.casework.conftest import PROFILE
from tests.services.casework.support import CLERK, Desk, reason_of, someone
from tests.support.keys import signer
from tests.support.patience import eventually
from tests.workflows.stage import CLOCKS


@workflow.defn(name=contract.NAME, sandboxed=False)
class Application:
    """As much of the real workflow as talks to casework."""

    def __init__(self) -> None:
        self.decided: list[str] = []
        self.withdrawn = False

    @workflow.run
    async def run(self, given: contract.ApplicationInput) -> Outcome:
        await workflow.wait_condition(lambda: self.withdrawn)
        await workflow.wait_condition(workflow.all_handlers_finished)
        return Outcome(outcome="withdrawn")

    @workflow.update(name="decide")
    def decide(self, said: contract.ReviewDecision) -> Accepted:
        self.decided.append(said.request_id)
        return Accepted(stage="district_review")

    @decide.validator
    def _check(self, said: contract.ReviewDecision) -> None:
        if said.decision is contract.Decision.REFUSE:
            raise ApplicationError("请先核对材料。", type="STEP_REFUSED", non_retryable=True)

    @workflow.update(name="withdraw")
    def withdraw(self, said: contract.Withdrawal) -> Accepted:
        self.withdrawn = True
        return Accepted(stage="withdrawn")

    @workflow.query
    def counted(self) -> int:
        return len(self.decided)


def given(no: str) -> dict[str, Any]:
    return contract.ApplicationInput(
        no=no,
        owner="citizen-1",
        place=Place(district="410202", street="410202001"),
        registers=("marriage",),
        levels=(contract.Level(code="street", working_days=5),),
        objection_level="district",
        clocks=CLOCKS,
    ).model_dump(mode="json")


def decision(request_id: str, word: contract.Decision = contract.Decision.APPROVE) -> contract.ReviewDecision:
    return contract.ReviewDecision(level="street", decision=word, actor="clerk-1", request_id=request_id)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def client(temporal_server: TemporalServer, keys_dir: Path) -> Client:
    return await temporal.connect(Settings(keys_dir=keys_dir), target_host=temporal_server.address)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def worker(client: Client) -> AsyncIterator[None]:
    async with Worker(client, task_queue=TASK_QUEUE, workflows=[Application]):
        yield


async def ask(engine: TemporalEngine, no: str, update: str, said: Word, word_id: str, on_record: OnRecord = OnRecord.OVER) -> str:
    """What a word to a case is answered, when the case stands so on record."""
    try:
        return (await engine.put(contract.workflow_id(no), update, said, word_id)).stage
    except Refusal as refusal:
        raise in_words_of(without_workflow(refusal, on_record), PROBLEMS) from refusal


@pytest.fixture
def engine(client: Client) -> TemporalEngine:
    return TemporalEngine(client)


@pytest.fixture
def process(client: Client) -> Process:
    return Process(TemporalEngine(client))


async def test_a_case_is_started_once(client: Client, process: Process) -> None:
    no = new_id("KF-")
    await asyncio.gather(*(process.start_application(given(no)) for _ in range(5)))
    handle = client.get_workflow_handle(contract.workflow_id(no))
    first = (await handle.describe()).run_id
    await process.start_application(given(no))
    await handle.terminate()
    # A workflow that has ended is not begun anew by an outbox entry delivered late.
    await process.start_application(given(no))
    described = await handle.describe()
    assert described.run_id == first
    assert await described.static_summary() == f"资格申请 {no}"


async def test_a_number_that_came_back_does_not_get_another_familys_workflow(client: Client, process: Process) -> None:
    """A database restored behind the engine gives a number anew: owner and submission are compared with what the workflow was started for."""
    no = new_id("KF-")
    await process.start_application(given(no))
    first = client.get_workflow_handle(contract.workflow_id(no))
    for other in ({"owner": "citizen-2"}, {"submission": "another"}):
        with pytest.raises(OtherCaseError):
            await process.start_application(given(no) | other)
    assert (await (await first.describe()).memo())["owner"] == "citizen-1"
    await process.start_application(given(no))
    await first.terminate()


@pytest.mark.usefixtures("worker")
async def test_words_are_judged_and_counted_once(client: Client, process: Process, engine: TemporalEngine) -> None:
    no = new_id("KF-")
    await process.start_application(given(no))
    assert await ask(engine, no, "decide", decision("r1"), "r1") == "district_review"
    assert await ask(engine, no, "decide", decision("r1"), "r1") == "district_review"
    handle = client.get_workflow_handle_for(Application.run, contract.workflow_id(no))
    assert await handle.query(Application.counted) == 1
    with pytest.raises(Refusal) as caught:
        await ask(engine, no, "decide", decision("r2", contract.Decision.REFUSE), "r2")
    assert caught.value.problem.reason == "STEP_REFUSED"
    assert caught.value.zh == "请先核对材料。"
    assert caught.value.problem.status.name == "FAILED_PRECONDITION"


@pytest.mark.usefixtures("worker")
async def test_after_the_end(client: Client, process: Process, engine: TemporalEngine) -> None:
    no = new_id("KF-")
    await process.start_application(given(no))
    said = contract.Withdrawal(actor="citizen-1", request_id="w1")
    assert await ask(engine, no, "withdraw", said, "w1") == "withdrawn"
    await client.get_workflow_handle(contract.workflow_id(no)).result()
    # The repeat of a word which was taken gets the answer it had.
    assert await ask(engine, no, "withdraw", said, "w1") == "withdrawn"
    assert await reason_of(ask(engine, no, "decide", decision("r9"), "r9")) == "ALREADY_ENDED"
    # Forgotten by the engine, which keeps no history that old; the record says that it is over.
    assert await reason_of(ask(engine, "KF-none", "decide", decision("r9"), "r9")) == "ALREADY_ENDED"


@pytest.mark.usefixtures("worker")
async def test_a_case_whose_workflow_is_gone_is_over_only_when_its_record_says_so(
    client: Client, process: Process, engine: TemporalEngine
) -> None:
    """Terminated by an operator, or lost with a namespace: the household must not read that its open case is over."""
    no = new_id("KF-")
    await process.start_application(given(no))
    await client.get_workflow_handle(contract.workflow_id(no)).terminate("by mistake")
    for lost in (no, "KF-lost"):
        for on_record, reason in ((OnRecord.OPEN, "BLOCKED"), (OnRecord.OVER, "ALREADY_ENDED"), (OnRecord.STARTING, "UNAVAILABLE")):
            assert await reason_of(ask(engine, lost, "decide", decision("r9"), "r9", on_record)) == reason


async def test_an_engine_that_does_not_answer_is_unknown_not_refused(client: Client, keys_dir: Path) -> None:
    no = new_id("KF-")
    slow = TemporalEngine(client, verdict_seconds=0.5)
    # On a queue nobody serves.
    await client.start_workflow(contract.NAME, given(no), id=contract.workflow_id(no), task_queue="nobody")
    assert await reason_of(ask(slow, no, "decide", decision("r1"), "r1")) == "UNAVAILABLE"
    away = TemporalEngine(await temporal.connect(Settings(keys_dir=keys_dir), target_host="127.0.0.1:9", lazy=True), verdict_seconds=2)
    async with asyncio.timeout(10):
        assert await reason_of(ask(away, no, "decide", decision("r1"), "r1")) == "UNAVAILABLE"


@pytest.mark.usefixtures("worker")
async def test_a_submitted_case_has_a_running_workflow(
    client: Client, temporal_server: TemporalServer, make_database: MakeDatabase, keys_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEMPORAL_ADDRESS", temporal_server.address)
    url = await make_database("casework", MIGRATIONS)
    settings = Settings(port=0, database_url=url, keys_dir=keys_dir, profile_dir=PROFILE, application_number_prefix="XZ")
    async with application(settings) as server:
        people = GrpcClient(server.address, signer(keys_dir, "web-gateway"))
        workers = GrpcClient(server.address, signer(keys_dir, "worker"))
        desk, owner = Desk(people, {"worker": workers}, keys_dir), someone()
        no = (await desk.submit(owner)).no
        assert no.startswith("XZ-")
        request = pb.WithdrawApplicationRequest(idempotency_key=new_id(), no=no)
        # Until the outbox has started the workflow, the household is asked to try again.
        await eventually(lambda: reason_of(desk.call(owner, "WithdrawApplication", request)), lambda reason: reason != "UNAVAILABLE")
        result = await client.get_workflow_handle(contract.workflow_id(no)).result()
        assert result["outcome"] == "withdrawn"
        assert await reason_of(desk.decide(CLERK, no)) == "TASK_NOT_OPEN"
        await people.close()
        await workers.close()


async def test_casework_serves_while_the_engine_is_away(
    make_database: MakeDatabase, keys_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:9")
    url = await make_database("casework", MIGRATIONS)
    async with application(Settings(port=0, database_url=url, keys_dir=keys_dir, profile_dir=PROFILE, drain_seconds=1)) as server:
        people = GrpcClient(server.address, signer(keys_dir, "web-gateway"))
        desk, owner = Desk(people, {}, keys_dir), someone()
        no = (await desk.submit(owner)).no
        assert (await desk.get(owner, no)).stage == "submitted"
        await people.close()


async def test_numbers_go_on_above_what_the_engine_has_seen(
    client: Client, temporal_server: TemporalServer, make_database: MakeDatabase, keys_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database is a backup from before: the numbers it would give again have their workflows already."""
    monkeypatch.setenv("TEMPORAL_ADDRESS", temporal_server.address)
    no = "KF-2026-870123"
    await client.start_workflow(contract.NAME, given(no), id=contract.workflow_id(no), task_queue="nobody")
    async with asyncio.timeout(20):
        while not [each async for each in client.list_workflows(f'WorkflowId = "{contract.workflow_id(no)}"')]:
            await asyncio.sleep(0.05)
    url = await make_database("casework", MIGRATIONS)
    async with application(Settings(port=0, database_url=url, keys_dir=keys_dir, profile_dir=PROFILE, drain_seconds=1)) as server:
        people = GrpcClient(server.address, signer(keys_dir, "web-gateway"))
        first = (await Desk(people, {}, keys_dir).submit(someone())).no
        await people.close()
    assert int(first.rpartition("-")[2]) > 870_123
    await client.get_workflow_handle(contract.workflow_id(no)).terminate()
