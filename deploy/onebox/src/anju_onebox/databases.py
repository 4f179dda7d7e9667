"""One database a service, at the newest version before the service starts."""

from __future__ import annotations

import asyncio
import importlib
from pathlib import Path

import asyncpg
from alembic.script import ScriptDirectory
from chassis import migrate

from anju_onebox.engine.postgres import DatabaseServer
from anju_onebox.layout import SERVICES, Layout, database_name


async def prepare(server: DatabaseServer, layout: Layout) -> list[str]:
    """Makes and migrates every service's database, and writes the files with their URLs. Returns the services that were migrated."""
    urls = {service: await server.create_database(database_name(service)) for service in SERVICES}
    for service, url in urls.items():
        layout.write_secret(f"{service}.database-url", url)
    behind = [service for service, url in urls.items() if await _version(url) != _newest(service)]
    # One after another in one thread: alembic keeps its state in module globals.
    await asyncio.to_thread(_upgrade, {service: urls[service] for service in behind})
    return behind


def _upgrade(urls: dict[str, str]) -> None:
    for service, url in urls.items():
        migrate.upgrade(_migrations(service), url)


def _migrations(service: str) -> Path:
    migrations: Path = importlib.import_module(f"{database_name(service)}.tables").MIGRATIONS
    return migrations


def _newest(service: str) -> str | None:
    return ScriptDirectory.from_config(migrate.config(_migrations(service), "")).get_current_head()


async def _version(url: str) -> str | None:
    connection = await asyncpg.connect(url.replace("+asyncpg", ""), timeout=10)
    try:
        if await connection.fetchval("SELECT to_regclass('alembic_version')") is None:
            return None
        version: str | None = await connection.fetchval("SELECT version_num FROM alembic_version")
        return version
    finally:
        await connection.close()
