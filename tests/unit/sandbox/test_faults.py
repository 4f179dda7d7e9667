"""Fault switches do what they say, to whom they say, as often as they say; the book tells."""

import asyncio
import gzip
import hmac
import json
import os
import stat
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from anju_sandbox.app import Sandbox, sandbox
from anju_sandbox.departments import discover
from anju_sandbox.servers import expand, places
from anju_sandbox.settings import SandboxSettings
from anju_sandbox.world.facts import Person
from anju_sandbox.world.identity import same_person

from tests.unit.sandbox.support import Answer, HenanClient, Json, Merchant, NationalClient, ask_real_estate

Fault = Callable[..., Awaitable[Json]]


@pytest.fixture
def person(world: Sandbox) -> Person:
    persona = world.population.persona("homeowner")
    assert persona is not None
    return persona.household.applicant


REAL_ESTATE_SERVERS = tuple(discover()["real_estate"].places)
SERVERS = tuple(places())


async def ask(world: Sandbox, http: aiohttp.ClientSession, person: Person) -> Answer:
    return await ask_real_estate(world, http, "410202", person.id_number, person.name)


async def raw(world: Sandbox, http: aiohttp.ClientSession, person: Person) -> tuple[int, bytes]:
    login = world.keys["real_estate_410202"]
    body = {"QLRMC": person.name, "QLRZJHM": person.id_number, "QLRZJZL": "1", "YHM": login.yhm, "MM": login.mm}
    url = world.urls["real_estate_410202"] + "/bdc/gxcx/query"
    async with http.post(url, json=body) as response:
        return response.status, await response.read()


async def test_down_hits_one_county_only(world: Sandbox, http: aiohttp.ClientSession, fault: Fault, person: Person) -> None:
    await fault(server="real_estate_410202", kind="down")
    with pytest.raises(aiohttp.ClientError):
        await ask(world, http, person)
    other = await ask_real_estate(world, http, "410203", person.id_number, person.name)
    assert other.body["Result"] == "1"


async def test_real_estate_means_all_counties(world: Sandbox, http: aiohttp.ClientSession, fault: Fault, person: Person) -> None:
    await fault(server="real_estate", kind="inner_failure")
    for server in REAL_ESTATE_SERVERS:
        answer = await ask_real_estate(world, http, server[-6:], person.id_number, person.name)
        assert answer.body["Result"] == "0"


async def test_count_and_skip_run_out(world: Sandbox, http: aiohttp.ClientSession, fault: Fault, person: Person) -> None:
    await fault(server="real_estate_410202", kind="status", status=429, count=2, skip=1)
    statuses = [(await raw(world, http, person))[0] for _ in range(5)]
    assert statuses == [200, 429, 429, 200, 200]


async def test_retry_after_is_sent(world: Sandbox, http: aiohttp.ClientSession, fault: Fault) -> None:
    await fault(server="sms", kind="status", status=503, retry_after_seconds=7)
    async with http.get(world.urls["sms"] + "/") as response:
        assert (response.status, response.headers["Retry-After"]) == (503, "7")


async def test_probability_is_reproducible(world: Sandbox, http: aiohttp.ClientSession, fault: Fault, person: Person) -> None:
    runs = []
    for _ in range(2):
        world.faults.clear()
        await fault(server="real_estate_410202", kind="status", probability=0.5, random_seed=9)
        runs.append([(await raw(world, http, person))[0] for _ in range(40)])
    assert runs[0] == runs[1]
    assert 8 < runs[0].count(503) < 32


