"""The city profile (城市规则配置): law and local numbers as dated, versioned data.

A value without a confirmed source may be tried, taught and demonstrated, but never decide a real case: ``load`` refuses it in production mode.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Literal

import yaml
from chassis import calendar, logs
from pydantic import BaseModel, ConfigDict, Field

from anju_profile.clocks import Clocks

_log = logs.get(__name__)
# Longer than any statutory wait in working days. The State Council's notice for the next year comes in November at the latest.
WORKING_DAYS_AHEAD = timedelta(days=45)

Unit = Literal["working_day", "day", "month", "second", "count", "fen", "centi_sqm"]


class UnconfirmedProfileError(RuntimeError):
    """Production mode was asked to decide by numbers nobody has confirmed."""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Value(_Model):
    value: int | tuple[int, ...]
    unit: Unit
    effective_from: date
    legal_ref: str = Field(min_length=1)
    confirmed: bool

    @property
    def number(self) -> int:
        if not isinstance(self.value, int):
            raise TypeError("this value is a list")
        return self.value


class CalendarYear(_Model):
    provisional: bool
    source: str
    holidays: tuple[date, ...]
    workdays: tuple[date, ...]


class Division(_Model):
    code: str
    level: Literal["city", "district", "street", "community"]
    name: str
    parent: str


class Profile(_Model):
    city: str
    title: str
    version: str
    city_code: str
    clocks: dict[str, Value]
    criteria: dict[str, dict[str, Value]]
    housing: dict[str, Value]
    calendar: dict[int, CalendarYear]
    folder: Path

    @cached_property
    def case_clocks(self) -> Clocks:
        """The durations a new case is started with."""
        return Clocks(**{name: value.value for name, value in self.clocks.items()})

    @cached_property
    def divisions(self) -> dict[str, Division]:
        with (self.folder / "divisions.csv").open(encoding="utf-8", newline="") as file:
            return {row["code"]: Division(**row) for row in csv.DictReader(file)}

    def children(self, code: str) -> list[Division]:
        return [d for d in self.divisions.values() if d.parent == code]

    @property
    def districts(self) -> list[Division]:
        return self.children(self.city_code)

    def name_of(self, code: str) -> str:
        division = self.divisions.get(code)
        return division.name if division else code

    def _values(self) -> Iterable[tuple[str, Value]]:
        for section in (self.clocks, self.housing, *self.criteria.values()):
            yield from section.items()

    @property
    def unconfirmed(self) -> list[str]:
        return sorted({name for name, value in self._values() if not value.confirmed})

    def install_calendar(self) -> None:
        """Loads the profile's working-day years on top of the published ones."""
        for year, table in self.calendar.items():
            calendar.load_year(year, table.holidays, table.workdays)


def missing_year(today: date) -> int | None:
    """The year which deadlines set from ``today`` will soon need and which has no working-day table. A case that reaches it stands still, with
    failing workflow tasks, until the table is in the profile and the workers are started anew."""
    year = (today + WORKING_DAYS_AHEAD).year
    try:
        calendar.is_working_day(date(year, 1, 4))
    except calendar.UnknownYearError:
        return year
    return None


@lru_cache(maxsize=8)
def load(folder: Path, *, production: bool = False) -> Profile:
    """Reads a profile folder. Raises UnconfirmedProfileError in production mode when any number or calendar year is a sample."""
    raw: dict[str, Any] = yaml.safe_load((folder / "profile.yaml").read_text(encoding="utf-8"))
    profile = Profile(folder=folder, **raw)
    if production:
        provisional = [str(year) for year, table in profile.calendar.items() if table.provisional]
        if profile.unconfirmed or provisional:
            raise UnconfirmedProfileError(
                f"profile {profile.version} cannot decide real cases; unconfirmed: {', '.join(profile.unconfirmed + provisional)}"
            )
    profile.install_calendar()
    missing = missing_year(calendar.local_date(datetime.now(UTC)))
    if missing is not None:
        _log.error("working_days_missing", year=missing, profile=profile.version, add="the year's table under calendar: in profile.yaml")
    return profile
