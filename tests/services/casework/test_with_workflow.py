"""The real workflow on a real engine with a real casework: what people decide here is what the workflow records there."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from anju.casework.v1 import casework_pb2 as pb
from anju_contracts.application import (
    CORRECT,
    DECIDE,
    DECIDE_OBJECTION,
    RAISE_OBJECTION,
    WITHDRAW,
    Correction,
    Decision,
    LookupOutcome,
    ObjectionDecision,
    ObjectionRaised,
    ReviewDecision,
    Verdict,
    Withdrawal,
    workflow_id,
)
from anju_contracts.base import RESUME, STATE, TASK_QUEUE, Accepted, State, Word
from anju_onebox.engine.temporal import TemporalServer
from anju_workflows import telling
from anju_workflows.application import calls
from anju_workflows.application.activities import ApplicationActivities
from anju_workflows.application.flow import Application
from anju_workflows.search_attributes import STAGE
from anju_workflows.worker import workflow_runner
from casework.app import application
from casework.settings import Settings
from casework.tables import MIGRATIONS
from chassis import temporal
from chassis.db import Database
from chassis.grpc_client import Client as GrpcClient
from chassis.identity import Caller
from chassis.ids import new_id
from temporalio import activity
from temporalio.client import Client, WorkflowQueryFailedError, WorkflowUpdateFailedError
from temporalio.worker import Worker

from tests.conftest import MakeDatabase
from tests.services.casework.conftest import PROFILE
from tests.services.casework.support import (
    CITY_REVIEWER,
    CLERK,
    DISTRICT_REVIEWER,
    MOVES,
    Desk,
    Spoken,
    dossier,
    member,
    reason_of,
    someone,
)
from tests.support.keys import signer
from tests.support.patience import eventually


@activity.defn(name=calls.LOOKUP_REGISTER)
async def lookup(arg: calls.Lookup) -> calls.LookupAnswer:
    return calls.LookupAnswer(outcome=LookupOutcome.FOUND, summary="一致")


@activity.defn(name=calls.ASSESS)
async def assess(arg: calls.Assess) -> calls.AssessAnswer:
    return calls.AssessAnswer(verdict=Verdict.MET, rule_set="test")


@activity.defn(name=telling.NOTIFY)
async def notify(arg: telling.Notify) -> str:
    return ""


@dataclass
class Town:
    desk: Desk
    url: str
    engine: Client

    async def rows(self, query: str, *arguments: object) -> list[tuple[Any, ...]]:
        connection = await asyncpg.connect(self.url.replace("+asyncpg", ""))
        try:
            return [tuple(row) for row in await connection.fetch(query, *arguments)]
        finally:
            await connection.close()

    async def told_stage(self, no: str) -> str | None:
        """Where the workflow itself is."""
        handle = self.engine.get_workflow_handle(workflow_id(no))
        return (await handle.describe()).typed_search_attributes.get(STAGE)

    async def lost_word(self, no: str, event: str, stage: str) -> None:
        """The clerk's word as a worker leaves it that is killed, with the engine, between the record and the engine's note."""
        assert self.desk.spoken is not None
        note = "" if event.endswith("approved") else "人均面积超过标准"
        word, _ = await self.desk.spoken.of(no, event, note, "", state="said")
        await self.desk.advance(no, event, stage, note=note, word=word)
        await self.rows(
            "INSERT INTO outbox (id, kind, payload, attempts, created_at, next_try_at, last_error) VALUES"
            " (nextval('outbox_id_seq'), 'settle_word', jsonb_build_object('word', $1::text), 0, now(), now() + interval '20 seconds', '')",
            word,
        )

    async def stage(self, caller: Caller, no: str, wanted: str) -> pb.Application:
        return await eventually(lambda: self.desk.get(caller, no), lambda case: case.stage == wanted, what=f"{no} in {wanted}")


@pytest.fixture(scope="module")
def at_the_engine(temporal_server: TemporalServer) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("TEMPORAL_ADDRESS", temporal_server.address)
        yield


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def town(at_the_engine: None, make_module_database: MakeDatabase, keys_dir: Path) -> AsyncIterator[Town]:
    """One for all tests: a second database would number its cases from the start again, and their workflows have been."""
    url = await make_module_database("casework", MIGRATIONS)
    settings = Settings(port=0, database_url=url, keys_dir=keys_dir, profile_dir=PROFILE, drain_seconds=1)
    engine = await temporal.connect(settings)
    async with application(settings) as server:
        people, worker = (GrpcClient(server.address, signer(keys_dir, name)) for name in ("web-gateway", "worker"))
        async with Worker(
            engine,
            task_queue=TASK_QUEUE,
            workflows=[Application],
            activities=[ApplicationActivities(worker, worker, worker).advance, lookup, assess, notify],
            workflow_runner=workflow_runner(),
        ):
            database = Database(url)
            yield Town(Desk(people, {"worker": worker}, keys_dir, Spoken(database, keys_dir)), url, engine)
            await database.close()
        await people.close()
        await worker.close()


async def test_returned_corrected_objected_and_withdrawn(town: Town) -> None:
    desk, owner = town.desk, someone()
    case = await desk.submit(owner, dossier(member(name="欧阳晓明")))
    no = case.no
    await town.stage(owner, no, "street_review")
    assert await reason_of(desk.decide(DISTRICT_REVIEWER, no)) == "TASK_NOT_OPEN"
    returned = await desk.decide(CLERK, no, pb.DECISION_RETURN, "请补充劳动合同")
    assert (returned.stage, returned.reason, returned.waiting_on) == ("correction", "请补充劳动合同", "citizen")

    fixed = dossier(case.dossier.members[0], category="new_worker")
    request = pb.CorrectApplicationRequest(idempotency_key=new_id(), no=no, dossier=fixed, if_version=returned.version)
    corrected = (await desk.call(owner, "CorrectApplication", request)).application
    assert (corrected.round, corrected.category) == (2, "new_worker")
    await town.stage(owner, no, "street_review")
    for reviewer, stage in ((CLERK, "district_review"), (DISTRICT_REVIEWER, "city_review"), (CITY_REVIEWER, "public_notice")):
        assert (await desk.decide(reviewer, no)).stage == stage

    said = [pb.RaiseObjectionRequest(idempotency_key=new_id(), application_no=no, text=f"异议{i}") for i in range(2)]
    first, second = [(await desk.call(someone(), "RaiseObjection", request)).objection for request in said]
    assert (first.state, second.state) == ("open", "open")
    for objection, state, stage in ((first, "dismissed", "objection_review"), (second, "dismissed", "public_notice")):
        answer = pb.DecideObjectionRequest(idempotency_key=new_id(), application_no=no, objection_id=objection.id, answer="不成立")
        after = (await desk.call(DISTRICT_REVIEWER, "DecideObjection", answer)).application
        assert after.stage == stage
        assert {o.id: o.state for o in after.objections}[objection.id] == state

    withdrawal = pb.WithdrawApplicationRequest(idempotency_key=new_id(), no=no, reason="已在外地购房")
    ended = (await desk.call(owner, "WithdrawApplication", withdrawal)).application
    assert (ended.stage, ended.outcome, ended.reason) == ("withdrawn", "withdrawn", "已在外地购房")
    assert (await desk.call(owner, "WithdrawApplication", withdrawal)).application.outcome == "withdrawn"
    assert MOVES.is_path(entry.event for entry in ended.timeline[1:])


async def test_an_upheld_objection_refuses_the_case(town: Town) -> None:
    desk, owner = town.desk, someone()
    no = (await desk.submit(owner)).no
    await town.stage(owner, no, "street_review")
    for reviewer in (CLERK, DISTRICT_REVIEWER, CITY_REVIEWER):
        await desk.decide(reviewer, no)
    raised = await desk.call(
        someone(), "RaiseObjection", pb.RaiseObjectionRequest(idempotency_key=new_id(), application_no=no, text="有房")
    )
    answer = pb.DecideObjectionRequest(
        idempotency_key=new_id(), application_no=no, objection_id=raised.objection.id, upheld=True, answer="名下另有住房"
    )
    after = (await desk.call(DISTRICT_REVIEWER, "DecideObjection", answer)).application
    assert (after.outcome, after.reason, after.objections[0].state) == ("rejected", "名下另有住房", "upheld")


SETTLING = "SELECT id, done_at FROM outbox WHERE kind = 'settle_word' AND payload->>'word' IN (SELECT id FROM word WHERE workflow_id = $1)"


async def at_street(town: Town) -> tuple[Caller, str]:
    owner = someone()
    no = (await town.desk.submit(owner)).no
    await town.stage(owner, no, "street_review")
    return owner, no


async def test_an_answered_decision_leaves_nothing_to_settle(town: Town) -> None:
    _, no = await at_street(town)
    await town.desk.decide(CLERK, no)
    assert [done is not None for _, done in await town.rows(SETTLING, workflow_id(no))] == [True]


async def test_a_decision_on_record_which_the_engine_lost_is_told_again_when_the_next_one_acts(town: Town) -> None:
    owner, no = await at_street(town)
    await town.lost_word(no, "street_approved", "district_review")
    assert await town.told_stage(no) == "street_review"
    assert (await town.desk.decide(DISTRICT_REVIEWER, no)).stage == "city_review"
    case = await town.desk.decide(CITY_REVIEWER, no)
    assert [e.event for e in (await town.desk.get(owner, no)).timeline[1:]] == [
        "start_verification",
        "verification_done",
        "street_approved",
        "district_approved",
        "city_approved",
    ]
    assert case.stage == await town.told_stage(no) == "public_notice"


async def test_it_is_told_again_by_itself_even_when_a_clock_ran_out_before(town: Town) -> None:
    """The box was away until after the street's deadline: its escalation finds the case decided, and changes nothing."""
    owner, no = await at_street(town)
    await town.lost_word(no, "street_approved", "district_review")
    before = (await town.desk.get(owner, no)).version
    assert await town.desk.advance(no, "escalated", "street_review", overdue=True) == before
    await town.rows(
        "UPDATE outbox SET next_try_at = now() WHERE kind = 'settle_word' AND payload->>'word' IN (SELECT id FROM word WHERE workflow_id = $1)",
        workflow_id(no),
    )
    await eventually(lambda: town.told_stage(no), lambda told: told == "district_review")
    after = await town.desk.get(owner, no)
    assert (after.version, after.overdue) == (before, False)