async def test_only_one_person_is_hit_and_the_list_does_not_name_them(
    world: Sandbox, http: aiohttp.ClientSession, fault: Fault, person: Person
) -> None:
    shown = await fault(server="real_estate_410202", kind="null_data", subject=person.id_number)
    assert (await ask(world, http, person)).body["Data"] is None
    other = next(world.population.households(1)).applicant
    assert (await ask(world, http, other)).body["Note"] in ("查询成功", "未查询到相关登记信息")
    async with http.get(world.urls["control"] + "/faults") as response:
        text = await response.text()
    assert person.id_number not in text
    assert str(shown["subject_hash"]) == world.book.hash_subject(person.id_number)
    async with http.delete(f"{world.urls['control']}/faults/{shown['id']}") as response:
        assert (await response.json())["cleared"] == 1
    assert (await ask(world, http, person)).body["Data"]


async def test_down_for_one_person(world: Sandbox, http: aiohttp.ClientSession, fault: Fault, person: Person) -> None:
    await fault(server="real_estate_410202", kind="down", subject=person.id_number)
    with pytest.raises(aiohttp.ClientError):
        await ask(world, http, person)
    assert (await ask(world, http, next(world.population.households(1)).applicant)).body["Result"] == "1"


async def test_timeout_latency_and_drip(world: Sandbox, http: aiohttp.ClientSession, fault: Fault, person: Person) -> None:
    await fault(server="real_estate_410202", kind="timeout", seconds=0.1, count=1)
    started = time.monotonic()
    with pytest.raises(aiohttp.ClientError):
        await ask(world, http, person)
    assert time.monotonic() - started >= 0.1
    await fault(server="real_estate_410202", kind="latency", seconds=0.2, count=1)
    started = time.monotonic()
    assert (await ask(world, http, person)).body["Result"] == "1"
    assert time.monotonic() - started >= 0.2
    await fault(server="real_estate_410202", kind="drip", seconds=0.0005, count=1)
    assert (await ask(world, http, person)).signed("bdc")
    await fault(server="real_estate_410202", kind="drip", seconds=1, count=1)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await ask(world, http, person)


@pytest.mark.parametrize("variant", ["truncated", "gbk", "html", "deep", "nan", "bom", "empty"])
async def test_garbage_bodies(world: Sandbox, http: aiohttp.ClientSession, fault: Fault, person: Person, variant: str) -> None:
    await fault(server="real_estate_410202", kind="garbage", variant=variant, count=1)
    status, body = await raw(world, http, person)
    assert status == 200
    if variant == "nan":
        assert "NaN" in body.decode()
        return
    with pytest.raises((ValueError, RecursionError)):
        json.loads(body.decode())


async def test_huge_bodies_and_bombs(world: Sandbox, http: aiohttp.ClientSession, fault: Fault, person: Person) -> None:
    await fault(server="real_estate_410202", kind="garbage", variant="huge", count=1)
    size = 0
    async with http.post(world.urls["real_estate_410202"] + "/bdc/gxcx/query", json={}) as response:
        async for chunk in response.content.iter_chunked(1 << 20):
            size += len(chunk)
            if size > 2_000_000:
                break
    assert size > 2_000_000
    await fault(server="real_estate_410202", kind="garbage", variant="gzip_bomb", count=1)
    async with aiohttp.ClientSession(auto_decompress=False) as plain:
        _, body = await raw(world, plain, person)
    assert len(body) < 100_000
    assert len(gzip.decompress(body)) == 50_000_000


async def test_inner_failures_quota_and_null_are_signed_http_200(
    world: Sandbox, http: aiohttp.ClientSession, fault: Fault, person: Person
) -> None:
    henan, national = HenanClient(world, http), NationalClient(world, http, "vehicles")
    await henan.sign_in()
    await national.refresh()
    query = {"sfzmhm": person.id_number, "xm": person.name}
    seen: list[tuple[Any, Any, Any, Any]] = []
    for kind in ("inner_failure", "quota", "null_data"):
        await fault(server="social_insurance", kind=kind, count=1)
        await fault(server="vehicles", kind=kind, count=1)
        first, second = await henan.ask(person.id_number), await national.ask(query)
        assert first.signed("gateway")
        assert second.signed("gjgxjhpt")
        seen.append((first.body["code"], first.body["data"], second.body["code"], second.body.get("biz_data")))
    assert [row[0] for row in seen] == ["500", "429", "200"]
    assert [row[2] for row in seen] == ["1", "300", "1"]
    assert all(row[1] is None for row in seen)
    assert seen[0][3]["code"] == "500"
    assert seen[2][3] is None


