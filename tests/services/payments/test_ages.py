"""How long rents have been owed, on the clock of each bill."""

from __future__ import annotations

from datetime import timedelta

import pytest
from anju.common.v1 import common_pb2 as common
from anju.payments.v1 import payments_pb2 as pb
from anju_terms import terms
from payments.domain import bills

from tests.services.payments.world import LEASE, RENT, World, refused
from tests.support.keys import staff

COUNT = common.PageRequest(count=True, only_count=True)


async def aged(world: World, age: str) -> list[str]:
    answer: pb.ListBillsResponse = await world.call("ListBills", pb.ListBillsRequest(age=age), staff("finance", "4102"))
    count: pb.ListBillsResponse = await world.call("ListBills", pb.ListBillsRequest(age=age, page=COUNT), staff("finance", "4102"))
    assert count.page.total == len(answer.bills)
    return sorted(bill.period for bill in answer.bills)


def test_the_ages_are_the_vocabularys_and_leave_no_day_out() -> None:
    assert list(bills.AGES) == list(terms("arrears_ages"))
    assert [bills.age_of_days(age) for age in bills.AGES] == [(0, 30), (30, 90), (90, 180), (180, None)]


async def test_a_rent_grows_older_until_it_is_paid_and_a_deposit_never_does(world: World) -> None:
    await world.issue("")
    for number, days in enumerate((-1, 1, 30, 31, 90, 91, 180, 181, 1000), 1):
        await world.issue(f"2027{number:02d}")
        # An hour before the day's end: a day is whole when it is over.
        due = timedelta(days=days) - timedelta(hours=1)
        await world.sql("UPDATE bills SET due_at = now() - CAST(:due AS interval) WHERE id = :id", due=due, id=f"{LEASE}/2027{number:02d}")
    await world.sql("UPDATE bills SET due_at = now() - interval '9 days' WHERE kind = 'deposit'")
    shown = {age: await aged(world, age) for age in bills.AGES}
    assert shown == {
        "days_30": ["202702", "202703"],
        "days_90": ["202704", "202705"],
        "days_180": ["202706", "202707"],
        "older": ["202708", "202709"],
    }
    await world.called_back(await world.start(f"{LEASE}/202709"), fen=RENT)
    assert await aged(world, "older") == ["202708"]


async def test_it_is_the_bills_own_clock_that_counts(world: World) -> None:
    await world.issue()
    await world.sql("UPDATE bills SET due_at = now() + interval '20 days', ahead = interval '60 days'")
    assert await aged(world, "days_90") == ["202612"]


@pytest.mark.parametrize("age", ["days_31", "OLDER"])
async def test_an_age_there_is_not(world: World, age: str) -> None:
    assert [field.pointer for field in (await refused(aged(world, age))).fields] == ["/age"]
