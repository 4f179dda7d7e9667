from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio
from anju_onebox.engine.postgres import Postgres
from anju_onebox.engine.temporal import TemporalServer
from chassis.crypto import FIELD_KEYS, KeyRing

from tests.conftest import MakeDatabase
from tests.services.verify.records import Records
from tests.support.ports import free_block


@pytest.fixture(scope="session")
def ring(keys_dir: Path) -> KeyRing:
    """The field keys, where every service and the verifier find them."""
    return KeyRing.load_or_create(keys_dir / FIELD_KEYS)


@pytest_asyncio.fixture(loop_scope="session")
async def records(make_database: MakeDatabase, postgres: Postgres, keys_dir: Path, ring: KeyRing) -> Records:
    """Databases are made when a test asks for them."""
    return Records(make_database, postgres, keys_dir, ring)


@asynccontextmanager
async def an_engine(folder: Path) -> AsyncIterator[TemporalServer]:
    """An engine of its own: what other tests left running would be nobody's case here. A module whose tests do not run in one go makes it twice: the
    second must not find the cases of the first."""
    folder = folder.with_name(f"{folder.name}-{uuid.uuid4().hex[:8]}")
    with free_block(folder) as layout:
        server = TemporalServer(folder, port=layout.temporal_port)
        await server.start()
        yield server
        await server.stop()


@pytest_asyncio.fixture(loop_scope="session")
async def engine(session_dir: Path, tmp_path: Path) -> AsyncIterator[TemporalServer]:
    async with an_engine(session_dir / f"engine-{tmp_path.name}") as server:
        yield server
