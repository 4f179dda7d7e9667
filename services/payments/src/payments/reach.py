"""Who may see and do what in payments."""

from __future__ import annotations

from chassis.errors import NOT_FOUND, Refusal
from chassis.identity import Caller, current_caller
from sqlalchemy import ColumnElement
from sqlalchemy.ext.asyncio import AsyncSession

from payments import store
from payments.tables import Bill


def see(bill: Bill | None) -> Bill:
    """The bill, if the caller may see it. Raises Refusal(NOT_FOUND), so that nobody learns what exists."""
    caller = current_caller()
    if bill is not None:
        if caller.kind == "citizen" and bill.owner in caller.accounts:
            return bill
        if caller.kind == "staff" and caller.covers(bill.district):
            return bill
        # Which lease takes effect depends on its deposit: housing asks whether it is paid.
        if caller.kind == "system":
            return bill
    raise Refusal(NOT_FOUND)


async def may_see_reads(session: AsyncSession, _caller: Caller, application_no: str) -> None:
    """Who may see a household's bills may know who has looked at them. Raises Refusal(NOT_FOUND)."""
    see(await store.bill_of_household(session, application_no))


def bills() -> ColumnElement[bool]:
    """The bills the caller may list."""
    caller = current_caller()
    if caller.kind == "citizen":
        return store.owned_by(caller.accounts)
    return store.within(caller.divisions)
