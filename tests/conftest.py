"""Engines for every test: one real PostgreSQL and one real Temporal server a session, started on first use."""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol

import hypothesis
import pytest
import pytest_asyncio
import uvloop
from anju_onebox.engine.postgres import Postgres
from anju_onebox.engine.temporal import TemporalServer
from anju_onebox.keys import make_keys
from xdist.remote import Producer

from tests.support import evidence, hanging, parallel, surroundings
from tests.support.ports import free_block
from tests.support.templates import Templates

# Before any test or engine reads it, here and in every parallel worker.
surroundings.clear(os.environ)
SEED = surroundings.choose_seed(os.environ)
# Folder of the run's engines and boxes, and the tests which failed on them.
_DATA = pytest.StashKey[tuple[Path, list[str]]]()
_numbers = itertools.count(1)


class MakeDatabase(Protocol):
    async def __call__(self, name: str, migrations: Path | None = None) -> str: ...


# A busy machine is no finding.
hypothesis.settings.register_profile("suite", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("suite")


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(hanging)
    if config.getoption("hypothesis_seed", None) is None:
        config.option.hypothesis_seed = SEED


def pytest_report_header() -> str:
    return f"seed: {SEED} (again: {surroundings.SEED}={SEED})"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: parallel.turn(item.nodeid))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> parallel.GroupScheduling:
    return parallel.GroupScheduling(config, log)


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Tests run on the loop that runs in production."""
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture
def seed() -> int:
    """Of everything a test leaves to chance; the header of the run names it."""
    return SEED


@pytest.fixture(scope="session")
def session_dir(pytestconfig: pytest.Config) -> Iterator[Path]:
    """A folder for engines and boxes; kept when a test fails."""
    with evidence.data_folder() as (folder, failed):
        pytestconfig.stash[_DATA] = folder, failed
        yield folder


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed and _DATA in item.config.stash:
        folder, failed = item.config.stash[_DATA]
        failed.append(item.nodeid)
        report.sections.append(("kept", evidence.described(folder, SEED, call.start)))
    return report


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def postgres(session_dir: Path) -> AsyncIterator[Postgres]:
    """``.url(database)`` and ``await .create_database(name)``; prefer ``make_database``, which cleans up."""
    server = Postgres(session_dir / "postgres")
    await server.start()
    yield server
    await server.stop()
    if not server.cluster.is_relative_to(session_dir):
        server.remove()


@pytest_asyncio.fixture(loop_scope="session")
async def make_database(postgres: Postgres, migrated: Templates) -> AsyncIterator[MakeDatabase]:
    """``await make_database("housing")`` gives the URL of a fresh, empty database, with ``MIGRATIONS`` one at its newest version.

    It is dropped after the test.
    """
    async with _databases(postgres, migrated) as make:
        yield make


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def make_module_database(postgres: Postgres, migrated: Templates) -> AsyncIterator[MakeDatabase]:
    """As ``make_database``, for databases shared by the tests of one module."""
    async with _databases(postgres, migrated) as make:
        yield make


@pytest.fixture(scope="session")
def migrated(postgres: Postgres) -> Templates:
    return Templates(postgres)


@asynccontextmanager
async def _databases(postgres: Postgres, templates: Templates) -> AsyncIterator[MakeDatabase]:
    made: list[str] = []

    async def make(name: str, migrations: Path | None = None) -> str:
        made.append(f"{name.replace('-', '_')}_{next(_numbers)}")
        if migrations is not None:
            return await templates.copy(made[-1], migrations)
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
    make_keys(folder)
    return folder
