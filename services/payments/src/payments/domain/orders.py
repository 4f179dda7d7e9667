"""When the bank takes money for an order, on the clock of the order's bill.

A bill lives on the clock of its workflow. In a deployment that is everybody's clock. In a simulation it is moved ahead, by days in a moment, and an
order which the bank holds for half an hour must end in that moment too: *ahead* is how far the bill's clock is before the wall clock.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

# The bank's clock and ours may differ by this much; only then is an order certainly over.
GRACE: Final = timedelta(minutes=2)
# Clocks of machines differ by less, and a simulated one is moved by more: in a deployment no bill is ever ahead.
_SKEW: Final = timedelta(minutes=10)


def ahead(known: timedelta, as_of: datetime, now: datetime) -> timedelta:
    """How far a bill is ahead, from the business time ``as_of`` of its workflow's call. A call that was long on its way says nothing, and no clock goes
    back."""
    return max(known, as_of - now) if as_of - now > _SKEW else known


def over(expires_at: datetime, moved: timedelta, now: datetime, grace: timedelta = timedelta()) -> bool:
    """Whether an order's time is over; ``moved`` is how far its bill's clock has been moved since the order was opened."""
    return now + moved > expires_at + grace


def had_by(learned_at: datetime, opened_at: datetime, expires_at: datetime, day_ended_at: datetime | None) -> datetime:
    """When the bank had the money at the latest: it takes none after the order's time, nor after the day it booked it on, and we hear of it afterwards.
    A day that was over before the order was opened says nothing."""
    latest = min(learned_at, expires_at)
    return min(latest, day_ended_at) if day_ended_at is not None and day_ended_at > opened_at else latest
