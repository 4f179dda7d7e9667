"""Who may see and do what in payments."""

from __future__ import annotations

from typing import Final

from chassis.errors import NOT_ALLOWED, NOT_FOUND, Refusal
from chassis.identity import Caller, current_caller
from sqlalchemy import ColumnElement

from payments import store
from payments.tables import Bill

BILL_READERS: Final = ("finance", "house_manager", "operator", "auditor")
LEDGER_READERS: Final = ("finance", "auditor")


def citizen() -> Caller:
    caller = current_caller()
    caller.require_kind("citizen")
    return caller


def worker() -> Caller:
    """A workflow's step: only the worker process may make it."""
    caller = current_caller()
    caller.require_kind("system")
    caller.require_role("worker")
    return caller


def web_gateway() -> Caller:
    """The bank has no identity here; the web gateway passes on what came to the bank's address."""
    caller = current_caller()
    caller.require_kind("system")
    caller.require_role("web-gateway")
    return caller


def ledger_reader() -> Caller:
    caller = current_caller()
    caller.require_kind("staff")
    caller.require_role(*LEDGER_READERS)
    return caller


def see(bill: Bill | None) -> Bill:
    """The bill, if the caller may see it. Raises Refusal(NOT_FOUND), so that nobody learns what exists."""
    caller = current_caller()
    if bill is not None:
        if caller.kind == "citizen" and caller.sub == bill.owner:
            return bill
        if caller.kind == "staff" and caller.has_role(*BILL_READERS) and caller.covers(bill.district):
            return bill
        # Which lease takes effect depends on its deposit: housing asks whether it is paid.
        if caller.kind == "system" and caller.has_role("housing"):
            return bill
    raise Refusal(NOT_FOUND)


def bills() -> ColumnElement[bool]:
    """The bills the caller may list."""
    caller = current_caller()
    if caller.kind == "citizen":
        return store.owned_by(caller.sub)
    if caller.kind == "staff":
        caller.require_role(*BILL_READERS)
        return store.within(caller.divisions)
    raise Refusal(NOT_ALLOWED)
