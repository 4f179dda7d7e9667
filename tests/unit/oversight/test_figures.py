"""Figures everybody may read: small groups are not shown, and nothing that is shown gives one away."""

from __future__ import annotations

from itertools import chain, combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oversight.domain.figures import LEAST, Cell, Figures, figures
from oversight.domain.opinions import BAD, LEVELS, reasons_of

CELLS = st.builds(Cell, st.sampled_from("abc"), st.sampled_from(["web", "paper", "receipt"]), st.sampled_from("xyz"))
COUNTED = st.dictionaries(st.tuples(CELLS, st.sampled_from(LEVELS)), st.integers(1, 9), max_size=14)


def of(*cells: tuple[str, str, str, int]) -> Figures:
    """By item, channel and division, all very satisfied."""
    return figures({(Cell(*cell[:3]), "very_satisfied"): cell[3] for cell in cells})


def test_a_group_of_four_is_not_shown_and_not_what_is_left_of_the_total() -> None:
    found = of(("a", "web", "x", 4), ("b", "web", "x", 6), ("c", "web", "x", 9))
    # The four alone would be the total without the others: the smallest of these is left out as well.
    assert {group: sum(counts) for group, counts in found.by["item"].shown.items()} == {"c": 9}
    assert found.by["item"].hidden == 10
    assert sum(found.total) == 19


def test_two_small_groups_hide_each_other_when_there_are_five_of_them() -> None:
    found = of(("a", "web", "x", 3), ("b", "web", "x", 2), ("c", "web", "x", 9))
    assert list(found.by["item"].shown) == ["c"]
    assert found.by["item"].hidden == 5


def test_one_breakdown_does_not_give_away_what_another_hides() -> None:
    """Whoever came by a receipt had been to the counter: nine visits, eight of them by receipt, tell what the one on paper said."""
    found = of(("visit", "receipt", "x", 8), ("visit", "paper", "x", 1), ("decided", "web", "x", 6))
    shown = {name: set(breakdown.shown) for name, breakdown in found.by.items()}
    assert not ("visit" in shown["item"] and "receipt" in shown["channel"])
    assert not ("decided" in shown["item"] and "receipt" in shown["channel"])


def test_four_in_all_are_nothing_and_five_are_shown() -> None:
    assert of(("a", "web", "x", 4)) == Figures()
    assert of(("a", "web", "x", 5)).by["division"].shown == {"x": (5, 0, 0, 0, 0)}
    assert figures({}) == Figures()


@given(COUNTED)
def test_nothing_small_can_be_worked_out(counted: dict[tuple[Cell, str], int]) -> None:
    found = figures(counted)
    everything = sum(counted.values())
    if everything < LEAST:
        assert found == Figures()
        return
    assert sum(found.total) == everything
    sizes: dict[Cell, int] = {}
    for (cell, _), number in counted.items():
        sizes[cell] = sizes.get(cell, 0) + number
    known: list[tuple[str, frozenset[Cell]]] = []
    for place, (name, breakdown) in enumerate(found.by.items()):
        groups = {group: frozenset(cell for cell in sizes if cell[place] == group) for group in {cell[place] for cell in sizes}}
        # What a reader has in hand: the shown groups, what is left of the total without any of them, and so every sum of these.
        parts = [groups[group] for group in breakdown.shown]
        rest = frozenset(sizes).difference(*parts)
        assert sum(sizes[cell] for cell in rest) == breakdown.hidden
        parts += [rest] * bool(rest)
        known += [(name, part) for part in parts]
        for some in chain.from_iterable(combinations(parts, size) for size in range(1, len(parts) + 1)):
            assert sum(sizes[cell] for part in some for cell in part) >= LEAST
        for group, counts in breakdown.shown.items():
            assert sum(counts) == sum(sizes[cell] for cell in groups[group]) >= LEAST
    for inner_name, inner in known:
        for outer_name, outer in known:
            difference = sum(sizes[cell] for cell in outer - inner)
            assert inner_name == outer_name or not inner < outer or difference >= LEAST


@pytest.mark.parametrize("level", LEVELS)
def test_every_level_has_reasons_and_bad_ones_no_praise(level: str) -> None:
    assert len(reasons_of(level)) >= 5
    assert ("friendly" in reasons_of(level)) == (level in ("very_satisfied", "satisfied"))
    assert LEVELS[-2:] == ("dissatisfied", "very_dissatisfied")
    assert set(LEVELS[-2:]) == BAD
