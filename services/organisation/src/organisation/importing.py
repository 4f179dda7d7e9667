"""The first people of a city, from a file of its operators."""

from __future__ import annotations

from datetime import date

from anju.organisation.v1 import organisation_pb2 as pb
from anju_terms import is_code
from chassis.errors import FieldViolation, Refusal, invalid
from chassis.identity import Caller
from chassis.ids import stable_id
from chassis.wire import day, missing

from organisation import store
from organisation.domain import rules
from organisation.domain.rules import Held, Somebody
from organisation.domain.standing import Span
from organisation.errors import ALREADY_ADMINISTERED, KEPT_APART
from organisation.parts import Parts, change, now
from organisation.tables import Appointment, Change, Member

MAX_PEOPLE = 5000


async def import_people(parts: Parts, caller: Caller, request: pb.ImportPeopleRequest) -> pb.ImportPeopleResponse:
    """Once: afterwards administrators go on, each looked at by the other. Raises Refusal(ALREADY_ADMINISTERED)."""
    _check(parts, request)
    async with parts.database.transaction() as session:
        await store.hold(session)
        if await store.anybody(session):
            known = await store.members(session, {each.account for each in request.people})
            if all(each.account in known for each in request.people):
                return pb.ImportPeopleResponse(added=0)
            raise Refusal(ALREADY_ADMINISTERED)
        at, members, appointments, changes = now(), list[Member](), list[Appointment](), list[Change]()
        for each in request.people:
            members.append(
                Member(account=each.account, person=each.person, name_sealed=parts.names.seal(each.account, each.name), entered_at=at)
            )
            for duty in each.duties:
                begins, ends = _days(duty, "")
                id_ = stable_id("ap-", each.account, duty.duty, duty.unit, duty.from_on)
                appointments.append(
                    Appointment(
                        id=id_,
                        account=each.account,
                        duty=duty.duty,
                        unit=duty.unit,
                        begins=begins,
                        ends=ends,
                        state="in_force",
                        entered_by=caller.sub,
                        entered_at=at,
                    )
                )
                said = {"duty": duty.duty, "unit": duty.unit, "from": duty.from_on, "until": duty.until_on}
                changes.append(change(caller, "imported", each.account, id_, after=said))
        await store.insert(session, *members, *appointments, *changes)
    return pb.ImportPeopleResponse(added=len(members))


def _check(parts: Parts, request: pb.ImportPeopleRequest) -> None:
    """Raises Refusal with a violation for each line that is wrong."""
    wrong: list[FieldViolation] = []
    seen: set[str] = set()
    if not 0 < len(request.people) <= MAX_PEOPLE:
        raise invalid([missing("/people")])
    for place, each in enumerate(request.people):
        at = f"/people/{place}"
        wrong += [missing(f"{at}/{name}") for name in ("account", "name") if not getattr(each, name)]
        if each.account in seen:
            wrong.append(FieldViolation(f"{at}/account", "DUPLICATE", "账号重复。", "The account is listed twice."))
        seen.add(each.account)
        held: list[Held] = []
        for number, duty in enumerate(each.duties):
            here = f"{at}/duties/{number}"
            if not is_code("roles", duty.duty):
                wrong.append(FieldViolation(f"{here}/duty", "CHOOSE_ONE", "没有这种岗位。", "There is no such duty."))
            unit = parts.units.get(duty.unit)
            if unit is None:
                wrong.append(FieldViolation(f"{here}/unit", "UNKNOWN_UNIT", "没有这个单位。", "There is no such unit."))
            elif not rules.fits(duty.duty, unit.kind):
                wrong.append(
                    FieldViolation(
                        f"{here}/unit", "WRONG_LEVEL", "这个岗位不设在这一级单位。", "This duty is not one of a unit of this level."
                    )
                )
            who, span = Somebody(each.account, each.person), Span(*_days(duty, here))
            if any((other.duty, other.unit) == (duty.duty, duty.unit) and rules.overlap(other.span, span) for other in held):
                wrong.append(
                    FieldViolation(here, "DUPLICATE", "同一岗位重复，日期重叠。", "The duty is listed twice for some of these days.")
                )
            if rules.kept_apart(who, duty.duty, span, held):
                wrong.append(FieldViolation(f"{here}/duty", KEPT_APART.reason, KEPT_APART.zh, KEPT_APART.en))
            held.append(Held(who, duty.duty, duty.unit, span))
    if wrong:
        raise invalid(wrong)


def _days(duty: pb.ImportedDuty, at: str) -> tuple[date, date | None]:
    """Raises Refusal(INVALID_FIELDS)."""
    begins = day(duty.from_on, f"{at}/from_on")
    ends = day(duty.until_on, f"{at}/until_on") if duty.until_on else None
    if ends is not None and ends < begins:
        raise invalid([FieldViolation(f"{at}/until_on", "BEFORE_BEGIN", "结束日期早于开始日期。", "It ends before it begins.")])
    return begins, ends
