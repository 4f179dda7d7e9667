"""Offices and acceptance points of a city: what is refused, and in which order people find a counter."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from anju_profile import load
from anju_profile.places import Demonstration, Places
from anju_terms import terms
from pydantic import ValidationError

from tests.support.profiles import KAIFENG

PROFILE = load(KAIFENG)
POINT = {
    "code": "SL-1",
    "kind": "service_hall",
    "division": "410202",
    "name": "窗口",
    "address": "路 1 号",
    "hours": "工作日",
    "telephone": "0371-1234567",
    "step_free": True,
}
OFFICE = {"code": "FG-1", "name": "第一房管所", "parent": "4102", "divisions": ["410202"], "estates": ["410202-01"]}


def places(folder: Path, **said: Any) -> Places:
    (folder / "places.yaml").write_text(yaml.safe_dump(said, allow_unicode=True), encoding="utf-8")
    return Places.of(folder, PROFILE)


def test_the_sample_city_has_a_counter_of_every_kind_in_every_district_and_says_that_it_is_made_up() -> None:
    found = Places.of(KAIFENG, PROFILE)
    for district in PROFILE.districts:
        assert {point.kind for point in found.points_in(district.code)} == set(terms("point_kinds"))
        assert any(district.code in office.divisions for office in found.offices)
    assert all(each.sample for each in (*found.points, *found.offices))
    assert [each.name for each in found.points if each.demonstration is not None] != []


def test_a_city_that_says_nothing_has_neither(tmp_path: Path) -> None:
    assert Places.of(tmp_path, PROFILE) == Places()


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"points": [POINT, POINT]}, "codes given twice: SL-1"),
        ({"points": [POINT], "offices": [OFFICE | {"code": "SL-1"}]}, "codes given twice"),
        ({"points": [POINT | {"division": "419999"}]}, "no such division: 419999"),
        ({"offices": [OFFICE | {"parent": "9"}]}, "no such division: 9"),
        ({"offices": [OFFICE, OFFICE | {"code": "FG-2"}]}, "estates of more than one office: 410202-01"),
        ({"offices": [OFFICE | {"estates": ["410203-01"]}]}, "outside of the divisions of their office"),
        ({"points": [POINT | {"kind": "kiosk"}]}, "no kind of acceptance point"),
        ({"points": [POINT | {"telephone": "ring us"}]}, "telephone"),
        ({"points": [{**POINT, "opening": "x"}]}, "opening"),
        ({"points": [POINT | {"demonstration": {"begins": "2026-03-01", "criteria": [], "assessor": "x"}}]}, "criteria"),
        (
            {"points": [POINT | {"demonstration": {"begins": "2026-03-01", "ends": "2026-02-01", "criteria": ["x"], "assessor": "x"}}]},
            "does not end before it begins",
        ),
    ],
)
def test_what_contradicts_itself_is_refused_at_start(tmp_path: Path, said: dict[str, Any], why: str) -> None:
    with pytest.raises((ValueError, ValidationError), match=why):
        places(tmp_path, **said)


def test_an_estate_passes_from_an_office_that_is_closed_to_another(tmp_path: Path) -> None:
    found = places(tmp_path, offices=[OFFICE | {"ends": "2026-12-31"}, OFFICE | {"code": "FG-2"}])
    assert found.office_of["410202-01"].code == "FG-2"


def test_whoever_lives_in_a_street_finds_its_counter_first_then_the_districts_own(tmp_path: Path) -> None:
    there = [("A", "410202001"), ("B", "410202"), ("C", next(each.code for each in PROFILE.children("410202002"))), ("D", "410203")]
    found = places(tmp_path, points=[POINT | {"code": f"P{code}", "division": division} for code, division in there])
    assert [each.code for each in found.points_in("410202", "410202002")] == ["PC", "PB", "PA"]
    assert [each.code for each in found.points_in("410202")] == ["PB", "PA", "PC"]
    assert [each.code for each in found.points_in("")] == ["PA", "PB", "PC", "PD"]


def test_a_demonstration_point_is_one_for_its_days() -> None:
    mark = Demonstration(begins=date(2026, 3, 1), ends=date(2026, 3, 31), criteria=("无障碍",), assessor="市住建局")
    assert [mark.holds(date(2026, *day)) for day in ((2, 28), (3, 1), (3, 31), (4, 1))] == [False, True, True, False]
