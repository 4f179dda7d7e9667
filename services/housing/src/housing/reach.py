"""Who may see and do what in housing."""

from __future__ import annotations

from chassis.errors import NOT_FOUND, Refusal
from chassis.identity import Caller, current_caller
from sqlalchemy import ColumnElement
from sqlalchemy.ext.asyncio import AsyncSession

from housing import store


def house_manager(*districts: str) -> Caller:
    """The house manager who calls, of all the districts. Raises Refusal(OUT_OF_DIVISION)."""
    caller = current_caller()
    for district in districts:
        caller.require_division(district)
    return caller


def own(caller: Caller, owner: str) -> None:
    """Somebody else's record does not exist for a citizen."""
    if owner not in caller.accounts:
        raise Refusal(NOT_FOUND)


def see_household(owner: str, street: str) -> None:
    """The household itself, and staff of its street, district or city. Raises Refusal(NOT_FOUND)."""
    caller = current_caller()
    if caller.kind == "citizen":
        own(caller, owner)
    elif not caller.covers(street):
        raise Refusal(NOT_FOUND)


async def may_see_reads(session: AsyncSession, _caller: Caller, application_no: str) -> None:
    """Who may see a household's place may know who has looked at it. Raises Refusal(NOT_FOUND)."""
    entry = await store.waiting(session, application_no)
    if entry is None:
        raise Refusal(NOT_FOUND)
    see_household(entry.owner, entry.street)


def leases() -> ColumnElement[bool]:
    """The leases the caller may list."""
    caller = current_caller()
    if caller.kind == "citizen":
        return store.owned_by(caller.accounts)
    return store.within(caller.divisions)
