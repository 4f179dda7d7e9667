"""Facts for later reports: written with their change or not at all, never changed, and read by whoever goes on without missing one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from typing import Any

import grpc
import pytest
import pytest_asyncio
from anju.facts.v1 import facts_pb2 as pb
from casekit.facts import FACTS_BEGIN_AGAIN, MOST, Fact, FactsServicer, record
from casework.tables import MIGRATIONS
from chassis import paging
from chassis.db import Database
from chassis.errors import Refusal
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError

from tests.conftest import MakeDatabase

# 00:30 on the 27th in China.
AT = datetime(2026, 11, 26, 16, 30, tzinfo=UTC)


def fact(id_: str, **changes: Any) -> Fact:
    values: dict[str, Any] = {"code": "application_moved", "subject": "KF-2026-000001", "at": AT, "codes": {"events": "verification_done"}}
    return Fact(id=id_, **{**values, **changes})


@pytest_asyncio.fixture
async def database(make_database: MakeDatabase) -> AsyncIterator[Database]:
    made = Database(await make_database("casework", MIGRATIONS))
    yield made
    await made.close()


async def told(database: Database, *ids: str) -> None:
    async with database.transaction() as session:
        await record(session, *(fact(id_) for id_ in ids))


async def read(database: Database, cursor: str = "", limit: int = 0) -> tuple[list[str], str]:
    answer = await FactsServicer(database).ListFacts(pb.ListFactsRequest(cursor=cursor, limit=limit), None)
    return [each.id for each in answer.facts], answer.next_cursor


async def test_a_fact_says_what_and_where_in_codes_and_whole_numbers(database: Database) -> None:
    async with database.transaction() as session:
        place = {"application_no": "KF-2026-000001", "division": "410202001", "division_on": date(2026, 11, 23)}
        await record(session, fact("a", figures={"people": 4}, **place))
    (found,) = (await FactsServicer(database).ListFacts(pb.ListFactsRequest(), None)).facts
    assert (found.id, found.code, found.subject, found.application_no) == ("a", "application_moved", "KF-2026-000001", "KF-2026-000001")
    assert (found.division, found.division_on, found.day) == ("410202001", "2026-11-23", "2026-11-27")
    assert (found.at.ToDatetime(UTC), dict(found.codes), dict(found.figures)) == (AT, {"events": "verification_done"}, {"people": 4})


async def test_whoever_goes_on_reads_each_once(database: Database) -> None:
    await told(database, "a", "b", "c")
    seen, cursor = [], ""
    while (page := await read(database, cursor, limit=2))[0]:
        seen += page[0]
        cursor = page[1]
    assert seen == ["a", "b", "c"]
    await told(database, "d")
    assert (await read(database, cursor))[0] == ["d"]


async def test_what_a_running_transaction_will_have_told_is_not_passed_over(database: Database) -> None:
    async with database.transaction() as session:
        await record(session, fact("slow"))
        await told(database, "quick")
        found, cursor = await read(database)
        assert found == []
    assert (await read(database, cursor))[0] == ["slow", "quick"]


async def test_facts_from_before_a_dump_was_loaded_come_first_and_none_is_missed(database: Database) -> None:
    """The loaded rows have the numbers of their former life, which lie ahead of this database's own."""
    former = text(
        "INSERT INTO fact (xid, id, code, application_no, subject, division, at, day, codes, figures) SELECT (pg_current_xact_id()::text)::bigint + 1000000,"
        " unnest(ARRAY['old-1', 'old-2']), 'application_moved', '', '', '', now(), current_date, '{}', '{}'"
    )
    async with database.transaction() as session:
        await session.execute(former)
    await told(database, "new-1")
    seen, cursor = [], ""
    while (page := await read(database, cursor, limit=1))[0]:
        seen += page[0]
        cursor = page[1]
    assert seen == ["old-1", "old-2", "new-1"]
    await told(database, "new-2")
    assert (await read(database, cursor))[0] == ["new-2"]


async def test_a_place_in_another_database_is_refused(database: Database) -> None:
    with pytest.raises(Refusal) as refusal:
        await read(database, paging.encode("other/1", 1, 5, 5))
    assert refusal.value.problem is FACTS_BEGIN_AGAIN
    assert refusal.value.problem.status is grpc.StatusCode.FAILED_PRECONDITION


async def test_nobody_reads_more_at_once_than_fits_an_answer(database: Database) -> None:
    await told(database, *(f"f-{number}" for number in range(MOST + 1)))
    assert [len((await read(database, limit=limit))[0]) for limit in (0, -1, 10**6)] == [100, 100, MOST]


@pytest.mark.parametrize("changes", [{"code": "gossip"}, {"codes": {"events": "a name"}}])
async def test_a_word_of_no_vocabulary_is_no_fact(database: Database, changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="no such code"):
        async with database.transaction() as session:
            await record(session, fact("a", **changes))
    assert (await read(database))[0] == []


async def test_a_change_is_told_once_and_not_at_all_when_it_was_not_made(database: Database) -> None:
    await told(database, "a")
    with pytest.raises(IntegrityError):
        await told(database, "b", "a")
    assert (await read(database))[0] == ["a"]


@pytest.mark.parametrize("statement", ["UPDATE fact SET day = day + 1", "DELETE FROM fact", "TRUNCATE fact"])
async def test_a_fact_stays_as_it_was_told(database: Database, statement: str) -> None:
    await told(database, "a")
    with pytest.raises(DBAPIError):
        async with database.transaction() as session:
            await session.execute(text(statement))
    assert (await read(database))[0] == ["a"]
