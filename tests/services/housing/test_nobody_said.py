"""The real workflows on a real engine with a real housing: what somebody says who can reach the engine and is nobody changes nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest_asyncio
from anju.housing.v1 import housing_pb2 as pb
from anju_contracts import lease, waiting
from anju_contracts.base import STATE, TASK_QUEUE, Accepted, Place, State, Word
from anju_contracts.waiting import OfferAnswer, WaitingInput
from anju_onebox.engine.temporal import TemporalServer
from anju_workflows import telling
from anju_workflows.application import calls
from anju_workflows.lease.activities import LeaseActivities
from anju_workflows.lease.flow import Lease
from anju_workflows.waiting.activities import WaitingActivities
from anju_workflows.waiting.flow import Waiting
from anju_workflows.worker import workflow_runner
from casekit.engine import TemporalEngine
from chassis import ids, temporal
from housing.settings import Settings
from housing.tables import MIGRATIONS
from temporalio import activity
from temporalio.client import Client, WorkflowHandle, WorkflowUpdateFailedError
from temporalio.worker import Worker

from tests.conftest import MakeDatabase
from tests.services.housing.world import DISTRICT, STREET, World
from tests.services.housing.world import housing as running_housing
from tests.support.keys import citizen
from tests.support.patience import eventually


@activity.defn(name=telling.NOTIFY)
async def notify(arg: telling.Notify) -> str:
    return ""


@activity.defn(name=calls.RELEASE_HOUSEHOLD)
async def release_household(arg: calls.ReleaseHousehold) -> str:
    return arg.no


@pytest_asyncio.fixture(loop_scope="session")
async def engine(temporal_server: TemporalServer, keys_dir: Any) -> Client:
    return await temporal.connect(Settings(keys_dir=keys_dir), target_host=temporal_server.address)


@pytest_asyncio.fixture(loop_scope="session")
async def town(engine: Client, make_database: MakeDatabase, keys_dir: Any) -> AsyncIterator[World]:
    async with running_housing(await make_database("housing", MIGRATIONS), keys_dir, TemporalEngine(engine)) as world:
        own, leases = WaitingActivities(world.worker), LeaseActivities(world.worker, world.worker, engine)
        steps = [own.register_waiting, own.take_offer, own.close_offer, own.close_waiting, leases.advance_lease, leases.start_rent_cycle]
        async with Worker(
            engine,
            task_queue=TASK_QUEUE,
            workflows=[Waiting, Lease],
            activities=[*steps, notify, release_household],
            workflow_runner=workflow_runner(),
        ):
            yield world


async def waits(town: World, engine: Client) -> tuple[str, WorkflowHandle[Any, Any]]:
    """A household on the list, by its own workflow."""
    no = f"KF-{ids.new_id()}"
    town.expects(no)
    given = WaitingInput(application_no=no, owner=f"c-{no}", place=Place(district=DISTRICT, street=STREET))
    handle = await engine.start_workflow(waiting.NAME, given, id=waiting.workflow_id(no), task_queue=TASK_QUEUE)
    await eventually(lambda: town.sql("SELECT state FROM waiting WHERE application_no = :no", no=no), lambda seen: seen == [("waiting",)])
    return no, handle


async def pretend(handle: WorkflowHandle[Any, Any], update: str, said: Word) -> None:
    with suppress(WorkflowUpdateFailedError):
        await handle.execute_update(update, said, id=ids.new_id("forged-"), result_type=Accepted)


async def is_where_it_was(handle: WorkflowHandle[Any, Any], stage: str, times: int) -> None:
    alarm = f"{times} 次收到无人说过的话"
    await eventually(lambda: handle.query("__temporal_workflow_metadata"), lambda page: alarm in str(page), what=alarm)
    assert (await handle.query(STATE, result_type=State)).stage == stage


async def test_an_offer_nobody_answered_a_list_nobody_left_and_a_lease_nobody_signed(town: World, engine: Client) -> None:
    no, handle = await waits(town, engine)
    owner = citizen(f"c-{no}")
    await pretend(handle, waiting.LEAVE, waiting.Leaving(actor=owner.sub, request_id=ids.new_id()))
    await is_where_it_was(handle, "waiting", 1)
    await town.add_units(2)
    (offer,) = (await town.offer()).offers
    await eventually(lambda: handle.query(STATE, result_type=State), lambda state: state.details["offer"] == offer.id)
    words: list[tuple[str, Word]] = [
        (waiting.ANSWER_OFFER, OfferAnswer(offer_id=offer.id, accept=True, actor=owner.sub, request_id=ids.new_id())),
        (waiting.ANSWER_OFFER, OfferAnswer(offer_id=offer.id, accept=False, reason="太远", actor=owner.sub, request_id=ids.new_id())),
        (waiting.LEAVE, waiting.Leaving(actor=owner.sub, request_id=ids.new_id())),
    ]
    for times, (update, said) in enumerate(words, start=2):
        await pretend(handle, update, said)
        await is_where_it_was(handle, "offered", times)
    state = await handle.query(STATE, result_type=State)
    assert (state.details["offer"], state.details["declines"], state.blocked) == (offer.id, "0", "")
    tenancy = await town.tenancy(no)
    assert (tenancy.waiting.state, tenancy.offers[0].state) == ("offered", "open")

    request = pb.AnswerOfferRequest(idempotency_key="yes", offer_id=offer.id, accept=True)
    assert (await town.call("AnswerOffer", request, owner)).offer.state == "accepted"
    assert await handle.result() == {"outcome": "leased"}
    drafted = await town.tenancy(no)
    leased = engine.get_workflow_handle(lease.workflow_id(drafted.lease.no))
    await pretend(leased, lease.SIGN, lease.SignLease(acknowledged=True, actor=owner.sub, request_id=ids.new_id()))
    await is_where_it_was(leased, "signing", 1)
    assert (await town.tenancy(no)).lease.state == "signing"
    assert (await town.sign(drafted.lease.no, owner)).state == "deposit"
    await leased.terminate()


async def test_an_offer_housing_has_not_made_to_this_household(town: World, engine: Client) -> None:
    """Told by somebody at the engine: made up, somebody else's, or long over. The household is told nothing, and goes on waiting."""
    no, handle = await waits(town, engine)
    other, _ = await waits(town, engine)
    await town.add_units(2)
    await town.sql("UPDATE waiting SET accepted_on = '2020-01-01' WHERE application_no = :no", no=other)
    (offer,) = (await town.offer()).offers
    assert offer.application_no == other
    for times, offer_id in enumerate(("of-made-up", offer.id), start=1):
        made = waiting.OfferMade(offer_id=offer_id, unit="汴京家园", expires_at=datetime.now(UTC) + timedelta(days=7))
        await handle.signal(waiting.OFFER_MADE, made)
        await is_where_it_was(handle, "waiting", times)
    assert list((await town.tenancy(no)).offers) == []
    assert await town.sql("SELECT 1 FROM outbox WHERE kind = 'tell' AND payload->>'key' LIKE :key", key=f"waiting/{no}/%offer_made") == []
    assert await town.sql("SELECT 1 FROM outbox WHERE kind = 'tell' AND payload->>'key' LIKE :key", key=f"waiting/{other}/%offer_made")


async def test_who_leaves_the_list_with_an_offer_open_has_declined_it_by_the_same_word(town: World, engine: Client) -> None:
    no, handle = await waits(town, engine)
    await town.add_units(2)
    (offer,) = (await town.offer()).offers
    await eventually(lambda: handle.query(STATE, result_type=State), lambda state: state.details["offer"] == offer.id)
    request = pb.LeaveWaitingListRequest(idempotency_key="leave", application_no=no)
    assert (await town.call("LeaveWaitingList", request, citizen(f"c-{no}"))).waiting.state == "left"
    ((word,),) = await town.sql("SELECT id FROM word WHERE state = 'taken'")
    assert await town.sql("SELECT state, word_id FROM offers") == [("declined", word)]
    assert await town.sql("SELECT state, word_id FROM waiting") == [("left", word)]
    assert await handle.result() == {"outcome": "left"}
