"""What may be learnt from a register and kept. Everything else of an answer is forgotten at once (personal information law, article 6)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any

from anju_workflows.contracts import LookupOutcome, Register


@dataclass(frozen=True, slots=True)
class Home:
    """One right to one home, shop or parking place. ``unit`` is the register's own number, used only to tell units apart."""

    unit: str
    area_centi_sqm: int
    share_percent: int
    residential: bool
    pre_notice: bool


@dataclass(frozen=True, slots=True)
class Vehicle:
    brand: str
    model: str


@dataclass(frozen=True, slots=True)
class Insurance:
    """``continuous_months`` back from the newest batch; ``monthly_base_fen`` is the mean over the twelve months up to it."""

    continuous_months: int
    monthly_base_fen: int


@dataclass(frozen=True, slots=True)
class Marriage:
    """``status``: married, divorced or none_found. ``spouse_index``: position in the household, -1 when outside or unknown."""

    status: str
    spouse_index: int = -1


Fact = Home | Vehicle | Insurance | Marriage

_KINDS: dict[Register, type[Any]] = {
    Register.REAL_ESTATE: Home,
    Register.VEHICLES: Vehicle,
    Register.SOCIAL_INSURANCE: Insurance,
    Register.MARRIAGE: Marriage,
}


@dataclass(frozen=True, slots=True)
class Answer:
    """A usable answer about the right person: FOUND with facts, or NO_RECORD without."""

    facts: tuple[Fact, ...] = ()
    # SHA-256 of every reply body the facts were drawn from, hex.
    replies: tuple[str, ...] = ()

    @property
    def outcome(self) -> LookupOutcome:
        return LookupOutcome.FOUND if self.facts else LookupOutcome.NO_RECORD


def to_json(facts: Iterable[Fact]) -> list[dict[str, Any]]:
    return [asdict(fact) for fact in facts]


def from_json(register: Register, rows: Iterable[dict[str, Any]]) -> list[Fact]:
    kind = _KINDS[register]
    return [kind(**row) for row in rows]


def cap_shares(homes: Iterable[tuple[Any, Home]]) -> list[tuple[Any, Home]]:
    """Rights of one household to one unit add up to 100 % at most: spouses in joint ownership are each listed with the whole home."""
    left: dict[tuple[str, int], int] = {}
    kept = []
    for tag, home in homes:
        key = (home.unit, home.area_centi_sqm)
        share = min(home.share_percent, left.get(key, 100))
        left[key] = left.get(key, 100) - share
        if share:
            kept.append((tag, replace(home, share_percent=share)))
    return kept


def aggregate(outcomes: Iterable[LookupOutcome]) -> LookupOutcome:
    """What a register said about a household: silence weighs most, then a mix-up, then a record."""
    seen = set(outcomes)
    for outcome in (LookupOutcome.UNAVAILABLE, LookupOutcome.MISMATCH, LookupOutcome.FOUND):
        if outcome in seen:
            return outcome
    return LookupOutcome.NO_RECORD
