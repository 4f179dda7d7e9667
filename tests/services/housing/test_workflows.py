"""The real engine between a household's decision and its workflow: verdicts, lost answers, closed workflows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import anju_calendar as calendar
import pytest
from anju.housing.v1 import housing_pb2 as pb
from anju_contracts.base import Accepted
from anju_contracts.waiting import Leaving, OfferAnswer, OfferMade
from anju_onebox.engine.temporal import TemporalServer
from casekit.engine import CLOSED, NOT_STARTED, Standing, TemporalEngine
from chassis import ids, temporal
from chassis.codec import data_converter
from chassis.crypto import KeyRing
from chassis.temporal import PAYLOAD_KEYS
from housing.expiry import end_expired
from housing.settings import Settings
from housing.tables import MIGRATIONS
from temporalio import workflow
from temporalio.client import Client
from temporalio.exceptions import ApplicationError
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from tests.conftest import MakeDatabase
from tests.services.housing.world import World, refused
from tests.services.housing.world import housing as running_housing
from tests.support.facts import facts_agree
from tests.support.keys import citizen
from tests.support.patience import eventually


@workflow.defn(name="Waiting")
class Stub:
    """As little of the real one as its callers can see."""

    def __init__(self) -> None:
        self.offers: list[str] = []
        self.left = False

    @workflow.run
    async def run(self) -> list[str]:
        await workflow.wait_condition(lambda: self.left)
        return self.offers

    @workflow.signal
    def offer_made(self, said: OfferMade) -> None:
        self.offers.append(said.offer_id)

    @workflow.query
    def seen(self) -> list[str]:
        return self.offers

    @workflow.update
    def answer_offer(self, said: OfferAnswer) -> Accepted:
        return Accepted(stage="leased" if said.accept else "waiting")

    @answer_offer.validator
    def _check(self, said: OfferAnswer) -> None:
        if said.offer_id not in self.offers:
            raise ApplicationError("该配租已经结束，请刷新后查看。", type="OFFER_NOT_OPEN", non_retryable=True)

    @workflow.update
    def leave(self, said: Leaving) -> Accepted:
        self.left = True
        return Accepted(stage="left")


@asynccontextmanager
async def working(client: Client, queue: str) -> AsyncIterator[None]:
    async with Worker(client, task_queue=queue, workflows=[Stub], workflow_runner=UnsandboxedWorkflowRunner()):
        yield


async def connect(server: TemporalServer, keys_dir: Path) -> Client:
    return await Client.connect(server.address, data_converter=data_converter(KeyRing.load(keys_dir / PAYLOAD_KEYS)))


def answer(offer_id: str, accept: bool = True) -> OfferAnswer:
    return OfferAnswer(offer_id=offer_id, accept=accept, actor="c-1", request_id="r")


async def test_verdicts(temporal_server: TemporalServer, keys_dir: Path) -> None:
    client = await connect(temporal_server, keys_dir)
    port, queue = TemporalEngine(client), ids.new_id()
    no = f"waiting/KF-{queue}"
    made = OfferMade(offer_id="of1", unit="1", expires_at=datetime.now(UTC) + timedelta(days=7))
    async with working(client, queue):
        await client.start_workflow("Waiting", id=no, task_queue=queue)
        refusal = await refused(port.put(no, "answer_offer", answer("of1"), "r1"))
        assert (refusal.problem.reason, refusal.problem.zh) == ("OFFER_NOT_OPEN", "该配租已经结束，请刷新后查看。")
        await port.tell(no, "offer_made", made)
        assert (await port.put(no, "answer_offer", answer("of1"), "r2")).stage == "leased"
        # The same request again: the verdict of the first time, whatever it now says.
        assert (await port.put(no, "answer_offer", answer("of1", accept=False), "r2")).stage == "leased"
        left = Leaving(actor="c-1", request_id="r3")
        assert (await port.put(no, "leave", left, "r3")).stage == "left"
        await client.get_workflow_handle(no).result()
        # Closed: who closed it and lost our answer gets it again, everybody else learns that it has ended.
        assert (await port.put(no, "leave", left, "r3")).stage == "left"
        assert (await refused(port.put(no, "leave", left, "r4"))).problem is CLOSED
    # One that is not there has neither ended nor taken anything.
    assert (await refused(port.put("waiting/KF-404", "leave", left, "r5"))).problem is NOT_STARTED
    assert await port.tell(no, "offer_made", made) is Standing.CLOSED
    assert await port.tell("waiting/KF-404", "offer_made", made) is Standing.UNKNOWN


async def test_no_verdict_in_time(temporal_server: TemporalServer, keys_dir: Path) -> None:
    client = await connect(temporal_server, keys_dir)
    queue = ids.new_id()
    await client.start_workflow("Waiting", id=f"waiting/{queue}", task_queue=queue)
    started = asyncio.get_running_loop().time()
    refusal = await refused(
        TemporalEngine(client, verdict_seconds=0.3).put(f"waiting/{queue}", "leave", Leaving(actor="c-1", request_id="r"), "r")
    )
    assert refusal.problem.reason == "UNAVAILABLE"
    assert asyncio.get_running_loop().time() - started < 5
    await client.get_workflow_handle(f"waiting/{queue}").terminate()


async def test_an_offer_reaches_its_workflow_and_the_household_answers_it(
    temporal_server: TemporalServer, make_database: MakeDatabase, keys_dir: Path
) -> None:
    client = await connect(temporal_server, keys_dir)
    queue = ids.new_id()
    async with (
        running_housing(await make_database("housing", MIGRATIONS), keys_dir, TemporalEngine(client)) as world,
        working(client, queue),
    ):
        no = f"KF-{queue}"
        handle = await client.start_workflow("Waiting", id=f"waiting/{no}", task_queue=queue)
        await world.add_units(2)
        await world.register(no)
        (offer,) = (await world.offer()).offers
        await eventually(lambda: handle.query("seen"), lambda seen: seen == [offer.id])
        request = pb.AnswerOfferRequest(idempotency_key="k", offer_id=offer.id, accept=True)
        assert (await world.call("AnswerOffer", request, citizen(f"c-{no}"))).offer.id == offer.id
        await handle.terminate()


async def test_lists_are_served_and_decisions_refused_while_temporal_is_away(
    make_database: MakeDatabase, keys_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")
    client = await temporal.connect(Settings(keys_dir=keys_dir), lazy=True)
    async with running_housing(await make_database("housing", MIGRATIONS), keys_dir, TemporalEngine(client, verdict_seconds=1.0)) as world:
        await world.add_units(2)
        await world.register("KF-1")
        (offer,) = (await world.offer()).offers
        assert (await world.tenancy("KF-1")).waiting.state == "offered"
        request = pb.AnswerOfferRequest(idempotency_key="k", offer_id=offer.id, accept=True)
        assert (await refused(world.call("AnswerOffer", request, citizen("c-KF-1")))).problem.reason == "UNAVAILABLE"
        await eventually(lambda: world.sql("SELECT attempts FROM outbox WHERE kind = 'offer_made'"), lambda attempts: attempts != [(0,)])
        assert await world.sql("SELECT count(*) FROM outbox WHERE kind = 'offer_made' AND done_at IS NULL") == [(1,)]


@pytest.mark.parametrize("standing", [Standing.UNKNOWN, Standing.CLOSED])
async def test_an_open_offer_nobody_has_heard_of_is_told_until_somebody_has(world: World, standing: Standing) -> None:
    """Its home would stay taken for ever by an offer that no household can answer."""
    world.notes.says = standing
    await world.add_units(2)
    await world.register("KF-1")
    (offer,) = (await world.offer()).offers
    async with asyncio.timeout(20):
        while not await world.sql("SELECT 1 FROM outbox WHERE kind = 'offer_made' AND attempts > 0 AND done_at IS NULL"):
            await asyncio.sleep(0.05)
    world.notes.says = Standing.OPEN
    await world.wait_for_signals(1)
    assert world.notes.signals[0][2].offer_id == offer.id  # type: ignore[attr-defined]


@pytest.mark.parametrize("standing", list(Standing))
async def test_an_offer_whose_household_nobody_serves_is_ended_by_housing(world: World, standing: Standing) -> None:
    """Its own workflow ends it while there is one; without one the home is offered to the next household."""
    await world.add_units(2)
    await world.register("KF-1")
    (offer,) = (await world.offer()).offers
    world.notes.says = standing
    await world.register("KF-2")
    over = offer.expires_at.ToDatetime(UTC)
    assert await end_expired(world.database, world.notes, over + timedelta(hours=1)) == 0, "its workflow may just be saying so"
    gone = standing is not Standing.OPEN
    assert await end_expired(world.database, world.notes, over + timedelta(hours=7)) == int(gone)
    assert await end_expired(world.database, world.notes, over + timedelta(hours=8)) == 0
    tenancy = await world.tenancy("KF-1")
    assert (tenancy.waiting.state, tenancy.offers[0].state) == (("waiting", "expired") if gone else ("offered", "open"))
    again = await world.step("RegisterWaiting", pb.RegisterWaitingRequest(application_no="KF-1", step=world.next_step()))
    assert again.declines == 0, "nobody could have answered it"
    assert len((await world.offer()).offers) == int(gone)
    assert await facts_agree("housing", world.database.url)


async def test_a_household_reads_the_deadline_it_was_told(world: World) -> None:
    """Its workflow's calendar may be ahead of housing's clock: an offer was once over before the household was on the list."""
    await world.add_units(2)
    registered = datetime.now(UTC) + timedelta(days=40)
    await world.register("KF-1", as_of=registered)
    (offer,) = (await world.offer()).offers
    assert offer.made_at.ToDatetime(UTC) == registered
    assert offer.expires_at.ToDatetime(UTC) == calendar.days_after(registered, 7)
    taken_at = registered + timedelta(days=30)
    take = pb.TakeOfferRequest(offer_id=offer.id, application_no="KF-1", step=world.next_step(taken_at))
    told = (await world.step("TakeOffer", take)).offer.expires_at.ToDatetime(UTC)
    assert told == calendar.days_after(taken_at, 7)
    (shown,) = (await world.tenancy("KF-1")).offers
    assert shown.expires_at.ToDatetime(UTC) == told
    # Nor does housing end it by its own reckoning while the household may still think.
    world.notes.says = Standing.CLOSED
    assert await end_expired(world.database, world.notes, offer.expires_at.ToDatetime(UTC) + timedelta(days=1)) == 0
    assert await end_expired(world.database, world.notes, told + timedelta(days=1)) == 1
    # The next one is made after that.
    await world.sql("UPDATE offers SET closed_at = :at", at=told + timedelta(days=1))
    (again,) = (await world.offer()).offers
    assert again.made_at.ToDatetime(UTC) == told + timedelta(days=1)


async def test_an_offer_that_is_over_needs_no_word(world: World) -> None:
    world.notes.says = Standing.CLOSED
    await world.add_units(2)
    await world.register("KF-1")
    (offer,) = (await world.offer()).offers
    await world.close_offer(offer.id, "expired")
    async with asyncio.timeout(30):
        while await world.sql("SELECT 1 FROM outbox WHERE kind = 'offer_made' AND done_at IS NULL"):
            await asyncio.sleep(0.05)
    assert world.notes.signals == []
