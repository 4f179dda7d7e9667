"""Who is offered which home: the waiting list decides, the size of the household limits (Order 11, articles 13 and 14)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True)
class Home:
    """A vacant home; ``estate`` and ``number`` give the order in which equal homes are offered."""

    id: str
    estate: str
    number: str
    bedrooms: int


@dataclass(frozen=True)
class Household:
    """A waiting household; ``accepted_on`` is the business date of acceptance in China."""

    application_no: str
    owner: str
    size: int
    accepted_on: date


def entitled_bedrooms(size: int) -> int:
    """Most bedrooms a household of ``size`` persons is offered: 1 for one, 2 for two or three, 3 for four and more."""
    if size <= 1:
        return 1
    return 2 if size <= 3 else 3


def in_list_order(households: Sequence[Household]) -> list[Household]:
    """The waiting list: day of acceptance, then application number."""
    return sorted(households, key=lambda h: (h.accepted_on, h.application_no))


def match(homes: Sequence[Home], households: Sequence[Household]) -> list[tuple[Home, Household]]:
    """Pairs of home and household; every home and every household (by owner) at most once.

    In list order each household gets the fitting home with the most bedrooms (equal ones in order of estate and number): a large family takes a
    small home only when no larger one is left. Homes which then fit nobody are too large for everyone still waiting; they go, smallest first, to
    the next households in list order rather than stay empty. Someone who registered twice is served once.
    """
    waiting = list({h.owner: h for h in reversed(in_list_order(households))}.values())[::-1]
    left = sorted(homes, key=lambda h: (h.estate, h.number, h.id))
    pairs: list[tuple[Home, Household]] = []
    for household in list(waiting):
        fitting = [home for home in left if home.bedrooms <= entitled_bedrooms(household.size)]
        if fitting:
            # max() keeps the first of equals, which is the first in order of estate and number.
            pairs.append((max(fitting, key=lambda h: h.bedrooms), household))
            left.remove(pairs[-1][0])
            waiting.remove(household)
    left.sort(key=lambda h: h.bedrooms)
    pairs.extend(zip(left, waiting, strict=False))
    return pairs
