"""A notice to many households: two persons, once each, whatever is killed, paused or asked twice in between."""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from anju.common.v1 import common_pb2 as common
from anju.notifications.v1 import notifications_pb2 as pb
from chassis.errors import UNAVAILABLE, Refusal
from chassis.identity import Caller
from notifications.domain.templates import catalogue
from notifications.tables import MIGRATIONS

from tests.conftest import MakeDatabase
from tests.services.notifications.test_notifications import PHONE, STREET, World, running
from tests.support.keys import citizen, staff
from tests.support.patience import eventually

WRITER, SENDER = staff("city_reviewer", "4102", sub="writer"), staff("city_reviewer", "4102", sub="sender")
TEXT = "供水公司检修，10月8日停水一天。"
MANY = 250


@pytest_asyncio.fixture(loop_scope="session")
async def city(make_database: MakeDatabase, keys_dir: Path, tmp_path: Path) -> AsyncIterator[World]:
    """As fast as it goes."""
    (tmp_path / "messages.yaml").write_text(json.dumps({"broadcast_per_minute": 100_000}))
    async with running(await make_database("notifications", MIGRATIONS), keys_dir, profile_dir=tmp_path) as world:
        world.casework.households = [(f"KF-2026-{number:06}", f"owner-{number}", PHONE) for number in range(MANY)]
        yield world


def draft(**other: Any) -> pb.WriteBroadcastRequest:
    values = {"audience": "registered", "division": "4102", "must_arrive": False, "title_zh": "停水通知", "body_zh": TEXT}
    values |= {"title_en": "No water", "body_en": "No water on 8 October."}
    return pb.WriteBroadcastRequest(**{"idempotency_key": str(uuid.uuid4()), **values, **other})


async def write(world: World, **other: Any) -> str:
    return str((await world.client.call(world.stub.WriteBroadcast, draft(**other), caller=WRITER)).id)


async def step(world: World, id: str, name: str, caller: Caller = SENDER) -> pb.Broadcast:
    answer: pb.StepBroadcastResponse = await world.client.call(
        world.stub.StepBroadcast, pb.StepBroadcastRequest(id=id, step=name), caller=caller
    )
    return answer.broadcast


async def got(world: World, id: str, caller: Caller = SENDER) -> pb.Broadcast:
    answer: pb.GetBroadcastResponse = await world.client.call(world.stub.GetBroadcast, pb.GetBroadcastRequest(id=id), caller=caller)
    return answer.broadcast


async def refused(world: World, what: Any) -> str:
    with pytest.raises(Refusal) as refusal:
        await what
    return refusal.value.problem.reason


async def finished(world: World, id: str) -> None:
    async def done() -> bool:
        return (await got(world, id)).state == "done"

    await eventually(done)


async def told(world: World) -> list[tuple[str, int]]:
    """Households told more or less than once: none."""
    rows = await world.rows("SELECT owner, count(*) FROM inbox_message GROUP BY owner HAVING count(*) <> 1")
    return [(row[0], row[1]) for row in rows]


async def test_it_is_written_by_one_and_released_by_another_and_reaches_each_household_once(city: World) -> None:
    id = await write(city)
    assert (await got(city, id, WRITER)).own
    waiting = await got(city, id)
    assert (waiting.state, waiting.households, waiting.told, waiting.own) == ("written", MANY, 0, False)
    assert await refused(city, step(city, id, "release", WRITER)) == "SECOND_SENDER"
    assert await city.rows("SELECT count(*) FROM inbox_message") == [(0,)]
    for _ in range(2):
        assert (await step(city, id, "release")).state in ("sending", "done")
    await finished(city, id)
    found = await got(city, id)
    assert (found.told, found.households, found.HasField("ended_at")) == (MANY, MANY, True)
    assert await told(city) == []
    assert await city.rows("SELECT count(*) FROM inbox_message") == [(MANY,)]
    [message] = (await city.inbox(citizen("owner-7"))).messages
    assert (message.title, message.body, message.application_no) == ("停水通知", TEXT, "KF-2026-000007")
    assert (await city.inbox(citizen("owner-7"), locale="en")).messages[0].title == "No water"
    # It stands in the inbox only.
    assert city.sms.tries == 0


async def test_what_must_arrive_goes_by_text_message_that_says_nothing_of_it_and_by_letter_without_a_phone(city: World) -> None:
    city.casework.households = [("KF-2026-000001", "phone", PHONE), ("KF-2026-000002", "paper", "")]
    id = await write(city, must_arrive=True)
    shown = await city.client.call(city.stub.GetBroadcast, pb.GetBroadcastRequest(id=id), caller=SENDER)
    await step(city, id, "release")
    await finished(city, id)
    await eventually(lambda: city.letters(1))

    async def sent() -> bool:
        return len(city.sms.taken) == 1

    await eventually(sent)
    [sms] = city.sms.taken.values()
    assert sms["text"] == shown.sms_zh
    assert TEXT not in sms["text"]
    assert "停水" not in sms["text"]
    found = await got(city, id)
    assert (found.under_way, found.arrived, found.failed) == (2, 0, 0)
    await city.receipts({"message_id": next(iter(city.sms.taken)), "status": "delivered", "at": "2026-12-01T09:00:00+08:00"})
    assert (await got(city, id)).arrived == 1


async def test_a_household_with_several_numbers_is_told_once(city: World) -> None:
    city.casework.households = [(f"KF-2026-{number:06}", "the-same", PHONE) for number in range(201)]
    id = await write(city)
    await step(city, id, "release")
    await finished(city, id)
    assert await city.rows("SELECT count(*) FROM inbox_message") == [(1,)]
    assert (await got(city, id)).told == 1


