"""Divisions change: who works where before and after."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from organisation.domain.units import Unit, Units

DIVISIONS = frozenset({"city", "district", "street", "community"})
SPLIT_ON = date(2027, 1, 1)
BEFORE, AFTER = SPLIT_ON - timedelta(days=1), SPLIT_ON


def city(*more: Unit) -> Units:
    return Units(
        [
            Unit("4102", "city", "开封市"),
            Unit("410202", "district", "龙亭区", "4102"),
            Unit("410203", "district", "顺河回族区", "4102"),
            Unit("410202001", "street", "北书店街街道", "410202", ends=BEFORE, successors=("410202041", "410203042")),
            Unit("410202041", "street", "北街道", "410202", begins=SPLIT_ON),
            Unit("410203042", "street", "东街道", "410203", begins=SPLIT_ON),
            Unit("office-1", "house_office", "第一房管所", "4102", lies_in=("410202041", "410203")),
            *more,
        ],
        DIVISIONS,
    )


def test_the_heirs_of_a_split_street_see_its_cases_from_that_day_on() -> None:
    units = city()
    assert "410202041" not in units.on(BEFORE)
    assert "410202001" not in units.on(AFTER)
    for heir in ("410202041", "410203042"):
        assert units.reach(heir, BEFORE) == (heir,)
        assert set(units.reach(heir, AFTER)) == {"410202001", heir}
    assert units.reach("410202001", BEFORE) == ("410202001",)


def test_a_district_that_took_over_a_part_sees_the_cases_of_the_whole_and_its_own_cover_them_anyway() -> None:
    units = city()
    assert units.reach("410203", AFTER) == ("410202001", "410203")
    assert units.reach("410202", AFTER) == ("410202",)
    assert units.reach("4102", AFTER) == ("4102",)


def test_what_became_of_what_became_of_it() -> None:
    """Split, and one part merged a year later."""
    merged_on = date(2028, 1, 1)
    units = Units(
        [
            Unit("4102", "city", "开封市"),
            Unit("41020201", "street", "旧", "4102", ends=BEFORE, successors=("41020202",)),
            Unit("41020202", "street", "中", "4102", begins=SPLIT_ON, ends=merged_on - timedelta(days=1), successors=("41020203",)),
            Unit("41020203", "street", "新", "4102"),
        ],
        DIVISIONS,
    )
    assert set(units.reach("41020203", merged_on)) == {"41020201", "41020202", "41020203"}

    assert units.reach("41020202", AFTER) == ("41020201", "41020202")


def test_an_office_works_where_its_estates_lie_and_with_what_has_passed_to_there() -> None:
    assert city().reach("office-1", BEFORE) == ("410202041", "410203")
    assert city().reach("office-1", AFTER) == ("410202001", "410202041", "410203")
    assert city().reach("nowhere", BEFORE) == ()
    with pytest.raises(ValueError, match="nobody knows"):
        city(Unit("office-2", "house_office", "第二房管所", "4102", lies_in=("410299",)))


@pytest.mark.parametrize(
    "more",
    [
        Unit("410202050", "street", "一", "410202", successors=("410202051",)),
        Unit("410202050", "street", "一", "999"),
        Unit("410202050", "street", "一", "410202", successors=("410202050",)),
    ],
)
def test_a_list_that_contradicts_itself_is_refused(more: Unit) -> None:
    with pytest.raises(ValueError, match="410202050"):
        city(more)


@given(st.data())
def test_nobodys_cases_are_lost_between_units(data: st.DataObject) -> None:
    """Whatever is split or merged into whatever, every street that is gone is in the reach of a street that is there, or nothing came after it."""
    codes = [f"41020{n}" for n in range(1, 7)]
    units = [Unit("4102", "city", "开封市")]
    for place, code in enumerate(codes):
        heirs = data.draw(st.lists(st.sampled_from(codes[place + 1 :]), unique=True, max_size=2)) if codes[place + 1 :] else []
        gone = data.draw(st.booleans()) if heirs else False
        units.append(Unit(code, "street", code, "4102", ends=BEFORE if gone else None, successors=tuple(heirs) if gone else ()))
    found = Units(units, DIVISIONS)
    there = [code for code in codes if code in found.on(AFTER)]
    for code in codes:
        assert any(code in found.reach(each, AFTER) for each in there)