async def test_a_lost_refusal_ends_the_case(town: Town) -> None:
    owner, no = await at_street(town)
    await town.lost_word(no, "street_refused", "rejected")
    await town.rows(
        "UPDATE outbox SET next_try_at = now() WHERE kind = 'settle_word' AND payload->>'word' IN (SELECT id FROM word WHERE workflow_id = $1)",
        workflow_id(no),
    )
    result = await town.engine.get_workflow_handle(workflow_id(no)).result()
    assert result == {"outcome": "rejected"}
    case = await town.desk.get(owner, no)
    assert (case.outcome, case.reason) == ("rejected", "人均面积超过标准")


async def test_a_correction_finds_the_lost_return(town: Town) -> None:
    owner, no = await at_street(town)
    await town.lost_word(no, "street_returned", "correction")
    case = await town.desk.get(owner, no)
    request = pb.CorrectApplicationRequest(idempotency_key=new_id(), no=no, dossier=case.dossier)
    assert (await town.desk.call(owner, "CorrectApplication", request)).application.round == 2
    await town.stage(owner, no, "street_review")


async def test_an_open_case_whose_workflow_is_gone_is_blocked_and_not_over(town: Town) -> None:
    owner, no = await at_street(town)
    await town.engine.get_workflow_handle(workflow_id(no)).terminate("by mistake")
    assert await reason_of(town.desk.decide(CLERK, no)) == "BLOCKED"
    withdrawal = pb.WithdrawApplicationRequest(idempotency_key=new_id(), no=no)
    assert await reason_of(town.desk.call(owner, "WithdrawApplication", withdrawal)) == "BLOCKED"
    assert (await town.desk.get(owner, no)).stage == "street_review"


