"""Two owners of one fact: what a service has on record and what the workflow, or another service, holds to be so."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import Final

from anju_contracts import lease, rent_cycle, waiting

from anju_verify.check import Findings, Register, UnreachableError
from anju_verify.sources import Sources

check: Final = Register()

_OPEN_BILLS: Final = ("open", "overdue")


# --- I4 ------------------------------------------------------------------------------------------------------------------------------------


@check("I4", "no open offer, place on the list or bill that its workflow does not know, and none it knows that the record does not")
async def i4(sources: Sources, found: Findings) -> None:
    silent: list[str] = []
    await _offers(sources, found, silent)
    if sources.has("payments"):
        await _bills(sources, found, silent)
    else:
        found.note("no database of payments is known: bills were not compared")
    if silent:
        found.note(f"{len(silent)} workflows do not say what they hold, such as {silent[0]}")


async def _offers(sources: Sources, found: Findings, silent: list[str]) -> None:
    rows = await sources.rows(
        "housing",
        """
        SELECT waiting.application_no AS no, waiting.state, COALESCE(offers.id, '') AS offer
        FROM waiting LEFT JOIN offers ON offers.application_no = waiting.application_no AND offers.state = 'open'
        WHERE waiting.state IN ('waiting', 'offered') OR offers.id IS NOT NULL
        """,
    )

    async def compare(no: str, state: str, offer: str) -> None:
        held = await sources.state_of(waiting.workflow_id(no))
        if held is None or "offer" not in held.details:
            silent.append(waiting.workflow_id(no))
            return
        found.looked()
        known = held.details["offer"]
        named = f"household of {no}"
        found.unless(not offer or known == offer, f"{named} has the open offer {offer}, its workflow knows {known or 'none'}")
        found.unless(offer or not known, f"{named} has no open offer, its workflow waits for the answer to {known}")
        found.unless(held.stage == state, f"{named} is {state} on the list, its workflow is {held.stage}")

    await asyncio.gather(*(compare(row["no"], row["state"], row["offer"]) for row in rows))


async def _bills(sources: Sources, found: Findings, silent: list[str]) -> None:
    open_: dict[str, set[str]] = defaultdict(set)
    for row in await sources.rows("payments", "SELECT id, lease_no FROM bills WHERE state = ANY($1)", list(_OPEN_BILLS)):
        open_[row["lease_no"]].add(row["id"])
    ended = {row["id"] for row in await sources.rows("payments", "SELECT id FROM bills WHERE state <> ALL($1)", list(_OPEN_BILLS))}
    running = {row["no"] for row in await sources.rows("housing", "SELECT no FROM leases WHERE state IN ('signing', 'deposit', 'active')")}
    live = {each.id for each in await sources.executions() if each.open}

    async def compare(no: str) -> None:
        held = await sources.state_of(lease.workflow_id(no))
        if held is None or "open_bills" not in held.details:
            silent.append(lease.workflow_id(no))
            return
        found.looked()
        known = {bill for bill in held.details["open_bills"].split(",") if bill}
        for bill in sorted(open_[no] - known):
            found.violation(f"bill {bill} is open, and the workflow of its lease does not wait for it")
        for bill in sorted(known - open_[no]):
            # A bill is in the workflow before its day has come; from then on it is on record.
            future = rent_cycle.workflow_id(bill) in live and bill not in ended
            found.unless(
                future, f"the workflow of lease {no} waits for bill {bill}, which is {'paid or in arrears' if bill in ended else 'nowhere'}"
            )

    await asyncio.gather(*(compare(no) for no in running))


# --- I5 ------------------------------------------------------------------------------------------------------------------------------------


@check("I5", "the size of a household and the amount of a bill are the same wherever they are held")
async def i5(sources: Sources, found: Findings) -> None:
    await _sizes(sources, found)
    if sources.has("payments"):
        await _amounts(sources, found)
    else:
        found.note("no database of payments is known: the amounts of bills were not compared")


async def _sizes(sources: Sources, found: Findings) -> None:
    """The list against the newest dossier; what has ended is history and says what was."""
    newest = {
        row["application_no"]: row["household_size"]
        for row in await sources.rows(
            "casework",
            "SELECT DISTINCT ON (application_no) application_no, household_size FROM dossier ORDER BY application_no, round DESC",
        )
    }
    for row in await sources.rows("casework", "SELECT no, household_size FROM application"):
        size = newest.get(row["no"])
        found.looked()
        found.unless(
            size == row["household_size"], f"application {row['no']} is of {row['household_size']} people, its newest dossier of {size}"
        )
    for row in await sources.rows(
        "housing", "SELECT application_no AS no, household_size FROM waiting WHERE state IN ('waiting', 'offered')"
    ):
        found.looked()
        size = newest.get(row["no"])
        found.unless(
            size == row["household_size"],
            f"household of {row['no']} waits as {row['household_size']}, its newest dossier has {size} people",
        )


async def _amounts(sources: Sources, found: Findings) -> None:
    """A bill on record against what its workflow was started with, as long as it is open."""
    amounts = {
        rent_cycle.workflow_id(row["id"]): row["amount_fen"]
        for row in await sources.rows("payments", "SELECT id, amount_fen FROM bills WHERE state = ANY($1)", list(_OPEN_BILLS))
    }
    try:
        sources.converter()
    except UnreachableError as error:
        found.note(f"the amounts of bills were not compared: {error}")
        return

    async def compare(workflow_id: str, amount: int) -> None:
        given = await sources.started_with(workflow_id)
        if given is None:
            return
        found.looked()
        asked = given.get("amount_fen")
        found.unless(asked == amount, f"{workflow_id} is about {asked} fen, the bill on record about {amount}")

    await asyncio.gather(*(compare(*each) for each in amounts.items()))
