"""What every call works with; made once by the composition root."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final

import anju_calendar as calendar
from anju_profile import Profile
from anju_profile.places import Places
from chassis.db import Database
from chassis.identity import Caller

from organisation.domain.units import Unit, Units
from organisation.store import Names
from organisation.tables import Change

# Kinds of units whose codes stand in cases.
DIVISIONS: Final = frozenset({"city", "district", "street", "community"})
OFFICE: Final = "house_office"


@dataclass(frozen=True)
class Parts:
    database: Database
    names: Names
    units: Units


def units_of(profile: Profile, places: Places) -> Units:
    """The city's divisions and offices as units. Raises ValueError for a list that contradicts itself."""
    divisions = (
        Unit(each.code, each.level, each.name, each.parent, each.begins, each.ends, each.successors) for each in profile.divisions.values()
    )
    offices = (Unit(each.code, OFFICE, each.name, each.parent, each.begins, each.ends, lies_in=each.divisions) for each in places.offices)
    return Units((*divisions, *offices), DIVISIONS)


def now() -> datetime:
    return datetime.now(UTC)


def today() -> date:
    """The day in China: what holds today holds until midnight there."""
    return calendar.local_date(now())


def change(
    caller: Caller, kind: str, account: str, subject_id: str, *, before: dict[str, Any] | None = None, after: dict[str, Any]
) -> Change:
    """A change as it is written down: by whom, about whom, and what it makes of what."""
    return Change(
        at=now(),
        kind=kind,
        by_account=caller.sub,
        by_person=caller.person,
        account=account,
        subject_id=subject_id,
        before=before or {},
        after=after,
    )
