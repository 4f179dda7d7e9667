"""What everybody may see of the city's counters, and what administrators see of its offices."""

from __future__ import annotations

from typing import Any

import pytest
from anju.organisation.v1 import organisation_pb2 as organisation

from tests.services.web_gateway.world import API, World


async def points(gateway: World, **query: Any) -> list[dict[str, Any]]:
    person = await gateway.stranger()
    reply = await person.get(f"{API}/acceptance-points", params=query)
    assert reply.status == 200, reply.text
    return list(reply.json["items"])


async def test_anybody_finds_the_counters_of_his_district_his_streets_first(gateway: World) -> None:
    found = await points(gateway, district="410202", street="410202002")
    assert (found[0]["division_name"], found[0]["kind"]) == ("午朝门街道", "party_service_centre")
    assert found[1]["division"] == "410202"
    assert {each["division"][:6] for each in found} == {"410202"}
    assert all(each["sample"] for each in found)
    city = (await (await gateway.stranger()).get(f"{API}/city")).json
    assert {"code": "410202", "name": "龙亭区"} in city["districts"]


async def test_they_are_narrowed_by_kind_and_to_those_without_a_step(gateway: World) -> None:
    assert {each["kind"] for each in await points(gateway, kind="bank_branch")} == {"bank_branch"}
    free = await points(gateway, district="410202", step_free="true")
    assert free
    assert all(each["step_free"] for each in free)
    assert len(free) < len(await points(gateway, district="410202"))
    assert await points(gateway, kind="kiosk") == []
    assert await points(gateway, district="410202", most=1) == (await points(gateway, district="410202"))[:1]


async def test_a_demonstration_point_says_since_when_for_what_and_who_has_said_so(gateway: World) -> None:
    (mark,) = [each["demonstration"] for each in await points(gateway) if each["demonstration"]]
    assert (mark["since"], mark["criteria"]) == ("2026-03-01", ["全程帮办", "无障碍设施齐全", "一次办好"])
    assert mark["assessor"]


@pytest.mark.parametrize("query", [{"district": "41"}, {"street": "410202"}, {"step_free": "perhaps"}, {"place": "x"}, {"most": "-1"}])
async def test_what_is_no_filter_is_refused(gateway: World, query: dict[str, str]) -> None:
    person = await gateway.stranger()
    assert (await person.get(f"{API}/acceptance-points", params=query)).status in (400, 422)


async def test_an_office_is_told_with_its_estates(gateway: World) -> None:
    unit = organisation.Unit(code="FG-03", kind="house_office", name="第三房管所", parent="4102", people=2)
    gateway.backstage.on("ListUnits", organisation.ListUnitsResponse(units=[unit, organisation.Unit(code="410202", kind="district")]))
    person = await gateway.stranger()
    reply = await person.get(f"{API}/organisation/units", headers={"Authorization": f"Bearer {gateway.token('user_admin')}"})
    office, district = reply.json["items"]
    assert (office["divisions"], office["estates"][0], office["people"]) == (["410204", "410205"], "410204-01", 2)
    assert (district["estates"], district["address"]) == ([], "")
