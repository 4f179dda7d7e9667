"""The city profile: what it refuses, and what it warns of."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import anju_profile
import pytest
from anju_contracts import application, rent_cycle
from anju_profile.series import series_in
from pydantic import ValidationError

from tests.support.profiles import KAIFENG, content, publish

DAY = date(2026, 11, 25)


def confirmed(thing: Any) -> Any:
    """The same content, none of it a sample."""
    if isinstance(thing, dict):
        return {key: confirmed(value) for key, value in thing.items() if key != "sample"}
    return [confirmed(each) for each in thing] if isinstance(thing, list) else thing


def test_a_sample_decides_no_real_case() -> None:
    with pytest.raises(
        anju_profile.UnconfirmedProfileError, match=r"review_levels.*criteria\.local_household\.vehicle_count_max.*calendar\.2027"
    ):
        anju_profile.load(KAIFENG, production=True)


def test_one_sample_year_is_enough_to_refuse(tmp_path: Path) -> None:
    profile = confirmed(content()) | {"calendar": content()["calendar"]}
    with pytest.raises(anju_profile.UnconfirmedProfileError, match=r"samples: calendar\.2027, calendar\.2028$"):
        anju_profile.load(publish(tmp_path, "v1", profile), production=True)


def test_one_sample_that_holds_later_is_enough_to_refuse(tmp_path: Path) -> None:
    profile = confirmed(content())
    profile["lease"]["sign_days"].append({"from": date(2030, 1, 1), "value": 20, "source": "示例", "sample": True})
    with pytest.raises(anju_profile.UnconfirmedProfileError, match=r"samples: lease\.sign_days$"):
        anju_profile.load(publish(tmp_path, "v1", profile), production=True)


def test_a_confirmed_profile_is_taken(tmp_path: Path) -> None:
    assert anju_profile.load(publish(tmp_path, "v1", confirmed(content())), production=True).samples == []


def test_registers_and_levels_of_a_case_come_in_order() -> None:
    profile = anju_profile.load(KAIFENG)
    assert profile.registers.on(DAY) == ("social_insurance", "real_estate", "vehicles", "marriage")
    assert [(level.code, level.working_days) for level in profile.review_levels.on(DAY)] == [("street", 5), ("district", 7), ("city", 5)]
    assert profile.objection_level.on(DAY) == "district"


@pytest.mark.parametrize(
    "change",
    [
        {"registers": [{"from": DAY, "value": ["vehicles", "lottery"], "source": "示例"}]},
        {"review_levels": [{"from": DAY, "value": [{"code": "lottery", "working_days": 5}], "source": "示例"}]},
        {"objection_level": [{"from": DAY, "value": "lottery", "source": "示例"}]},
        {"criteria": {"lottery": {}}},
    ],
)
def test_a_code_without_a_term_is_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=r"codes without a term in anju_terms: .*: lottery"):
        anju_profile.load(publish(tmp_path, "v1", content() | change))


def test_a_value_no_field_declares_is_refused(tmp_path: Path) -> None:
    profile = content()
    profile["lease"]["signing_days"] = profile["lease"]["sign_days"]
    with pytest.raises(ValidationError, match=r"lease\.signing_days"):
        anju_profile.load(publish(tmp_path, "v1", profile))


def test_sections_fill_the_contracts_of_their_workflows() -> None:
    profile = anju_profile.load(KAIFENG)
    assert set(application.Clocks.model_fields) == set(profile.application.on(DAY))
    assert application.Clocks(**profile.application.on(DAY)).objection_review_wd == 15
    for bills in (profile.rent_bills, profile.deposit_bills):
        assert set(rent_cycle.Clocks.model_fields) == set(bills.on(DAY))
        rent_cycle.Clocks(**bills.on(DAY))


def test_every_field_of_a_section_says_its_unit() -> None:
    profile = anju_profile.load(KAIFENG)
    counts = {"waiting.max_declines"}
    units = ("_wd", "_wd_before", "_days", "_months", "_seconds", "_fen", "_fen_per_sqm_month")
    sections = {name: getattr(profile, name) for name in ("application", "waiting", "lease", "rent_bills", "deposit_bills")}
    assert [name for name, _ in series_in(sections) if not name.endswith(units) and name not in counts] == []


def test_an_error_names_the_value_and_the_version() -> None:
    profile = anju_profile.load(KAIFENG)
    with pytest.raises(anju_profile.NotInForceError, match=r"criteria\.new_worker\.insured_months_min of profile kaifeng-sample-2026\.8"):
        profile.criteria["new_worker"]["insured_months_min"].on(date(2025, 12, 31))


@pytest.mark.parametrize(
    ("today", "missing"),
    [
        (date(2026, 11, 24), None),
        (date(2028, 11, 10), None),
        (date(2028, 11, 24), 2029),
        (date(2029, 3, 1), 2029),
    ],
)
def test_a_year_without_working_days_is_reported_before_it_is_needed(today: date, missing: int | None) -> None:
    anju_profile.load(KAIFENG)
    assert anju_profile.missing_year(today) == missing
