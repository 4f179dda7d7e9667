"""Floor area a household has: what it declared and what the registers hold, each home counted once, each by the household's share.

Two entries are known to be one home by certificate, by address, or by district and about the same area. Others may be one all the same: an inner area
declared against the gross one of the register, the neighbouring district's code, a home sold and not registered yet under two numbers. So there are two
sums, one with all of them counted and one with each such pair counted once; where they lead to different verdicts, a person looks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from eligibility.domain.inputs import DeclaredHome
from eligibility.domain.registered import RegisteredHome

# A declared 82 ㎡ and a registered 82.40 ㎡ in the same district are one home.
_SAME_HOME_PERCENT = 3
_LEAST_SHARE = Fraction(1, 100)


@dataclass(frozen=True, slots=True)
class Counted:
    """A home in the sum, by what is known of it: declared, registered or both. Areas of the whole home in hundredths of a square metre."""

    weight: Fraction
    declared: DeclaredHome | None = None
    registered: tuple[RegisteredHome, ...] = ()

    @property
    def area_centi_sqm(self) -> int:
        return self.declared.area_centi_sqm if self.declared else self.registered[0].area_centi_sqm


@dataclass(frozen=True, slots=True)
class Area:
    """Areas of every home times the household's share, summed: exact fractions. ``least`` counts each of ``pairs`` once, ``most`` twice."""

    homes: tuple[Counted, ...]
    most: Fraction
    least: Fraction
    undeclared: tuple[RegisteredHome, ...]
    pairs: tuple[tuple[Counted, Counted], ...]
    receipt_ids: tuple[str, ...]


def _weight(home: DeclaredHome | RegisteredHome) -> Fraction:
    return home.area_centi_sqm * home.share


def _named_alike(one: DeclaredHome | RegisteredHome, other: DeclaredHome | RegisteredHome) -> bool:
    certificates, addresses = (one.certificate_index, other.certificate_index), (one.address_index, other.address_index)
    return any(pair[0] == pair[1] != "" for pair in (certificates, addresses))


def about_as_large(declared: DeclaredHome, registered_centi_sqm: int) -> bool:
    return abs(declared.area_centi_sqm - registered_centi_sqm) * 100 <= _SAME_HOME_PERCENT * registered_centi_sqm


def _alike(declared: DeclaredHome, registered: RegisteredHome) -> bool:
    return declared.district == registered.district and about_as_large(declared, registered.area_centi_sqm)


def count(declared: tuple[DeclaredHome, ...], registered: tuple[RegisteredHome, ...]) -> Area:
    """The union of declared and registered homes. Signed but unregistered ones (预告登记) count; shops and parking places do not.

    A declared home stands for registered rights to the same home until its declared share is used up, for all of them where the address or certificate
    says so; of the two the larger weight counts. What is declared and not found in a register counts as declared.
    """
    left = sorted((home for home in registered if home.residential), key=lambda home: (home.district, -_weight(home), home.receipt_id))
    receipts = tuple(dict.fromkeys(home.receipt_id for home in left))
    own = sorted(declared, key=_weight, reverse=True)
    found: dict[int, list[RegisteredHome]] = {place: [] for place in range(len(own))}
    for place, home in enumerate(own):
        for candidate in [each for each in left if _named_alike(home, each)]:
            left.remove(candidate)
            found[place].append(candidate)
    for place, home in enumerate(own):
        if found[place]:
            continue
        for candidate in [each for each in left if _alike(home, each)]:
            if sum(each.share for each in found[place]) < max(home.share, _LEAST_SHARE):
                left.remove(candidate)
                found[place].append(candidate)
    counted = [Counted(max(_weight(home), _together(found[place])), home, tuple(found[place])) for place, home in enumerate(own)]
    alone = _by_name(left)
    pairs = _possible_pairs([home for home in counted if not home.registered], alone, [*counted, *alone])
    most = sum((home.weight for home in (*counted, *alone)), Fraction(0))
    saved = sum((min(one.weight, other.weight) for one, other in pairs), Fraction(0))
    return Area((*counted, *alone), most, most - saved, tuple(each for home in alone for each in home.registered), tuple(pairs), receipts)


def _together(rights: Sequence[RegisteredHome]) -> Fraction:
    """Rights to one home: those a register has under a unit number add up; one sold and not registered yet is the same right once more."""
    settled = sum((_weight(right) for right in rights if right.unit_known), Fraction(0))
    return max([settled, *(_weight(right) for right in rights if not right.unit_known)])


def _by_name(rights: Sequence[RegisteredHome]) -> list[Counted]:
    """Registered rights by home, as far as their address or certificate says that they are to the same one."""
    homes: list[list[RegisteredHome]] = []
    for right in rights:
        known = next((home for home in homes if any(_named_alike(right, each) for each in home)), None)
        if known is None:
            homes.append([right])
        else:
            known.append(right)
    return [Counted(_together(home), registered=tuple(home)) for home in homes]


def _possible_pairs(unfound: list[Counted], undeclared: list[Counted], every: list[Counted]) -> list[tuple[Counted, Counted]]:
    """Pairs that may be one home, largest first: declared and not found with registered and not declared, and what has no unit number yet with any other."""
    pairs: list[tuple[Counted, Counted]] = []
    used: set[int] = set()
    for home in sorted(undeclared, key=lambda each: each.weight, reverse=True):
        if id(home) in used:
            continue
        numberless = all(not right.unit_known for right in home.registered)
        partners = [each for each in (every if numberless else unfound) if each is not home and id(each) not in used]
        if partners:
            partner = max(partners, key=lambda each: (each in unfound, each.weight))
            used |= {id(home), id(partner)}
            pairs.append((partner, home))
    return pairs
