"""Giving duties, taking them back, and standing in: every change in one transaction with its line in the log, one change after the other."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, Final

from anju.organisation.v1 import organisation_pb2 as pb
from anju_terms import is_code
from chassis.errors import NOT_FOUND, Refusal, invalid
from chassis.identity import Caller
from chassis.ids import stable_id
from chassis.once import request_key
from chassis.wire import day, missing
from sqlalchemy.ext.asyncio import AsyncSession

from organisation import store
from organisation.domain import rules
from organisation.domain.rules import Held, Somebody
from organisation.domain.standing import Span
from organisation.domain.units import Units
from organisation.errors import (
    ALREADY_APPOINTED,
    ALREADY_OVER,
    ANOTHERS_ACCOUNT,
    KEPT_APART,
    NOBODY_LEFT,
    NOT_PROPOSED,
    OWN_APPOINTMENT,
    SAME_ADMINISTRATOR,
    invalid_field,
)
from organisation.parts import Parts, change, now, today
from organisation.tables import Appointment, Cover, Member

POOL: Final = "pool"
MAX_NAME_CHARS: Final = 100
MAX_COVER: Final = timedelta(days=366)


class Appointing:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def appoint(self, caller: Caller, request: pb.AppointRequest) -> str:
        """Raises Refusal: a violation for what is wrong in the form, or as the rpc says. Gives the account."""
        id_ = stable_id("ap-", request_key(caller, request))
        span = self._checked(request)
        who = Somebody(request.account, request.person)
        if who.is_same(_self(caller)):
            raise Refusal(OWN_APPOINTMENT)
        async with self._parts.database.transaction() as session:
            await store.hold(session)
            if await session.get(Appointment, id_) is not None:
                return request.account
            member = await session.get(Member, request.account)
            if member is None:
                sealed = self._parts.names.seal(request.account, request.name)
                session.add(Member(account=request.account, person=request.person, name_sealed=sealed, entered_at=now()))
                await session.flush()
            elif member.person and member.person != request.person:
                raise Refusal(ANOTHERS_ACCOUNT)
            elif not member.person:
                member.person = request.person
            held = await self._held(session, who)
            if any(
                each.who.account == who.account
                and (each.duty, each.unit) == (request.duty, request.unit)
                and rules.overlap(each.span, span)
                for each in held
            ):
                raise Refusal(ALREADY_APPOINTED)
            if rules.kept_apart(who, request.duty, span, held):
                raise Refusal(KEPT_APART)
            proposed = request.duty in rules.FOUR_EYES
            session.add(
                Appointment(
                    id=id_,
                    account=request.account,
                    duty=request.duty,
                    unit=request.unit,
                    begins=span.begins,
                    ends=span.ends,
                    state="proposed" if proposed else "in_force",
                    entered_by=caller.sub,
                    entered_by_person=caller.person,
                    entered_at=now(),
                )
            )
            after = {"duty": request.duty, "unit": request.unit, "from": request.from_on, "until": request.until_on}
            session.add(change(caller, "proposed" if proposed else "appointed", request.account, id_, after=after))
        return request.account

    async def confirm(self, caller: Caller, request: pb.ConfirmAppointmentRequest) -> str:
        """By somebody who neither entered it nor gets it, as a person."""
        request_key(caller, request)
        async with self._parts.database.transaction() as session:
            row = await self._locked(session, Appointment, request.id)
            state = "in_force" if request.confirmed else "rejected"
            if row.state == state and row.confirmed_by == caller.sub:
                return str(row.account)
            if row.state != "proposed":
                raise Refusal(NOT_PROPOSED)
            member = await session.get_one(Member, row.account)
            if _self(caller).is_same(Somebody(row.account, member.person)):
                raise Refusal(OWN_APPOINTMENT)
            if _self(caller).is_same(Somebody(row.entered_by, row.entered_by_person)):
                raise Refusal(SAME_ADMINISTRATOR)
            row.state, row.confirmed_by, row.confirmed_by_person = state, caller.sub, caller.person
            kind = "confirmed" if request.confirmed else "rejected"
            session.add(change(caller, kind, row.account, row.id, before={"state": "proposed"}, after={"state": state}))
            return str(row.account)

    async def end(self, caller: Caller, request: pb.EndAppointmentRequest) -> str:
        """With its last day, or at once; and where the work goes: nothing is left lying that nobody may touch."""
        request_key(caller, request)
        last = day(request.until_on, "/until_on") if request.until_on else None
        async with self._parts.database.transaction() as session:
            row = await self._locked(session, Appointment, request.id)
            member = await session.get_one(Member, row.account)
            if _self(caller).is_same(Somebody(row.account, member.person)):
                raise Refusal(OWN_APPOINTMENT)
            if row.state == "rejected" or row.revoked_at is not None or (row.ends is not None and row.ends < today()):
                raise Refusal(ALREADY_OVER)
            before = {"until": row.ends.isoformat() if row.ends else "", "state": row.state}
            if last is not None and last < max(today(), row.begins):
                raise invalid_field(
                    "/until_on",
                    "PAST",
                    "最后一天不能早于今天，也不能早于任期开始。",
                    "The last day is neither before today nor before the first.",
                )
            if row.state == "in_force":
                await self._handed_over(session, row, member, last, request.work_to)
            if last is None:
                row.revoked_at = now()
                row.ends = max(today(), row.begins)
            else:
                row.ends = last
            row.work_to = request.work_to
            after = {"until": row.ends.isoformat(), "at_once": "yes" if last is None else "", "work_to": row.work_to}
            session.add(change(caller, "ended", row.account, row.id, before=before, after=after))
            return str(row.account)

    async def cover(self, caller: Caller, request: pb.SetCoverRequest) -> str:
        """Nobody makes himself a substitute, or another his own."""
        id_ = stable_id("co-", request_key(caller, request))
        begins, ends = _span(request.from_on, request.until_on)
        if ends is None:
            raise invalid([missing("/until_on")])
        if ends - begins > MAX_COVER:
            raise invalid_field("/until_on", "TOO_LONG", "代班最长一年。", "Standing in lasts a year at most.")
        async with self._parts.database.transaction() as session:
            await store.hold(session)
            if await session.get(Cover, id_) is not None:
                return request.absent
            known = await store.members(session, {request.absent, request.substitute})
            for name in ("absent", "substitute"):
                if getattr(request, name) not in known:
                    raise invalid_field(f"/{name}", "UNKNOWN_PERSON", "没有这位工作人员。", "Nobody of this account has been appointed.")
            people = {account: Somebody(account, member.person) for account, member in known.items()}
            if request.absent == request.substitute or people[request.absent].is_same(people[request.substitute]):
                raise invalid_field("/substitute", "ONESELF", "不能由本人代本人。", "Nobody stands in for himself.")
            if any(each.is_same(_self(caller)) for each in people.values()):
                raise Refusal(OWN_APPOINTMENT)
            session.add(
                Cover(
                    id=id_,
                    absent=request.absent,
                    substitute=request.substitute,
                    begins=begins,
                    ends=ends,
                    entered_by=caller.sub,
                    entered_at=now(),
                )
            )
            after = {"substitute": request.substitute, "from": request.from_on, "until": request.until_on}
            session.add(change(caller, "cover_set", request.absent, id_, after=after))
        return request.absent

    async def end_cover(self, caller: Caller, request: pb.EndCoverRequest) -> str:
        request_key(caller, request)
        async with self._parts.database.transaction() as session:
            row = await self._locked(session, Cover, request.id)
            if row.revoked_at is not None or row.ends < today():
                raise Refusal(ALREADY_OVER)
            before = {"until": row.ends.isoformat()}
            row.revoked_at, row.ends = now(), max(today(), row.begins)
            session.add(change(caller, "cover_ended", row.absent, row.id, before=before, after={"until": row.ends.isoformat()}))
            return str(row.absent)

    def _checked(self, request: pb.AppointRequest) -> Span:
        wrong = [missing(f"/{name}") for name in ("account", "name", "person") if not getattr(request, name).strip()]
        if wrong:
            raise invalid(wrong)
        if len(request.name) > MAX_NAME_CHARS:
            raise invalid_field("/name", "TOO_LONG", f"姓名最多{MAX_NAME_CHARS}字。", f"At most {MAX_NAME_CHARS} characters.")
        if not is_code("roles", request.duty):
            raise invalid_field("/duty", "CHOOSE_ONE", "请选择岗位。", "Choose a duty.")
        begins, ends = _span(request.from_on, request.until_on)
        unit = self._parts.units.on(begins).get(request.unit)
        if unit is None:
            raise invalid_field(
                "/unit", "UNKNOWN_UNIT", "这一天没有这个单位，请重新选择。", "There is no such unit on that day; choose another."
            )
        if not rules.fits(request.duty, unit.kind):
            raise invalid_field("/unit", "WRONG_LEVEL", "这个岗位不设在这一级单位。", "This duty is not one of a unit of this level.")
        return Span(begins, ends)

    async def _held(self, session: AsyncSession, who: Somebody) -> list[Held]:
        """What somebody has or will have, under every account of his, what is proposed included."""
        rows = await store.held_by(session, who.account, who.person, today())
        return [Held(Somebody(member.account, member.person), row.duty, row.unit, Span(row.begins, row.ends)) for row, member in rows]

    async def _handed_over(self, session: AsyncSession, row: Appointment, member: Member, last: date | None, work_to: str) -> None:
        """Raises Refusal when the work would lie where nobody may touch it."""
        if not work_to:
            raise invalid_field("/work_to", "REQUIRED", "请选择未办完的工作移交给谁。", "Say where the work goes that is not done.")
        after = today() if last is None else last + timedelta(days=1)
        able = await able_to_take_over(session, self._parts.units, row, member, after)
        if any(work_to in (POOL, other.account) for other in able):
            return
        raise Refusal(NOBODY_LEFT)

    async def _locked(self, session: AsyncSession, kind: Any, id_: str) -> Any:
        await store.hold(session)
        row = await session.get(kind, id_)
        if row is None:
            raise Refusal(NOT_FOUND)
        return row


async def able_to_take_over(session: AsyncSession, units: Units, row: Appointment, member: Member, day: date) -> list[Member]:
    """Who has, on a day, the duty everywhere where somebody has it with this appointment, and is another person."""
    leaving = Held(Somebody(row.account, member.person), row.duty, row.unit, Span(row.begins, row.ends))
    found: dict[str, Member] = {}
    for other, holder in await store.holders(session, row.duty, day):
        held = Held(Somebody(holder.account, holder.person), other.duty, other.unit, Span(other.begins, other.ends))
        if rules.takes_over(units, leaving, held, day):
            found[holder.account] = holder
    return [found[account] for account in sorted(found)]


def _self(caller: Caller) -> Somebody:
    return Somebody(caller.sub, caller.person)


def _span(from_on: str, until_on: str) -> tuple[date, date | None]:
    """Raises Refusal(INVALID_FIELDS): what was done on a day is judged by what somebody was allowed to do that day, so nothing is given backwards."""
    begins = day(from_on, "/from_on")
    ends = day(until_on, "/until_on") if until_on else None
    if begins < today():
        raise invalid_field("/from_on", "PAST", "开始日期不能早于今天。", "It does not begin before today.")
    if ends is not None and ends < begins:
        raise invalid_field("/until_on", "BEFORE_BEGIN", "结束日期早于开始日期。", "It ends before it begins.")
    return begins, ends
