from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
from payments.tables import MIGRATIONS

from tests.conftest import MakeDatabase
from tests.services.payments.world import World, account_file, hand_bank, payments


@pytest_asyncio.fixture(loop_scope="session")
async def world(make_database: MakeDatabase, keys_dir: Path, tmp_path: Path) -> AsyncIterator[World]:
    async with hand_bank() as bank:
        file = account_file(tmp_path, bank.url)
        async with payments(await make_database("payments", MIGRATIONS), keys_dir, file, bank, bank_timeout_seconds=1.0) as running:
            yield running
