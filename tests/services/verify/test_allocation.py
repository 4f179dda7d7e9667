"""A1 to A4: each passes on good records and names what is broken."""

from __future__ import annotations

from datetime import timedelta

import pytest
import pytest_asyncio

from tests.services.verify.records import NOW, Records


@pytest_asyncio.fixture(loop_scope="session")
async def city(records: Records) -> Records:
    """One tenant, one household with an open offer, one who declined and waits."""
    await records.estate()
    await records.waiting("KF-1", "leased")
    await records.offer("O1", "U1", "KF-1", "accepted")
    await records.lease("L-1", "O1", "U1", "KF-1")
    await records.waiting("KF-2", "offered")
    await records.offer("O2", "U2", "KF-2")
    await records.waiting("KF-3")
    await records.offer("O3", "U2", "KF-3", "declined")
    return records


async def test_good_records_pass(city: Records) -> None:
    await city.passes("A1", "A2", "A3", "A4")


async def test_a1_two_households_in_one_home(city: Records) -> None:
    await city.sabotage("housing", "DROP INDEX uq_offers_live_unit")
    await city.waiting("KF-4", "offered")
    await city.offer("O4", "U1", "KF-4")
    await city.violates("A1", "U1", "O1, O4")


async def test_a1_two_leases_of_one_offer(city: Records) -> None:
    for name in ("uq_leases_offer", "ex_leases_unit_period"):
        await city.sabotage("housing", f"ALTER TABLE leases DROP CONSTRAINT {name}")
    await city.sabotage("housing", "DROP INDEX uq_leases_live_unit", "DROP INDEX uq_leases_live_owner")
    await city.lease("L-2", "O1", "U1", "KF-1")
    await city.violates("A1", "U1")


async def test_a2_one_household_in_two_homes(city: Records) -> None:
    await city.sabotage("housing", "DROP INDEX uq_offers_live_owner")
    await city.waiting("KF-4", "offered", owner="c-KF-1")
    await city.offer("O4", "U3", "KF-4", owner="c-KF-1")
    await city.violates("A2", "c-KF-1", "O1, O4")


async def test_a3_periods_that_overlap(city: Records) -> None:
    await city.sabotage("housing", "ALTER TABLE leases DROP CONSTRAINT ex_leases_unit_period", "DROP INDEX uq_leases_live_unit")
    await city.sabotage("housing", "DROP INDEX uq_offers_live_unit")
    await city.waiting("KF-4", "leased")
    await city.offer("O4", "U1", "KF-4", "accepted")
    await city.lease("L-2", "O4", "U1", "KF-4", starts_on=NOW.date() + timedelta(days=364), ends_on=NOW.date() + timedelta(days=400))
    await city.violates("A3", "L-1 and L-2", "U1")


async def test_a3_one_after_another_is_no_overlap(city: Records) -> None:
    await city.waiting("KF-4", "leased")
    await city.offer("O4", "U1", "KF-4", "accepted", released=True)
    before = NOW.date() - timedelta(days=1)
    await city.lease("L-0", "O4", "U1", "KF-4", "ended", starts_on=before - timedelta(days=300), ends_on=before)
    await city.passes("A1", "A3", "A4")


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("DELETE FROM leases", ("O1", "has no lease")),
        ("UPDATE offers SET released = true WHERE id = 'O1'", ("O1", "released", "active")),
        ("UPDATE waiting SET state = 'waiting' WHERE application_no = 'KF-2'", ("O2", "its household is waiting")),
        ("UPDATE waiting SET state = 'offered' WHERE application_no = 'KF-3'", ("KF-3", "offered with 0 open offers")),
        ("UPDATE waiting SET state = 'waiting', closed_at = NULL WHERE application_no = 'KF-1'", ("O1", "its household is waiting")),
        ("UPDATE waiting SET state = 'leasing' WHERE application_no = 'KF-3'", ("KF-3", "leasing and has accepted no offer")),
        ("UPDATE leases SET owner = 'c-stranger'", ("O1", "L-1", "not of the same home and household")),
        ("DELETE FROM units WHERE id = 'U2'", ("O2", "home that does not exist")),
    ],
)
async def test_a4_offers_that_hang(city: Records, statement: str, words: tuple[str, ...]) -> None:
    await city.sabotage("housing", statement)
    await city.violates("A4", *words)


async def test_a4_more_allocated_than_there_is(city: Records) -> None:
    await city.sabotage("housing", "DROP INDEX uq_offers_live_unit", "DELETE FROM units WHERE id IN ('U2', 'U3')")
    await city.waiting("KF-4", "offered")
    await city.offer("O4", "U1", "KF-4")
    await city.violates("A4", "estate E1", "2 allocated of 1 homes")
