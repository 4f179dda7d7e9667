"""How many said what, so that nobody is found in it.

A group with fewer than ``LEAST`` evaluations is not shown. Neither is what would give one away: the groups of a breakdown add up to the total, so what is left
out of one is known together, and has to be none or ``LEAST`` at least; and where everything of one group lies inside another (who came by a receipt had been to a
counter), their difference is known too. Groups are left out, the smallest first, until nothing small can be worked out. Months are shown once they are over
and never change, so two looks differ by whole months.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Final, NamedTuple

from oversight.domain.opinions import LEVELS

LEAST: Final = 5


class Cell(NamedTuple):
    """Everything about an evaluation that is counted, beside its level."""

    item: str
    channel: str
    division: str


@dataclass
class Breakdown:
    """``shown``: by group, how many said each level, in their order. ``hidden``: how many are in the groups that are not shown, together."""

    shown: dict[str, tuple[int, ...]] = field(default_factory=dict)
    hidden: int = 0


@dataclass
class Figures:
    """``total`` is empty where there are too few for any figure."""

    total: tuple[int, ...] = ()
    by: dict[str, Breakdown] = field(default_factory=dict)


def figures(counted: Mapping[tuple[Cell, str], int]) -> Figures:
    """``counted``: evaluations by cell and level."""
    everything = _levels(counted, lambda _: True)
    if sum(everything) < LEAST:
        return Figures()
    sizes: Counter[Cell] = Counter()
    for (cell, _), number in counted.items():
        sizes[cell] += number
    open_ = {name: _parts(sizes, place) for place, name in enumerate(Cell._fields)}
    shut: dict[str, set[str]] = {name: set() for name in open_}
    while (leaving := _gives_away(open_, shut, sizes)) is not None:
        name, group = leaving
        shut[name].add(group)
    result = Figures(everything)
    for name in Cell._fields:
        shown = {group: _levels(counted, cells.__contains__) for group, cells in open_[name].items() if group not in shut[name]}
        result.by[name] = Breakdown(shown, sum(everything) - sum(map(sum, shown.values())))
    return result


def _levels(counted: Mapping[tuple[Cell, str], int], belongs: Callable[[Cell], bool]) -> tuple[int, ...]:
    return tuple(sum(number for (cell, said), number in counted.items() if said == level and belongs(cell)) for level in LEVELS)


def _parts(sizes: Mapping[Cell, int], place: int) -> dict[str, frozenset[Cell]]:
    """Every group of one breakdown with its cells."""
    groups: dict[str, set[Cell]] = {}
    for cell in sizes:
        groups.setdefault(cell[place], set()).add(cell)
    return {group: frozenset(cells) for group, cells in sorted(groups.items())}


def _gives_away(
    open_: Mapping[str, Mapping[str, frozenset[Cell]]], shut: Mapping[str, set[str]], sizes: Mapping[Cell, int]
) -> tuple[str, str] | None:
    """The next group to leave out; None when nothing small is known any more."""

    def size(cells: frozenset[Cell]) -> int:
        return sum(sizes[cell] for cell in cells)

    def small(cells: frozenset[Cell]) -> bool:
        return 0 < size(cells) < LEAST

    shown = {name: [group for group in groups if group not in shut[name]] for name, groups in open_.items()}

    def smallest(name: str) -> tuple[str, str]:
        return name, min(shown[name], key=lambda group: (size(open_[name][group]), group))

    known: list[tuple[str, frozenset[Cell]]] = []
    for name, groups in open_.items():
        rest = frozenset().union(*(groups[group] for group in shut[name]))
        for group in shown[name]:
            if small(groups[group]):
                return name, group
        if small(rest) and shown[name]:
            return smallest(name)
        known += [(name, groups[group]) for group in shown[name]] + [(name, rest)] * bool(rest)
    for (inner_name, inner), (outer_name, outer) in product(known, known):
        if inner_name != outer_name and inner < outer and small(outer - inner):
            return smallest(inner_name if shown[inner_name] else outer_name)
    return None
