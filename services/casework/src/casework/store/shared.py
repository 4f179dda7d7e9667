"""What queries of several kinds are made of."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from chassis.identity import Caller
from sqlalchemy import ColumnElement, String, and_, bindparam, literal, or_
from sqlmodel import col

from casework.tables import Proposal

# What every step and every look runs; made once, since putting a statement together costs as much as sending it.
NO = bindparam("no", type_=String)


def in_divisions(column: Any, divisions: Iterable[str]) -> ColumnElement[bool]:
    """As Caller.covers: a division code covers everything which starts with it. No divisions: nothing."""
    return or_(False, *(column.startswith(division, autoescape=True) for division in divisions))


def verified(who: Caller | type[Proposal]) -> ColumnElement[bool]:
    """That somebody's number was verified: without one he is the same person as nobody."""
    return literal(bool(who.person)) if isinstance(who, Caller) else col(who.person) != ""


def by(column_sub: Any, column_person: Any, who: Caller | type[Proposal]) -> ColumnElement[bool]:
    """That a row is the caller's, or of whoever has made the proposal of the query: under this account, or as the same person under another."""
    return or_(column_sub == who.sub, and_(column_person == who.person, verified(who)))