# --- words which nobody has said -----------------------------------------------------------------------------------------------------------


async def pretend(town: Town, no: str, update: str, said: Word) -> None:
    """What somebody says who can reach the engine and has the payload key, and no key of any caller."""
    handle = town.engine.get_workflow_handle(workflow_id(no))
    with suppress(WorkflowUpdateFailedError):
        await handle.execute_update(update, said, id=new_id("forged-"), result_type=Accepted)


async def is_where_it_was(town: Town, owner: Caller, no: str, before: pb.Application, times: int) -> None:
    """Nothing is on record, the workflow waits where it waited, and operators see what was tried."""
    handle = town.engine.get_workflow_handle(workflow_id(no))
    alarm = f"{times} 次收到无人说过的话"
    await eventually(lambda: handle.query("__temporal_workflow_metadata"), lambda page: alarm in str(page), what=alarm)
    after = await town.desk.get(owner, no)
    assert (after.stage, after.version, len(after.timeline)) == (before.stage, before.version, len(before.timeline))
    assert await town.told_stage(no) == before.stage
    assert (await handle.query(STATE, result_type=State)).stage == before.stage


async def test_three_levels_nobody_approved(town: Town) -> None:
    """A bare client approves for street, district and city. Afterwards the clerk decides as if nothing had been."""
    owner, no = await at_street(town)
    before = await town.desk.get(owner, no)
    for level, actor in (("street", CLERK.sub), ("district", DISTRICT_REVIEWER.sub), ("city", CITY_REVIEWER.sub)):
        said = ReviewDecision(level=level, decision=Decision.APPROVE, actor=actor, request_id=new_id())
        await pretend(town, no, DECIDE, said)
    await is_where_it_was(town, owner, no, before, 1)
    assert (await town.desk.decide(CLERK, no)).stage == "district_review"


