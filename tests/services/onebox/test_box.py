"""The whole box by its own command: it comes up, survives what is done to it, keeps its state and leaves nothing behind."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import aiohttp
import psutil
import pytest
from anju.housing.v1 import housing_pb2 as housing
from anju.housing.v1 import housing_pb2_grpc as housing_rpc
from anju_onebox import probes
from anju_onebox.layout import SERVICES, Layout
from anju_onebox.show import addresses
from chassis.errors import Refusal
from chassis.grpc_client import Client

from tests.support.boxes import launch, ready, stop
from tests.support.keys import signer, staff
from tests.support.patience import PATIENCE_SECONDS, eventually
from tests.support.ports import free_block

ANJU = str(Path(sys.executable).parent / "anju")


@pytest.fixture
def data_dir(session_dir: Path, tmp_path: Path) -> Path:
    """Where it is kept when the test fails."""
    folder = session_dir / tmp_path.name
    folder.mkdir(mode=0o711)
    return folder / "box"


@contextmanager
def box_of(data_dir: Path, *options: str) -> Iterator[tuple[Layout, subprocess.Popen[bytes], Path]]:
    with free_block(data_dir) as layout:
        process, log = launch(layout, *options)
        try:
            yield layout, process, log
        finally:
            stop(process)


def living(pids: list[int]) -> list[str]:
    found = []
    for pid in pids:
        try:
            process = psutil.Process(pid)
            if process.status() != psutil.STATUS_ZOMBIE:
                found.append(f"{pid} {process.name()}")
        except psutil.NoSuchProcess:
            continue
    return found


async def gone(pids: list[int], seconds: float = PATIENCE_SECONDS) -> None:
    await eventually(lambda: living(pids), lambda left: left == [], what="the end of all of them", seconds=seconds)


def family_of(pid: int) -> list[int]:
    return [pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))]


async def comes_back(parent: int, name: str, dead: int) -> None:
    """Waits for a new engine in the place of the killed one."""

    async def another() -> bool:
        return any(child.name() == name and child.pid != dead for child in psutil.Process(parent).children())

    await eventually(another, what=f"another {name}")


async def units_of(layout: Layout, district: str) -> int:
    client = Client(layout.address("housing"), signer(layout.keys_dir, "web-gateway"), "housing", layout.certificates("web-gateway"))
    try:
        stub = housing_rpc.HousingServiceStub(client.channel)
        request = housing.ListEstatesRequest(district=district)
        estates = await client.call(stub.ListEstates, request, caller=staff("house_manager", district), timeout=10)
        return sum(estate.units for estate in estates.estates)
    finally:
        await client.close()


async def has_its_units(layout: Layout, district: str) -> bool:
    """False while the service has no database."""
    try:
        return await units_of(layout, district) == 60
    except Refusal:
        return False


def anju(layout: Layout, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([ANJU, *arguments, "--data-dir", str(layout.data_dir)], capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.fault
async def test_a_box_keeps_its_state_over_kill_9_and_stops_in_order(data_dir: Path) -> None:
    with box_of(data_dir) as (layout, process, log):
        await ready(layout, process, log)
        assert await units_of(layout, "410202") == 60
        status = await asyncio.to_thread(anju, layout, "status")
        assert status.returncode == 0, status.stdout
        for url in addresses(layout).values():
            assert await probes.answers(url), f"{url} is on the welcome page"
        refused = await asyncio.to_thread(anju, layout, "up", "--ports-offset", str(layout.ports_offset + 2000))
        assert refused.returncode == 1
        assert "another box" in refused.stdout.replace("\n", " ")
        family = family_of(process.pid)
        pss = sum(psutil.Process(pid).memory_full_info().pss for pid in family)
        assert pss < 1.5 * 2**30
        for name in ("postgres", "temporal"):
            (engine,) = [child for child in psutil.Process(process.pid).children() if child.name() == name]
            engine.kill()
            await comes_back(process.pid, name, engine.pid)
            await eventually(lambda: has_its_units(layout, "410202"), what=f"housing after the end of {name}")
            await eventually(lambda: probes.worker_polls(layout), what="the worker")

        async def all_answer() -> bool:
            return (await asyncio.to_thread(anju, layout, "status")).returncode == 0

        await eventually(all_answer, what="everybody answers again")
        assert "已恢复" in log.read_text()
        family = family_of(process.pid)
        process.send_signal(signal.SIGKILL)
        process.wait(10)
        await gone(family)
    assert (await asyncio.to_thread(anju, layout, "status")).returncode == 1, "nothing answers, and it says so"
    for command in (("demo",), ("replay", "kaifeng"), ("verify",), ("clock", "show", "application/KF-2026-000001"), ("env", "worker")):
        tried = await asyncio.to_thread(anju, layout, *command)
        assert (tried.returncode, "make up" in tried.stderr) == (3, True), tried.stderr

    with box_of(data_dir) as (layout, process, log):
        # A started box says so at its end, and nothing was seeded twice.
        await ready(layout, process, log)
        assert await units_of(layout, "410202") == 60
        family = family_of(process.pid)
        process.send_signal(signal.SIGINT)
        assert await asyncio.to_thread(process.wait, 60) == 0
        await gone(family, seconds=2)
    assert (await asyncio.to_thread(anju, layout, "status")).returncode == 3
    for port in layout.ports.values():
        with pytest.raises(OSError, match=r"refused|Errno 111|Connect call failed"):
            await asyncio.open_connection("127.0.0.1", port)


@pytest.mark.fault
async def test_a_split_box_brings_a_killed_service_back_and_serves_by_the_other_replica_meanwhile(data_dir: Path) -> None:
    with box_of(data_dir, "--processes", "--replica", "housing=2") as (layout, process, log):
        layout = replace(layout, replicas={"housing": 2}, split=True)
        await ready(layout, process, log)
        assert Layout.of_running(data_dir) == layout
        family = family_of(process.pid)
        pids = json.loads(layout.processes_file.read_text())
        assert {*SERVICES, "housing #2", "worker", "web-gateway", "sandbox"} == set(pids)
        for title in ("housing", "casework"):
            os.kill(pids[title], signal.SIGKILL)
        # The other replica answers while the first is being started again.
        assert await units_of(layout, "410203") == 60
        await eventually(lambda: probes.service_serves(layout, "casework"), what="casework")
        await eventually(lambda: probes.service_serves(layout, "housing"), what="housing")
        now = json.loads(layout.processes_file.read_text())
        assert now["casework"] != pids["casework"]
        assert now["worker"] == pids["worker"]
        await eventually(lambda: probes.web_is_ready(layout), what="the edge")
        family = sorted({*family, *family_of(process.pid)})
        process.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(process.wait, 60) == 0
        await gone(family, seconds=2)


async def test_one_more_service_joins_by_the_printed_environment(data_dir: Path) -> None:
    with box_of(data_dir) as (layout, process, log):
        await ready(layout, process, log)
        joined = replace(layout, replicas={"housing": 2})
        port = joined.service_port("housing", 1)
        printed = await asyncio.to_thread(anju, layout, "env", "housing", "--port", str(port))
        assert printed.returncode == 0
        password = (layout.secrets_dir / "housing.database-url").read_text()
        assert password not in printed.stdout
        script = f'{printed.stdout}\nexec "{Path(ANJU).with_name("anju-housing")}" serve'
        second = await asyncio.create_subprocess_exec("/bin/sh", "-c", script, stdout=asyncio.subprocess.DEVNULL)
        try:
            await eventually(lambda: probes.service_serves(joined, "housing", 1), what="the second housing")
            alone = Client(f"127.0.0.1:{port}", signer(layout.keys_dir, "web-gateway"))
            stub = housing_rpc.HousingServiceStub(alone.channel)
            request = housing.ListEstatesRequest(district="410204")
            estates = await alone.call(stub.ListEstates, request, caller=staff("house_manager", "410204"), timeout=10)
            assert len(estates.estates) == 3
            await alone.close()
        finally:
            second.terminate()
            assert await asyncio.wait_for(second.wait(), 30) == 0


async def test_interrupted_while_starting_nothing_is_left(data_dir: Path) -> None:
    with box_of(data_dir) as (layout, process, _):
        await eventually(lambda: probes.temporal_answers(layout), what="Temporal")
        family = family_of(process.pid)
        process.send_signal(signal.SIGINT)
        assert await asyncio.to_thread(process.wait, 60) == 0
        await gone(family, seconds=2)
    # The next start is not troubled by the one that was broken off.
    with box_of(data_dir) as (layout, process, log):
        await ready(layout, process, log)
        async with aiohttp.ClientSession() as http, http.get(f"{layout.web_url}/livez") as response:
            assert response.status == 200


async def test_a_folder_nobody_may_write_to_is_said_in_words(data_dir: Path) -> None:
    # A file where the folder should be: root may write everywhere, but not below a file.
    data_dir.parent.joinpath("taken").write_text("")
    tried = await asyncio.to_thread(
        subprocess.run, [ANJU, "up", "--data-dir", str(data_dir.parent / "taken" / "box")], capture_output=True, text=True, timeout=60
    )
    assert tried.returncode == 1
    assert "Traceback" not in tried.stdout + tried.stderr
    assert "taken" in tried.stdout


async def test_words_are_explained_without_a_box(data_dir: Path) -> None:
    for command, word in (("replay", "--seed"), ("demo", "--months"), ("verify", "--canary-file")):
        told = await asyncio.to_thread(subprocess.run, [ANJU, command, "--help"], capture_output=True, text=True, timeout=60)
        assert told.returncode == 0
        assert word in told.stdout


async def test_a_taken_port_is_named_before_anything_is_started(data_dir: Path) -> None:
    with free_block(data_dir) as layout:
        housing_port, bank_port = layout.ports["housing"], layout.ports["sandbox bank"]
        server, bank = [
            await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", port) for port in (housing_port, bank_port)
        ]
        async with server, bank:
            process, log = launch(layout)
            try:
                assert await asyncio.to_thread(process.wait, 60) == 1
            finally:
                stop(process)
            text = log.read_text()
    assert f"{housing_port} (housing)" in text
    assert str(bank_port) in text, "the bank of the outside world"
    assert "PostgreSQL" not in text
