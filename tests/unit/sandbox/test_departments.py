"""Each register over its own protocol: right answers, real refusals, the quirks of register data."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from anju_sandbox.app import Sandbox, sandbox
from anju_sandbox.settings import SandboxSettings
from anju_sandbox.world.facts import MaritalStatus, Person
from anju_sandbox.world.identity import same_person
from anju_sandbox.world.places import DISTRICTS

from tests.unit.sandbox.support import HenanClient, NationalClient, ask_real_estate, operator

TOLERATED_MS = 5 * 60 * 1000


def applicant(world: Sandbox, key: str) -> Person:
    persona = world.population.persona(key)
    assert persona is not None
    return persona.household.applicant


def find(world: Sandbox, wanted: Callable[[Person], bool], count: int = 2000) -> Person:
    return next(p for h in world.population.households(count) for p in h.members if wanted(p))


async def test_social_insurance_lists_paid_months(world: Sandbox, http: aiohttp.ClientSession) -> None:
    person = applicant(world, "single_worker")
    answer = await HenanClient(world, http).ask(person.id_number)
    assert answer.signed("gateway")
    data = answer.body["data"]["data"]
    assert answer.body["code"] == "200"
    assert data["total"] == len(data["list"]) > 40
    assert set(data["columns"]) == set(data["list"][0])
    row = data["list"][0]
    assert (row["AAC002"], row["AACOO3"], row["AAE180"]) == (person.id_number, person.name, "2900.00")
    assert answer.body["requestId"] == answer.headers["gateway_requestid"] != ""


async def test_social_insurance_pages_add_up(world: Sandbox, http: aiohttp.ClientSession) -> None:
    person = applicant(world, "homeowner")
    client = HenanClient(world, http)
    whole = (await client.ask(person.id_number, rows=100)).body["data"]["data"]
    assert whole["total"] > 100
    rows = list(whole["list"])
    rows += (await client.ask(person.id_number, index=2, rows=100)).body["data"]["data"]["list"]
    assert len(rows) == whole["total"]
    assert (await client.ask(person.id_number, index=50, rows=100)).body["data"]["data"]["list"] == []


async def test_social_insurance_state_service_spells_the_name_right(world: Sandbox, http: aiohttp.ClientSession) -> None:
    person = applicant(world, "family")
    answer = await HenanClient(world, http).ask(person.id_number, path="/api/sbcbzt")
    [row] = answer.body["data"]["data"]["list"]
    assert (row["AAC003"], row["AAC008"]) == (person.name, "1")


async def test_social_insurance_stranger_has_no_rows(world: Sandbox, http: aiohttp.ClientSession) -> None:
    answer = await HenanClient(world, http).ask("41020219900101001X")
    assert answer.body["data"]["data"] == {"columns": answer.body["data"]["data"]["columns"], "total": 0, "list": [], "ryhy": "0"}


@pytest.mark.parametrize("skew_ms", [-TOLERATED_MS - 5000, TOLERATED_MS + 5000])
async def test_stale_time_is_refused(world: Sandbox, http: aiohttp.ClientSession, skew_ms: int) -> None:
    assert (await HenanClient(world, http, skew_ms=skew_ms).sign_in()).body["code"] == "402"
    national = NationalClient(world, http, "vehicles", skew_ms=skew_ms)
    assert (await national.refresh()).body == {"code": "300", "message": "api-408 请求时间戳超出允许范围", "data": None}


async def test_wrong_keys_are_refused(world: Sandbox, http: aiohttp.ClientSession) -> None:
    assert (await HenanClient(world, http, app_key="guess").sign_in()).body["code"] == "401"
    client = HenanClient(world, http)
    await client.sign_in()
    client.secret = "0" * 32
    refused = await client.ask(applicant(world, "family").id_number)
    assert (refused.body["code"], refused.body["data"]) == ("401", None)
    national = NationalClient(world, http, "marriage", secret="guess")
    body = {"cert_num_man": "1", "name_man": "2"}
    assert (await national.ask(body)).body["message"].startswith("api-410")
    unknown = NationalClient(world, http, "marriage", changed={"gjgxjhpt_rid": "nobody"})
    assert (await unknown.refresh()).body["message"].startswith("catalog-404")


async def test_secrets_expire_and_rotate(fresh_dir: Path, http: aiohttp.ClientSession) -> None:
    settings = SandboxSettings.on_free_ports(fresh_dir, secret_lifetime_seconds=1)
    async with sandbox(settings) as world:
        person = applicant(world, "family")
        client = HenanClient(world, http)
        assert (await client.ask(person.id_number)).body["code"] == "200"
        await asyncio.sleep(1.05)
        assert (await client.ask(person.id_number)).body["code"] == "401"
        await client.sign_in()
        assert (await client.ask(person.id_number)).body["code"] == "200"
        async with http.post(world.urls["control"] + "/secrets/expire", headers=operator(world)) as response:
            assert (await response.json())["expired"] == 3
        assert (await client.ask(person.id_number)).body["code"] == "401"


async def test_vehicles_of_an_owner(world: Sandbox, http: aiohttp.ClientSession) -> None:
    person = applicant(world, "car_over_limit")
    client = NationalClient(world, http, "vehicles")
    answer = await client.ask({"sfzmhm": person.id_number, "xm": person.name, "start": 0, "limit": 1})
    assert answer.signed("gjgxjhpt")
    biz = answer.body["biz_data"]
    assert (answer.body["code"], biz["code"], biz["status"]) == ("1", "0", "success")
    assert (biz["recordcount"], biz["returncount"], len(biz["rows"])) == (2, 1, 1)
    assert biz["rows"][0]["clsbdh"] == person.vehicles[0].vin
    second = await client.ask({"sfzmhm": person.id_number, "xm": person.name, "start": 1, "limit": 1})
    assert second.body["biz_data"]["rows"][0]["hphm"] == person.vehicles[1].plate


async def test_vehicles_other_name_does_not_match(world: Sandbox, http: aiohttp.ClientSession) -> None:
    person = applicant(world, "car_over_limit")
    answer = await NationalClient(world, http, "vehicles").ask({"sfzmhm": person.id_number, "xm": "别人"})
    assert answer.body["biz_data"]["message"] == "匹配不成功"
    assert answer.body["biz_data"]["rows"] == []


async def test_marriage_single_couple_and_contradiction(world: Sandbox, http: aiohttp.ClientSession) -> None:
    client = NationalClient(world, http, "marriage")
    household = world.population.persona("family")
    assert household is not None
    man, woman, _ = household.household.members
    single = await client.ask({"cert_num_man": man.id_number, "name_man": man.name})
    [row] = single.body["biz_data"]["result"]
    assert (row["op_type_desc"], row["spouse_cert_num"], row["op_date"]) == ("结婚登记", woman.id_number, "2014-10-01")
    both = {"cert_num_man": man.id_number, "name_man": man.name, "name_woman": woman.name}
    joined = await client.ask(both | {"cert_num_woman": woman.id_number})
    assert len(joined.body["biz_data"]["result"]) == 1
    strangers = await client.ask(both | {"cert_num_woman": applicant(world, "single_worker").id_number})
    assert all(entry["op_type_desc"] == "匹配不成功" for entry in strangers.body["biz_data"]["result"])
    hers = applicant(world, "contradictory_marriage")
    his = world.population.person(hers.marriage.spouse_id_number)
    assert his is not None
    answer = await client.ask({"cert_num_woman": hers.id_number, "name_woman": hers.name})
    assert answer.body["biz_data"]["result"][0]["op_type_desc"] == "结婚登记"
    answer = await client.ask({"cert_num_man": his.id_number, "name_man": his.name})
    assert answer.body["biz_data"]["result"][0]["op_type_desc"] == "离婚登记"


async def test_marriage_of_another_province_is_not_found(world: Sandbox, http: aiohttp.ClientSession) -> None:
    client = NationalClient(world, http, "marriage")
    person = applicant(world, "migrant_worker")
    assert person.marriage.status is MaritalStatus.MARRIED
    answer = await client.ask({"cert_num_man": person.id_number, "name_man": person.name})
    assert all(row["op_type_desc"] == "匹配不成功" for row in answer.body["biz_data"]["result"])


async def test_real_estate_fan_out(world: Sandbox, http: aiohttp.ClientSession) -> None:
    person = applicant(world, "homeowner")
    found: dict[str, list[dict[str, Any]]] = {}
    for district in DISTRICTS:
        answer = await ask_real_estate(world, http, district, person.id_number, person.name)
        assert answer.signed("bdc")
        assert answer.body["Result"] == "1"
        found[district] = answer.body["Data"]["BDCDJXX"] if answer.body["Data"] else []
    assert [len(rows) for rows in found.values()] == [1, 1, 1, 1, 1, 0, 0]
    assert found["410203"][0]["qlbl"] == "16.67%"
    assert found["410204"][0]["fwyt"] == "车位"
    assert (found["410212"][0]["ygzt"], found["410212"][0]["bdcqzh"]) == ("1", "")
    assert found["410212"][0]["hth"]


async def test_real_estate_refuses_a_wrong_login(world: Sandbox, http: aiohttp.ClientSession) -> None:
    person = applicant(world, "homeowner")
    other = world.keys["real_estate_410203"].mm
    answer = await ask_real_estate(world, http, "410202", person.id_number, person.name, MM=other)
    assert answer.body == {"Result": "0", "Note": "用户名或密码错误", "Data": None}


async def test_real_estate_mixes_in_the_namesake(world: Sandbox, http: aiohttp.ClientSession) -> None:
    person = applicant(world, "homonym")
    answer = await ask_real_estate(world, http, "410202", person.id_number, person.name)
    [row] = answer.body["Data"]["BDCDJXX"]
    assert row["qlrmc"] == person.name
    assert not same_person(row["qlrzjh"], person.id_number)


async def test_quirks_stay_with_the_person(world: Sandbox, http: aiohttp.ClientSession) -> None:
    owners = [p for h in world.population.households(1500) for p in h.members if p.homes]
    areas, ids, duplicates = [], [], 0
    for person in owners[:120]:
        answer = await ask_real_estate(world, http, person.homes[0].district, person.id_number, person.name)
        rows = answer.body["Data"]["BDCDJXX"]
        assert all(same_person(row["qlrzjh"], person.id_number) for row in rows)
        again = await ask_real_estate(world, http, person.homes[0].district, person.id_number, person.name)
        assert again.body["Data"]["BDCDJXX"] == rows
        duplicates += len(rows) > 1
        areas.append(rows[0]["jzmj"])
        ids.append(rows[0]["qlrzjh"])
    assert any(area.endswith("平方米") for area in areas)
    assert any(area.endswith("㎡") for area in areas)
    assert any(area.replace(".", "").isdigit() for area in areas)
    assert any(len(number) == 15 or number.endswith("x") for number in ids)
    assert 0 < duplicates < len(areas) / 4


async def test_life_goes_on(world: Sandbox, http: aiohttp.ClientSession) -> None:
    """A tenant buys a home: from then on the register of that district knows it, and only that one."""
    person = applicant(world, "family")
    home = {"district": "410225", "address": "兰考县演示路1号", "area_sqm": "90.00"}
    change = {"id_number": person.id_number, "facts": {"homes": [home]}}
    async with http.post(world.urls["control"] + "/world/changes", json=change) as response:
        assert response.status == 200
    answer = await ask_real_estate(world, http, "410225", person.id_number, person.name)
    assert answer.body["Data"]["BDCDJXX"][0]["fwzl"] == "兰考县演示路1号"
    elsewhere = await ask_real_estate(world, http, "410202", person.id_number, person.name)
    assert not (elsewhere.body["Data"] or {}).get("BDCDJXX")


async def test_the_clock_adds_months(world: Sandbox, http: aiohttp.ClientSession) -> None:
    person = applicant(world, "single_worker")
    client = HenanClient(world, http)
    async with http.put(world.urls["control"] + "/world/clock", json={"now": "2026-12-15T09:00:00+08:00"}):
        before = (await client.ask(person.id_number)).body["data"]["data"]["total"]
    async with http.put(world.urls["control"] + "/world/clock", json={"now": "2027-12-15T09:00:00+08:00"}):
        after = (await client.ask(person.id_number)).body["data"]["data"]["total"]
    assert after - before == 24
