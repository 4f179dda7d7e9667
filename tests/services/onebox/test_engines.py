"""The engines of the box keep what they acknowledged, whatever is done to them, and leave nothing behind."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import psutil
import pytest
import pytest_asyncio
from anju_onebox.engine.postgres import OperatorsPostgres, Postgres
from anju_onebox.engine.process import EngineError
from anju_onebox.engine.temporal import TemporalServer
from sqlalchemy.engine import make_url
from temporalio.client import Client, WorkflowExecutionStatus

from tests.support.patience import eventually


@pytest.fixture
def box_dir() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="anju-engine-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        yield folder


@pytest_asyncio.fixture(loop_scope="session")
async def own_postgres(box_dir: Path) -> AsyncIterator[Postgres]:
    server = Postgres(box_dir)
    await server.start()
    yield server
    await server.stop()
    server.remove()


async def connect(url: str) -> asyncpg.Connection:
    return await asyncpg.connect(url.replace("+asyncpg", ""), timeout=5)


async def test_postgres_runs_unprivileged_and_every_database_has_an_owner_of_its_own(own_postgres: Postgres) -> None:
    housing = await own_postgres.create_database("housing")
    assert await own_postgres.create_database("housing") == housing
    await own_postgres.create_database("payments")
    connection = await connect(housing)
    assert await connection.fetchval("SELECT rolsuper FROM pg_roles WHERE rolname = current_user") is False
    # The exclusion constraints of leases need it, and no service is a superuser.
    await connection.execute("CREATE EXTENSION btree_gist")
    await connection.close()
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connect(housing.rsplit("/", 1)[0] + "/payments")
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(host="127.0.0.1", port=own_postgres.port, user="housing", password="guess", database="housing")
    if os.geteuid() == 0:
        assert psutil.Process(own_postgres.pid).uids().real != 0
    assert own_postgres.cluster.stat().st_mode & 0o077 == 0


async def test_postgres_refuses_names_that_are_not_plain(own_postgres: Postgres) -> None:
    with pytest.raises(ValueError, match="not a database name"):
        await own_postgres.create_database('x"; DROP DATABASE postgres; --')


async def test_postgres_recovers_committed_rows_after_kill_9(own_postgres: Postgres) -> None:
    url = await own_postgres.create_database("ledger")
    connection = await connect(url)
    await connection.execute("CREATE TABLE posting (n int)")
    for number in range(50):
        await connection.execute("INSERT INTO posting VALUES ($1)", number)
    await own_postgres.kill()
    with contextlib.suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        await connection.close(timeout=1)
    assert (own_postgres.cluster / "postmaster.pid").exists()
    await own_postgres.start()
    connection = await connect(own_postgres.url("ledger"))
    assert await connection.fetchval("SELECT count(*) FROM posting") == 50
    await connection.close()


async def test_postgres_starts_over_a_pid_file_that_names_another_program(own_postgres: Postgres) -> None:
    await own_postgres.kill()
    pid_file = own_postgres.cluster / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")
    await own_postgres.start()
    await (await connect(await own_postgres.create_database("after"))).close()


async def test_a_second_start_takes_over_from_a_server_whose_box_is_gone(own_postgres: Postgres) -> None:
    url = await own_postgres.create_database("ledger")
    await (await connect(url)).close()
    successor = Postgres(own_postgres.data_dir)
    old = psutil.Process(own_postgres.pid)
    await successor.start()
    try:
        await (await connect(successor.url("ledger"))).close()
        assert successor.pid != old.pid
        assert not old.is_running() or old.status() == psutil.STATUS_ZOMBIE
        # Whoever started it hears of its end: nobody else has taken the news.
        await asyncio.wait_for(own_postgres.ended(), 20)
    finally:
        await successor.stop()


async def test_postgres_of_a_closed_folder_lives_where_its_user_can_get_and_is_removed(box_dir: Path) -> None:
    closed = box_dir / "home"
    closed.mkdir(mode=0o700)
    server = Postgres(closed / "anju")
    try:
        await server.start()
        await (await connect(await server.create_database("casework"))).close()
        assert closed.stat().st_mode & 0o777 == 0o700
        if os.geteuid() == 0:
            assert closed not in server.cluster.parents
    finally:
        await server.stop()
        server.remove()
    assert not server.cluster.exists()


async def test_a_server_that_cannot_start_says_where_its_log_is(own_postgres: Postgres) -> None:
    await own_postgres.stop()
    (own_postgres.cluster / "PG_VERSION").write_text("9\n")
    with pytest.raises(EngineError, match=r"postgres\.log"):
        await own_postgres.start()
    (own_postgres.cluster / "PG_VERSION").write_text("18\n")
    await own_postgres.start()


async def test_stop_leaves_no_process(own_postgres: Postgres) -> None:
    tree = [psutil.Process(own_postgres.pid), *psutil.Process(own_postgres.pid).children(recursive=True)]
    await own_postgres.stop()
    assert [process for process in tree if process.is_running() and process.status() != psutil.STATUS_ZOMBIE] == []


async def test_the_operators_own_server_is_used_with_its_rights(own_postgres: Postgres) -> None:
    operators = OperatorsPostgres(own_postgres.admin_url().replace("+asyncpg", ""))
    url = await operators.create_database("city")
    await operators.create_database("city")
    await (await connect(url)).close()
    # The service comes as a role of its own where one can be made, and says who it is where not.
    assert await served_as(await operators.create_service_role("city")) == "city_service"
    base = await connect(own_postgres.admin_url())
    await base.execute("CREATE ROLE clerk LOGIN PASSWORD 'x'")
    await base.execute("GRANT ALL ON DATABASE city TO clerk")
    await base.close()
    clerk = OperatorsPostgres(make_url(own_postgres.admin_url()).set(username="clerk", password="x").render_as_string(hide_password=False))
    assert await served_as(await clerk.create_service_role("city")) == "clerk"
    await operators.drop_database("city")
    with pytest.raises(asyncpg.InvalidCatalogNameError):
        await connect(url)


async def served_as(url: str) -> str:
    connection = await connect(url)
    try:
        role: str = await connection.fetchval("SELECT current_user")
        return role
    finally:
        await connection.close()


@pytest.mark.fault
async def test_temporal_keeps_every_acknowledged_start_over_kill_9(box_dir: Path) -> None:
    server = TemporalServer(box_dir)
    await server.start()
    acknowledged: list[str] = []

    async def start_many(client: Client) -> None:
        with contextlib.suppress(Exception):
            for number in range(10_000):
                name = f"case/{len(acknowledged)}-{number}"
                await client.start_workflow("Case", id=name, task_queue="nobody")
                acknowledged.append(name)

    try:
        for wanted in (20, 40, 60):
            client = await Client.connect(server.address)
            starting = asyncio.create_task(start_many(client))
            await eventually(lambda wanted=wanted: len(acknowledged) >= wanted, what="enough starts to lose some")
            await server.kill()
            starting.cancel()
            await asyncio.gather(starting, return_exceptions=True)
            await server.start()
        client = await Client.connect(server.address)
        for name in acknowledged:
            assert (await client.get_workflow_handle(name).describe()).status == WorkflowExecutionStatus.RUNNING
    finally:
        await server.stop()


async def test_temporal_knows_the_search_attributes_and_ends_when_told(temporal_server: TemporalServer, box_dir: Path) -> None:
    client = await Client.connect(temporal_server.address)
    assert (await client.count_workflows("WaitingOn = 'nobody' AND Overdue = true")).count == 0
    own = TemporalServer(box_dir, search_attributes={})
    await own.start()
    process = psutil.Process(own.pid)
    await own.stop()
    assert not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


_OWNER = """
import asyncio, sys
from pathlib import Path
from anju_onebox.engine.postgres import Postgres
from anju_onebox.engine.temporal import TemporalServer

from tests.support.patience import eventually
async def main():
    folder = Path(sys.argv[1])
    postgres, temporal = Postgres(folder), TemporalServer(folder, search_attributes={})
    await asyncio.gather(postgres.start(), temporal.start())
    print(postgres.pid, temporal.pid, flush=True)
    await asyncio.sleep(600)
asyncio.run(main())
"""


@pytest.mark.fault
async def test_engines_end_when_the_process_that_started_them_is_killed(box_dir: Path) -> None:
    owner = await asyncio.create_subprocess_exec(sys.executable, "-c", _OWNER, str(box_dir), stdout=asyncio.subprocess.PIPE)
    assert owner.stdout is not None
    engines = [psutil.Process(int(pid)) for pid in (await asyncio.wait_for(owner.stdout.readline(), 60)).split()]
    owner.send_signal(signal.SIGKILL)
    await owner.wait()
    await eventually(
        lambda: [process for process in engines if process.is_running() and process.status() != psutil.STATUS_ZOMBIE],
        lambda alive: alive == [],
        what="the end of the engines",
    )
