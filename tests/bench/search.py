"""``python -m tests.bench.search``: how long a search of the shelf takes beside the bare statement, on 10,000 articles (ADR 21).

Both ask for the same words of two characters in turns, one after another: the service over gRPC, signed and checked, with rows made into messages; and
PostgreSQL alone, by the statement that the service sends, prepared once. It fails where the service's 99th percentile is more than three times that of the
statement, or where the statement reads the table from end to end.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from random import Random
from typing import Final

import anju_calendar as calendar
import asyncpg
from anju.oversight.v1 import oversight_pb2 as pb
from anju.oversight.v1 import oversight_pb2_grpc as rpc
from anju_onebox.engine.postgres import Postgres
from anju_onebox.keys import make_keys
from chassis import commands, logs, loop, migrate
from chassis.grpc_client import Client
from chassis.identity import Caller
from oversight import store
from oversight.app import application
from oversight.domain import words
from oversight.domain.content import Article, Content
from oversight.settings import Settings
from oversight.tables import MIGRATIONS
from rich.console import Console
from sqlalchemy.dialects import postgresql

from tests.bench.report import percentile
from tests.services.oversight.desk import Walker
from tests.support.keys import signer
from tests.support.profiles import KAIFENG

POLICIES, ARTICLES, CHARS = 2_000, 5, 240
ASKED, WARM_UP = 400, 20
MOST: Final = 3.0
READER: Final = Caller(sub="everybody", kind="citizen")
# As many as such texts have; a word stands in one policy of forty, and its two characters apart in many more.
CHARACTERS: Final = "".join(chr(0x4E00 + at * 17) for at in range(800)) + "租金收入面积申请轮候押补贴低保家庭材料"
WORDS: Final = ("租金", "收入", "面积", "申请", "轮候", "押金", "补贴", "低保", "家庭", "材料")
_ADD: Final = """
    INSERT INTO policy_version (policy_id, number, state, category, effective_on, content, digest, title, plain, pairs, writers, saved_at, published_at,
                                published_by, published_by_person)
    VALUES ($1, 1, 'published', 'rent', $2, $3, '', $4, $5, $6, '[]', now(), now(), '', '')
"""


def policy(chance: Random, number: int) -> Content:
    title = f"第 {number} 号文件"
    texts = ["".join(chance.choices(CHARACTERS, k=CHARS)) for _ in range(ARTICLES)]
    texts[0] += WORDS[number // 4 % len(WORDS)] if number % 4 == 0 else ""
    articles = tuple(Article(f"第{place}条", "", text) for place, text in enumerate(texts, start=1))
    return Content("rent", title, title, "", "", "示例市", "", articles, date(2026, 1, 1), sample=True)


async def fill(connection: asyncpg.Connection) -> None:
    """A shelf of invented texts, published."""
    chance = Random(1)
    for number in range(POLICIES):
        id, said = f"policy-{number:04d}", policy(chance, number)
        content = json.dumps(said.as_json(), ensure_ascii=False)
        await connection.execute("INSERT INTO policy VALUES ($1, now(), NULL, NULL, '', '', '', '')", id)
        await connection.execute(_ADD, id, said.effective_on, content, said.title, said.plain, words.index(said.texts))
    await connection.execute("ANALYZE policy, policy_version")


def statement(word: str) -> str:
    """What the service sends for a word, with its first page, as one text."""
    query = store.finding([word], "", calendar.local_date(datetime.now(UTC)))
    compiled = query.limit(21).compile(dialect=postgresql.dialect(), compile_kwargs={"literal_binds": True})  # type: ignore[no-untyped-call]  # untyped
    return str(compiled)


@asynccontextmanager
async def shelf(folder: Path) -> AsyncIterator[tuple[Client, asyncpg.Connection]]:
    """The service and a connection beside it, on a PostgreSQL of their own."""
    keys_dir, server = folder / "keys", Postgres(folder / "postgres")
    make_keys(keys_dir)
    await server.start()
    try:
        url = await server.create_database("oversight")
        await asyncio.to_thread(migrate.upgrade, MIGRATIONS, url)
        settings = Settings(database_url=url, keys_dir=keys_dir, port=0, drain_seconds=0, profile_dir=KAIFENG, follow_seconds=3600)
        connection = await asyncpg.connect(url.replace("+asyncpg", ""))
        async with application(settings, engine=Walker(keys_dir)) as running:
            client = Client(running.address, signer(keys_dir, "web-gateway"), "oversight")
            yield client, connection
            await client.close()
        await connection.close()
    finally:
        await server.stop()
        server.remove()


async def measured(client: Client, connection: asyncpg.Connection) -> tuple[list[float], list[float], list[str]]:
    """Milliseconds of the service and of the statement, and the plans that read a table from end to end."""
    stub = rpc.OversightServiceStub(client.channel)
    plain = {word: await connection.prepare(statement(word)) for word in WORDS}
    plans = ["\n".join(row[0] for row in await connection.fetch(f"EXPLAIN {statement(word)}")) for word in WORDS]
    ours: list[float] = []
    bare: list[float] = []
    for number in range(WARM_UP + ASKED):
        word = WORDS[number % len(WORDS)]
        began = time.perf_counter()
        answer: pb.ListPoliciesResponse = await client.call(stub.ListPolicies, pb.ListPoliciesRequest(words=word), caller=READER)
        between = time.perf_counter()
        rows = await plain[word].fetch()
        ended = time.perf_counter()
        if not answer.policies or not rows:
            raise AssertionError(f"{word} is in none of {POLICIES * ARTICLES} articles")
        if number >= WARM_UP:
            ours.append(1000 * (between - began))
            bare.append(1000 * (ended - between))
    return ours, bare, [plan for plan in plans if "Seq Scan on policy_version" in plan]


async def run(console: Console) -> bool:
    folder = Path(tempfile.mkdtemp(prefix="anju-bench-"))
    folder.chmod(0o711)
    try:
        async with shelf(folder) as (client, connection):
            await fill(connection)
            ours, bare, scans = await measured(client, connection)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    ratio = percentile(ours, 0.99) / percentile(bare, 0.99)
    for name, taken in (("the service", ours), ("the statement alone", bare)):
        console.print(f"{name}: p50 {percentile(taken, 0.5):.1f} ms, p99 {percentile(taken, 0.99):.1f} ms, of {len(taken)} searches")
    console.print(f"p99 {ratio:.2f} times the statement's (at most {MOST:g}); plans that read the table from end to end: {len(scans)}")
    return ratio <= MOST and not scans


app = commands.program("A search of the shelf beside the bare statement.")


@app.command(epilog=commands.examples("python -m tests.bench.search"))
def main() -> None:
    """Measures on this machine; ends with 1 where a goal is missed."""
    logs.configure("bench", "ERROR")
    if not loop.run(run(Console())):
        raise SystemExit(1)


if __name__ == "__main__":
    commands.start(app, name="python -m tests.bench.search")
