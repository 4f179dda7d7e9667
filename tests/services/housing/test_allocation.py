"""The promises on allocation (A1 to A4) hold in the database, whatever the code above it does and however many do it at once."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from anju.common.v1 import common_pb2 as common
from anju.housing.v1 import housing_pb2 as pb
from chassis import ids
from housing.tables import MIGRATIONS
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from tests.conftest import MakeDatabase
from tests.services.housing.world import DISTRICT, MANAGER, NOW, World, housing, refused
from tests.support.facts import facts_agree
from tests.support.patience import eventually

OFFER = (
    "INSERT INTO offers (id, unit_id, application_no, owner, state, released, made_at, expires_at, reason)"
    " VALUES (:id, :unit, :no, :owner, 'open', false, now(), now() + interval '7 days', '')"
)
LEASE = (
    "INSERT INTO leases (no, offer_id, unit_id, application_no, owner, district, street, state, released, term_months, starts_on, ends_on,"
    " monthly_rent_fen, deposit_fen, drafted_at, sign_by, version)"
    " VALUES (:no, :offer, :unit, :application, :owner, '410202', '410202001', :state, :released, 12, :starts, :ends, 1, 0, now(), now(), 1)"
)


async def breaks(world: World, constraint: str, *statements: tuple[str, dict[str, object]]) -> None:
    """The statements, in one transaction, must fail on this constraint."""

    async def attempt() -> None:
        async with world.database.transaction() as session:
            for statement, values in statements:
                await session.execute(text(statement), values)

    with pytest.raises(IntegrityError, match=constraint):
        await attempt()


async def test_two_hundred_takers_of_the_last_home(world: World) -> None:
    await world.add_units(2)
    await world.register_many(200)
    answers = await asyncio.gather(*(world.offer() for _ in range(200)))
    offers = [offer for answer in answers for offer in answer.offers]
    assert [offer.application_no for offer in offers] == ["KF-000"], "one offer, to the first of the list"
    assert await world.sql("SELECT count(*) FROM offers") == [(1,)]
    assert {answer.still_vacant for answer in answers} == {0}


async def test_offers_whose_look_is_refused_are_not_made(make_database: MakeDatabase, keys_dir: Path) -> None:
    """Who is shown the outcome has it on record with it; what was made is not answered with a refusal."""
    url = await make_database("housing", MIGRATIONS)
    async with housing(url, keys_dir, bulk_read_alarm=1, bulk_read_limit=1) as world:
        await world.add_units(2, 2)
        await world.register_many(2)
        assert (await refused(world.offer(key="both"))).problem.reason == "TOO_MANY_READS"
        assert await world.sql("SELECT count(*) FROM offers") == [(0,)]
        assert await world.sql("SELECT state, count(*) FROM waiting GROUP BY state") == [("waiting", 2)]
        assert await world.sql("SELECT households, refused FROM staff_read_day") == [(0, 1)]
    async with housing(url, keys_dir) as world:
        made = await world.offer(key="both")
        assert len(made.offers) == 2
        assert await world.offer(key="both") == made
        assert await world.sql("SELECT what, cardinality(households) FROM staff_read") == [("offers", 2)], (
            "asked again, it is the same look"
        )


async def test_two_hundred_takers_in_two_replicas_share_a_hundred_homes(make_database: MakeDatabase, keys_dir: Path) -> None:
    url = await make_database("housing", MIGRATIONS)
    async with housing(url, keys_dir) as one, housing(url, keys_dir) as two:
        await one.add_units(*[2] * 100)
        await one.register_many(130)
        answers = await asyncio.gather(*((one if n % 2 else two).offer(key=f"k{n}") for n in range(40)))
        offered = [offer for answer in answers for offer in answer.offers]
        assert len(offered) == 100
        assert {o.application_no for o in offered} == {f"KF-{n:03d}" for n in range(100)}
        assert len({o.unit.id for o in offered}) == 100


async def test_two_hundred_takers_by_sql_get_one_home_once(world: World) -> None:
    (unit,) = await world.add_units(2)
    await world.register_many(200)

    def take(no: str) -> Coroutine[Any, Any, list[Any]]:
        return world.sql(OFFER, id=ids.new_id("of"), unit=unit.id, no=no, owner=f"c-{no}")

    results = await asyncio.gather(*(take(f"KF-{number:03d}") for number in range(200)), return_exceptions=True)
    lost = [result for result in results if isinstance(result, BaseException)]
    assert len(lost) == 199
    assert all(isinstance(error, IntegrityError) and "uq_offers_live_unit" in str(error) for error in lost)


async def test_a1_a2_one_live_offer_per_home_and_household(world: World) -> None:
    first, second = await world.add_units(2, 2)
    await world.register("KF-1")
    await world.register("KF-2")
    await world.register("KF-3", owner="c-KF-1", district="410203")
    await world.sql(OFFER, id="o1", unit=first.id, no="KF-1", owner="c-KF-1")
    await breaks(world, "uq_offers_live_unit", (OFFER, {"id": "o2", "unit": first.id, "no": "KF-2", "owner": "c-KF-2"}))
    # The same household through another district's list.
    await breaks(world, "uq_offers_live_owner", (OFFER, {"id": "o3", "unit": second.id, "no": "KF-3", "owner": "c-KF-1"}))
    await breaks(world, "ck_offers_released", ("UPDATE offers SET released = true WHERE id = 'o1'", {}))
    await breaks(world, "ck_offers_closed", ("UPDATE offers SET state = 'expired', released = true WHERE id = 'o1'", {}))


async def test_the_same_household_in_two_districts_gets_one_offer(world: World) -> None:
    await world.add_units(2)
    await world.add_units(2, district="410203")
    await world.register("KF-1", owner="same")
    await world.register("KF-2", owner="same", district="410203")
    made = await asyncio.gather(world.offer(), world.offer("410203"))
    assert await world.sql("SELECT count(*) FROM offers") == [(1,)]
    assert len([m for m in made if m.offers]) == 1
    # Who holds an offer is passed over in the other district, now and later.
    assert len((await world.offer()).offers) + len((await world.offer("410203")).offers) == 0


async def test_who_is_offered_a_home_elsewhere_in_this_very_moment_is_passed_over(world: World) -> None:
    """The other district's offer is written and not yet committed when ours is made: no error, and the home goes to the next."""
    await world.add_units(2)
    (elsewhere,) = await world.add_units(2, district="410203")
    await world.register("KF-1", owner="same")
    await world.register("KF-2", owner="same", district="410203")
    await world.register("KF-3")
    async with world.database.transaction() as session:
        await session.execute(text(OFFER), {"id": "of-other", "unit": elsewhere.id, "no": "KF-2", "owner": "same"})
        offering = asyncio.create_task(world.offer())
        await eventually(lambda: world.sql("SELECT 1 FROM pg_locks WHERE NOT granted AND locktype = 'transactionid'"))
    assert [offer.application_no for offer in (await offering).offers] == ["KF-3"]


