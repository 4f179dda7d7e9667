"""Tests which share a box run on one worker, and long ones are begun first."""

from __future__ import annotations

from pathlib import Path

from tests.support import parallel


def test_a_box_is_built_once_and_a_module_stays_together() -> None:
    assert parallel.group("tests/journeys/test_bad_input.py::test_a") == parallel.group(
        "tests/journeys/test_verified_afterwards.py::test_b"
    )
    assert parallel.group("tests/unit/chassis/test_keys.py::test_a[x::y]") == "tests/unit/chassis/test_keys.py"
    assert parallel.group("tests/faults/test_a.py::test") != parallel.group("tests/journeys/test_a.py::test")


def test_long_groups_are_begun_first() -> None:
    nodes = [
        "tests/bench/test_counts.py::t",
        "tests/services/housing/test_reach.py::t",
        "tests/journeys/test_a.py::t",
        "tests/faults/test_a.py::t",
    ]
    assert sorted(nodes, key=parallel.turn) == nodes[::-1]


def test_what_is_named_is_there() -> None:
    root = Path(__file__).parents[3]
    assert all((root / place).exists() for place in (*parallel.BOXES, *parallel._LONG))
