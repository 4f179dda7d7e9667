"""kill -9 of the worker, of each service, and of everything at once, while households are on their way."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import uuid
from pathlib import Path

import pytest
from anju_onebox.layout import Layout
from anju_stories.household import Household
from anju_stories.people import city

from tests.faults.killing import insist, kill_each
from tests.support.boxes import RunningBox, launch, ready, stop
from tests.support.families import Families
from tests.support.patience import PATIENCE_SECONDS, eventually
from tests.support.ports import free_block

pytestmark = pytest.mark.fault

SERVICES = ("casework", "eligibility", "registry-gateway", "housing", "payments", "notifications")


# A decision that got through before its answer was lost has moved the case on already.
LATER = {
    "street": ("district_review", "city_review", "public_notice"),
    "district": ("city_review", "public_notice"),
    "city": ("public_notice",),
}
# Which part of the journey leans on whom: a kill proves something only while somebody is in such a part.
NEEDED_IN = {
    "worker": ("checks", "reviews", "home", "rent"),
    "casework": ("checks", "reviews"),
    "eligibility": ("checks",),
    "registry-gateway": ("checks",),
    "housing": ("home",),
    "payments": ("rent",),
    "notifications": ("checks", "reviews", "home", "rent"),
}


class Travellers:
    """Households on their way from the form to the first month's rent, one after another on each lane until enough was broken."""

    def __init__(self, box: RunningBox, families: Families) -> None:
        self._box = box
        self._families = families
        self._next = asyncio.Lock()
        self.enough = False
        self.arrived: list[Household] = []
        # The part of the journey each household is in.
        self.where: dict[str, str] = {}

    def need(self, victim: str) -> bool:
        return any(part in NEEDED_IN[victim] for part in self.where.values())

    async def lane(self) -> None:
        while not self.enough:
            async with self._next:
                family = await self._families.one()
            try:
                await self.travel(family)
            finally:
                self.where.pop(family.no, None)
            self.arrived.append(family)

    async def travel(self, family: Household) -> None:
        key = str(uuid.uuid4())
        await insist(lambda: family.submit(key=key))
        self.where[family.no] = "checks"
        await family.reaches("street_review")
        self.where[family.no] = "reviews"
        for level in ("street", "district", "city"):
            await family.reaches(f"{level}_review", *LATER[level])
            await insist(lambda level=level: family.decide(level))  # type: ignore[misc]
        await family.reaches("public_notice")
        await insist(family.pass_public_notice)
        self.where[family.no] = "home"
        await self.move_in(family)
        self.where[family.no] = "rent"
        await insist(lambda: family.pay("deposit"))
        await family.lease_is("active")
        period = await family.live_month(0)
        await insist(lambda: family.pay(period))

    async def move_in(self, family: Household) -> None:
        manager = self._box.town.official("house_manager", family.district)

        async def offered() -> bool:
            tenancy = await family.tenancy()
            if tenancy["waiting"] is not None and not tenancy["offers"]:
                await insist(lambda: manager.post(f"/districts/{family.district}/offers", {}))
            return bool(tenancy["offers"])

        await eventually(offered, what=f"an offer for {family.no}")
        offer = await family.offered(seconds=120)
        await insist(lambda: family.answer(offer["id"], accept=True))
        await insist(family.drafted)
        await insist(family.sign)


@pytest.mark.parametrize("victims", [("worker",), SERVICES], ids=["worker", "each service"])
async def test_households_travel_to_their_first_rent_while_processes_are_killed(
    split_box: RunningBox, families: Families, seed: int, victims: tuple[str, ...]
) -> None:
    travellers = Travellers(split_box, families)
    async with asyncio.TaskGroup() as under_way:
        lanes = [under_way.create_task(travellers.lane()) for _ in range(3)]
        try:
            kills = await kill_each(split_box, victims, travellers.need, random.Random(seed))
        finally:
            # Also when it failed: a lane in the middle of a request may not notice that it was called off.
            travellers.enough = True
    assert kills == dict.fromkeys(victims, 2)
    made = travellers.arrived
    assert len(made) >= len(lanes)
    assert len({family.no for family in made}) == len(made)
    for family in made:
        events = [entry["event"] for entry in (await family.case())["timeline"]]
        approvals = [e for e in events if e.endswith("_approved")]
        assert approvals == ["street_approved", "district_approved", "city_approved"], events
        bills = (await family.applicant.get(f"/leases/{family.lease_no}/bills"))["items"]
        paid = [(bill["paid_fen"], bill["amount_fen"]) for bill in bills if bill["state"] == "paid"]
        assert len(paid) == 2, "the deposit and one month"
        assert all(got == asked for got, asked in paid)
        homes = [offer for offer in (await family.tenancy())["offers"] if offer["state"] == "accepted"]
        assert len(homes) == 1


async def test_everything_killed_at_once_goes_on_where_it_was(session_dir: Path, families: Families) -> None:
    """The whole group, engines included: nothing acknowledged is lost, and the cases go on after the restart."""
    with free_block(session_dir / "power") as layout:
        await _killed_and_started_again(layout, families)


async def _killed_and_started_again(layout: Layout, families: Families) -> None:
    process, log = launch(layout)
    try:
        await ready(layout, process, log)
        async with city(layout.deployment(), PATIENCE_SECONDS) as town:
            made = [Household(town, family.household) for family in await families.several(3)]
            for family in made:
                await family.submit()
            await made[0].reaches("street_review")
            await made[0].decide("street")
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)
            process, log = launch(layout)
            await ready(layout, process, log)
            case = await made[0].reaches("district_review")
            assert [e["event"] for e in case["timeline"]].count("street_approved") == 1
            for family in made[1:]:
                await family.reaches("street_review")
                await family.decide("street")
                await family.reaches("district_review")
    finally:
        stop(process)
