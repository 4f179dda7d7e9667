"""The sign-on says who somebody is, organisation what he may do; the edge asks it and follows it."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any

import pytest
from anju.organisation.v1 import organisation_pb2 as organisation

from tests.services.web_gateway.test_events import SOON_SECONDS, ends, event, listening, stage
from tests.services.web_gateway.world import API, World, world

CLERK = "s-street_clerk-410202001"
OWN = organisation.Capacity(id="own", duties=["street_clerk"], divisions=["410202001"])
MONEY = organisation.Capacity(id="money", duties=["finance"], divisions=["4102"])
FOR_HER = organisation.Capacity(
    id="for-her", duties=["district_reviewer"], divisions=["410202"], acting_for="s-her", acting_for_name="李芳"
)


async def may(person: Any, **options: Any) -> tuple[list[str], list[str], str]:
    session = (await person.get(f"{API}/session", **options)).json
    return session["roles"], session["divisions"], session["acting_for"]


async def test_what_a_token_claims_of_duties_is_not_believed(gateway: World) -> None:
    gateway.backstage.organisation.give(CLERK, MONEY)
    official, script = await gateway.official("street_clerk", "410202001"), await gateway.stranger()
    by_token = {"Authorization": f"Bearer {gateway.token('street_clerk')}"}
    assert await may(official) == await may(script, headers=by_token) == (["finance"], ["4102"], "")
    (await official.get(f"{API}/tasks")).problem(403, "NOT_ALLOWED")


async def test_whoever_has_no_duty_is_told_whom_to_ask_and_is_not_signed_on(gateway: World) -> None:
    gateway.backstage.organisation.give(CLERK)
    with pytest.raises(AssertionError, match="用户管理员"):
        await gateway.official("street_clerk", "410202001")
    script = await gateway.stranger()
    reply = await script.get(f"{API}/tasks", headers={"Authorization": f"Bearer {gateway.token('street_clerk')}"})
    reply.problem(403, "NOT_ALLOWED")


async def test_a_duty_that_is_taken_away_is_gone_within_two_seconds_and_its_streams_with_it(gateway: World) -> None:
    stage(gateway, 3, "street_review")
    official = await gateway.official("street_clerk", "410202001")
    async with listening(official) as page:
        await event(page)
        gateway.backstage.organisation.give(CLERK, MONEY)
        assert await ends(page) < SOON_SECONDS
    (await official.get(f"{API}/tasks")).problem(403, "NOT_ALLOWED")
    assert await may(official) == (["finance"], ["4102"], "")


async def test_a_call_is_made_in_one_capacity_and_says_for_whom(gateway: World) -> None:
    gateway.backstage.organisation.give(CLERK, OWN, FOR_HER)
    official = await gateway.official("street_clerk", "410202001")
    assert await may(official) == (["street_clerk"], ["410202001"], "")
    view = (await official.get(f"{API}/session")).json
    assert [(each["id"], each["acting_for_name"]) for each in view["capacities"]] == [("own", ""), ("for-her", "李芳")]
    chosen = await official.ask("PUT", f"{API}/session/acting", json={"capacity": "for-her"})
    assert (chosen.status, chosen.json["acting"], chosen.json["roles"]) == (200, "for-her", ["district_reviewer"])
    await official.get(f"{API}/tasks")
    caller = gateway.backstage.last("ListTasks").caller
    assert caller is not None
    assert (caller.sub, caller.acting_for, caller.roles, caller.divisions) == (CLERK, "s-her", ("district_reviewer",), ("410202",))
    # Over for her is over in this capacity: he is back in his own.
    gateway.backstage.organisation.give(CLERK, OWN)
    await asyncio.sleep(gateway.settings.standing_look_seconds)
    assert await may(official) == (["street_clerk"], ["410202001"], "")
    (await official.ask("PUT", f"{API}/session/acting", json={"capacity": "for-her"})).problem(404, "NOT_FOUND")


async def test_while_organisation_is_away_staff_go_on_for_a_while_and_nobody_new_comes_in(gateway: World, keys_dir: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with world(Path(folder), keys_dir, standing_patience_seconds=3) as town:
            official, citizen = await town.official("street_clerk", "410202001"), await town.citizen()
            await town.backstage.servers["organisation"].server.stop(0)
            await asyncio.sleep(town.settings.standing_look_seconds)
            assert await may(official) == (["street_clerk"], ["410202001"], "")
            with pytest.raises(AssertionError, match="暂时无法确认您的岗位"):
                await town.official("city_reviewer")
            assert (await citizen.get(f"{API}/applications")).status == 200
            await asyncio.sleep(3)
            (await official.get(f"{API}/session")).problem(503, "STANDING_UNKNOWN")
            assert (await citizen.get(f"{API}/session")).status == 200
            assert (await town.citizen()).csrf


async def test_changes_are_asked_for_once_for_everybody_and_standings_once_until_something_changes(gateway: World) -> None:
    office = gateway.backstage.organisation
    one, other = await gateway.official("street_clerk", "410202001"), await gateway.official("city_reviewer")
    asked = office.asked
    for _ in range(5):
        await asyncio.gather(*(may(each) for each in (one, other, one, other)))
    assert office.asked == asked
    office.give(CLERK, MONEY)
    await asyncio.sleep(gateway.settings.standing_look_seconds)
    await asyncio.gather(may(one), may(other))
    assert office.asked == asked + 2
