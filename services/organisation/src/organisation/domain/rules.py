"""What may be given to whom, by whom: the rules of appointing, without a clock and a database."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Final

from anju_terms import terms

from organisation.domain.standing import NOT_COVERED, Span
from organisation.domain.units import Units

USER_ADMIN: Final = "user_admin"
AUDIT_ADMIN: Final = "audit_admin"
# Who gives power, and who looks at how it is used, has no other: each of the two is looked at by the other (GB/T 22239, separation of administrators).
APART: Final = frozenset({USER_ADMIN, AUDIT_ADMIN})
# What takes two: one who enters and another who confirms.
FOUR_EYES: Final = NOT_COVERED
# Of the units a reviewer of a level can be appointed to.
_AT: Final = {"street": frozenset({"street"}), "district": frozenset({"district"}), "city": frozenset({"city"})}


@dataclass(frozen=True)
class Somebody:
    """An account and the person behind it; the person is "" where nobody has verified him."""

    account: str
    person: str = ""

    def is_same(self, other: Somebody) -> bool:
        return self.account == other.account or bool(self.person and self.person == other.person)


@dataclass(frozen=True)
class Held:
    """A duty somebody has, or will have."""

    who: Somebody
    duty: str
    unit: str
    span: Span


def overlap(one: Span, other: Span) -> bool:
    return (one.ends is None or other.begins <= one.ends) and (other.ends is None or one.begins <= other.ends)


def kept_apart(who: Somebody, duty: str, span: Span, held: Iterable[Held]) -> bool:
    """Whether the duty cannot be given beside what the person has in the same days, under whatever account."""
    return any(
        each.duty != duty and (duty in APART or each.duty in APART) and each.who.is_same(who) and overlap(each.span, span) for each in held
    )


def fits(duty: str, kind: str) -> bool:
    """Whether a duty can be given in a unit of a kind: a reviewer of a level in units of that level, everything else anywhere."""
    scopes = {level.scope for level in terms("levels").values() if level.role == duty}
    return not scopes or any(kind in _AT[scope] for scope in scopes if scope)


def takes_over(units: Units, leaving: Held, other: Held, day: date) -> bool:
    """Whether ``other`` has, on a day, the duty everywhere where ``leaving`` had it, and is somebody else."""
    if other.duty != leaving.duty or other.who.is_same(leaving.who) or not other.span.holds(day):
        return False
    wider = units.reach(other.unit, day)
    return all(any(code.startswith(above) for above in wider) for code in units.reach(leaving.unit, day))