async def test_wrong_person_is_rightly_signed(world: Sandbox, http: aiohttp.ClientSession, fault: Fault) -> None:
    persona = world.population.persona("family")
    assert persona is not None
    person = persona.household.applicant
    await fault(server="social_insurance", kind="wrong_person")
    answer = await HenanClient(world, http).ask(person.id_number)
    assert answer.signed("gateway")
    rows = answer.body["data"]["data"]["list"]
    assert rows
    assert all(not same_person(row["AAC002"], person.id_number) for row in rows)
    await fault(server="real_estate", kind="wrong_person")
    answer = await ask(world, http, person)
    assert answer.body["Data"]["BDCDJXX"]
    for server, field in (("vehicles", "sfzmhm"), ("marriage", "cert_num")):
        await fault(server=server, kind="wrong_person")
        query = {"sfzmhm": person.id_number, "xm": person.name, "cert_num_man": person.id_number, "name_man": person.name}
        answer = await NationalClient(world, http, server).ask(query)
        assert answer.signed("gjgxjhpt")
        assert not same_person(answer.body["biz_data"][field], person.id_number)


async def test_bad_signature_and_replay(world: Sandbox, http: aiohttp.ClientSession, fault: Fault, person: Person) -> None:
    first = await ask(world, http, person)
    await fault(server="real_estate_410202", kind="bad_signature", count=1)
    assert not (await ask(world, http, person)).signed("bdc")
    good = await ask(world, http, person)
    await fault(server="real_estate_410202", kind="replay", count=1)
    replayed = await ask(world, http, next(world.population.households(1)).applicant)
    assert replayed.signed("bdc")
    assert replayed.raw == good.raw
    assert replayed.headers["bdc_requestid"] == good.headers["bdc_requestid"] != first.headers["bdc_requestid"]


async def test_after_means_the_effect_is_there(world: Sandbox, http: aiohttp.ClientSession, fault: Fault) -> None:
    order = Merchant(world, http).order("after-1")
    await fault(server="bank", kind="down", count=1)
    with pytest.raises(aiohttp.ClientError):
        await Merchant(world, http).post(order)
    assert world.payments.ledger.order("after-1") is None
    await fault(server="bank", kind="down", count=1, after=True)
    with pytest.raises(aiohttp.ClientError):
        await Merchant(world, http).post(order)
    assert world.payments.ledger.order("after-1") is not None


async def test_senseless_switches_are_refused(world: Sandbox, http: aiohttp.ClientSession) -> None:
    for spec in (
        {"server": "moon", "kind": "down"},
        {"server": "control", "kind": "down"},
        {"server": "bank", "kind": "wrong_person"},
        {"server": "sms", "kind": "explode"},
        {"server": "sms", "kind": "down", "count": 0},
        {"server": "sms", "kind": "down", "surprise": 1},
    ):
        async with http.post(world.urls["control"] + "/faults", json=spec) as response:
            assert response.status == 422
    secret = {"id_number": "990001198804120016", "facts": {"homes": 3}}
    async with http.post(world.urls["control"] + "/world/changes", json=secret) as response:
        assert response.status == 422
        assert "990001198804120016" not in await response.text()


