"""What may be learnt from a register and kept. Everything else of an answer is forgotten at once (personal information law, article 6)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Any, Self

from anju_workflows.contracts import LookupOutcome


@dataclass(frozen=True, slots=True)
class Home:
    """One right to one home, shop or parking place. ``unit`` is the register's own number, used only to tell units apart.

    The share is exact in ``share_numerator`` and ``share_denominator``; ``share_percent`` is for showing. Receipts of earlier versions have it alone.
    """

    unit: str
    area_centi_sqm: int
    share_percent: int
    residential: bool
    pre_notice: bool
    share_numerator: int = 0
    share_denominator: int = 0

    @classmethod
    def of(cls, share: Fraction, *, unit: str, area_centi_sqm: int, residential: bool, pre_notice: bool) -> Self:
        # What is left of a unit may be a difference of odd fractions; a billionth of a home is nobody's, and the numbers must fit the message.
        share = share.limit_denominator(10**9)
        percent = max(1, int(share * 100))
        return cls(unit, area_centi_sqm, percent, residential, pre_notice, share.numerator, share.denominator)

    @property
    def share(self) -> Fraction:
        return Fraction(self.share_numerator, self.share_denominator) if self.share_denominator else Fraction(self.share_percent, 100)


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

_KINDS: dict[str, type[Any]] = {
    "real_estate": Home,
    "vehicles": Vehicle,
    "social_insurance": Insurance,
    "marriage": Marriage,
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


def from_json(register: str, rows: Iterable[dict[str, Any]]) -> list[Fact]:
    kind = _KINDS[register]
    return [kind(**row) for row in rows]


def cap_shares(homes: Iterable[tuple[Any, Home]]) -> list[tuple[Any, Home]]:
    """Rights of one household to one unit add up to 100 % at most: spouses in joint ownership are each listed with the whole home."""
    left: dict[tuple[str, int], Fraction] = {}
    kept = []
    for tag, home in homes:
        key = (home.unit, home.area_centi_sqm)
        free = left.get(key, Fraction(1))
        share = min(home.share, free)
        left[key] = free - share
        if share:
            capped = Home.of(
                share, unit=home.unit, area_centi_sqm=home.area_centi_sqm, residential=home.residential, pre_notice=home.pre_notice
            )
            kept.append((tag, capped))
    return kept


def aggregate(outcomes: Iterable[LookupOutcome]) -> LookupOutcome:
    """What a register said about a household: silence weighs most, then a mix-up, then a record."""
    seen = set(outcomes)
    for outcome in (LookupOutcome.UNAVAILABLE, LookupOutcome.MISMATCH, LookupOutcome.FOUND):
        if outcome in seen:
            return outcome
    return LookupOutcome.NO_RECORD
