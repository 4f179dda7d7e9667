from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from tests.conftest import MakeDatabase
from tests.services.oversight.desk import Desk, desk
from tests.services.oversight.shelf import Shelf, shelf


@pytest_asyncio.fixture(loop_scope="session", name="shelf")
async def _shelf(make_database: MakeDatabase, keys_dir: Path) -> AsyncIterator[Shelf]:
    async with shelf(make_database, keys_dir) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session", name="desk")
async def _desk(make_database: MakeDatabase, keys_dir: Path) -> AsyncIterator[Desk]:
    async with desk(make_database, keys_dir) as running:
        yield running
