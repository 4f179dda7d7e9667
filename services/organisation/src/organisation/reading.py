"""What administrators see: who has which duty, one person whole, the units of a day, and the log."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Final

import anju_calendar as calendar
from anju.organisation.v1 import organisation_pb2 as pb
from anju_terms import is_code
from chassis.errors import NOT_FOUND, Refusal, invalid
from chassis.identity import Caller
from chassis.wire import day as day_of
from chassis.wire import stamp, wrong
from sqlalchemy.ext.asyncio import AsyncSession

from organisation import store
from organisation.appointing import able_to_take_over
from organisation.parts import Parts, change, today
from organisation.tables import Appointment, Change, Cover, Member

# How long a successor is told whose work he has got.
TOLD_FOR: Final = timedelta(days=30)


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
            appointments=[await self._with_colleagues(session, row, member) for row in await store.appointments_of(session, account)],
            covers=[self._cover(cover, known) for cover in covers],
        )

    async def _with_colleagues(self, session: AsyncSession, row: Appointment, member: Member) -> pb.Appointment:
        told = self._appointment(row, member)
        if told.state in ("in_force", "to_come"):
            for other in await able_to_take_over(session, self._parts.units, row, member, today()):
                told.colleagues.add(account=other.account, name=self._parts.names.open(other))
        return told

    async def handed_over(self, account: str) -> pb.ListHandedOverResponse:
        """Of somebody who leaves later as well: his successor knows beforehand."""
        async with self._parts.database.snapshot() as session:
            found = await store.handed_to(session, account, today() - TOLD_FOR)
        answer = pb.ListHandedOverResponse()
        for row, member in found:
            unit = self._parts.units.get(row.unit)
            answer.handed_over.add(
                account=row.account,
                name=self._parts.names.open(member),
                duty=row.duty,
                unit=row.unit,
                unit_name=unit.name if unit is not None else row.unit,
                until_on=_iso(row.ends),
            )
        return answer

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

    async def changes(self, caller: Caller, request: pb.ListChangesRequest) -> pb.ListChangesResponse:
        """That somebody takes the log away in a file is a line of it, with the purpose he gives: one a file."""
        page = request.page
        if page.purpose and not is_code("export_purposes", page.purpose):
            raise invalid([wrong("/page/purpose", "请选择导出的用途。", "Choose what the file is for.")])
        begins = calendar.start_of_day(day_of(request.from_on, "/from_on")) if request.from_on else None
        ends = calendar.start_of_day(day_of(request.until_on, "/until_on") + timedelta(days=1)) if request.until_on else None
        async with self._parts.database.snapshot() as session:
            rows, info = await store.changes(
                session,
                request.page,
                account=request.account,
                by_account=request.by_account,
                kind=request.kind,
                begins=begins,
                ends=ends,
            )
        if page.purpose and not page.only_count and not page.cursor:
            async with self._parts.database.transaction() as session:
                await store.hold(session)
                session.add(change(caller, "log_taken", caller.sub, "", after={"purpose": page.purpose}))
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
