"""The last home of a district: a hundred who give it away at once, and a household that takes it in the moment its time runs out."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from anju_stories.household import Household
from anju_stories.people import ApiProblem
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from temporalio.service import RPCError

from tests.support.boxes import RunningBox
from tests.support.families import Families
from tests.support.patience import eventually

pytestmark = pytest.mark.fault

# A district which the other tests of this box leave alone.
DISTRICT = "410225"
WAITING, TAKERS = 3, 100
# Ours, from before the end of the offer to after it.
RACE_SECONDS = (-0.2, 0.0, 0.2)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def waiting(split_box: RunningBox, families: Families) -> list[Household]:
    """Households on the list of a district that has one home left."""
    engine = create_async_engine(split_box.layout.deployment().database_url("housing"))
    async with engine.begin() as database:
        all_ids = "SELECT units.id FROM units JOIN estates ON estates.id = units.estate_id WHERE estates.district = :district"
        await database.execute(
            text(f"DELETE FROM units WHERE id IN ({all_ids}) AND id <> (SELECT min(id) FROM ({all_ids}) AS every)"), {"district": DISTRICT}
        )
    await engine.dispose()
    found = [await families.one(DISTRICT) for _ in range(WAITING)]
    for family in found:
        await family.submit()
    for family in found:
        await family.approve_everywhere()
        await family.pass_public_notice()
    return found


async def offers(waiting: list[Household]) -> list[tuple[Household, dict[str, Any]]]:
    return [(family, offer) for family in waiting for offer in (await family.tenancy())["offers"]]


async def test_a_hundred_takers_give_it_to_one_household(split_box: RunningBox, waiting: list[Household]) -> None:
    manager = split_box.town.official("house_manager", DISTRICT)
    answers = await asyncio.gather(*(manager.post(f"/districts/{DISTRICT}/offers", {}) for _ in range(TAKERS)))
    (made,) = [offer["id"] for answer in answers for offer in answer["offers"]]
    assert [offer["id"] for _, offer in await offers(waiting)] == [made]


@pytest.mark.parametrize("late", RACE_SECONDS)
async def test_an_offer_taken_in_the_moment_it_ends_has_one_outcome(split_box: RunningBox, waiting: list[Household], late: float) -> None:
    """What the household is answered, what its page says and what becomes of the home are the same, whoever was first."""
    manager = split_box.town.official("house_manager", DISTRICT)

    async def open_offer() -> tuple[Household, dict[str, Any]] | None:
        await manager.post(f"/districts/{DISTRICT}/offers", {})
        return next(((family, offer) for family, offer in await offers(waiting) if offer["state"] == "open"), None)

    found = await eventually(open_offer, lambda offer: offer is not None, what="an offer of the last home")
    assert found is not None
    family, offer = found
    workflow = f"waiting/{family.no}"
    ends = datetime.fromisoformat(offer["expires_at"])
    await split_box.clock.advance_to(workflow, ends - timedelta(seconds=5))

    async def accept() -> bool:
        await asyncio.sleep(max(0.0, late))
        try:
            await family.answer(offer["id"], accept=True)
        except ApiProblem as problem:
            if problem.status != 409:
                raise
            return False
        return True

    async def expire() -> None:
        await asyncio.sleep(max(0.0, -late))
        # Who was accepted waits no more: his run may have ended before its clock is moved.
        with suppress(RPCError):
            await split_box.clock.advance_to(workflow, ends + timedelta(seconds=5))

    accepted, _ = await asyncio.gather(accept(), expire())

    async def state() -> str:
        return next(str(each["state"]) for each in (await family.tenancy())["offers"] if each["id"] == offer["id"])

    assert await eventually(state, lambda seen: seen != "open") == ("accepted" if accepted else "expired")
    if accepted:
        lease = await family.drafted()

        async def not_signed_in_time() -> bool:
            """It gives the home back, for the next of these races. The lease's own workflow begins a moment after its record."""
            with suppress(RPCError):
                await split_box.clock.advance_to(f"lease/{lease['no']}", datetime.fromisoformat(lease["sign_by"]) + timedelta(seconds=1))
            return bool((await family.tenancy())["lease"]["state"] == "lapsed")

        await eventually(not_signed_in_time)
    else:
        assert (await family.tenancy())["lease"] is None
