"""The wall clock of the machine is set an hour wrong, and right again, while households are on their way."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import aiohttp
import pytest

from tests.support.boxes import RunningBox
from tests.support.false_clock import FalseClock
from tests.support.families import Families

pytestmark = pytest.mark.fault

HOUR = 3_600


@pytest.mark.parametrize("jump", [HOUR, -HOUR], ids=["an hour ahead", "an hour behind"])
async def test_an_hour_lost_and_found_again_changes_nothing_for_households(
    split_box: RunningBox, families: Families, false_clock: FalseClock, jump: int
) -> None:
    """Submitted before the jump, reviewed during it, paid for after it: each step once, and nothing refused for the clock's sake. Whoever was signed on signs
    on again. Steps bear the engine's time; what is handed in during the jump bears the hour of the clock that was asked."""
    if not false_clock.available:
        pytest.skip("there is no libfaketime on this machine (Debian's package faketime)")
    began = datetime.now(UTC)
    family = await families.one()
    await family.submit()
    await family.reaches("street_review")
    for level in ("street", "district", "city"):
        # By the right clock: what was declared an hour ahead looks, to whoever checks afterwards, like something declared after the decisions.
        await family.reviewer(level).declare()
    try:
        false_clock.set(jump)
        assert await clock_error(split_box) == pytest.approx(jump, abs=60), "the box's processes see the wrong time"
        during = await families.one()
        await during.submit()
        for level in ("street", "district", "city"):
            await family.reaches(f"{level}_review")
            await family.decide(level)
        # Asked and answered by one clock: set back in between, the question would look older than the consent it rests on.
        await during.reaches("street_review")
    finally:
        false_clock.set(0)
    await family.reaches("public_notice")
    await family.pass_public_notice()
    await split_box.town.official("house_manager", family.district).post(f"/districts/{family.district}/offers", {})
    await family.accept_offer()
    await family.sign()
    await family.pay("deposit")
    await family.lease_is("active")
    events = [entry["event"] for entry in (await family.case())["timeline"]]
    assert [event for event in events if event.endswith("_approved")] == ["street_approved", "district_approved", "city_approved"]
    await during.reaches("street_review")
    for each, wrong in ((family, timedelta()), (during, timedelta(seconds=jump))):
        case = await each.case()
        assert abs(datetime.fromisoformat(case["submitted_at"]) - began - wrong) < timedelta(minutes=5)
        steps = [datetime.fromisoformat(entry["at"]) for entry in case["timeline"] if entry["event"] != "submitted"]
        assert steps == sorted(steps)
        assert abs(steps[0] - began) < timedelta(minutes=5)


async def clock_error(box: RunningBox) -> float:
    """How far the edge's clock is off, by the date of its answers, in seconds."""
    async with aiohttp.ClientSession() as http, http.get(f"{box.url}/healthz") as response:
        return (parsedate_to_datetime(response.headers["Date"]) - datetime.now(UTC)).total_seconds()