async def test_a_live_lease_holds_its_offer_and_its_home(world: World) -> None:
    await world.add_units(2)
    await world.register("KF-1")
    (offer,) = (await world.offer()).offers
    lease = await world.close_offer(offer.id, "accepted")
    await breaks(world, "fk_leases_offer", ("UPDATE offers SET released = true WHERE id = :id", {"id": offer.id}))
    await breaks(world, "ck_leases_released", ("UPDATE leases SET state = 'lapsed' WHERE no = :no", {"no": lease.no}))
    await breaks(world, "ck_leases_in_effect", ("UPDATE leases SET starts_on = now(), ends_on = now() WHERE no = :no", {"no": lease.no}))
    await breaks(world, "fk_leases_offer", ("UPDATE leases SET state = 'lapsed', released = true WHERE no = :no", {"no": lease.no}))
    assert (await world.offer()).still_vacant == 0


async def test_a_lease_is_of_its_offers_home_and_within_the_law(world: World) -> None:
    first, second = await world.add_units(2, 2)
    await world.register("KF-1")
    await world.sql(OFFER, id="o1", unit=first.id, no="KF-1", owner="c-KF-1")
    values: dict[str, object] = {
        "no": "L-1", "offer": "o1", "unit": second.id, "application": "KF-1", "owner": "c-KF-1",
        "state": "active", "released": False, "starts": date(2026, 1, 1), "ends": date(2026, 12, 31),
    }  # fmt: skip
    await breaks(world, "fk_leases_offer", (LEASE, values))
    values["unit"] = first.id
    await breaks(world, "ck_leases_term", (LEASE, values | {"ends": date(2031, 1, 1)}))
    await breaks(world, "ck_leases_term", (LEASE, values | {"ends": date(2025, 12, 31)}))
    await breaks(world, "ck_leases_in_effect", (LEASE, values | {"starts": None, "ends": None}))
    await world.sql(LEASE, **(values | {"ends": date(2030, 12, 31)}))


periods = st.lists(st.tuples(st.integers(0, 60), st.integers(1, 40)), min_size=2, max_size=6)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(periods)
async def test_a3_periods_never_overlap(world: World, raw: list[tuple[int, int]]) -> None:
    """Against a model: a period is accepted exactly when it shares no day with one accepted before."""
    run = ids.new_id()
    (unit,) = await world.add_units(2, estate=run)
    taken: list[tuple[date, date]] = []
    for index, (offset, days) in enumerate(raw):
        starts = date(2028, 2, 1) + timedelta(days=offset)
        ends = starts + timedelta(days=days - 1)
        no = f"KF-{run}-{index}"
        await world.register(no)
        await world.sql(OFFER, id=f"{run}-{index}", unit=unit.id, no=no, owner=f"c-{no}")
        await world.sql("UPDATE offers SET state = 'accepted', closed_at = now(), released = true WHERE id = :id", id=f"{run}-{index}")
        free = all(ends < begun or starts > over for begun, over in taken)
        values = {
            "no": f"L-{run}-{index}", "offer": f"{run}-{index}", "unit": unit.id, "application": no, "owner": f"c-{no}",
            "state": "ended", "released": True, "starts": starts, "ends": ends,
        }  # fmt: skip
        if free:
            await world.sql(LEASE, **values)
            taken.append((starts, ends))
        else:
            with pytest.raises(IntegrityError, match="ex_leases_unit_period"):
                await world.sql(LEASE, **values)


