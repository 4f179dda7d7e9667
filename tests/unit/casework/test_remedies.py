"""The remedies against a refusal: by level, with the last day the law leaves, and none online which the system does not take."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import anju_profile
from anju_terms import terms
from casework.domain import remedies

KAIFENG = anju_profile.load(Path(__file__).parents[3] / "profiles/kaifeng")
PLACES = {"city": "开封市", "district": "龙亭区", "street": "北书店街道"}


def against(level: str, day: date) -> dict[str, remedies.Open]:
    return {each.code: each for each in remedies.against(KAIFENG.refusal.remedies.on(day), level, day, PLACES)}


def test_every_level_has_every_remedy_once_and_a_name() -> None:
    day = date(2026, 11, 26)
    for level in terms("levels"):
        found = remedies.against(KAIFENG.refusal.remedies.on(day), level, day, PLACES)
        assert [each.code for each in found] == list(terms("remedies")), level
        assert all("{" not in text for each in found for text in (each.body.zh, each.body.en, each.where.zh, each.where.en))
    assert {body.level for body in KAIFENG.refusal.bodies.on(day)} == set(terms("levels"))


def test_reconsideration_goes_to_the_government_above_the_body() -> None:
    day = date(2026, 11, 26)
    assert [against(level, day)["reconsideration"].body.zh for level in ("street", "district", "city")] == [
        "龙亭区人民政府",
        "龙亭区人民政府",
        "开封市人民政府",
    ]


def test_sixty_days_six_months_and_no_limit_of_its_own_for_the_recheck() -> None:
    found = against("street", date(2026, 11, 26))
    assert (found["reconsideration"].until, found["litigation"].until, found["recheck"].until) == (
        date(2027, 1, 25),
        date(2027, 5, 26),
        None,
    )


def test_a_last_day_on_which_nobody_works_is_put_off() -> None:
    # 60 days from 2 December 2026 is a Sunday; six months from 1 November 2026 is Labour Day, a Saturday, and 3 May is one of its days off.
    assert against("street", date(2026, 12, 2))["reconsideration"].until == date(2027, 2, 1)
    assert against("street", date(2026, 11, 1))["litigation"].until == date(2027, 5, 4)


def test_a_year_without_a_table_is_never_later_than_what_holds() -> None:
    assert against("street", date(2031, 12, 2))["reconsideration"].until == date(2032, 1, 31)


def test_no_remedy_says_that_it_is_online_before_the_api_takes_it() -> None:
    assert not [each.code for entry in KAIFENG.refusal.remedies.entries for each in entry.value if each.online]
