"""Who may see and do what of a complaint: object-level checks of every call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from anju_contracts.complaint import DESKS, MISUSE
from anju_terms import terms
from chassis.errors import NOT_FOUND, Refusal
from chassis.identity import Caller
from sqlalchemy import ColumnElement, and_, false, or_
from sqlmodel import col

from oversight.complaints.errors import ABOUT_YOU, NOT_VERIFIED, NOT_YOUR_DESK, OWN_COMPLAINT
from oversight.tables import Complaint

DISTRICT, CITY = DESKS


@dataclass(frozen=True)
class View:
    """What of a complaint a reader gets. ``words``: what was written, and reasons; ``reporter``: who wrote it, how he is reached and by which way it came;
    ``desk``: what only the desk writes for itself. Without ``words``: number, kind, place, stage, and the brief of an investigation."""

    words: bool
    reporter: bool
    desk: bool


OWNER: Final = View(words=True, reporter=True, desk=False)
_DESK: Final = View(words=True, reporter=True, desk=True)
_BESIDE: Final = View(words=True, reporter=False, desk=True)
_CLERK: Final = View(words=True, reporter=False, desk=False)
_BRIEF: Final = View(words=False, reporter=False, desk=False)


@dataclass(frozen=True)
class Reader:
    """An official as he reads: ``name_index`` of the name his sign-on knows him by, empty where it knows none."""

    caller: Caller
    name_index: str


MAX_PHOTOS: Final = 6


def has_written(caller: Caller, found: Complaint) -> bool:
    """That it is the caller's own letter, or one he has written down; who has the code has shown it already."""
    return caller.kind == "citizen" or found.taken_by == caller.sub


def is_at(caller: Caller, level: str, district: str) -> bool:
    """That the caller works at the desk of a level in charge of a district."""
    duty = terms("levels")[level]
    return caller.has_role(duty.role) and caller.covers(district[:4] if duty.scope == "city" else district)


def concerned(reader: Reader, found: Complaint) -> str:
    """Why an official has no part in a complaint: it is about him, or his own; empty for neither."""
    caller = reader.caller
    if found.about_sub == caller.sub or (found.about_name_index != "" and found.about_name_index == reader.name_index):
        return ABOUT_YOU.reason
    if (caller.person and found.owner_person == caller.person) or found.owner == caller.sub:
        return OWN_COMPLAINT.reason
    return ""


def view_of(reader: Reader, found: Complaint | None) -> View:
    """Raises Refusal(NOT_FOUND) alike for one that does not exist and for one out of reach, so that nobody learns which numbers exist."""
    if found is None:
        raise Refusal(NOT_FOUND)
    caller = reader.caller
    if caller.kind == "citizen":
        if found.owner == "" or found.owner != caller.sub:
            raise Refusal(NOT_FOUND)
        return OWNER
    # Whom it is about does not read it, and who wrote it reads it as a citizen.
    if concerned(reader, found):
        raise Refusal(NOT_FOUND)
    if is_at(caller, found.level, found.district):
        return _DESK
    if is_at(caller, CITY, found.district) or (is_at(caller, DISTRICT, found.district) and not found.about_staff):
        return _BESIDE
    if caller.has_role("auditor") and caller.covers(found.district):
        return _BESIDE
    if found.taken_by == caller.sub:
        return _CLERK
    if found.kind == MISUSE and found.brief_sealed and caller.has_role("house_manager") and caller.covers(found.district):
        return _BRIEF
    raise Refusal(NOT_FOUND)


def listed(reader: Reader) -> ColumnElement[bool]:
    """The rows for which ``view_of`` does not refuse: one rule, said in both ways, and compared by a test."""
    caller, row = reader.caller, Complaint
    ways: list[ColumnElement[bool]] = [col(row.taken_by) == caller.sub]
    for division in caller.divisions:
        within = col(row.district).startswith(division, autoescape=True)
        # A division inside a district is in charge of no desk.
        if len(division) > _DISTRICT_DIGITS:
            continue
        if caller.has_role(terms("levels")[CITY].role) and len(division) <= _CITY_DIGITS:
            ways.append(within)
        if caller.has_role(terms("levels")[DISTRICT].role):
            ways.append(and_(within, or_(~col(row.about_staff), col(row.level) == DISTRICT)))
        if caller.has_role("auditor"):
            ways.append(within)
        if caller.has_role("house_manager"):
            ways.append(and_(within, col(row.kind) == MISUSE, col(row.brief_sealed) != b""))
    mine = or_(*ways) if ways else false()
    kept = [col(row.about_sub) != caller.sub, col(row.owner) != caller.sub]
    if reader.name_index:
        kept.append(col(row.about_name_index) != reader.name_index)
    if caller.person:
        kept.append(col(row.owner_person) != caller.person)
    return and_(mine, *kept)


_CITY_DIGITS: Final = 4
_DISTRICT_DIGITS: Final = 6


def require_desk(reader: Reader, found: Complaint) -> None:
    """That the caller works at the desk the complaint lies with, and may act on it. Raises Refusal: NOT_YOUR_DESK, NOT_VERIFIED, ABOUT_YOU,
    OWN_COMPLAINT."""
    if not reader.caller.person:
        # Nobody knows else whether it is about him, or his own, or whether he reads over his own answer.
        raise Refusal(NOT_VERIFIED)
    problem = {each.reason: each for each in (ABOUT_YOU, OWN_COMPLAINT)}.get(concerned(reader, found))
    if problem is not None:
        raise Refusal(problem)
    if not is_at(reader.caller, found.level, found.district):
        raise Refusal(NOT_YOUR_DESK)