async def test_a_pause_holds_what_was_not_told_and_goes_on_there(city: World) -> None:
    id, asked = await write(city), 0

    async def after_the_first_page() -> None:
        nonlocal asked
        asked += 1
        if asked == 2:
            await step(city, id, "pause")

    city.casework.meanwhile = after_the_first_page
    await step(city, id, "release")

    async def held() -> bool:
        return (await got(city, id)).state == "paused"

    await eventually(held)
    # The page that was being asked for when the pause came is not told.
    assert (await got(city, id)).told == 100
    await step(city, id, "resume")
    await finished(city, id)
    assert await told(city) == []
    assert await city.rows("SELECT count(*) FROM inbox_message") == [(MANY,)]


async def test_a_stop_is_the_end_of_it(city: World) -> None:
    id = await write(city)
    await step(city, id, "stop")
    for name in ("release", "pause", "resume"):
        assert await refused(city, step(city, id, name)) == "BROADCAST_ELSEWHERE"
    assert (await step(city, id, "stop")).state == "stopped"
    assert await city.rows("SELECT count(*) FROM inbox_message") == [(0,)]


async def test_who_asks_the_same_page_again_tells_nobody_twice(city: World) -> None:
    """As a second replica does, and a process killed after its transaction and before its next thought."""
    id = await write(city)
    await step(city, id, "release")
    await finished(city, id)
    await city.change("UPDATE broadcast SET state = 'sending', ended_at = NULL, cursor = '100', next_at = now()")
    await finished(city, id)
    assert await told(city) == []
    assert (await got(city, id)).told == MANY


async def test_an_outage_of_casework_delays_it_and_loses_nobody(city: World) -> None:
    id, asked = await write(city), 0

    async def away_at_first() -> None:
        nonlocal asked
        asked += 1
        if asked in (1, 3):
            raise Refusal(UNAVAILABLE)

    city.casework.meanwhile = away_at_first
    await step(city, id, "release")
    await finished(city, id)
    assert asked >= 5
    assert await told(city) == []
    assert await city.rows("SELECT count(*) FROM inbox_message") == [(MANY,)]


async def test_it_keeps_to_the_pace_of_the_city(make_database: MakeDatabase, keys_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "messages.yaml").write_text(json.dumps({"broadcast_per_minute": 1}))
    async with running(await make_database("notifications", MIGRATIONS), keys_dir, profile_dir=tmp_path) as world:
        world.casework.households = [(f"KF-2026-{number:06}", f"owner-{number}", "") for number in range(MANY)]
        id = await write(world)
        await step(world, id, "release")

        async def begun() -> bool:
            return (await got(world, id)).told == 100

        await eventually(begun)
        found = await got(world, id)
        [(minutes,)] = await world.rows("SELECT extract(epoch FROM next_at - now()) / 60 FROM broadcast")
        assert 95 < minutes <= 100
        assert found.expected_at.seconds - found.released_at.seconds >= 60 * 240


async def test_what_is_wrong_with_it_is_said_at_once(city: World) -> None:
    wrong = draft(audience="everybody", division="4103", title_zh=" ", body_en="x" * 1001)
    with pytest.raises(Refusal) as refusal:
        await city.client.call(city.stub.WriteBroadcast, wrong, caller=WRITER)
    pointers = [each.pointer for each in refusal.value.fields]
    assert pointers == ["/audience", "/division", "/title_zh", "/body_en"]


async def test_who_acts_elsewhere_neither_finds_nor_moves_it(city: World) -> None:
    id = await write(city, division="410202")
    other = staff("city_reviewer", "410203", sub="other")
    assert await refused(city, got(city, id, other)) == "NOT_FOUND"
    assert await refused(city, step(city, id, "release", other)) == "NOT_FOUND"
    request = pb.ListBroadcastsRequest(page=common.PageRequest(count=True))
    assert len((await city.client.call(city.stub.ListBroadcasts, request, caller=other)).broadcasts) == 0
    assert [each.id for each in (await city.client.call(city.stub.ListBroadcasts, request, caller=SENDER)).broadcasts] == [id]
    assert await refused(city, city.client.call(city.stub.WriteBroadcast, draft(), caller=staff("street_clerk", STREET))) == "NOT_ALLOWED"


async def test_the_same_key_writes_one(city: World) -> None:
    request = draft()
    first, second = [(await city.client.call(city.stub.WriteBroadcast, request, caller=WRITER)).id for _ in range(2)]
    assert first == second
    assert await city.rows("SELECT count(*) FROM broadcast") == [(1,)]
    # What was written is no text of the table: it is sealed like every message.
    assert TEXT.encode() not in (await city.rows("SELECT content FROM broadcast"))[0][0]


async def test_every_text_can_be_read_before_anybody_is_told_it(city: World) -> None:
    found = (await city.client.call(city.stub.ListTemplates, pb.ListTemplatesRequest(), caller=staff("auditor", "4102"))).templates
    assert {each.id: each.version for each in found} == {id: each.version for id, each in catalogue().items()}
    for each in found:
        texts = [text for words in (each.zh, each.en) for text in (words.title, words.body)]
        assert all(texts)
        assert not any("{" in text for text in texts), each.id
        assert bool(each.zh.sms) == bool(each.en.sms) == catalogue()[each.id].sms
    [one] = [each for each in found if each.id == "returned_for_correction"]
    assert one.starts_clock
    assert "2026年12月1日" in one.zh.body
