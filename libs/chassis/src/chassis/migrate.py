"""Alembic for every service, without a configuration file: the environment is this module, the versions lie in each service's ``migrations`` folder.

A service's ``migrations/env.py`` is one call of ``run_environment`` with its metadata.

Tables belong to a role of their own, which only migrations use. The running service has another, which may read and write rows, each table's as far as
its migrations allow, and nothing else: it cannot take a trigger away, nor empty a table (ADR 13).
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, MetaData, pool, text
from sqlalchemy.ext.asyncio import create_async_engine

from chassis.db import connected

# Rows of every table, except what a migration has taken from the owner himself or a trigger refuses to everybody.
_RIGHTS: Final = text("""
    SELECT quote_ident(relname) AS name,
           has_table_privilege(current_user, pg_class.oid, 'UPDATE') AND NOT coalesce(updates, false) AS updates,
           has_table_privilege(current_user, pg_class.oid, 'DELETE') AND NOT coalesce(deletes, false) AS deletes
    FROM pg_class LEFT JOIN LATERAL (
        SELECT bool_or((tgtype & 16) <> 0) AS updates, bool_or((tgtype & 8) <> 0) AS deletes
        FROM pg_trigger JOIN pg_proc ON pg_proc.oid = tgfoid
        WHERE tgrelid = pg_class.oid AND NOT tgisinternal AND tgqual IS NULL AND tgattr::text = '' AND (tgtype & 2) <> 0
              AND prosrc ~* '^\\s*begin\\s+raise\\s+exception'
    ) AS refused ON true
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
    ORDER BY relname
""")


def config(migrations: Path, url: str, service_role: str = "") -> Config:
    result = Config()
    result.set_main_option("script_location", str(migrations))
    result.set_main_option("path_separator", "os")
    result.attributes["url"] = url
    result.attributes["service_role"] = service_role
    return result


def upgrade(migrations: Path, url: str, service_role: str = "") -> None:
    """Brings the database to the newest version, as its owner, and gives ``service_role`` what the service needs of it. Safe to run from several
    processes at once."""
    command.upgrade(config(migrations, url, service_role), "head")


def _grant(connection: Connection, role: str) -> None:
    """The service's rights, exactly: what it had before is taken first."""
    service = connection.dialect.identifier_preparer.quote(role)
    database = connection.dialect.identifier_preparer.quote(str(connection.engine.url.database))
    statements = [
        f"GRANT CONNECT ON DATABASE {database} TO {service}",
        f"GRANT USAGE ON SCHEMA public TO {service}",
        f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {service}",
        # UPDATE is the right to set one: casework counts on after a restored backup.
        f"GRANT USAGE, SELECT, UPDATE ON ALL SEQUENCES IN SCHEMA public TO {service}",
    ]
    for table in connection.execute(_RIGHTS).mappings():
        rights = ["SELECT"]
        if table["name"] != "alembic_version":
            rights += ["INSERT", *["UPDATE"] * table["updates"], *["DELETE"] * table["deletes"]]
        statements.append(f"GRANT {', '.join(rights)} ON {table['name']} TO {service}")
    for statement in statements:
        connection.execute(text(statement))


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
                if role := context.config.attributes["service_role"]:
                    _grant(connection, role)
            connection.commit()
        finally:
            connection.rollback()
            connection.execute(text("SELECT pg_advisory_unlock(4102)"))

    async def main() -> None:
        engine = create_async_engine(
            context.config.attributes["url"], poolclass=pool.NullPool, connect_args={"async_creator_fn": connected}
        )
        async with engine.connect() as connection:
            await connection.run_sync(migrate)
        await engine.dispose()

    asyncio.run(main())
