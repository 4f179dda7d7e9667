from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from casework.app import application
from casework.settings import Settings
from casework.tables import MIGRATIONS
from chassis.db import Database
from chassis.grpc_client import Client

from tests.conftest import MakeDatabase
from tests.services.casework.support import Desk, Engine, Spoken
from tests.support.keys import ISSUERS, signer

PROFILE = Path(__file__).parents[3] / "profiles" / "kaifeng"


@dataclass
class Office:
    """A running casework on a real database, with a stand-in for the engine."""

    desk: Desk
    engine: Engine
    url: str
    address: str

    async def rows(self, query: str, *arguments: object) -> list[tuple[Any, ...]]:
        connection = await asyncpg.connect(self.url.replace("+asyncpg", ""))
        try:
            return [tuple(row) for row in await connection.fetch(query, *arguments)]
        finally:
            await connection.close()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shared_office(make_module_database: MakeDatabase, keys_dir: Path) -> AsyncIterator[Office]:
    url = await make_module_database("casework", MIGRATIONS)
    settings = Settings(port=0, database_url=url, keys_dir=keys_dir, profile_dir=PROFILE, drain_seconds=1)
    engine = Engine()
    async with application(settings, engine=engine) as server:
        clients = {name: Client(server.address, signer(keys_dir, name), "casework") for name in ISSUERS}
        database = Database(url)
        desk = Desk(clients["web-gateway"], clients, keys_dir, Spoken(database, keys_dir))
        engine.desk = desk
        yield Office(desk, engine, url, server.address)
        for client in clients.values():
            await client.close()
        await database.close()


@pytest.fixture
def office(shared_office: Office) -> Office:
    """With an engine as good as new."""
    engine = shared_office.engine
    engine.away, engine.unborn, engine.verdict, engine.lands = False, False, None, True
    engine.asked.clear()
    return shared_office


@pytest.fixture
def desk(office: Office) -> Desk:
    return office.desk
