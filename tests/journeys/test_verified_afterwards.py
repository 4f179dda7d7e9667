"""After all journeys (this file comes last): every invariant still holds over everything they left behind."""

from __future__ import annotations

import pytest
from anju_stories.household import Household

from tests.support.boxes import RunningBox
from tests.support.families import Families
from tests.support.verified import unseen, verified

MONEY = ("M1", "M2", "M3", "M4", "M8", "M9")
ALLOCATION = ("A1", "A2", "A3", "A4")
WORKFLOWS = ("W1", "W2", "W3", "W4", "W5", "W6")
REGISTERS = ("R1", "R2", "R3", "R4", "R5")
PRIVACY = ("P1", "P2", "P3", "P4")
IDENTITY = ("I1", "I3")
FACTS = ("F1",)


@pytest.mark.timeout(600)
async def test_every_invariant_holds_over_what_the_journeys_left(box: RunningBox, families: Families) -> None:
    # P3 looks at the list of notices: somebody must be on it, whichever journeys went before.
    published: Household = await families.one("410203")
    await published.submit()
    await published.approve_everywhere()
    tenant: Household = await families.one("410205")
    await tenant.submit()
    await tenant.approve_everywhere()
    await tenant.pass_public_notice()
    await box.town.official("house_manager", tenant.district).post(f"/districts/{tenant.district}/offers", {})
    await tenant.accept_offer()
    await tenant.sign()
    await tenant.pay("deposit")
    await tenant.lease_is("active")
    await tenant.pay(await tenant.live_month(0))
    results = await verified(box, [member["id_number"] for member in tenant.dossier["members"]])
    assert not unseen(results, MONEY + ALLOCATION + WORKFLOWS + REGISTERS + IDENTITY + FACTS + PRIVACY)
