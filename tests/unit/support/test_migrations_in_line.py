"""The migrations of a service are one line: two that were written side by side under one number would leave the database without one of them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

SERVICES = Path(__file__).parents[3] / "services"
FOLDERS = sorted(SERVICES.glob("*/src/*/migrations/versions"))


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.parts[-3])
def test_each_migration_follows_the_one_before_it(folder: Path) -> None:
    said = [
        re.findall(r'^(?:down_)?revision = (?:"(\d{4})"|None)$', file.read_text(encoding="utf-8"), re.M) for file in folder.glob("0*.py")
    ]
    wanted = [[f"{number:04d}", f"{number - 1:04d}" if number > 1 else ""] for number in range(1, len(said) + 1)]
    assert sorted(said) == wanted
    assert sorted(file.name[:4] for file in folder.glob("0*.py")) == [number for number, _ in wanted]


def test_every_service_with_records_is_looked_at() -> None:
    assert len(FOLDERS) > 6
