"""What queries of several kinds are made of."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from chassis.identity import Caller
from sqlalchemy import ColumnElement, String, bindparam, or_

# What every step and every look runs; made once, since putting a statement together costs as much as sending it.
NO = bindparam("no", type_=String)


def in_divisions(column: Any, divisions: Iterable[str]) -> ColumnElement[bool]:
    """As Caller.covers: a division code covers everything which starts with it. No divisions: nothing."""
    return or_(False, *(column.startswith(division, autoescape=True) for division in divisions))


def by(column_sub: Any, column_person: Any, caller: Caller) -> ColumnElement[bool]:
    """That a row is the caller's: under this account, or as the same person under another."""
    same: ColumnElement[bool] = column_sub == caller.sub
    return or_(same, column_person == caller.person) if caller.person else same
