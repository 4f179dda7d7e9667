"""Floor area a household has: what it declared and what the registers hold, each home counted once, each by the household's share."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from eligibility.domain.inputs import DeclaredHome
from eligibility.domain.registered import RegisteredHome

# A declared 82 ㎡ and a registered 82.40 ㎡ in the same district are one home.
_SAME_HOME_PERCENT = 3
_LEAST_SHARE = Fraction(1, 100)


@dataclass(frozen=True, slots=True)
class Area:
    """``centi_sqm`` is the area of every home times the household's share, summed: an exact fraction."""

    centi_sqm: Fraction
    undeclared: tuple[RegisteredHome, ...]
    receipt_ids: tuple[str, ...]


def _weight(home: DeclaredHome | RegisteredHome) -> Fraction:
    return home.area_centi_sqm * home.share


def _same(declared: DeclaredHome, registered: RegisteredHome) -> bool:
    difference = abs(declared.area_centi_sqm - registered.area_centi_sqm)
    return declared.district == registered.district and difference * 100 <= _SAME_HOME_PERCENT * registered.area_centi_sqm


def count(declared: tuple[DeclaredHome, ...], registered: tuple[RegisteredHome, ...]) -> Area:
    """The union of declared and registered homes. Signed but unregistered ones (预告登记) count; shops and parking places do not.

    A declared home stands for registered rights in the same district with about the same area until its declared share is used up; of the two the
    larger weight counts. What is declared and not found in a register counts as declared.
    """
    left = sorted((home for home in registered if home.residential), key=lambda home: (home.district, -_weight(home), home.receipt_id))
    receipts = tuple(dict.fromkeys(home.receipt_id for home in left))
    total = Fraction(0)
    for home in sorted(declared, key=_weight, reverse=True):
        share, matched = Fraction(0), Fraction(0)
        for candidate in list(left):
            if share < max(home.share, _LEAST_SHARE) and _same(home, candidate):
                left.remove(candidate)
                share += candidate.share
                matched += _weight(candidate)
        total += max(_weight(home), matched)
    return Area(total + sum(_weight(home) for home in left), tuple(left), receipts)
