"""Migrated databases by the dozen: each service's migrations run once, every test gets a copy of what they made."""

from __future__ import annotations

import asyncio
from pathlib import Path

import asyncpg
from anju_onebox.engine.postgres import Postgres
from chassis import migrate
from sqlalchemy.engine import make_url


class Templates:
    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres
        self._made: dict[Path, str] = {}
        self._making = asyncio.Lock()

    async def copy(self, name: str, migrations: Path) -> str:
        """The URL of a new database ``name`` at the newest version. It belongs to the role of its template, as everything in it does."""
        async with self._making:
            template = self._made.get(migrations) or await self._migrate(migrations)
            connection = await asyncpg.connect(self._postgres.admin_url().replace("+asyncpg", ""))
            try:
                await connection.execute(f'CREATE DATABASE "{name}" OWNER "{template}" TEMPLATE "{template}"')
            finally:
                await connection.close()
        return make_url(self._postgres.url(template)).set(database=name).render_as_string(hide_password=False)

    async def _migrate(self, migrations: Path) -> str:
        template = f"migrated_{len(self._made) + 1}"
        url = await self._postgres.create_database(template)
        await asyncio.to_thread(migrate.upgrade, migrations, url)
        self._made[migrations] = template
        return template
