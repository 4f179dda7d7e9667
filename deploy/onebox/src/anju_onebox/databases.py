"""One database a service, at the newest version before the service starts."""

from __future__ import annotations

import asyncio
import importlib
from pathlib import Path

import asyncpg
from alembic.script import ScriptDirectory
from chassis import migrate
from sqlalchemy.engine import make_url

from anju_onebox.engine.postgres import DatabaseServer
from anju_onebox.layout import SERVICES, Layout, database_name


async def prepare(server: DatabaseServer, layout: Layout) -> list[str]:
    """Makes and migrates every service's database, and writes the files with their URLs: of the service, and of the tables' owner, for migrations. Returns
    the services that were migrated."""
    owners = {service: await server.create_database(database_name(service)) for service in SERVICES}
    urls = {service: await server.create_service_role(database_name(service)) for service in SERVICES}
    for service in SERVICES:
        layout.write_secret(f"{service}.database-url", urls[service])
        layout.write_secret(f"{service}.database-owner-url", owners[service])
    roles = {service: make_url(url).username or "" for service, url in urls.items()}
    behind = [service for service, url in owners.items() if await _version(url, roles[service]) != _newest(service)]
    # One after another in one thread: alembic keeps its state in module globals.
    await asyncio.to_thread(_upgrade, {service: (owners[service], roles[service]) for service in behind})
    return behind


def _upgrade(databases: dict[str, tuple[str, str]]) -> None:
    for service, (owner, role) in databases.items():
        migrate.upgrade(_migrations(service), owner, "" if make_url(owner).username == role else role)


def _migrations(service: str) -> Path:
    migrations: Path = importlib.import_module(f"{database_name(service)}.tables").MIGRATIONS
    return migrations


def _newest(service: str) -> str | None:
    return ScriptDirectory.from_config(migrate.config(_migrations(service), "")).get_current_head()


async def _version(url: str, role: str) -> str | None:
    """None for a database without tables, or whose service has no rights yet."""
    connection = await asyncpg.connect(url.replace("+asyncpg", ""), timeout=10)
    try:
        if await connection.fetchval("SELECT to_regclass('alembic_version')") is None:
            return None
        if not await connection.fetchval("SELECT has_table_privilege($1, 'alembic_version', 'SELECT')", role):
            return None
        version: str | None = await connection.fetchval("SELECT version_num FROM alembic_version")
        return version
    finally:
        await connection.close()
