from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from tests.conftest import MakeDatabase
from tests.services.organisation.office import Office, office


@pytest_asyncio.fixture(loop_scope="session", name="town")
async def _town(make_database: MakeDatabase, keys_dir: Path) -> AsyncIterator[Office]:
    async with office(make_database, keys_dir) as running:
        yield running
