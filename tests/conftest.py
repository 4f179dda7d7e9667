"""Engines for every test: one real PostgreSQL and one real Temporal server a session, started on first use."""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio
from anju_onebox.engine.postgres import Postgres
from anju_onebox.engine.temporal import TemporalServer
from chassis.crypto import KeyRing
from chassis.identity import generate_keys
from chassis.temporal import PAYLOAD_KEYS

from tests.support import surroundings
from tests.support.keys import ISSUERS
from tests.support.ports import free_block

# Before any test or engine reads it, here and in every parallel worker.
surroundings.clear(os.environ)
SEED = surroundings.choose_seed(os.environ)
_numbers = itertools.count(1)
MakeDatabase = Callable[[str], Awaitable[str]]


def pytest_report_header() -> str:
    return f"seed: {SEED} (again: {surroundings.SEED}={SEED})"


@pytest.fixture
def seed() -> int:
    """Of everything a test leaves to chance; the header of the run names it."""
    return SEED


@pytest.fixture(scope="session")
def session_dir() -> Iterator[Path]:
    """A folder for engines. Not pytest's own: that one is closed to the unprivileged user PostgreSQL runs as under root."""
    folder = Path(tempfile.mkdtemp(prefix="anju-tests-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def postgres(session_dir: Path) -> AsyncIterator[Postgres]:
    """``.url(database)`` and ``await .create_database(name)``; prefer ``make_database``, which cleans up."""
    server = Postgres(session_dir / "postgres")
    await server.start()
    yield server
    await server.stop()
    server.remove()


@pytest_asyncio.fixture(loop_scope="session")
async def make_database(postgres: Postgres) -> AsyncIterator[MakeDatabase]:
    """``await make_database("housing")`` gives the URL of a fresh, empty database; it is dropped after the test."""
    async with _databases(postgres) as make:
        yield make


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def make_module_database(postgres: Postgres) -> AsyncIterator[MakeDatabase]:
    """As ``make_database``, for databases shared by the tests of one module."""
    async with _databases(postgres) as make:
        yield make


@asynccontextmanager
async def _databases(postgres: Postgres) -> AsyncIterator[MakeDatabase]:
    made: list[str] = []

    async def make(prefix: str) -> str:
        made.append(f"{prefix.replace('-', '_')}_{next(_numbers)}")
        return await postgres.create_database(made[-1])

    yield make
    for name in made:
        await postgres.drop_database(name)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def temporal_server(session_dir: Path) -> AsyncIterator[TemporalServer]:
    """``.address`` of a real server with Anju's search attributes and the controlled clock."""
    with free_block(session_dir / "temporal") as layout:
        server = TemporalServer(layout.data_dir, port=layout.temporal_port)
        await server.start()
        yield server
        await server.stop()


@pytest.fixture(scope="session")
def keys_dir(session_dir: Path) -> Path:
    """Caller keys of every process and the payload key ring, as one box has them; ``<issuer>.jwk`` per process."""
    folder = session_dir / "keys"
    generate_keys(folder, ISSUERS)
    KeyRing.load_or_create(folder / PAYLOAD_KEYS)
    return folder