async def test_book_holds_every_request_and_no_id_number(
    world: Sandbox, http: aiohttp.ClientSession, fault: Fault, person: Person, keys_dir: Path
) -> None:
    before = len(world.book.page(limit=5000))
    answer = await ask(world, http, person)
    await fault(server="real_estate_410202", kind="down", count=1)
    with pytest.raises(aiohttp.ClientError):
        await ask(world, http, person)
    await ask_real_estate(world, http, "410202", person.id_number, person.name, MM="wrong")
    params = {"server": "real_estate_410202", "after": str(before), "limit": "2"}
    async with http.get(world.urls["control"] + "/book", params=params) as response:
        page = await response.json()
    items = page["items"]
    assert len(items) == 2
    async with http.get(world.urls["control"] + "/book", params=params | {"after": page["next_after"]}) as response:
        items += (await response.json())["items"]
    last = items[-3:]
    assert all(row["request_id"] for row in last)
    assert [(row["outcome"], row["fault"], row["status"]) for row in last] == [
        ("found", "", 200), ("not_done", "down", 0), ("refused", "", 200),
    ]  # fmt: skip
    assert last[0]["request_id"] == answer.headers["bdc_requestid"]
    assert last[0]["subject_hash"] == world.book.hash_subject(person.id_number)
    files = list(keys_dir.glob("book.sqlite*"))
    assert any(str(last[0]["subject_hash"]).encode() in file.read_bytes() for file in files)
    assert not any(person.id_number.encode() in file.read_bytes() for file in files)


async def test_sms_is_sent_once_and_never_to_a_real_number(world: Sandbox, http: aiohttp.ClientSession) -> None:
    persona = world.population.persona("family")
    assert persona is not None
    phone = persona.household.applicant.phone
    url = world.urls["sms"] + "/v1/messages"
    headers = {"Authorization": f"Bearer {world.credentials.sms_api_key}"}
    body = {"phone": phone, "template": "accepted", "text": "您的申请已受理", "message_id": "m-1"}

    async def send(**changed: str) -> tuple[int, Json]:
        async with http.post(url, json=body | changed, headers=headers) as response:
            return response.status, dict(await response.json())

    assert [(await send())[1]["duplicate"] for _ in range(2)] == [False, True]
    assert (await send(text="别的内容"))[0] == 409
    assert (await send(phone="13800138000", message_id="m-2"))[0] == 422
    async with http.post(url, json=body) as response:
        assert response.status == 401
    async with http.post(world.urls["sms"] + "/", data={"phone": phone}) as response:
        assert (await response.text()).count("您的申请已受理") == 1
    async with http.post(world.urls["control"] + "/sms/messages", json={"phone": phone}) as response:
        assert [item["message_id"] for item in (await response.json())["items"]] == ["m-1"]


async def test_what_became_of_a_message_is_reported_signed_until_it_is_taken(fresh_dir: Path, http: aiohttp.ClientSession) -> None:
    told: list[tuple[Mapping[str, str], bytes]] = []
    statuses = [503]
    heard = asyncio.Event()

    async def receipts(request: web.Request) -> web.Response:
        told.append((request.headers, await request.read()))
        if statuses:
            return web.Response(status=statuses.pop())
        heard.set()
        return web.Response(status=204)

    app = web.Application()
    app.router.add_post("/callbacks/sms", receipts)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/callbacks/sms"
    settings = SandboxSettings.on_free_ports(fresh_dir, sms_receipts_url=url, callback_first_retry_seconds=0.01)
    async with sandbox(settings, only=["control", "sms"]) as world:
        headers = {"Authorization": f"Bearer {world.credentials.sms_api_key}"}
        control = {"Authorization": f"Bearer {world.control_token}"}
        phones = {"reached": "19999010001", "silent": "19999010002", "refused": "19999010003"}
        statuses_of = {}
        for state, phone in phones.items():
            async with http.put(world.urls["control"] + "/sms/numbers", json={"phone": phone, "state": state}, headers=control) as response:
                assert response.status == 200
            body = {"phone": phone, "template": "accepted", "text": "您的申请已受理", "message_id": f"m-{state}"}
            async with http.post(world.urls["sms"] + "/v1/messages", json=body, headers=headers) as response:
                statuses_of[state] = response.status
        assert statuses_of == {"reached": 200, "silent": 200, "refused": 422}
        said: dict[str, str] = {}
        while len(said) < 2:
            await asyncio.wait_for(heard.wait(), 20)
            heard.clear()
            for sent, raw in told:
                signed = f"{sent['X-Timestamp']}.".encode() + raw
                assert sent["X-Signature"] == hmac.new(world.credentials.sms_api_key.encode(), signed, "sha256").hexdigest()
                said |= {line["message_id"]: line["status"] for line in json.loads(raw)["receipts"]}
        assert said == {"m-reached": "delivered", "m-silent": "failed"}
    await runner.cleanup()


