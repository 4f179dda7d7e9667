"""Workflows that an operator ended by mistake, all along a household's way: each says so, `anju repair` starts it again, and the way goes on."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable
from contextlib import redirect_stdout
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from anju_onebox import repair as repairing
from anju_stories.household import Household
from anju_stories.people import ApiProblem
from temporalio.client import WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from tests.journeys.test_typical_journeys import inbox
from tests.support.boxes import RunningBox
from tests.support.families import Families
from tests.support.patience import eventually

ANJU = str(Path(sys.executable).parent / "anju")


async def typed(box: RunningBox, *words: str) -> tuple[int, str]:
    """``anju repair`` as an operator types it: exit code and what it says."""
    command = [ANJU, "repair", *words, "--data-dir", str(box.layout.data_dir)]
    running = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, env={"COLUMNS": "300", "PATH": "/usr/bin:/bin"}
    )
    said, _ = await running.communicate()
    assert running.returncode is not None
    return running.returncode, said.decode()


async def repair(box: RunningBox, workflow_id: str, *, go: bool = False) -> tuple[int, str]:
    """What the command does, without a process for each of thirty."""
    said = StringIO()
    with redirect_stdout(said), pytest.MonkeyPatch.context() as environment:
        environment.setenv("COLUMNS", "300")
        code = await repairing.run(box.layout.deployment(), [workflow_id], go=go)
    return code, said.getvalue()


async def status(box: RunningBox, workflow_id: str) -> WorkflowExecutionStatus | None:
    return (await box.temporal.get_workflow_handle(workflow_id).describe()).status


async def lose(box: RunningBox, workflow_id: str) -> None:
    """A lease is on record a moment before its workflow is there."""

    async def ended() -> bool:
        try:
            await box.temporal.get_workflow_handle(workflow_id).terminate("by mistake")
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            return False
        return True

    await eventually(ended)


async def repaired(box: RunningBox, workflow_id: str, stage: str) -> None:
    """Shown first, changing nothing; then done, once."""
    code, said = await repair(box, workflow_id)
    assert code == 1, said
    assert workflow_id in said
    assert stage in said
    assert await status(box, workflow_id) is WorkflowExecutionStatus.TERMINATED
    code, said = await repair(box, workflow_id, go=True)
    assert code == 0, said
    if await status(box, workflow_id) is WorkflowExecutionStatus.COMPLETED:
        # What was said to it while it was gone has ended it.
        return
    assert await status(box, workflow_id) is WorkflowExecutionStatus.RUNNING
    code, said = await repair(box, workflow_id)
    assert (code, "none of these is blocked" in said) == (0, True), said
    code, said = await repair(box, workflow_id, go=True)
    assert code == 1
    assert "nothing to repair" in said or "nothing to go on with" in said, "one that is running is left alone"


async def refusal(call: Awaitable[Any]) -> tuple[int, str]:
    try:
        await call
    except ApiProblem as problem:
        return problem.status, str(problem.body["code"])
    return 0, ""


async def test_a_household_goes_its_way_though_every_workflow_is_lost_once(box: RunningBox, families: Families) -> None:
    family: Household = await families.one("410205")
    await family.submit()
    await family.reaches("street_review")
    await family.decide("street")
    await family.reaches("district_review")
    case = f"application/{family.no}"
    await lose(box, case)
    assert await refusal(family.decide("district")) == (503, "BLOCKED")
    code, said = await typed(box, case)
    assert (code, case in said, "--yes" in said) == (1, True, True), said
    await repaired(box, case, "区级复审")
    # What was said meanwhile is on record, and carried out once the case goes on.
    await family.reaches("city_review")
    await family.decide("city")
    await family.reaches("public_notice")
    await lose(box, case)
    await repaired(box, case, "公示")
    await family.pass_public_notice()
    await family.waits()

    place = f"waiting/{family.no}"
    await lose(box, place)
    await repaired(box, place, "轮候中")
    await box.town.official("house_manager", family.district).post(f"/districts/{family.district}/offers", {})
    # Until the household is told, the deadline is the list's; from then on it is the one it was told.
    await eventually(lambda: inbox(family), lambda seen: "offer_made" in seen)
    offer = await family.offered()
    await lose(box, place)
    assert await refusal(family.answer(offer["id"], accept=True)) == (503, "BLOCKED")
    await repaired(box, place, "已配租待确认")
    assert (await family.tenancy())["offers"][0]["expires_at"] == offer["expires_at"]
    await family.drafted()

    lease = f"lease/{family.lease_no}"
    await lose(box, lease)
    assert await refusal(family.sign()) == (503, "BLOCKED")
    await repaired(box, lease, "待签约")
    await family.lease_is("deposit")
    await family.bill("deposit")
    deposit = f"bill/{family.lease_no}/deposit"
    await lose(box, deposit)
    await repaired(box, deposit, "待缴")
    await family.pay("deposit")
    active = await family.lease_is("active")

    for month in range(6):
        await family.pay(await family.live_month(month))
    await lose(box, lease)
    await repaired(box, lease, "租住中")
    period = await family.live_month(6)
    bill = f"bill/{family.lease_no}/{period}"
    await family.bill(period)
    await lose(box, bill)
    await repaired(box, bill, "待缴")
    await box.clock.advance(bill, timedelta(days=12))
    await family.bill(period, state="overdue")
    await family.pay(period)
    # Paid while nobody worked on it: the ledger has the money, and the lease hears of it.
    period = await family.live_month(7)
    bill = f"bill/{family.lease_no}/{period}"
    await family.bill(period)
    await lose(box, bill)
    await family.pay(period)

    async def listed() -> bool:
        return bill in (await repair(box, bill))[1]

    await eventually(listed)
    await repaired_bill(box, bill)
    told = await eventually(lambda: inbox(family), lambda seen: seen.count("bill_paid") == 8)
    assert [told.count(name) for name in ("registered", "lease_active", "deposit_paid")] == [1, 1, 1]
    after = await family.lease_is("active")
    assert [after[name] for name in ("starts_on", "ends_on", "monthly_rent_fen")] == [
        active[name] for name in ("starts_on", "ends_on", "monthly_rent_fen")
    ]


async def repaired_bill(box: RunningBox, bill: str) -> None:
    code, said = await repair(box, bill, go=True)
    assert code == 0, said
    assert (await box.temporal.get_workflow_handle(bill).result())["outcome"] == "paid"


async def test_nothing_is_blocked_where_nothing_is_lost(box: RunningBox) -> None:
    code, said = await typed(box)
    assert (code, "nothing is blocked" in said) == (0, True), said
