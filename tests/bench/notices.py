"""What a notice to many households costs: ``python -m tests.bench.notices``. Through the whole chain (casework's list, inbox, outbox, gateway) beside bare
HTTP posts to the same gateway, in turns; the median of the ratios, and by how much memory grew while it was sent."""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

import aiohttp
import psutil
import typer
from aiohttp import web
from anju.casework.v1 import casework_pb2 as casework
from anju.casework.v1 import casework_pb2_grpc as casework_rpc
from anju.notifications.v1 import notifications_pb2 as pb
from anju.notifications.v1 import notifications_pb2_grpc as rpc
from anju_onebox.engine.postgres import Postgres
from anju_onebox.keys import make_keys
from chassis import commands, logs, loop, migrate
from chassis.grpc_client import Client
from chassis.grpc_server import GrpcServer, serving
from chassis.identity import Verifier, load_key_set
from notifications.app import application
from notifications.settings import Settings
from notifications.tables import MIGRATIONS
from pydantic import SecretStr
from rich.console import Console

from tests.support.keys import signer, staff

# Posts at once: as many as the outbox delivers at a time.
AT_ONCE: Final = 16
GOAL: Final = 0.3
MEMORY_GOAL_MIB: Final = 100
PHONE: Final = "19999012345"


class Casework(casework_rpc.CaseworkServiceServicer):
    """As many households as are asked for, each with a phone."""

    def __init__(self, many: int) -> None:
        self._many = many

    async def ListAudience(self, request: casework.ListAudienceRequest, context: Any) -> casework.ListAudienceResponse:
        if not request.limit:
            return casework.ListAudienceResponse(total=self._many)
        first = int(request.cursor or 0)
        last = min(first + request.limit, self._many)
        households = [
            casework.ListAudienceResponse.Household(
                application_no=f"KF-2026-{number:06}",
                contact=casework.GetContactResponse(owner=f"owner-{number}", phone=PHONE, locale="zh-CN", street="410202001"),
            )
            for number in range(first, last)
        ]
        return casework.ListAudienceResponse(households=households, next_cursor=str(last) if last < self._many else "")


class Gateway:
    """Takes everything, and counts it."""

    def __init__(self) -> None:
        self.taken = 0

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.taken += 1
        return web.json_response({"status": "accepted", "message_id": body["message_id"]})


@dataclass
class Round:
    notices_per_second: float
    posts_per_second: float
    grown_mib: float

    @property
    def ratio(self) -> float:
        return self.notices_per_second / self.posts_per_second


async def posts(url: str, many: int) -> float:
    """Bare posts a second."""
    numbers = iter(range(many))
    async with aiohttp.ClientSession() as session:

        async def lane() -> None:
            for number in numbers:
                body = {"message_id": f"bare-{number}", "phone": PHONE, "template": "broadcast", "text": "【安居】您有一条公租房通知。"}
                async with session.post(f"{url}/v1/messages", json=body, headers={"Authorization": "Bearer k"}) as response:
                    await response.read()

        began = time.perf_counter()
        await asyncio.gather(*(lane() for _ in range(AT_ONCE)))
        return many / (time.perf_counter() - began)


async def notices(client: Client, gateway: Gateway, many: int) -> tuple[float, float]:
    """Notices a second, from the release to the last one at the gateway; and by how many MiB the process grew meanwhile."""
    stub, process = rpc.NotificationsServiceStub(client.channel), psutil.Process()
    written = pb.WriteBroadcastRequest(
        idempotency_key=str(uuid.uuid4()), audience="all", division="4102", must_arrive=True,
        title_zh="停水通知", body_zh="10月8日停水一天。", title_en="No water", body_en="No water on 8 October.",
    )  # fmt: skip
    id = (await client.call(stub.WriteBroadcast, written, caller=staff("city_reviewer", "4102", sub="writer"))).id
    idle, most, until = process.memory_info().rss, 0, gateway.taken + many
    began = time.perf_counter()
    await client.call(
        stub.StepBroadcast, pb.StepBroadcastRequest(id=id, step="release"), caller=staff("city_reviewer", "4102", sub="sender")
    )
    while gateway.taken < until:
        await asyncio.sleep(0.02)
        most = max(most, process.memory_info().rss)
    return many / (time.perf_counter() - began), (most - idle) / 2**20


@asynccontextmanager
async def stood(folder: Path, many: int) -> AsyncIterator[tuple[Client, Gateway, str]]:
    keys, postgres, gateway = folder / "keys", Postgres(folder / "postgres"), Gateway()
    make_keys(keys)
    (folder / "messages.yaml").write_text("broadcast_per_minute: 100000\n")
    runner = web.AppRunner(_app(gateway), access_log=None)
    server = GrpcServer(
        "anju.casework.v1.CaseworkService", Verifier(load_key_set(keys / "callers.jwks")), host="127.0.0.1", port=0, drain_seconds=0
    )
    casework_rpc.add_CaseworkServiceServicer_to_server(Casework(many), server.server)
    await postgres.start()
    try:
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = "http://{}:{}".format(*runner.addresses[0][:2])
        database = await postgres.create_database("notices")
        await asyncio.to_thread(migrate.upgrade, MIGRATIONS, database)
        async with serving(server):
            settings = Settings(
                port=0, database_url=database, keys_dir=keys, casework_address=server.address, sms_url=url, sms_key=SecretStr("k"),
                profile_dir=folder, drain_seconds=0,
            )  # fmt: skip
            async with application(settings) as served:
                client = Client(served.address, signer(keys, "web-gateway"))
                yield client, gateway, url
                await client.close()
    finally:
        await runner.cleanup()
        await postgres.stop()
        postgres.remove()


def _app(gateway: Gateway) -> web.Application:
    app = web.Application()
    app.router.add_post("/v1/messages", gateway.handle)
    return app


async def run(many: int, rounds: int, console: Console) -> list[Round]:
    found = []
    with tempfile.TemporaryDirectory(prefix="anju-notices-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        async with stood(folder, many) as (client, gateway, url):
            await posts(url, 200)
            for number in range(rounds):
                bare = await posts(url, many)
                rate, grown = await notices(client, gateway, many)
                found.append(Round(rate, bare, grown))
                console.print(f"{number + 1}/{rounds}: {rate:.0f} notices/s, {bare:.0f} posts/s, +{grown:.0f} MiB", highlight=False)
    return found


app = commands.program("A notice to many households beside bare posts to the same gateway.")


@app.command(epilog=commands.examples("python -m tests.bench.notices --households 20000"))
def main(
    households: Annotated[int, typer.Option(min=100, help="households told in a round")] = 20_000,
    rounds: Annotated[int, typer.Option(min=1, help="rounds of each")] = 3,
) -> None:
    """Prints the ratio, and by how much memory grew."""
    logs.configure("bench", "ERROR")
    console = Console()
    found = loop.run(run(households, rounds, console))
    ratio, grown = statistics.median(each.ratio for each in found), max(each.grown_mib for each in found)
    console.print(
        f"notices / bare posts: {ratio:.2f} (goal ≥ {GOAL}); memory while {households} are sent: +{grown:.0f} MiB (goal < {MEMORY_GOAL_MIB})"
    )


if __name__ == "__main__":
    commands.start(app, name="python -m tests.bench.notices")
