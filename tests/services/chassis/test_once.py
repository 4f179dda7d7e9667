"""Answers once given are kept as long as somebody may ask again, and no longer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from casework.tables import MIGRATIONS, Once
from chassis import once
from chassis.db import Database
from sqlalchemy import text

from tests.conftest import MakeDatabase


async def test_old_answers_are_taken_out_some_at_a_time(make_database: MakeDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(once, "_PRUNED_AT_ONCE", 3)
    database, now = Database(await make_database("casework", MIGRATIONS)), datetime.now(UTC)
    async with database.transaction() as session:
        for days in (1, 89, *[91] * 7, 400):
            session.add(Once(key=f"k{days}-{id(session)}-{len(session.new)}", fingerprint="f", answer=b"", at=now - timedelta(days=days)))
    assert await once.prune(database, now) == 8
    assert await once.prune(database, now) == 0
    async with database.statements() as session:
        kept = (
            (await session.execute(text("SELECT round(extract(epoch FROM now() - at) / 86400)::int FROM once ORDER BY at"))).scalars().all()
        )
    assert kept == [89, 1]
    await database.close()
