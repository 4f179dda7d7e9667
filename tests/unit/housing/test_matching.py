from __future__ import annotations

from datetime import date, timedelta
from itertools import permutations

import pytest
from housing.domain.matching import Home, Household, entitled_bedrooms, match
from hypothesis import given
from hypothesis import strategies as st

DAY = date(2026, 11, 23)


def home(number: str, bedrooms: int, estate: str = "A") -> Home:
    return Home(f"{estate}/{number}", estate, number, bedrooms)


def household(no: str, size: int, days: int = 0, owner: str = "") -> Household:
    return Household(no, owner or f"owner-{no}", size, DAY + timedelta(days=days))


def pairs(homes: list[Home], households: list[Household]) -> dict[str, str]:
    return {found.id: waiting.application_no for found, waiting in match(homes, households)}


@pytest.mark.parametrize(("size", "bedrooms"), [(1, 1), (2, 2), (3, 2), (4, 3), (9, 3)])
def test_entitlement(size: int, bedrooms: int) -> None:
    assert entitled_bedrooms(size) == bedrooms


def test_list_order_decides_not_order_of_arrival() -> None:
    early, late = household("KF-9", 2, days=0), household("KF-1", 2, days=1)
    for order in permutations([late, early]):
        assert pairs([home("101", 2)], list(order)) == {"A/101": "KF-9"}


def test_same_day_is_ordered_by_number() -> None:
    assert pairs([home("101", 1)], [household("KF-2", 1), household("KF-1", 1)]) == {"A/101": "KF-1"}


def test_homes_go_in_order_of_estate_and_number() -> None:
    homes = [home("102", 1, "B"), home("101", 1, "B"), home("201", 1, "A")]
    assert pairs(homes, [household("KF-1", 1), household("KF-2", 1)]) == {"A/201": "KF-1", "B/101": "KF-2"}


def test_a_large_family_gets_the_large_home_though_a_small_one_comes_first() -> None:
    assert pairs([home("101", 1), home("102", 3)], [household("KF-1", 5), household("KF-2", 1)]) == {"A/102": "KF-1", "A/101": "KF-2"}


def test_a_larger_home_goes_to_a_small_household_only_when_it_fits_nobody() -> None:
    single, family = household("KF-1", 1), household("KF-2", 4)
    assert pairs([home("101", 3)], [single, family]) == {"A/101": "KF-2"}
    assert pairs([home("101", 3)], [single]) == {"A/101": "KF-1"}
    # The one who waits longest gets the smallest of the too large homes.
    assert pairs([home("101", 3), home("102", 2)], [single, household("KF-3", 1)]) == {"A/102": "KF-1", "A/101": "KF-3"}


def test_who_registered_twice_is_served_once_by_the_earlier_registration() -> None:
    twice = [household("KF-7", 2, days=3, owner="same"), household("KF-5", 2, days=1, owner="same")]
    assert pairs([home("101", 2), home("102", 2)], twice) == {"A/101": "KF-5"}


homes_strategy = st.lists(st.tuples(st.sampled_from("AB"), st.integers(1, 40), st.integers(1, 4)), unique_by=lambda h: h[:2], max_size=12)
households_strategy = st.lists(st.tuples(st.integers(0, 30), st.integers(1, 7), st.integers(0, 5)), unique_by=lambda h: h[0], max_size=12)


@given(homes_strategy, households_strategy, st.randoms())
def test_properties(raw_homes: list[tuple[str, int, int]], raw_households: list[tuple[int, int, int]], random: object) -> None:
    homes = [home(f"{number:03d}", bedrooms, estate) for estate, number, bedrooms in raw_homes]
    households = [household(f"KF-{no:02d}", size, days) for no, size, days in raw_households]
    found = match(homes, households)
    assert len(found) == min(len(homes), len(households)), "no home stays empty while somebody waits"
    assert len({h.id for h, _ in found}) == len({w.owner for _, w in found}) == len(found)
    # Nobody is passed over: whoever stands earlier got a home that fits at least as well, or nothing left fitted.
    fits = {w.application_no: h.bedrooms <= entitled_bedrooms(w.size) for h, w in found}
    ordered = sorted(households, key=lambda w: (w.accepted_on, w.application_no))
    for place, waiting in enumerate(ordered):
        if not fits.get(waiting.application_no, False):
            fitting = [h for h, w in found if h.bedrooms <= entitled_bedrooms(waiting.size) and w in ordered[place + 1 :]]
            assert not fitting
    random.shuffle(homes)  # type: ignore[attr-defined]
    random.shuffle(households)  # type: ignore[attr-defined]
    assert match(homes, households) == found, "the order in which rows come from the database changes nothing"