async def test_a_word_said_otherwise_by_somebody_else_elsewhere_or_again_is_none(town: Town) -> None:
    """What was really said authorises just that: nothing of another decision, person, case or round."""
    owner, no = await at_street(town)
    _, other = await at_street(town)
    assert town.desk.spoken is not None
    word, _ = await town.desk.spoken.of(no, "street_approved", "", "", state="said")
    before = await town.desk.get(owner, no)
    real = {"level": "street", "decision": Decision.APPROVE, "actor": CLERK.sub, "request_id": word}
    changes: list[dict[str, Any]] = [
        {"decision": Decision.REFUSE, "reason": "收入超过标准"},
        {"actor": "clerk-2"},
        {"request_id": new_id("w")},
        {"request_id": (await town.desk.spoken.of(other, "street_approved", "", "", state="said"))[0]},
        {"request_id": (await town.desk.spoken.of(no, "street_approved", "", "", state="refused"))[0]},
        {"request_id": (await town.desk.spoken.of(no, "withdrawn", "", ""))[0]},
    ]
    for times, change in enumerate(changes, start=1):
        await pretend(town, no, DECIDE, ReviewDecision(**{**real, **change}))
        await is_where_it_was(town, owner, no, before, times)
    # Once carried out, it is good for nothing more: not for the second round either.
    await pretend(town, no, DECIDE, ReviewDecision(**real))
    await town.stage(owner, no, "district_review")
    assert (await town.desk.decide(DISTRICT_REVIEWER, no, pb.DECISION_RETURN, "请补充材料")).stage == "correction"
    fixed = (await town.desk.get(owner, no)).dossier
    await town.desk.call(owner, "CorrectApplication", pb.CorrectApplicationRequest(idempotency_key=new_id(), no=no, dossier=fixed))
    await town.stage(owner, no, "street_review")
    with pytest.raises(WorkflowUpdateFailedError):
        await town.engine.get_workflow_handle(workflow_id(no)).execute_update(
            DECIDE, ReviewDecision(**real), id=new_id(), result_type=Accepted
        )
    assert (await town.desk.get(owner, no)).stage == "street_review"


