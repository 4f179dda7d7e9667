"""A city's folder with profile versions of a test's own."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path
from typing import Any

import yaml
from anju_profile.published import VERSIONS, published, record

KAIFENG = Path(__file__).parents[2] / "profiles" / "kaifeng"


def content() -> dict[str, Any]:
    """Kaifeng's current profile as it stands in the file, to be changed."""
    found: dict[str, Any] = yaml.safe_load((published(KAIFENG).folder() / "profile.yaml").read_text(encoding="utf-8"))
    return found


def write(city: Path, version: str, profile: dict[str, Any]) -> Path:
    """Writes a version into a city's folder, not yet published."""
    folder = city / VERSIONS / version
    folder.mkdir(parents=True)
    shutil.copy(published(KAIFENG).folder() / "divisions.csv", folder)
    (folder / "profile.yaml").write_text(yaml.safe_dump(profile | {"version": version}, allow_unicode=True), encoding="utf-8")
    return city


def publish(city: Path, version: str, profile: dict[str, Any]) -> Path:
    """Publishes a version, without looking whether it can be read."""
    write(city, version, profile)
    record(city, version, date(2026, 1, 1))
    return city
