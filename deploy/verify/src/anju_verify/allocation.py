"""Allocation: a home and a household are each in one allocation at most, and nothing offered is left hanging."""

from __future__ import annotations

from datetime import date
from typing import Final

from anju_verify.check import Findings, Register
from anju_verify.sources import Sources

check: Final = Register()

# A lease is of its offer's home: together they are one allocation.
_LIVE: Final = """
    SELECT id AS allocation, unit_id, owner, 'offer' AS kind FROM offers WHERE NOT released
    UNION ALL
    SELECT offer_id, unit_id, owner, 'lease' FROM leases WHERE NOT released
"""


async def _one_allocation(sources: Sources, found: Findings, by: str, named: str) -> None:
    rows = await sources.rows(
        "housing",
        f"""
        WITH live AS ({_LIVE})
        SELECT {by} AS who, array_agg(DISTINCT allocation ORDER BY allocation) AS allocations, count(*) AS rows,
               max(of_kind) AS of_kind
        FROM (SELECT *, count(*) OVER (PARTITION BY {by}, kind) AS of_kind FROM live) AS counted
        GROUP BY {by}
        """,  # noqa: S608  # column names of this module
    )
    found.looked(sum(row["rows"] for row in rows))
    for row in rows:
        if len(row["allocations"]) > 1 or row["of_kind"] > 1:
            found.violation(f"{named} {row['who']} is in several allocations at once: {', '.join(row['allocations'])}")


@check("A1", "a home is in at most one allocation")
async def a1(sources: Sources, found: Findings) -> None:
    await _one_allocation(sources, found, "unit_id", "home")


@check("A2", "a household is in at most one allocation")
async def a2(sources: Sources, found: Findings) -> None:
    await _one_allocation(sources, found, "owner", "household")


@check("A3", "the lease periods of a home never overlap")
async def a3(sources: Sources, found: Findings) -> None:
    rows = await sources.rows(
        "housing",
        "SELECT no, unit_id, starts_on, COALESCE(vacated_on, ends_on) AS ends_on FROM leases WHERE starts_on IS NOT NULL ORDER BY unit_id, starts_on, no",
    )
    found.looked(len(rows))
    latest: dict[str, tuple[str, date]] = {}
    for row in rows:
        before = latest.get(row["unit_id"])
        if row["ends_on"] < row["starts_on"]:
            found.violation(f"lease {row['no']} ends before it starts")
        if before is not None and row["starts_on"] <= before[1]:
            found.violation(f"leases {before[0]} and {row['no']} of home {row['unit_id']} overlap")
        if before is None or row["ends_on"] > before[1]:
            latest[row["unit_id"]] = row["no"], row["ends_on"]


@check("A4", "allocated ≤ stock; every offer ends leased, declined or expired")
async def a4(sources: Sources, found: Findings) -> None:
    stock = await sources.rows(
        "housing",
        f"""
        SELECT estates.id, count(DISTINCT units.id) AS homes, count(DISTINCT live.allocation) AS allocated
        FROM estates LEFT JOIN units ON units.estate_id = estates.id LEFT JOIN ({_LIVE}) AS live ON live.unit_id = units.id
        GROUP BY estates.id
        """,  # noqa: S608
    )
    for row in stock:
        found.unless(row["allocated"] <= row["homes"], f"estate {row['id']}: {row['allocated']} allocated of {row['homes']} homes")
    offers = await sources.rows(
        "housing",
        """
        SELECT offers.id, offers.state, offers.released, offers.closed_at, units.id AS unit, waiting.state AS place,
               offers.application_no, leases.no AS lease, leases.state AS lease_state, leases.unit_id AS leased_unit,
               offers.unit_id, leases.owner AS tenant, offers.owner
        FROM offers LEFT JOIN units ON units.id = offers.unit_id LEFT JOIN leases ON leases.offer_id = offers.id
             LEFT JOIN waiting ON waiting.application_no = offers.application_no
        """,
    )
    found.looked(len(stock) + len(offers))
    for row in offers:
        named = f"offer {row['id']}"
        found.unless(row["unit"], f"{named} is of a home that does not exist")
        match row["state"]:
            case "open":
                found.unless(row["lease"] is None and not row["released"], f"{named} is open and has already ended")
                found.unless(row["place"] == "offered", f"{named} is open, but its household is {row['place']}")
            case "accepted":
                found.unless(row["lease"], f"{named} was accepted and has no lease")
                found.unless(row["place"] in ("leasing", "leased"), f"{named} was accepted, but its household is {row['place']}")
                over = row["lease_state"] in ("ended", "lapsed")
                found.unless(
                    row["released"] == over, f"{named} is {'' if row['released'] else 'not '}released, its lease is {row['lease_state']}"
                )
                same = (row["leased_unit"], row["tenant"]) == (row["unit_id"], row["owner"])
                found.unless(row["lease"] is None or same, f"{named} and its lease {row['lease']} are not of the same home and household")
            case "declined" | "expired":
                found.unless(row["lease"] is None and row["released"], f"{named} was {row['state']} and still holds a home")
            case state:
                found.violation(f"{named} is {state}, which is no end of an offer")
    await _nobody_hangs(sources, found)


async def _nobody_hangs(sources: Sources, found: Findings) -> None:
    """Somebody who has an offer on the list has one in the table, and whoever waits for an answer is there to hear it."""
    rows = await sources.rows(
        "housing",
        """
        SELECT waiting.application_no, waiting.state,
               (SELECT count(*) FROM offers WHERE offers.application_no = waiting.application_no AND offers.state = 'open') AS open,
               (SELECT count(*) FROM offers WHERE offers.application_no = waiting.application_no AND offers.state = 'accepted') AS accepted
        FROM waiting
        """,
    )
    found.looked(len(rows))
    for row in rows:
        expected = 1 if row["state"] == "offered" else 0
        named = f"household of {row['application_no']}"
        found.unless(row["open"] == expected, f"{named} is {row['state']} with {row['open']} open offers")
        if row["state"] in ("leasing", "leased"):
            found.unless(row["accepted"], f"{named} is {row['state']} and has accepted no offer")