async def test_a_correction_an_objection_its_answer_and_a_withdrawal_nobody_made(town: Town) -> None:
    desk, (owner, no) = town.desk, await at_street(town)
    withdrawal = Withdrawal(actor=owner.sub, reason="搬家了", request_id=new_id())
    before = await desk.get(owner, no)
    await pretend(town, no, WITHDRAW, withdrawal)
    await is_where_it_was(town, owner, no, before, 1)
    before = await desk.decide(CLERK, no, pb.DECISION_RETURN, "请补充材料")
    await pretend(town, no, CORRECT, Correction(round=2, actor=owner.sub, request_id=new_id()))
    await is_where_it_was(town, owner, no, before, 2)
    await desk.call(owner, "CorrectApplication", pb.CorrectApplicationRequest(idempotency_key=new_id(), no=no, dossier=before.dossier))
    await town.stage(owner, no, "street_review")
    for reviewer in (CLERK, DISTRICT_REVIEWER, CITY_REVIEWER):
        before = await desk.decide(reviewer, no)
    await pretend(town, no, RAISE_OBJECTION, ObjectionRaised(objection_id="obj-none", actor="c-else", request_id=new_id()))
    await is_where_it_was(town, owner, no, before, 3)
    raised = (
        await desk.call(someone(), "RaiseObjection", pb.RaiseObjectionRequest(idempotency_key=new_id(), application_no=no, text="有房"))
    ).objection
    before = await desk.get(owner, no)
    await pretend(town, no, RAISE_OBJECTION, ObjectionRaised(objection_id="obj-none", actor="c-else", request_id=new_id()))
    await is_where_it_was(town, owner, no, before, 4)
    for times, upheld in ((5, True), (6, False)):
        said = ObjectionDecision(objection_id=raised.id, upheld=upheld, answer="不成立", actor=DISTRICT_REVIEWER.sub, request_id=new_id())
        await pretend(town, no, DECIDE_OBJECTION, said)
        await is_where_it_was(town, owner, no, before, times)
    answer = pb.DecideObjectionRequest(idempotency_key=new_id(), application_no=no, objection_id=raised.id, answer="经查不成立")
    assert (await desk.call(DISTRICT_REVIEWER, "DecideObjection", answer)).application.stage == "public_notice"
    request = pb.WithdrawApplicationRequest(idempotency_key=new_id(), no=no)
    assert (await desk.call(owner, "WithdrawApplication", request)).application.outcome == "withdrawn"


async def test_who_has_no_key_says_nothing(town: Town, temporal_server: TemporalServer) -> None:
    """Updates and signals in the clear, what they say being right or nonsense: refused or dropped, and the workflow works on."""
    owner, no = await at_street(town)
    assert town.desk.spoken is not None
    word, _ = await town.desk.spoken.of(no, "street_approved", "", "", state="said")
    before = await town.desk.get(owner, no)
    stranger = await Client.connect(temporal_server.address)
    handle = stranger.get_workflow_handle(workflow_id(no))
    real = {"level": "street", "decision": "approve", "actor": CLERK.sub, "request_id": word}
    for update, said in ((DECIDE, real), (WITHDRAW, {"actor": owner.sub, "request_id": "w"}), (DECIDE, "nonsense"), (DECIDE, None)):
        with pytest.raises(WorkflowUpdateFailedError):
            await handle.execute_update(update, said, id=new_id("clear-"))
    await handle.signal(RESUME, {"actor": "nobody"})
    with pytest.raises(WorkflowQueryFailedError):
        await handle.query(STATE, {"nonsense": 1})
    after = await town.desk.get(owner, no)
    assert (after.stage, after.version) == (before.stage, before.version)
    assert (await town.desk.decide(CLERK, no)).stage == "district_review"
    described = await town.engine.get_workflow_handle(workflow_id(no)).describe()
    assert described.raw_description.pending_workflow_task.attempt < 2, "no task has failed"
