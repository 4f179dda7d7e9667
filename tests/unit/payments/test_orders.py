"""An order's time, and when the bank had the money."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from payments.domain import orders

OPENED = datetime(2026, 12, 1, 15, 50, tzinfo=UTC)
EXPIRES = OPENED + timedelta(minutes=30)
MIDNIGHT = OPENED + timedelta(minutes=10)


def test_the_bank_had_the_money_when_we_heard_or_when_it_takes_no_more() -> None:
    soon, late = OPENED + timedelta(minutes=5), OPENED + timedelta(days=40)
    assert orders.had_by(soon, OPENED, EXPIRES, None) == soon
    assert orders.had_by(late, OPENED, EXPIRES, None) == EXPIRES
    assert orders.had_by(late, OPENED, EXPIRES, MIDNIGHT) == MIDNIGHT
    assert orders.had_by(late, OPENED, EXPIRES, MIDNIGHT + timedelta(days=1)) == EXPIRES
    assert orders.had_by(late, OPENED, EXPIRES, OPENED - timedelta(days=3)) == EXPIRES, "a day before the order is no evidence"


def test_only_a_clock_that_was_moved_is_ahead() -> None:
    now, moved = OPENED, timedelta(days=25)
    for skew in (timedelta(minutes=-600), timedelta(), timedelta(minutes=9)):
        assert orders.ahead(timedelta(), now + skew, now) == timedelta()
    assert orders.ahead(timedelta(), now + moved, now) == moved
    assert orders.ahead(moved, now, now) == moved


def test_an_order_is_over_by_the_clock_of_its_bill() -> None:
    assert not orders.over(EXPIRES, timedelta(), EXPIRES)
    assert orders.over(EXPIRES, timedelta(minutes=31), OPENED)
    assert not orders.over(EXPIRES, timedelta(minutes=31), OPENED, orders.GRACE)