async def test_credentials_are_private_random_and_kept(fresh_dir: Path, tmp_path: Path) -> None:
    path = fresh_dir / "credentials.json"
    path.unlink()
    async with sandbox(SandboxSettings.on_free_ports(fresh_dir), only=["control"]) as first:
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
        assert list(first.urls) == ["control"]
    async with sandbox(SandboxSettings.on_free_ports(fresh_dir), only=["control"]) as second:
        assert second.credentials == first.credentials
    other = tmp_path / "other"
    async with sandbox(SandboxSettings.on_free_ports(other), only=["control"]) as third:
        assert third.credentials.sms_api_key != first.credentials.sms_api_key


async def test_the_control_server_asks_for_its_token(fresh_dir: Path, http: aiohttp.ClientSession) -> None:
    given = SandboxSettings.on_free_ports(fresh_dir, control_token="t0ken")
    for settings, token in ((given, "t0ken"), (SandboxSettings.on_free_ports(fresh_dir), "")):
        async with sandbox(settings, only=["control"]) as world:
            token = token or (fresh_dir / "control-token").read_text()
            assert world.control_token == token
            for headers, status in (({}, 401), ({"Authorization": "Bearer no"}, 401), ({"Authorization": f"Bearer {token}"}, 200)):
                async with http.get(world.urls["control"] + "/credentials", headers=headers) as response:
                    assert response.status == status
            async with http.get(world.urls["control"] + "/healthz") as response:
                assert response.status == 200
    assert stat.S_IMODE(os.stat(fresh_dir / "control-token").st_mode) == 0o600


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example:7500"}, 421),
        ({"Host": "127.0.0.1.evil.example"}, 421),
        ({"Host": "localhost:1"}, 200),
        ({"Host": "[::1]:7500"}, 200),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Sec-Fetch-Site": "none"}, 200),
    ],
)
async def test_the_control_server_is_not_for_the_pages_of_others(
    world: Sandbox, http: aiohttp.ClientSession, headers: dict[str, str], status: int
) -> None:
    """Even with its token: a browser that has it may be led."""
    async with http.get(world.urls["control"] + "/faults", headers=headers) as response:
        assert response.status == status


async def test_what_a_form_of_another_site_can_send_switches_nothing(world: Sandbox, http: aiohttp.ClientSession) -> None:
    for content_type in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=b"):
        sent = b'{"server": "marriage", "kind": "down"}'
        async with http.post(world.urls["control"] + "/faults", data=sent, headers={"Content-Type": content_type}) as response:
            assert response.status == 415
    assert world.faults.list() == []


def test_server_names() -> None:
    assert expand([]) == SERVERS
    assert expand(["real-estate", "bank"]) == ("bank", *REAL_ESTATE_SERVERS)
    with pytest.raises(ValueError, match="unknown server"):
        expand(["moon"])


def test_default_ports() -> None:
    settings = SandboxSettings()
    ports = [settings.port_of(server) for server in SERVERS]
    assert ports == [7500, 7501, 7502, 7503, 7504, 7505, 7506, 7511, 7512, 7513, 7514, 7515, 7516, 7517]
    assert SERVERS[7] == "real_estate_410202"
    assert SERVERS[-1] == "real_estate_410225"
