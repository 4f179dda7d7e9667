from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
from housing.tables import MIGRATIONS

from tests.conftest import MakeDatabase
from tests.services.housing.world import World, housing


@pytest_asyncio.fixture(loop_scope="session")
async def world(make_database: MakeDatabase, keys_dir: Path) -> AsyncIterator[World]:
    async with housing(await make_database("housing", MIGRATIONS), keys_dir) as running:
        yield running
