"""A step is made once, whichever replicas are asked for it."""

from __future__ import annotations

import asyncio
import uuid

import pytest
from anju_stories.household import Household
from anju_stories.people import city

from tests.support.boxes import RunningBox
from tests.support.families import Families
from tests.support.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.fault


async def test_a_step_pressed_at_both_edges_at_once_is_one_step(split_box: RunningBox, families: Families) -> None:
    layout = split_box.layout
    assert layout.replicas["web-gateway"] == 2
    elsewhere = layout.deployment().model_copy(update={"web_url": f"http://127.0.0.1:{layout.edge_port(1)}"})
    family = await families.one()
    async with city(elsewhere, PATIENCE_SECONDS) as other_edge:
        again = Household(other_edge, family.household)
        key = str(uuid.uuid4())
        first, second = await asyncio.gather(family.submit(key=key), again.submit(key=key))
        assert first["no"] == second["no"]
        for level in ("street", "district", "city"):
            await family.reaches(f"{level}_review")
            key = str(uuid.uuid4())
            pressed = (
                each.reviewer(level).post(f"/applications/{first['no']}/decision", {"decision": "approve", "reason": ""}, key=key)
                for each in (family, again)
            )
            await asyncio.gather(*pressed)
        events = [entry["event"] for entry in (await again.reaches("public_notice"))["timeline"]]
    assert [event for event in events if event.endswith("_approved")] == ["street_approved", "district_approved", "city_approved"]
