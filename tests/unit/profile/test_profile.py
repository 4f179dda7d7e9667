"""The city profile: what it refuses, and what it warns of."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import anju_profile
import pytest
import yaml
from anju_profile.clocks import Clocks

KAIFENG = Path("profiles/kaifeng")


def written(folder: Path, change: dict[str, Any] | None = None, *, confirmed: bool = False) -> Path:
    raw: dict[str, Any] = yaml.safe_load((KAIFENG / "profile.yaml").read_text(encoding="utf-8")) | (change or {})
    if confirmed:
        for section in (raw["clocks"], raw["housing"], *raw["criteria"].values()):
            for value in section.values():
                value["confirmed"] = True
    (folder / "profile.yaml").write_text(yaml.safe_dump(raw, allow_unicode=True), encoding="utf-8")
    return folder


def test_a_sample_decides_no_real_case() -> None:
    with pytest.raises(anju_profile.UnconfirmedProfileError, match="street_review_wd"):
        anju_profile.load(KAIFENG, production=True)


def test_one_provisional_year_is_enough_to_refuse(tmp_path: Path) -> None:
    with pytest.raises(anju_profile.UnconfirmedProfileError, match=r"unconfirmed: 2027, 2028$"):
        anju_profile.load(written(tmp_path, confirmed=True), production=True)


def test_a_confirmed_profile_is_taken(tmp_path: Path) -> None:
    profile = anju_profile.load(written(tmp_path, {"calendar": {}}, confirmed=True), production=True)
    assert profile.unconfirmed == []
    assert set(profile.clocks) == set(Clocks.model_fields)


def test_every_duration_is_counted_in_the_unit_its_name_says() -> None:
    clocks = anju_profile.load(KAIFENG).clocks
    endings = {"_wd": "working_day", "_wd_before": "working_day", "_days": "day", "_months": "month", "_seconds": "second"}
    wrong = {name for name, value in clocks.items() for ending, unit in endings.items() if name.endswith(ending) and value.unit != unit}
    assert not wrong


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
