"""What a city's pages look like: what is refused, and what stands in when a city says nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from anju_profile.look import Look, luminance
from pydantic import ValidationError

from tests.support.profiles import KAIFENG


def test_the_sample_city_has_a_look_of_its_own() -> None:
    look = Look.of(KAIFENG)
    assert look.hotline == "12345"
    assert look.emblem is not None
    assert look.emblem.read_text(encoding="utf-8").startswith("<svg")


def test_a_city_that_says_nothing_has_the_pages_own(tmp_path: Path) -> None:
    look = Look.of(tmp_path)
    assert look.model_dump() == Look().model_dump()
    assert look.emblem is None


def test_a_colour_nobody_can_read_is_refused_with_what_to_do(tmp_path: Path) -> None:
    for colour in ("#ff9900", "#ffffff", "#777777"):
        (tmp_path / "look.yaml").write_text(f'colour: "{colour}"', encoding="utf-8")
        with pytest.raises(ValidationError, match=r"contrast of \d\.\d, and 4\.5 is the least .* take a darker one"):
            Look.of(tmp_path)
    (tmp_path / "look.yaml").write_text('colour: "#c8102e"', encoding="utf-8")
    assert Look.of(tmp_path).colour == "#c8102e"


def test_a_field_nobody_knows_is_refused(tmp_path: Path) -> None:
    (tmp_path / "look.yaml").write_text("color: red", encoding="utf-8")
    with pytest.raises(ValidationError, match="color"):
        Look.of(tmp_path)


def test_luminance_is_that_of_the_standard() -> None:
    assert luminance("#000000") == 0
    assert luminance("#ffffff") == pytest.approx(1)
    assert luminance("#0b5cad") == pytest.approx(0.1074, abs=1e-4)
