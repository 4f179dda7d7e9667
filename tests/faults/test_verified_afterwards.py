"""After everything was broken (this file comes last): what was promised about records, registers and privacy still holds."""

from __future__ import annotations

import pytest
from anju_stories.household import Household

from tests.support.boxes import RunningBox
from tests.support.families import Families
from tests.support.verified import unseen, verified

pytestmark = pytest.mark.fault


async def test_every_invariant_holds_after_the_faults(split_box: RunningBox, families: Families) -> None:
    household: Household = await families.one()
    await household.submit()
    await household.approve_everywhere()
    results = await verified(split_box, [member["id_number"] for member in household.dossier["members"]])
    assert not unseen(results, ("W1", "W2", "W3", "W4", "W5", "R1", "R2", "P1"))
