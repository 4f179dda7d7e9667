"""Who may see and do what in housing."""

from __future__ import annotations

from typing import Final

from chassis.errors import NOT_FOUND, Refusal
from chassis.identity import Caller, current_caller
from sqlalchemy import ColumnElement, true

from housing import store

# Street and review staff look at one household's place; lists of leases belong to those who manage homes and money.
STAFF: Final = ("street_clerk", "district_reviewer", "city_reviewer", "house_manager", "finance", "operator", "auditor")
LEASE_READERS: Final = ("house_manager", "finance", "operator", "auditor")


def citizen() -> Caller:
    caller = current_caller()
    caller.require_kind("citizen")
    return caller


def house_manager(*districts: str) -> Caller:
    """A house manager of all the districts. Raises Refusal(NOT_ALLOWED, OUT_OF_DIVISION)."""
    caller = current_caller()
    caller.require_kind("staff")
    caller.require_role("house_manager")
    for district in districts:
        caller.require_division(district)
    return caller


def worker() -> Caller:
    """A workflow's step: only the worker process may make it."""
    caller = current_caller()
    caller.require_kind("system")
    caller.require_role("worker")
    return caller


def own(caller: Caller, owner: str) -> None:
    """Somebody else's record does not exist for a citizen."""
    if caller.sub != owner:
        raise Refusal(NOT_FOUND)


def see_household(owner: str, street: str) -> None:
    """The household itself, staff of its street, district or city, and our own processes. Raises Refusal(NOT_FOUND)."""
    caller = current_caller()
    if caller.kind == "citizen":
        own(caller, owner)
    elif caller.kind == "staff" and not (caller.has_role(*STAFF) and caller.covers(street)):
        raise Refusal(NOT_FOUND)


def leases() -> ColumnElement[bool]:
    """The leases the caller may list."""
    caller = current_caller()
    if caller.kind == "citizen":
        return store.owned_by(caller.sub)
    if caller.kind == "staff":
        caller.require_role(*LEASE_READERS)
        return store.within(caller.divisions)
    return true()
