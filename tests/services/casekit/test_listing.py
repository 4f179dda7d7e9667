"""The lists of every service: sorted, counted, and turned page by page or gone on with by cursor."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from anju.common.v1 import common_pb2 as common
from casekit import listing
from casekit.listing import By, Listing
from casework.tables import MIGRATIONS, Once
from chassis.db import Database
from chassis.errors import Refusal
from sqlalchemy import func, select
from sqlmodel import col

from tests.conftest import MakeDatabase

NOW = datetime(2026, 11, 26, tzinfo=UTC)
# Two rows a day: what is equal is told apart by its key.
KEYS = [f"k-{number:02d}" for number in range(10)]
LIST = Listing(
    {"key": By(col(Once.key), str), "at": By(col(Once.at), datetime), "size": By(func.length(col(Once.fingerprint)), int)},
    own="-at",
    unique="key",
)


@pytest_asyncio.fixture
async def kept(make_database: MakeDatabase) -> AsyncIterator[Database]:
    database = Database(await make_database("casework", MIGRATIONS))
    async with database.transaction() as session:
        for number, key in enumerate(KEYS):
            session.add(Once(key=key, fingerprint="x" * (number % 3), answer=b"", at=NOW + timedelta(days=number // 2)))
    yield database
    await database.close()


async def ask(database: Database, **asked: object) -> tuple[list[str], common.PageInfo]:
    async with database.statements() as session:
        rows, info = await LIST.page(session, select(Once), common.PageRequest(**asked))  # type: ignore[arg-type]  # its fields
    return [row[0].key for row in rows], info


@pytest.mark.parametrize("sort", ["", "-at", "at", "key", "-key", "size", "-size"])
async def test_every_row_comes_once_whichever_way_one_goes_on(kept: Database, sort: str) -> None:
    whole, _ = await ask(kept, sort=sort, limit=100)
    assert sorted(whole) == KEYS
    by_cursor, cursor = [], ""
    while True:
        page, info = await ask(kept, sort=sort, limit=3, cursor=cursor)
        by_cursor += page
        if not (cursor := info.next_cursor):
            break
    assert by_cursor == whole
    assert [key for skip in range(0, 10, 4) for key in (await ask(kept, sort=sort, limit=4, skip=skip))[0]] == whole


async def test_the_order_is_the_one_asked_for(kept: Database) -> None:
    assert (await ask(kept, limit=100))[0] == KEYS[::-1]
    assert (await ask(kept, sort="at", limit=100))[0] == KEYS
    assert [KEYS.index(key) % 3 for key in (await ask(kept, sort="-size", limit=100))[0]] == [2, 2, 2, 1, 1, 1, 0, 0, 0, 0]


async def test_they_are_counted_when_asked_and_not_further_than_anybody_reads(kept: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (await ask(kept, limit=2))[1].total == 0
    assert (await ask(kept, limit=2, count=True))[1].total == 10
    assert (await ask(kept, limit=2, skip=8, count=True))[1].total == 10
    monkeypatch.setattr(listing, "MAX_COUNT", 4)
    assert (await ask(kept, limit=2, count=True))[1].total == 5


async def test_nobody_walks_over_more_rows_than_a_page_is_worth(kept: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "MAX_SKIP", 4)
    assert (await ask(kept, sort="key", skip=10**6, limit=2))[0] == KEYS[4:6]


@pytest.mark.parametrize("sort", ["secret", "--at", "-", "at,key", "key; DROP TABLE once", "at desc"])
async def test_what_may_be_sorted_by_is_declared(kept: Database, sort: str) -> None:
    with pytest.raises(Refusal) as caught:
        await ask(kept, sort=sort)
    assert [field.pointer for field in caught.value.fields] == ["/page/sort"]


async def test_the_cursor_of_another_order_is_refused_or_is_a_place_in_this_one(kept: Database) -> None:
    _, info = await ask(kept, sort="key", limit=2)
    with pytest.raises(Refusal) as caught:
        await ask(kept, sort="at", cursor=info.next_cursor)
    assert caught.value.problem.reason == "BAD_CURSOR"
