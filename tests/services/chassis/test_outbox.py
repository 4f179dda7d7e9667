"""The outbox on a real database: what is claimed is delivered outside of any transaction, once while nobody is killed, and at least once when somebody is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from anju.operations.v1 import operations_pb2 as operations
from chassis import outbox as module
from chassis.db import Database
from chassis.errors import NOT_FOUND, UNAVAILABLE, Refusal, invalid
from chassis.operations import OperationsServicer
from chassis.outbox import MAX_BACKOFF_SECONDS, PARK_AFTER, Outbox, OutboxColumns, Settle
from chassis.tally import Tally
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import registry
from sqlmodel import SQLModel, text

from tests.conftest import MakeDatabase
from tests.support.patience import eventually


class Base(SQLModel, registry=registry()):
    """Own metadata."""


class Entries(Base, OutboxColumns, table=True):
    __tablename__ = "outbox"


@dataclass
class Receiver:
    heard: list[int] = field(default_factory=list)
    before: Callable[[], Awaitable[None]] | None = None
    # What is left on record of an entry, in the transaction that marks it.
    settle: Callable[[AsyncSession, int], Awaitable[None]] | None = None

    async def take(self, payload: dict[str, Any]) -> Settle | None:
        if self.before is not None:
            await self.before()
        self.heard.append(payload["n"])
        settle = self.settle
        return None if settle is None else lambda session: settle(session, payload["n"])


@dataclass
class Post:
    url: str
    database: Database
    receiver: Receiver

    @asynccontextmanager
    async def runner(self) -> AsyncIterator[Outbox]:
        database = Database(self.url)
        outbox = Outbox(database, Entries, {"word": self.receiver.take})
        await outbox.start()
        try:
            yield outbox
        finally:
            await outbox.stop()
            await database.close()

    async def write(self, *numbers: int) -> None:
        outbox = Outbox(self.database, Entries, {"word": self.receiver.take})
        async with self.database.transaction() as session:
            for number in numbers:
                outbox.add(session, "word", {"n": number})

    async def sql(self, statement: str) -> list[Any]:
        async with self.database.transaction() as session:
            result = await session.execute(text(statement))
            return list(result.all()) if result.returns_rows else []  # type: ignore[attr-defined]

    async def heard(self, count: int) -> None:
        await eventually(lambda: len(self.receiver.heard) >= count)


@pytest_asyncio.fixture(loop_scope="session")
async def post(make_database: MakeDatabase) -> AsyncIterator[Post]:
    url = await make_database("outbox")
    database = Database(url)
    async with database.engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    yield Post(url, database, Receiver())
    await database.close()


async def test_nothing_is_held_in_the_database_while_an_entry_is_delivered(post: Post) -> None:
    """A receiver that hangs must not hold a row, nor a connection of the pool."""
    asked, may_go_on = asyncio.Event(), asyncio.Event()

    async def hang() -> None:
        asked.set()
        await may_go_on.wait()

    post.receiver.before = hang
    await post.write(1)
    async with post.runner():
        await asked.wait()
        open_ = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in transaction%'"
        assert await post.sql(open_) == [(0,)]
        async with asyncio.timeout(5):
            await post.sql("UPDATE outbox SET last_error = 'seen'")
        may_go_on.set()
        await post.heard(1)
        await eventually(lambda: post.sql("SELECT done_at IS NOT NULL, attempts FROM outbox"), lambda rows: rows == [(True, 0)])


async def test_two_replicas_deliver_each_entry_once(post: Post) -> None:
    async def slowly() -> None:
        await asyncio.sleep(0.01)

    post.receiver.before = slowly
    await post.write(*range(60))
    async with post.runner(), post.runner():
        await post.heard(60)
        await asyncio.sleep(0.3)
    assert sorted(post.receiver.heard) == list(range(60))


async def test_what_a_delivery_leaves_on_record_stands_with_its_mark_or_not_at_all(post: Post) -> None:
    """And one that cannot be settled keeps no other from it: it is delivered again, which its receiver takes once."""
    await post.sql("CREATE TABLE noted (n integer PRIMARY KEY CHECK (n <> 3))")

    async def note(session: AsyncSession, number: int) -> None:
        await session.execute(text("INSERT INTO noted VALUES (:n)").bindparams(n=number))

    post.receiver.settle = note
    await post.write(1, 2, 3, 4)
    async with post.runner():
        marked = "SELECT (payload->>'n')::int FROM outbox WHERE done_at IS NOT NULL ORDER BY 1"
        await eventually(lambda: post.sql(marked), lambda rows: rows == [(1,), (2,), (4,)])
        assert await post.sql("SELECT n FROM noted ORDER BY n") == [(1,), (2,), (4,)]
        await post.sql("ALTER TABLE noted DROP CONSTRAINT noted_n_check")
        await post.sql("UPDATE outbox SET next_try_at = now() WHERE done_at IS NULL")
        await eventually(lambda: post.sql(marked), lambda rows: len(rows) == 4)
    assert sorted(post.receiver.heard) == [1, 2, 3, 3, 4]


async def test_what_a_killed_process_had_claimed_is_delivered_by_another(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CLAIM_SECONDS", 1.0)
    await post.write(1)
    killed = Outbox(post.database, Entries, {"word": post.receiver.take})
    assert [entry.payload for entry in await killed._claim()] == [{"n": 1}]
    async with post.runner():
        await asyncio.sleep(0.3)
        assert post.receiver.heard == [], "the claim of a living process is respected"
        await post.heard(1)


async def test_a_running_service_delivers_its_own_at_once_without_reading_it_back(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "IDLE_SECONDS", 3600.0)
    async with post.runner() as outbox:
        await eventually(lambda: outbox._look_at > 0)
        for number in range(3):
            async with post.database.transaction() as session:
                outbox.add(session, "word", {"n": number})
            await post.heard(number + 1)
        await eventually(lambda: post.sql("SELECT count(*) FROM outbox WHERE done_at IS NULL"), lambda rows: rows == [(0,)])
    assert sorted(post.receiver.heard) == [0, 1, 2]


async def test_what_was_rolled_back_is_not_delivered(post: Post) -> None:
    async with post.runner() as outbox:
        with suppress(LookupError):
            async with post.database.transaction() as session:
                outbox.add(session, "word", {"n": 1})
                await session.flush()
                raise LookupError
        async with post.database.transaction() as session:
            outbox.add(session, "word", {"n": 2})
        await post.heard(1)
    assert post.receiver.heard == [2]


async def test_what_waits_until_later_is_delivered_then(post: Post) -> None:
    async with post.runner() as outbox:
        async with post.database.transaction() as session:
            outbox.add(session, "word", {"n": 1}, after=timedelta(seconds=1))
        await asyncio.sleep(0.4)
        assert post.receiver.heard == []
        await post.heard(1)


async def test_its_own_that_wait_are_left_to_the_others_at_once_when_it_stops(post: Post) -> None:
    asked = asyncio.Event()

    async def hang() -> None:
        asked.set()
        await asyncio.sleep(60)

    post.receiver.before = hang
    async with post.runner() as outbox:
        for number in range(3):
            async with post.database.transaction() as session:
                outbox.add(session, "word", {"n": number})
            await asked.wait()
    post.receiver.before = None
    async with post.runner():
        await post.heard(3)
    assert sorted(post.receiver.heard) == [0, 1, 2]


async def test_a_process_that_stops_leaves_its_claims_to_the_others_at_once(post: Post) -> None:
    asked = asyncio.Event()

    async def hang() -> None:
        asked.set()
        await asyncio.sleep(60)

    post.receiver.before = hang
    await post.write(1)
    async with post.runner():
        await asked.wait()
    post.receiver.before = None
    async with post.runner():
        await post.heard(1)


async def test_it_stops_at_once_also_when_an_entry_comes_in_that_moment(post: Post) -> None:
    """A cancellation and an entry in the same turn of the loop: the cancellation counts."""
    for number in range(20):
        async with post.runner() as outbox:
            await asyncio.sleep(0.02)
            async with post.database.transaction() as session:
                outbox.add(session, "word", {"n": number})
    # The runner itself, without a database's pauses in between.
    for _ in range(200):
        outbox = Outbox(post.database, Entries, {"word": post.receiver.take})

        async def nothing() -> int:
            return 0

        outbox._deliver_batch = nothing  # type: ignore[method-assign]  # the waiting is what is tested
        outbox._prune_at = float("inf")
        await outbox.start()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        outbox._wake.set()
        stopping = asyncio.create_task(outbox.stop())
        done, _ = await asyncio.wait([stopping], timeout=5)
        assert done, "the cancellation was swallowed"


async def test_a_failed_delivery_waits_longer_each_time_and_says_why(post: Post) -> None:
    async def away() -> None:
        raise ConnectionError("the receiver is away")

    post.receiver.before = away
    await post.write(1)
    async with post.runner():
        await eventually(lambda: post.sql("SELECT attempts FROM outbox"), lambda rows: rows[0][0] >= 1)
    ((error, done, later),) = await post.sql("SELECT last_error, done_at, next_try_at > created_at FROM outbox")
    assert "ConnectionError" in error
    assert done is None
    assert later


@pytest.mark.parametrize(("refused", "parked"), [(invalid([]), True), (Refusal(NOT_FOUND), True), (Refusal(UNAVAILABLE), False)])
async def test_what_is_refused_for_what_it_says_is_parked_and_not_for_ever(post: Post, refused: Refusal, parked: bool) -> None:
    async def refuse() -> None:
        raise refused

    post.receiver.before = refuse
    await post.write(1)
    await post.sql(f"UPDATE outbox SET attempts = {PARK_AFTER - 1}")
    async with post.runner():
        await eventually(lambda: post.sql("SELECT attempts FROM outbox"), lambda rows: rows[0][0] >= PARK_AFTER)
        ((wait, done, error),) = await post.sql("SELECT extract(epoch FROM next_try_at - now()), done_at, last_error FROM outbox")
        assert (wait > MAX_BACKOFF_SECONDS) is parked
        assert done is None
        assert refused.problem.reason in error
        # Its receiver was put right: it goes out with the next try.
        post.receiver.before = None
        await post.sql("UPDATE outbox SET next_try_at = now()")
        await post.heard(1)


async def test_what_waits_for_its_next_try_can_be_had_tried_at_once_and_what_is_under_way_is_left_alone(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "IDLE_SECONDS", 3600.0)
    await post.write(1, 2)
    later = "UPDATE outbox SET attempts = 10, next_try_at = now() + interval"
    async with post.runner() as outbox:
        await post.heard(2)
        await post.sql(f"{later} '1 hour', done_at = NULL WHERE id = 1")
        await post.sql(f"{later} '10 seconds', done_at = NULL WHERE id = 2")
        assert [entry.id for entry in await outbox.undelivered(10)] == [1, 2]
        for entry in (2, 1, 1):
            async with post.database.transaction() as session:
                assert (await outbox.tried_in_vain(session, entry)).id == entry
                await outbox.hasten(session, entry)
        await post.heard(3)
        await eventually(lambda: post.sql("SELECT id FROM outbox WHERE done_at IS NULL"), lambda rows: rows == [(2,)])
    assert post.receiver.heard[2:] == [1], "once, and not what another may be delivering at this moment"


async def test_what_was_delivered_long_ago_is_removed_and_nothing_else(post: Post) -> None:
    await post.write(1, 2, 3)
    await post.sql("UPDATE outbox SET done_at = now() - interval '31 days' WHERE payload->>'n' = '1'")
    await post.sql("UPDATE outbox SET done_at = now() - interval '29 days' WHERE payload->>'n' = '2'")
    await post.sql(
        "UPDATE outbox SET next_try_at = now() + interval '1 day', created_at = now() - interval '90 days' WHERE payload->>'n' = '3'"
    )
    async with post.runner():
        await eventually(lambda: post.sql("SELECT 1 FROM outbox"), lambda rows: len(rows) < 3)
    assert await post.sql("SELECT payload->>'n' FROM outbox ORDER BY id") == [("2",), ("3",)]


async def test_operators_hear_of_what_should_have_gone_out_and_of_nothing_else(post: Post) -> None:
    outbox = Outbox(post.database, Entries, {"word": post.receiver.take})

    async def told() -> tuple[int, int, int, bool]:
        servicer = OperationsServicer("casework", post.database, Tally(), outbox=outbox)
        answer = (await servicer.GetHealth(operations.GetHealthRequest(), None)).outbox
        return answer.waiting, answer.failing, answer.given_up, answer.HasField("oldest_at")

    assert await told() == (0, 0, 0, False)
    await post.write(1, 2, 3)
    async with post.database.transaction() as session:
        outbox.add(session, "word", {"n": 4}, after=timedelta(hours=1))
    assert await told() == (3, 0, 0, True), "what is for later is not late"
    await post.sql(f"UPDATE outbox SET attempts = {PARK_AFTER}, next_try_at = now() + interval '1 hour' WHERE payload->>'n' = '1'")
    await post.sql("UPDATE outbox SET attempts = 2 WHERE payload->>'n' = '2'")
    assert await told() == (3, 2, 1, True)
    await post.sql("UPDATE outbox SET done_at = now() WHERE payload->>'n' <> '4'")
    assert await told() == (0, 0, 0, False)


async def test_a_service_without_its_database_says_so_and_counts_nothing() -> None:
    async def counted() -> int:
        return 0

    database = Database("postgresql+asyncpg://nobody@127.0.0.1:9/none")
    servicer = OperationsServicer("casework", database, Tally(), outbox=Outbox(database, Entries, {}), alarms={"bulk_reads": counted})
    answer = await servicer.GetHealth(operations.GetHealthRequest(), None)
    assert (answer.database.reachable, answer.HasField("outbox"), len(answer.alarms)) == (False, False, 0)
    assert answer.version
    assert answer.HasField("started_at")
    await database.close()
