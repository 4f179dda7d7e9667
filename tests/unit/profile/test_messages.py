from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from anju_profile.messages import Messages

OVERNIGHT = Messages.model_validate({"quiet_from": "21:00", "quiet_until": "08:00"})
AT_NOON = Messages.model_validate({"quiet_from": "12:00", "quiet_until": "14:30"})


def city(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-11-{text}+08:00").astimezone(UTC)


@pytest.mark.parametrize(
    ("hours", "told", "goes"),
    [
        (OVERNIGHT, "26T20:59:59", "26T20:59:59"),
        (OVERNIGHT, "26T21:00", "27T08:00"),
        (OVERNIGHT, "26T23:59:59", "27T08:00"),
        (OVERNIGHT, "27T00:00", "27T08:00"),
        (OVERNIGHT, "27T07:59:59", "27T08:00"),
        (OVERNIGHT, "27T08:00", "27T08:00"),
        (AT_NOON, "26T11:59", "26T11:59"),
        (AT_NOON, "26T12:00", "26T14:30"),
        (AT_NOON, "26T14:30", "26T14:30"),
        (Messages(), "26T23:00", "26T23:00"),
    ],
)
def test_nothing_goes_out_in_the_quiet_hours(hours: Messages, told: str, goes: str) -> None:
    assert hours.not_before(city(told)) == city(goes)


@pytest.mark.parametrize("wrong", ["quiet_from: '21:00'", "quiet_until: '08:00'", "quiet_from: '9'\nquiet_until: '08:00'", "silence: yes",
                                   "quiet_from: '08:00'\nquiet_until: '08:00'"])  # fmt: skip
def test_hours_that_are_none_are_refused(tmp_path: Path, wrong: str) -> None:
    (tmp_path / "messages.yaml").write_text(wrong)
    with pytest.raises(ValueError, match=r"."):
        Messages.of(tmp_path)


def test_a_city_without_the_file_has_no_quiet_hours(tmp_path: Path) -> None:
    assert Messages.of(tmp_path) == Messages()
    assert Messages.of(Path("profiles/kaifeng")) == OVERNIGHT
