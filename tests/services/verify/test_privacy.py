"""P1 and P3: personal data in the wrong place is found wherever it is, and the report itself never repeats it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from anju_contracts import application
from anju_onebox.engine.postgres import Postgres
from anju_onebox.engine.temporal import TemporalServer
from anju_verify import privacy
from anju_verify.check import Result, Status
from chassis.crypto import KeyRing
from chassis.deployment import Deployment, Temporal
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from tests.conftest import MakeDatabase
from tests.services.verify.records import ADDRESS, NOW, PEOPLE, PHONE, Records

NO = "KF-2026-000001"
NAME, NUMBER = PEOPLE[0]
ALL = (*(value for person in PEOPLE for value in person), PHONE, ADDRESS)


def silent(result: Result) -> None:
    """What was found is not said again."""
    assert not any(value in str(result) for value in ALL)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def whole_city(make_module_database: MakeDatabase, postgres: Postgres, keys_dir: Path, ring: KeyRing) -> tuple[Records, Any]:
    """One case on record, sealed as it should be."""
    made = Records(make_module_database, postgres, keys_dir, ring)
    await made.application(NO)
    await made.told(NO, "application_received")
    await made.estate()
    return made, await made.snapshot()


@pytest_asyncio.fixture(loop_scope="session")
async def city(whole_city: tuple[Records, Any], tmp_path: Path) -> AsyncIterator[Records]:
    """The case beside the files of a box; what a test does to the records is undone after it."""
    made, kept = whole_city
    for folder in ("logs", "temporal", "sandbox"):
        (tmp_path / folder).mkdir()
    (tmp_path / "logs" / "box.log").write_text('{"event": "lookup", "application_no": "KF-2026-000001"}\n')
    (tmp_path / "temporal" / "temporal.db").write_bytes(b"\x00" * 4096)
    # The outside world's own records are the outside world's.
    (tmp_path / "sandbox" / "people.sqlite").write_text(f"{NAME} {NUMBER}")
    made.deployment = Deployment(files_dir=tmp_path)
    made.aim()
    yield made
    await made.restore(kept)


async def test_good_records_pass(city: Records) -> None:
    await city.passes("P1")


@pytest.mark.parametrize(
    ("file", "written", "kind"),
    [
        ("logs/box.log", NUMBER.encode(), "identity number"),
        ("logs/postgres.log", NAME.encode(), "name"),
        ("logs/split/worker.log", json.dumps(PHONE).encode(), "phone number"),
        ("temporal/temporal.db", NAME.encode("utf-16-le"), "name"),
        ("temporal/temporal.db-wal", NAME.encode("utf-16-be"), "name"),
        ("temporal/temporal.db-wal", NUMBER.encode("utf-16-le"), "identity number"),
        ("logs/box.log", json.dumps(ADDRESS).encode(), "address"),
        ("logs/box.log", b"\\u9648\\u6653\\u660e", "name"),
    ],
)
async def test_p1_in_a_file(city: Records, file: str, written: bytes, kind: str) -> None:
    folder = city.deployment.files_dir
    assert folder is not None
    path = folder / file
    path.parent.mkdir(exist_ok=True)
    path.write_bytes((path.read_bytes() if path.exists() else b"") + b"\x01\x02" + written + b"\x00rest")
    silent(await city.violates("P1", f"{file} holds the {kind} of", NO))


@pytest.mark.parametrize(
    ("service", "statement", "words"),
    [
        ("casework", f"UPDATE application SET masked_name = '{NAME}'", ("casework: column application.masked_name", "name of member 1")),
        ("casework", f"UPDATE dossier SET blinds = ARRAY['x', '{NUMBER}']", ("column dossier.blinds", "identity number")),
        ("notifications", f"UPDATE inbox_message SET content = convert_to('致{NAME}：', 'UTF8')", ("column inbox_message.content", "name")),
        (
            "casework",
            f"INSERT INTO outbox VALUES (1, 'k', '{{\"phone\": \"{PHONE}\"}}', 0, now(), now(), NULL, '')",
            ("column outbox.payload", f"phone number of {NO}"),
        ),
        ("housing", f"UPDATE units SET number = '{PEOPLE[1][1]}' WHERE id = 'U1'", ("housing: column units.number", "member 2")),
    ],
)
async def test_p1_in_a_column(city: Records, service: str, statement: str, words: tuple[str, ...]) -> None:
    await city.sabotage(service, statement)
    silent(await city.violates("P1", *words))


async def test_p1_a_canary_given_by_hand(city: Records) -> None:
    await city.sabotage("casework", "UPDATE application SET owner = 'c-canary-4711'")
    await city.passes("P1")
    result = await city.violates("P1", "given value of number 1", canaries=("canary-4711",))
    assert "4711" not in str(result.violations)


async def test_p1_a_name_that_is_a_word_of_the_city(city: Records, tmp_path: Path) -> None:
    """An estate happens to be called like somebody: that it stands in the stock proves nothing."""
    await city.sabotage("housing", f"UPDATE estates SET name = '{NAME}苑'")
    await city.passes("P1")


async def test_p1_says_how_many_values_it_did_not_look_for(city: Records, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(privacy, "MAX_CANARIES", 4)
    assert (await city.check("P1")).notes == (f"4 values searched for, {len(ALL) - 4} more left out",)


async def test_p1_nobody_on_record_is_not_checked(records: Records) -> None:
    await records.need("casework")
    assert (await records.check("P1")).status is Status.NOT_CHECKED


async def test_p1_a_dossier_moved_to_another_case_is_no_pass(city: Records) -> None:
    await city.sabotage("casework", "UPDATE dossier SET round = 2")
    assert (await city.check("P1")).status is Status.FAILED_TO_RUN


async def test_p1_in_histories_of_a_cluster_whose_files_are_elsewhere(city: Records, engine: TemporalServer) -> None:
    """Payloads that were not sealed: read from the histories, as the engine gives them."""
    city.aim(temporal=Temporal(address=engine.address), files_dir=None)
    client = await Client.connect(engine.address, data_converter=pydantic_data_converter)
    for number, given in enumerate(({"masked": "陈*明"}, {"name": NAME}), start=1):
        await client.start_workflow(application.NAME, given, id=f"application/KF-{number}", task_queue="nobody")
    result = await city.violates("P1", "the history of application/KF-2", "name of member 1")
    assert result.violation_count == 1
    silent(result)


# --- P3 ------------------------------------------------------------------------------------------------------------------------------------


def entry(no: str = NO, **changes: Any) -> dict[str, Any]:
    return {"application_no": no, "masked_name": "陈*明", "district": "410202", "published_at": NOW.isoformat(), **changes}


@asynccontextmanager
async def public_pages(notices: list[dict[str, Any]], waiting: list[dict[str, Any]]) -> AsyncIterator[str]:
    """The public API with two entries a page, refusing the first call as one that comes too fast."""
    calls = 0

    async def divisions(_request: web.Request) -> web.Response:
        return web.json_response({"items": [{"code": "410202", "level": "district"}, {"code": "410202001", "level": "street"}]})

    def paged(items: list[dict[str, Any]]) -> Any:
        async def page(request: web.Request) -> web.Response:
            nonlocal calls
            calls += 1
            if calls == 1:
                return web.json_response({}, status=429, headers={"Retry-After": "0"})
            start = int(request.query.get("cursor", "0"))
            more = str(start + 2) if start + 2 < len(items) else ""
            return web.json_response({"items": items[start : start + 2], "next_cursor": more})

        return page

    app = web.Application()
    app.router.add_get("/api/v1/divisions", divisions)
    app.router.add_get("/api/v1/notices", paged(notices))
    app.router.add_get("/api/v1/districts/410202/waiting-list", paged(waiting))
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield site.name
    finally:
        await runner.cleanup()


async def test_p3_masked_lists_pass(city: Records) -> None:
    shown = [entry(), entry("KF-2", masked_name="王*"), entry("KF-3", masked_name="买*****江")]
    async with public_pages(shown, shown[:1]) as url:
        city.aim(web_url=url)
        result = await city.check("P3")
    assert (result.status, result.looked_at) == (Status.PASSED, 4), result.violations


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (entry(masked_name=NAME), ("the name is not masked",)),
        (entry(masked_name=f"{NAME}*"), ("the name is not masked",)),
        (entry(masked_name=""), ("the name is not masked",)),
        (entry(remark=f"证件 {NUMBER}"), ("an identity number",)),
        (entry(remark="991102900101123"), ("an identity number",)),
        (entry(contact=PHONE), ("a phone number",)),
        (entry(spouse=PEOPLE[1][0]), ("a whole name",)),
    ],
)
@pytest.mark.parametrize("place", ["notices", "waiting list of 410202"])
async def test_p3_what_a_list_may_not_show(city: Records, place: str, wrong: dict[str, Any], words: tuple[str, ...]) -> None:
    others = [entry(), entry("KF-2"), wrong]
    async with public_pages(others if place == "notices" else [], others if place != "notices" else []) as url:
        city.aim(web_url=url)
        silent(await city.violates("P3", f"{place}, {NO}", *words))


async def test_p3_pages_that_are_away_are_no_pass(city: Records) -> None:
    city.aim(web_url="http://127.0.0.1:9")
    assert (await city.check("P3")).status is Status.FAILED_TO_RUN