async def test_a4_every_offered_home_ends_leased_declined_or_expired_and_stock_is_never_exceeded(world: World) -> None:
    await world.add_units(1, 2, 3, 2)
    for number, size in enumerate([1, 2, 5, 3, 2, 4]):
        await world.register(f"KF-{number}", size=size)
    outcomes = ["accepted", "declined", "expired"]
    closed = 0
    for round_number in range(6):
        made = (await world.offer()).offers
        live = await world.sql("SELECT count(*) FROM offers WHERE NOT released")
        assert live[0][0] <= 4
        for index, offer in enumerate(made):
            outcome = outcomes[(round_number + index) % 3]
            lease = await world.close_offer(offer.id, outcome)
            closed += 1
            if outcome == "accepted":
                await world.advance(lease.no, "lapsed")
                await world.close_waiting(offer.application_no, "leased")
    states = dict(await world.sql("SELECT state, count(*) FROM offers GROUP BY state"))
    assert sum(states.values()) == closed > 8
    assert set(states) <= {"accepted", "declined", "expired"}
    assert await world.sql("SELECT count(*) FROM offers WHERE NOT released") == [(0,)]
    assert await facts_agree("housing", world.database.url)


async def test_an_offer_ends_once_however_many_end_it_at_once(world: World) -> None:
    """Acceptance races expiry: one outcome, and the refused step changed nothing."""
    await world.add_units(*[2] * 10)
    for number in range(10):
        await world.register(f"KF-{number}")
    for offer in (await world.offer()).offers:
        results = await asyncio.gather(
            world.close_offer(offer.id, "accepted"), world.close_offer(offer.id, "expired"), return_exceptions=True
        )
        assert sum(isinstance(result, BaseException) for result in results) == 1
        accepted = await world.sql("SELECT count(*) FROM leases WHERE offer_id = :id", id=offer.id)
        state = await world.sql("SELECT state, released FROM offers WHERE id = :id", id=offer.id)
        assert state == [("accepted", False)] if accepted == [(1,)] else state == [("expired", True)]


async def test_who_left_is_not_offered_and_an_offer_does_not_bring_him_back(world: World) -> None:
    await world.add_units(2)
    await world.register("KF-1")
    (offer,) = (await world.offer()).offers
    # The offer was made in the moment he left, and may never reach his workflow: the end of his place gives the home back.
    await world.close_waiting("KF-1", "left")
    assert (await refused(world.close_offer(offer.id, "declined"))).problem.reason == "OFFER_NOT_OPEN"
    assert (await world.tenancy("KF-1")).waiting.state == "left"
    assert (await world.offer()).still_vacant == 1
    assert (await refused(world.close_waiting("KF-1", "struck_off"))).problem.reason == "STEP_REFUSED"


async def test_the_list_is_in_order_and_pages_without_gaps(world: World) -> None:
    for number in range(25):
        # Registered in an order of its own; the day of acceptance in China counts, not the hour.
        accepted = NOW - timedelta(days=(number * 7) % 5, hours=number % 3)
        await world.register(f"KF-{number:02d}", accepted=accepted, district=DISTRICT if number % 2 else "410203")
    seen, cursor = [], ""
    while True:
        page = common.PageRequest(limit=4, cursor=cursor)
        answer = await world.stub.ListWaiting(pb.ListWaitingRequest(district=DISTRICT, page=page))
        seen += list(answer.entries)
        cursor = answer.page.next_cursor
        if not cursor:
            break
    assert [e.rank for e in seen] == list(range(1, 13))
    expected = sorted(((number * 7) % 5 * -1, f"KF-{number:02d}") for number in range(25) if number % 2)
    assert [e.application_no for e in seen] == [no for _, no in expected]
    assert {e.masked_name for e in seen} == {"张*明"}
    everyone = await world.stub.ListWaiting(pb.ListWaitingRequest(page=common.PageRequest(limit=100)))
    assert [e.rank for e in everyone.entries] == [*range(1, 13), *range(1, 14)]
    back = await world.stub.ListWaiting(
        pb.ListWaitingRequest(district=DISTRICT, page=common.PageRequest(limit=5, sort="-rank", count=True))
    )
    assert ([e.rank for e in back.entries], back.page.total) == ([12, 11, 10, 9, 8], 12)
    none = await world.stub.ListWaiting(pb.ListWaitingRequest(district=DISTRICT, state="offered", page=common.PageRequest(count=True)))
    assert (list(none.entries), none.page.total) == ([], 0)
    unlisted = world.call("ListWaiting", pb.ListWaitingRequest(state="leased"), MANAGER)
    assert (await refused(unlisted)).problem.reason == "INVALID_FIELDS"
    for entry in seen[:3]:
        assert (await world.tenancy(entry.application_no)).waiting.rank == entry.rank
