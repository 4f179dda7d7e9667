"""What the caller may do now."""

from __future__ import annotations

from datetime import timedelta

import anju_calendar as calendar
from anju.organisation.v1 import organisation_pb2 as pb
from chassis import logs
from chassis.identity import Caller
from chassis.wire import stamp

from organisation import store
from organisation.domain import standing
from organisation.domain.standing import Span
from organisation.parts import Parts, today
from organisation.tables import Appointment

_log = logs.get(__name__)


class Standings:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def of(self, caller: Caller) -> pb.GetStandingResponse:
        """Nothing for an account that was given to somebody else than who has signed on with it."""
        day = today()
        async with self._parts.database.snapshot() as session:
            version = await store.version(session)
            covers = await store.covers_by(session, caller.sub, day)
            known = await store.members(session, {caller.sub, *(cover.absent for cover in covers)})
            appointments = await store.in_force(session, known, day)
        answer = pb.GetStandingResponse(version=version, good_until=stamp(calendar.start_of_day(day + timedelta(days=1))))
        himself = known.get(caller.sub)
        if himself is not None and himself.person and caller.person and himself.person != caller.person:
            _log.error("account_of_another_person", account=caller.sub)
            return answer
        for each in standing.capacities(
            caller.sub,
            [of_row(row) for row in appointments],
            [standing.Cover(row.absent, row.substitute, Span(row.begins, row.ends)) for row in covers],
            self._parts.units.reach,
            day,
        ):
            answer.capacities.add(
                id=each.id,
                duties=each.duties,
                divisions=each.divisions,
                acting_for=each.acting_for,
                acting_for_name=self._parts.names.open(known[each.acting_for]) if each.acting_for else "",
            )
        return answer

    async def version(self) -> pb.GetVersionResponse:
        async with self._parts.database.statements() as session:
            return pb.GetVersionResponse(version=await store.version(session))


def of_row(row: Appointment) -> standing.Appointment:
    return standing.Appointment(row.account, row.duty, row.unit, Span(row.begins, row.ends))
