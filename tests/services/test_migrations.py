"""The migrations of every service make exactly the tables its code speaks of, and can be taken back."""

from __future__ import annotations

import asyncio
from typing import Any

import casework.tables
import eligibility.tables
import housing.tables
import notifications.tables
import organisation.tables
import oversight.tables
import payments.tables
import pytest
import registry_gateway.tables
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from chassis import migrate
from sqlalchemy import CheckConstraint, Connection, Sequence, inspect, text
from sqlalchemy.ext.asyncio import create_async_engine

from tests.conftest import MakeDatabase

SERVICES = {
    "casework": casework.tables,
    "eligibility": eligibility.tables,
    "housing": housing.tables,
    "notifications": notifications.tables,
    "organisation": organisation.tables,
    "oversight": oversight.tables,
    "payments": payments.tables,
    "registry-gateway": registry_gateway.tables,
}


@pytest.mark.parametrize("service", SERVICES)
async def test_migrations_make_exactly_the_tables_of_the_code(make_database: MakeDatabase, service: str) -> None:
    tables, url = SERVICES[service], await make_database(service)
    metadata = tables.Base.metadata
    await asyncio.to_thread(migrate.upgrade, tables.MIGRATIONS, url)
    engine = create_async_engine(url)

    def differences(connection: Connection) -> list[Any]:
        return list(compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), metadata))

    async with engine.connect() as connection:
        assert await connection.run_sync(differences) == []
        # Alembic compares no check constraints and no sequences.
        checks = "SELECT conname FROM pg_constraint WHERE contype = 'c' AND connamespace = 'public'::regnamespace"
        declared = {str(c.name) for table in metadata.tables.values() for c in table.constraints if isinstance(c, CheckConstraint)}
        assert set((await connection.execute(text(checks))).scalars()) == declared
        named = {each.name for each in metadata._sequences.values() if isinstance(each, Sequence)}
        assert named <= set(await connection.run_sync(lambda sync: inspect(sync).get_sequence_names()))
    await engine.dispose()


@pytest.mark.parametrize("service", SERVICES)
async def test_the_way_back_leaves_nothing(make_database: MakeDatabase, service: str) -> None:
    tables, url = SERVICES[service], await make_database(service)
    await asyncio.to_thread(migrate.upgrade, tables.MIGRATIONS, url)
    await asyncio.to_thread(command.downgrade, migrate.config(tables.MIGRATIONS, url), "base")
    engine = create_async_engine(url)
    async with engine.connect() as connection:
        left = (await connection.execute(text("SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"))).scalars()
        assert set(left) <= {"alembic_version", "alembic_version_pkc"}
        # An extension's own functions are the database's, not ours.
        own = "NOT EXISTS (SELECT FROM pg_depend WHERE objid = pg_proc.oid AND deptype = 'e')"
        functions = await connection.execute(text(f"SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND {own}"))
        assert list(functions.scalars()) == []
    await engine.dispose()
    await asyncio.to_thread(migrate.upgrade, tables.MIGRATIONS, url)
