"""For whom a step was done and by whom, as oversight asks before somebody may say what he thought of it."""

from __future__ import annotations

import pytest
from anju.casework.v1 import casework_pb2 as pb
from chassis.identity import Caller
from sqlalchemy import text

from tests.services.casework.support import DISTRICT_REVIEWER, TO_NOTICE, Desk, new_id, someone, system
from tests.services.casework.test_course import answer_objection, on_notice, raise_objection

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def served(desk: Desk, no: str, *step_ids: str) -> list[pb.Served]:
    request = pb.GetServedRequest(steps=[pb.ServedStep(application_no=no, step_id=each) for each in step_ids])
    return list((await desk.call(system("oversight"), "GetServed", request)).served)


async def steps(desk: Desk, no: str) -> dict[str, str]:
    """Ids of the steps of a case by event."""
    assert desk.spoken is not None
    async with desk.spoken.database.statements() as session:
        rows = await session.execute(text("SELECT event, step_id FROM timeline WHERE application_no = :no"), {"no": no})
        return {row.event: row.step_id for row in rows}


async def test_the_household_is_served_by_whoever_decided_up_to_the_step(desk: Desk) -> None:
    owner = someone()
    no = (await desk.submit(owner)).no
    await desk.bring_to(no, *TO_NOTICE, "notice_closed")
    by_event = await steps(desk, no)
    street, end = await served(desk, no, by_event["street_approved"], by_event["notice_closed"])
    assert street.household.sub == end.household.sub == owner.sub
    assert len(street.handlers) == 1
    assert len({each.person for each in end.handlers}) == 3
    assert not end.HasField("objector")
    (whole,) = await served(desk, no, "")
    assert (whole.household.sub, list(whole.handlers)) == (owner.sub, [])


async def test_an_answer_to_an_objection_is_for_who_raised_it(desk: Desk) -> None:
    objector = Caller(sub=new_id("citizen-"), kind="citizen", person="index of a neighbour")
    owner, no = await on_notice(desk)
    raised = await raise_objection(desk, objector, no)
    await answer_objection(desk, DISTRICT_REVIEWER, no, raised.id, upheld=False)
    (answered,) = await served(desk, no, (await steps(desk, no))["objection_dismissed"])
    assert (answered.objector.sub, answered.objector.person) == (objector.sub, "index of a neighbour")
    assert answered.household.sub == owner.sub
    # The levels, and who answered.
    assert len({each.sub for each in answered.handlers}) >= 3


async def test_what_is_not_here_is_left_out(desk: Desk) -> None:
    no = (await desk.submit(someone())).no
    assert await served(desk, no, "application/elsewhere/1/x") == []
    assert await served(desk, "KF-2026-999999", "") == []
