"""The database's chassis on a real one: what is saved in round trips must cost nothing in truth."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import pytest
import pytest_asyncio
from anju.casework.v1 import casework_pb2 as pb
from chassis import once
from chassis.db import Database, when_committed
from chassis.errors import IDEMPOTENCY_KEY_REUSED, Refusal
from chassis.grpc_server import _server_away
from chassis.once import OnceColumns
from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import registry
from sqlmodel import SQLModel

from tests.conftest import MakeDatabase


class Base(SQLModel, registry=registry()):
    """Own metadata."""


class Once(Base, OnceColumns, table=True):
    __tablename__ = "once"


@pytest_asyncio.fixture(loop_scope="session")
async def database(make_database: MakeDatabase) -> AsyncIterator[Database]:
    found = Database(await make_database("database"), pool_size=4, application="under-test")
    async with found.engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    yield found
    await found.close()


def said_by(database: Database) -> list[str]:
    """What the driver itself sends from now on, on connections opened from now on: what begins, ends and tries out."""
    said: list[str] = []

    def watch(connection: Any, _record: Any) -> None:
        connection.driver_connection.add_query_logger(lambda query: said.append(query.query.rstrip(";")))

    event.listen(database.engine.sync_engine, "connect", watch)
    return said


async def count(database: Database) -> int:
    async with database.statements() as session:
        return int((await session.execute(text("SELECT count(*) FROM once"))).scalar_one())


async def test_connections_which_the_server_has_closed_meet_no_call(database: Database) -> None:
    async def call() -> int:
        async with database.transaction() as session:
            await session.execute(text("SELECT pg_sleep(0.05)"))
            return int((await session.execute(text("SELECT pg_backend_pid()"))).scalar_one())

    before = set(await asyncio.gather(*(call() for _ in range(4))))
    admin = Database(database.url)
    async with admin.statements() as session:
        await session.execute(text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'under-test'"))
    await admin.close()
    await asyncio.sleep(0.2)
    after = set(await asyncio.gather(*(call() for _ in range(4))))
    assert len(before) == len(after) == 4
    assert not before & after


async def test_a_transaction_costs_its_two_ends_and_a_statement_alone_none(database: Database) -> None:
    await database.engine.dispose()
    said = said_by(database)
    async with database.transaction() as session:
        await session.execute(text("SELECT 1"))
    async with database.transaction() as session:
        await session.execute(text("SELECT 1"))
    await asyncio.sleep(0)
    assert said == ["BEGIN", "COMMIT"] * 2
    said.clear()
    async with database.statements() as session:
        await session.execute(text("SELECT 1"))
    await asyncio.sleep(0)
    assert said == []
    async with database.snapshot() as session:
        await session.execute(text("SELECT 1"))
    await asyncio.sleep(0)
    assert [line.split()[0] for line in said] == ["BEGIN", "COMMIT"]


async def test_a_statement_alone_is_in_effect_when_it_returns(database: Database) -> None:
    async with database.statements() as session:
        await session.execute(text("INSERT INTO once VALUES ('k', 'f', '', now())"))
        assert await count(database) == 1


async def test_a_snapshot_reads_one_moment_and_writes_nothing(database: Database) -> None:
    async with database.snapshot() as session:
        await session.execute(text("SELECT 1"))
        async with database.statements() as other:
            await other.execute(text("INSERT INTO once VALUES ('k', 'f', '', now())"))
        assert (await session.execute(text("SELECT count(*) FROM once"))).scalar_one() == 0
    with pytest.raises(DBAPIError, match="read-only"):
        async with database.snapshot() as session:
            await session.execute(text("DELETE FROM once"))
    # The connection goes back to the pool as it was.
    async with database.transaction() as session:
        await session.execute(text("DELETE FROM once"))
    assert await count(database) == 0


async def test_what_waits_for_the_commit_is_called_after_it_and_never_without(database: Database) -> None:
    seen: list[int] = []
    async with database.transaction() as session:
        await session.execute(text("INSERT INTO once VALUES ('k', 'f', '', now())"))
        when_committed(session, lambda: seen.append(1))
        assert seen == []
    assert seen == [1]
    with suppress(LookupError):
        async with database.transaction() as session:
            when_committed(session, lambda: seen.append(2))
            raise LookupError
    assert seen == [1]


REQUEST = pb.WithdrawApplicationRequest(no="KF-1", idempotency_key="one")


async def served(database: Database, key: str, request: Any, ran: list[str], *, seconds: float = 0.0) -> str:
    async with database.transaction() as session:
        known = await once.find(session, key, request, pb.Application())
        if known is not None:
            return known.no
        ran.append(key)
        await asyncio.sleep(seconds)
        answer = pb.Application(no=f"answer {len(ran)}")
        once.remember(session, Once, key, request, answer)
        return answer.no


async def test_calls_with_one_key_have_one_effect_and_one_answer(database: Database) -> None:
    ran: list[str] = []
    answers = await asyncio.gather(*(served(database, "k", REQUEST, ran, seconds=0.1) for _ in range(4)))
    assert ran == ["k"]
    assert set(answers) == {"answer 1"}


async def test_a_key_used_for_something_else_is_refused(database: Database) -> None:
    await served(database, "k", REQUEST, [])
    with pytest.raises(Refusal) as refused:
        await served(database, "k", pb.WithdrawApplicationRequest(no="KF-2", idempotency_key="one"), [])
    assert refused.value.problem is IDEMPOTENCY_KEY_REUSED


async def test_two_answers_to_one_key_are_the_second_callers_try_again(database: Database) -> None:
    """Where two calls miss each other within one statement, the table's key keeps the second from having an effect."""
    async with database.transaction() as session:
        once.remember(session, Once, "k", REQUEST, pb.Application())
    with pytest.raises(DBAPIError) as met:
        async with database.transaction() as session:
            once.remember(session, Once, "k", REQUEST, pb.Application())
    assert _server_away(met.value)
