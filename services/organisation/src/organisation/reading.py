"""What administrators see: who has which duty, one person whole, the units of a day, and the log."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import anju_calendar as calendar
from anju.organisation.v1 import organisation_pb2 as pb
from chassis.errors import NOT_FOUND, Refusal
from chassis.wire import day as day_of
from chassis.wire import stamp
from sqlalchemy.ext.asyncio import AsyncSession

from organisation import store
from organisation.parts import Parts, today
from organisation.tables import Appointment, Change, Cover, Member


class Reading:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def appointments(self, request: pb.ListAppointmentsRequest) -> pb.ListAppointmentsResponse:
        async with self._parts.database.snapshot() as session:
            rows, info = await store.appointments(
                session,
                request.page,
                unit=request.unit,
                duty=request.duty,
                account=request.account,
                state=request.state,
                day=today(),
            )
        return pb.ListAppointmentsResponse(appointments=[self._appointment(row, member) for row, member in rows], page=info)

    async def person(self, account: str) -> pb.Person:
        """Raises Refusal(NOT_FOUND)."""
        async with self._parts.database.snapshot() as session:
            return await self._person(session, account)

    async def _person(self, session: AsyncSession, account: str) -> pb.Person:
        covers = await store.covers_of(session, account)
        known = await store.members(session, {account, *(each for cover in covers for each in (cover.absent, cover.substitute))})
        member = known.get(account)
        if member is None:
            raise Refusal(NOT_FOUND)
        return pb.Person(
            account=account,
            name=self._parts.names.open(member),
            verified=bool(member.person),
            appointments=[self._appointment(row, member) for row in await store.appointments_of(session, account)],
            covers=[self._cover(cover, known) for cover in covers],
        )

    async def units(self, request: pb.ListUnitsRequest) -> pb.ListUnitsResponse:
        day = day_of(request.day, "/day") if request.day else today()
        async with self._parts.database.statements() as session:
            people = await store.people_by_unit(session, day)
        return pb.ListUnitsResponse(
            units=[
                pb.Unit(
                    code=unit.code,
                    kind=unit.kind,
                    name=unit.name,
                    parent=unit.parent,
                    from_on=_iso(unit.begins),
                    until_on=_iso(unit.ends),
                    successors=unit.successors,
                    people=people.get(unit.code, 0),
                )
                for unit in self._parts.units.on(day).values()
            ]
        )

    async def changes(self, request: pb.ListChangesRequest) -> pb.ListChangesResponse:
        begins = calendar.start_of_day(day_of(request.from_on, "/from_on")) if request.from_on else None
        ends = calendar.start_of_day(day_of(request.until_on, "/until_on") + timedelta(days=1)) if request.until_on else None
        async with self._parts.database.snapshot() as session:
            rows, info = await store.changes(session, request.page, account=request.account, kind=request.kind, begins=begins, ends=ends)
        return pb.ListChangesResponse(changes=[_change(row) for row in rows], page=info)

    def _appointment(self, row: Appointment, member: Member) -> pb.Appointment:
        unit = self._parts.units.get(row.unit)
        return pb.Appointment(
            id=row.id,
            account=row.account,
            name=self._parts.names.open(member),
            duty=row.duty,
            unit=row.unit,
            unit_name=unit.name if unit is not None else row.unit,
            from_on=_iso(row.begins),
            until_on=_iso(row.ends),
            state=row.state if row.state != "in_force" else _state(row.begins, row.ends, row.revoked_at),
            entered_by=row.entered_by,
            confirmed_by=row.confirmed_by,
            work_to=row.work_to,
        )

    def _cover(self, row: Cover, known: dict[str, Member]) -> pb.Cover:
        return pb.Cover(
            id=row.id,
            absent=row.absent,
            absent_name=self._parts.names.open(known[row.absent]),
            substitute=row.substitute,
            substitute_name=self._parts.names.open(known[row.substitute]),
            from_on=_iso(row.begins),
            until_on=_iso(row.ends),
            state=_state(row.begins, row.ends, row.revoked_at),
        )


def _state(begins: date, ends: date | None, revoked_at: datetime | None) -> str:
    if revoked_at is not None or (ends is not None and ends < today()):
        return "over"
    return "to_come" if begins > today() else "in_force"


def _change(row: Change) -> pb.Change:
    names = sorted({*row.before, *row.after})
    return pb.Change(
        seq=row.seq or 0,
        at=stamp(row.at),
        kind=row.kind,
        by_account=row.by_account,
        account=row.account,
        subject_id=row.subject_id,
        details=[pb.Detail(name=name, before=str(row.before.get(name, "")), after=str(row.after.get(name, ""))) for name in names],
    )


def _iso(day: date | None) -> str:
    return day.isoformat() if day is not None else ""
