"""What somebody may do on a day: his own duties, and those of whom he stands in for."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from organisation.domain.units import shortest

# Nobody stands in for whoever appoints or looks over others' shoulders: power of that kind is given by appointment, with two who agree.
NOT_COVERED: Final = frozenset({"user_admin", "audit_admin", "auditor"})

# Divisions of a unit on a day.
Reach = Callable[[str, date], tuple[str, ...]]


@dataclass(frozen=True)
class Span:
    """Days, both included; ``ends`` None for no last one."""

    begins: date
    ends: date | None = None

    def holds(self, day: date) -> bool:
        return self.begins <= day and (self.ends is None or day <= self.ends)


@dataclass(frozen=True)
class Appointment:
    account: str
    duty: str
    unit: str
    span: Span


@dataclass(frozen=True)
class Cover:
    """``substitute`` does ``absent``'s duties beside him (leave cover). What ``absent`` covers himself does not pass on."""

    absent: str
    substitute: str
    span: Span


@dataclass(frozen=True)
class Capacity:
    """Duties in the same divisions. ``acting_for``: whose they are, "" for one's own."""

    duties: tuple[str, ...]
    divisions: tuple[str, ...]
    acting_for: str = ""

    @property
    def id(self) -> str:
        return hashlib.sha256("\x1f".join((self.acting_for, *self.duties, "", *self.divisions)).encode()).hexdigest()[:16]


def capacities(account: str, appointments: Sequence[Appointment], covers: Iterable[Cover], reach: Reach, day: date) -> tuple[Capacity, ...]:
    """What somebody may do on a day, his own first. Duties are put together only where they hold in the very same divisions, so that no capacity holds
    more than the appointments it is made of."""
    found = [*_of(account, "", appointments, reach, day)]
    absent = sorted({cover.absent for cover in covers if cover.substitute == account and cover.absent != account and cover.span.holds(day)})
    for other in absent:
        found += _of(other, other, [each for each in appointments if each.duty not in NOT_COVERED], reach, day)
    return tuple(found)


def _of(account: str, acting_for: str, appointments: Iterable[Appointment], reach: Reach, day: date) -> Iterable[Capacity]:
    divisions: dict[str, set[str]] = defaultdict(set)
    for each in appointments:
        if each.account == account and each.span.holds(day):
            divisions[each.duty].update(reach(each.unit, day))
    together: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for duty, codes in divisions.items():
        if codes:
            together[shortest(codes)].append(duty)
    for places, duties in sorted(together.items()):
        yield Capacity(tuple(sorted(duties)), places, acting_for)
