"""Strangers who open and never ask: the gateway goes on answering everybody else."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from anju.casework.v1 import casework_pb2 as casework

from tests.services.web_gateway.world import API, NO, ROOT, World, an_application, world
from tests.support import surroundings
from tests.support.patience import eventually
from tests.support.ports import free_block

HALF = b"GET /api/v1/divisions HTTP/1.1\r\nHost: a\r\nX-Slow: "
WHOLE = b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n"
LIVES = b'{"status": "alive"}'
CROWD = 1100


@asynccontextmanager
async def dawdlers(address: str, count: int) -> AsyncIterator[list[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]:
    """So many connections that have sent half a header."""
    host, _, port = address.rpartition(":")
    opened: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
    try:
        for _ in range(count):
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(HALF)
            opened.append((reader, writer))
        yield opened
    finally:
        for _, writer in opened:
            writer.transport.abort()


def ended(opened: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]]) -> list[asyncio.StreamReader]:
    return [reader for reader, _ in opened if reader.at_eof() or reader.exception() or reader._buffer]  # type: ignore[attr-defined]


async def answered(address: str, seconds: float = 5.0) -> float:
    """How long one honest request takes on a connection of its own."""
    started = time.monotonic()
    async with asyncio.timeout(seconds):
        host, _, port = address.rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(WHOLE)
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        writer.close()
    return time.monotonic() - started


@asynccontextmanager
async def small(keys_dir: Path, **changes: object) -> AsyncIterator[World]:
    with tempfile.TemporaryDirectory() as folder:
        async with world(Path(folder), keys_dir, **changes) as gateway:
            yield gateway


async def test_a_header_that_does_not_come_is_not_waited_for(keys_dir: Path) -> None:
    async with small(keys_dir, header_seconds=0.5) as gateway, dawdlers(gateway.server.address, 3) as opened:
        async with asyncio.timeout(5):
            for reader, _ in opened:
                assert (await reader.read()).startswith(b"HTTP/1.1 408 ")


async def test_nor_is_the_next_one_of_a_connection_that_has_asked_before(keys_dir: Path) -> None:
    async with small(keys_dir, header_seconds=0.5) as gateway:
        host, _, port = gateway.server.address.rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(WHOLE)
        assert (await reader.readuntil(LIVES)).startswith(b"HTTP/1.1 200")
        await asyncio.sleep(1.5)
        # An idle connection may wait; what it has begun to send may not.
        writer.write(WHOLE)
        assert (await reader.readuntil(LIVES)).startswith(b"HTTP/1.1 200")
        writer.write(HALF)
        async with asyncio.timeout(5):
            assert b"408 Request Timeout" in await reader.read()


async def test_one_address_dawdles_in_a_bounded_number(keys_dir: Path) -> None:
    async with small(keys_dir, half_open_connections_per_address=20) as gateway, dawdlers(gateway.server.address, 100) as opened:
        assert await answered(gateway.server.address) < 2
        # The honest one counted too while its header was on the way.
        await eventually(lambda: len(ended(opened)), lambda count: 80 <= count <= 81, what="the end of all but twenty")


async def test_behind_a_proxy_of_ours_everybody_has_one_address(keys_dir: Path) -> None:
    settings = {"half_open_connections_per_address": 5, "trusted_proxies": ("127.0.0.0/8",)}
    async with small(keys_dir, **settings) as gateway, dawdlers(gateway.server.address, 50) as opened:
        assert await answered(gateway.server.address) < 2
        assert not ended(opened)


async def test_at_the_high_water_mark_who_waits_is_served_when_somebody_leaves(keys_dir: Path) -> None:
    """Event streams hold their connections by right: nothing makes room, and the kernel keeps who comes until one ends."""
    async with small(keys_dir, connections=16) as gateway:
        gateway.backstage.on("GetApplication", casework.GetApplicationResponse(application=an_application()))
        headers = {"Authorization": f"Bearer {gateway.token()}"}
        official = {"Authorization": f"Bearer {gateway.token('street_clerk')}"}
        third = {"Authorization": f"Bearer {gateway.token('auditor')}"}
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:
            held = [
                await http.get(f"{gateway.url}{API}/applications/{NO}/events", headers=mine)
                for mine in [headers] * 6 + [official] * 6 + [third] * 4
            ]
            assert {response.status for response in held} == {200}
            with pytest.raises(TimeoutError):
                await answered(gateway.server.address, 1.0)
            held.pop().close()
            assert await answered(gateway.server.address) < 5


async def test_idle_connections_make_room_for_who_asks(keys_dir: Path) -> None:
    async with small(keys_dir, connections=16) as gateway:
        host, _, port = gateway.server.address.rpartition(":")
        idle = []
        for _ in range(16):
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(WHOLE)
            await reader.readuntil(LIVES)
            idle.append(writer)
        assert await answered(gateway.server.address) < 2


async def test_a_crowd_with_half_sent_headers_stops_nobody_and_fills_no_log(keys_dir: Path, tmp_path: Path) -> None:
    """The process as it is deployed, with the open files a shell gives it."""
    log = tmp_path / "log"
    with free_block(tmp_path) as layout:
        environment = dict(os.environ)
        surroundings.clear(environment)
        environment |= {
            "ANJU_PORT": str(layout.web_port),
            "ANJU_KEYS_DIR": str(keys_dir),
            "ANJU_PROFILE_DIR": str(ROOT / "profiles/kaifeng"),
            "ANJU_HEADER_SECONDS": "3",
        }
        address = f"127.0.0.1:{layout.web_port}"
        with log.open("wb") as out:
            process = subprocess.Popen(  # noqa: ASYNC220 (it only starts it)
                [str(Path(sys.executable).parent / "anju-web-gateway"), "serve"],
                stdout=out,
                stderr=out,
                env=environment,
                preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (1024, 1024)),
            )
        try:
            await eventually(lambda: answers(address), what="the gateway")
            slowest = 0.0
            async with dawdlers(address, CROWD) as opened:
                for _ in range(20):
                    slowest = max(slowest, await answered(address))
                    await asyncio.sleep(0.25)
                await eventually(lambda: len(ended(opened)) == CROWD, what="the end of the whole crowd")
            assert slowest < 2
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)
        assert process.returncode == 0
    assert log.stat().st_size < 100_000, log.read_text()[-3000:]
    assert '"half_open_dropped"' in log.read_text()


async def answers(address: str) -> bool:
    try:
        await answered(address)
    except (OSError, TimeoutError):
        return False
    return True
