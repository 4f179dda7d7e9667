"""For whom a finished service was rendered, and by whom: oversight asks before it lets somebody say what he thought of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from anju.casework.v1 import casework_pb2 as pb
from anju_contracts.application import DECIDE, DECIDE_OBJECTION
from chassis.db import Database
from chassis.errors import invalid
from chassis.wire import wrong
from sqlalchemy.ext.asyncio import AsyncSession

from casework import store

MOST: Final = 1000
_DECISIONS: Final = (DECIDE, DECIDE_OBJECTION)


class Services:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def served(self, request: pb.GetServedRequest) -> pb.GetServedResponse:
        """A step that is not here any more, its database having been restored, is left out. Raises Refusal(INVALID_FIELDS)."""
        if len(request.steps) > MOST:
            raise invalid([wrong("/steps", f"一次最多{MOST}项。", f"At most {MOST} at once.")])
        async with self._database.snapshot() as session:
            found = [await _served(session, step) for step in request.steps]
        return pb.GetServedResponse(served=[each for each in found if each is not None])


async def _served(session: AsyncSession, asked: pb.ServedStep) -> pb.Served | None:
    case = await store.case(session, asked.application_no)
    if case is None:
        return None
    served = pb.Served(step=asked, household=pb.Somebody(sub=case.owner))
    if not asked.step_id:
        return served
    step = await store.step(session, case.no, asked.step_id)
    if step is None:
        return None
    served.handlers.extend(_somebodies(await store.said_until(session, case.no, step.seq, _DECISIONS)))
    objection = await store.objection(session, case.no, step.objection_id) if step.objection_id else None
    if objection is not None:
        served.objector.CopyFrom(pb.Somebody(sub=objection.raised_by, person=objection.person))
    return served


def _somebodies(found: Iterable[tuple[str, str]]) -> list[pb.Somebody]:
    return [pb.Somebody(sub=sub, person=person) for sub, person in found]
