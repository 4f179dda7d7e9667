from __future__ import annotations

import asyncio
from typing import Any

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from chassis import migrate
from eligibility.tables import MIGRATIONS, Base
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine

from tests.conftest import MakeDatabase


async def test_migrations_make_exactly_the_tables_of_the_code(make_database: MakeDatabase) -> None:
    url = await make_database("eligibility")
    await asyncio.to_thread(migrate.upgrade, MIGRATIONS, url)
    engine = create_async_engine(url)

    def differences(connection: Connection) -> list[Any]:
        return list(compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), Base.metadata))

    def checks(connection: Connection) -> set[str]:
        query = "SELECT conname FROM pg_constraint WHERE contype = 'c' AND connamespace = 'public'::regnamespace"
        return set(connection.execute(text(query)).scalars())

    async with engine.connect() as connection:
        assert await connection.run_sync(differences) == []
        # Alembic compares no check constraints.
        declared = {
            str(c.name) for table in Base.metadata.tables.values() for c in table.constraints if type(c).__name__ == "CheckConstraint"
        }
        assert await connection.run_sync(checks) == declared
    await engine.dispose()


async def test_the_way_back_leaves_nothing(make_database: MakeDatabase) -> None:
    url = await make_database("eligibility")
    await asyncio.to_thread(migrate.upgrade, MIGRATIONS, url)
    await asyncio.to_thread(command.downgrade, migrate.config(MIGRATIONS, url), "base")
    engine = create_async_engine(url)
    async with engine.connect() as connection:
        left = (await connection.execute(text("SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"))).scalars()
        assert set(left) <= {"alembic_version", "alembic_version_pkc"}
        functions = await connection.execute(text("SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace"))
        assert list(functions.scalars()) == []
    await engine.dispose()
    await asyncio.to_thread(migrate.upgrade, MIGRATIONS, url)
