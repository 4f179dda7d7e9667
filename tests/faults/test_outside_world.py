"""Registers away, banks repeating themselves, forgers, and a name that must be found nowhere."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from anju_stories.household import Household

from tests.support.boxes import RunningBox
from tests.support.families import Families
from tests.support.patience import eventually

pytestmark = pytest.mark.fault


async def tenant(box: RunningBox, families: Families) -> Household:
    (family,) = await families.several(1)
    await family.submit()
    await family.approve_everywhere()
    await family.pass_public_notice()
    await box.town.official("house_manager", family.district).post(f"/districts/{family.district}/offers", {})
    await family.accept_offer()
    await family.sign()
    return family


async def test_register_down_for_three_days_is_shown_as_waiting_and_never_as_refusal(split_box: RunningBox, families: Families) -> None:
    town = split_box.town
    (family,) = await families.several(1)
    fault = await town.world("POST", "/faults", {"server": f"real_estate_{family.district}", "kind": "down"})
    try:
        await family.submit()
        workflow = f"application/{family.no}"

        async def lookups() -> dict[str, Any]:
            items = (await family.applicant.get(f"/applications/{family.no}/lookups"))["items"]
            return {item["register"]: item for item in items}

        seen = await eventually(lookups, lambda found: sum(1 for i in found.values() if i["outcome"] in ("found", "no_record")) == 3)
        assert seen["real_estate"]["outcome"] in (None, "unavailable")
        await split_box.clock.advance(workflow, timedelta(days=3))
        case = await family.case()
        assert case["stage"] == "verifying"
        assert case["waiting_on"] == "registers"
        asked = (await lookups())["real_estate"]["tries"]
        # With growing pauses of at most half an hour, three days are some 150 tries, not thousands.
        assert 50 <= asked <= 200
        assert "verification_waiting" in [m["template"] async for m in family.applicant.pages("/inbox")]
    finally:
        await town.world("DELETE", f"/faults/{fault['id']}")

    async def half_an_hour_later() -> dict[str, Any]:
        # The gateway leaves a dead register alone for some real seconds, which no controlled clock shortens.
        await split_box.clock.advance(workflow, timedelta(minutes=30))
        return await family.case()

    await eventually(half_an_hour_later, lambda case: case["stage"] == "street_review")


async def test_duplicate_and_forged_callbacks(split_box: RunningBox, families: Families) -> None:
    town = split_box.town
    family = await tenant(split_box, families)
    bill = await family.bill("deposit")
    intent = await family.applicant.post(f"/leases/{family.lease_no}/bills/deposit/payments", {})
    order, yuan = intent["id"], f"{bill['amount_fen'] // 100}.{bill['amount_fen'] % 100:02d}"
    # A real order and its real amount, but not the bank's signature: the household has paid nothing.
    forged = f"POSID=1&BRANCHID=1&ORDERID={order}&PAYMENT={yuan}&CURCODE=01&REMARK1=&REMARK2=&SUCCESS=Y&SIGN=" + "ab" * 128
    async with aiohttp.ClientSession() as http, http.post(f"{split_box.url}/callbacks/ccb", data=forged) as response:
        assert response.status in (400, 403)
    assert (await family.bill("deposit"))["paid_fen"] == 0
    await town.world("PUT", "/bank/switches", {"duplicate_callbacks": 20})
    try:
        await town.world("POST", "/bank/pay", {"order_id": order})
        await family.bill("deposit", state="paid")
    finally:
        await town.world("PUT", "/bank/switches", {"duplicate_callbacks": 0})

    async def delivered() -> int:
        told = (await town.world("GET", f"/bank/callbacks?order_id={order}"))["items"]
        return sum(callback["state"] == "delivered" for callback in told)

    assert await eventually(delivered, lambda count: count >= 21, what="every copy of the callback") == 21
    after = await family.bill("deposit")
    assert after["paid_fen"] == after["amount_fen"]
    assert [m["template"] async for m in family.applicant.pages("/inbox")].count("deposit_paid") == 1


async def test_lost_callback_is_repaired_by_asking(split_box: RunningBox, families: Families) -> None:
    town = split_box.town
    family = await tenant(split_box, families)
    await town.world("PUT", "/bank/switches", {"drop_callbacks": True})
    try:
        await family.bill("deposit")
        intent = await family.applicant.post(f"/leases/{family.lease_no}/bills/deposit/payments", {})
        await town.world("POST", "/bank/pay", {"order_id": intent["id"]})
        await asyncio.sleep(0.5)
        assert (await family.bill("deposit"))["state"] == "open"
        await split_box.clock.advance(f"bill/{family.lease_no}/deposit", timedelta(minutes=15))
        await family.bill("deposit", state="paid")
    finally:
        await town.world("PUT", "/bank/switches", {"drop_callbacks": False})
    await family.lease_is("active")


async def test_a_canary_is_found_nowhere_it_must_not_be(split_box: RunningBox, families: Families) -> None:
    """An identity number, typed right and typed wrong, is absent from logs, from histories, and from the engine's database file."""
    (family,) = await families.several(1)
    number = family.dossier["members"][0]["id_number"]
    await family.submit()
    await family.reaches("street_review")
    handle = split_box.temporal.get_workflow_handle(f"application/{family.no}")
    assert number not in (await handle.fetch_history()).to_json()
    looked_at = 0
    needles = [number.encode(), number.encode("utf-16-le"), family.dossier["members"][0]["name"].encode(), family.dossier["phone"].encode()]
    for path in sorted(Path(split_box.layout.data_dir).rglob("*")):
        relevant = path.suffix in (".log", ".db", ".db-wal") or "temporal" in path.name
        if not path.is_file() or not relevant or "sandbox" in path.parts or "postgres" in path.parts:
            continue
        body = path.read_bytes()
        looked_at += len(body)
        for needle in needles:
            assert needle not in body, f"{path.name} holds the canary"
    assert looked_at > 100_000
