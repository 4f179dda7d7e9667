"""Alembic for every service, without a configuration file: the environment is this module, the versions lie in each service's ``migrations`` folder.

A service's ``migrations/env.py`` is one call of ``run_environment`` with its metadata.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, MetaData, pool, text
from sqlalchemy.ext.asyncio import create_async_engine


def config(migrations: Path, url: str) -> Config:
    result = Config()
    result.set_main_option("script_location", str(migrations))
    result.set_main_option("path_separator", "os")
    result.attributes["url"] = url
    return result


def upgrade(migrations: Path, url: str) -> None:
    """Brings the database to the newest version. Safe to run from several processes at once."""
    command.upgrade(config(migrations, url), "head")


def run_environment(metadata: MetaData) -> None:
    """Body of a service's ``migrations/env.py``."""
    from alembic import context

    def migrate(connection: Connection) -> None:
        # Two replicas started together must not both create the tables.
        connection.execute(text("SELECT pg_advisory_lock(4102)"))
        try:
            context.configure(connection=connection, target_metadata=metadata, compare_type=True)
            with context.begin_transaction():
                context.run_migrations()
            connection.commit()
        finally:
            connection.rollback()
            connection.execute(text("SELECT pg_advisory_unlock(4102)"))

    async def main() -> None:
        engine = create_async_engine(context.config.attributes["url"], poolclass=pool.NullPool)
        async with engine.connect() as connection:
            await connection.run_sync(migrate)
        await engine.dispose()

    asyncio.run(main())
