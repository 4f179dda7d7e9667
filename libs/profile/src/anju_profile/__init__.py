"""The city profile (城市规则配置): law and local numbers as dated data in published versions.

A value without a confirmed source may be tried, taught and demonstrated, but never decide a real case: ``load`` refuses it in production mode.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from pathlib import Path

import anju_calendar as calendar
from chassis import logs

from anju_profile.profile import Profile
from anju_profile.published import VERSIONS, ChangedVersionError, Published, UnknownVersionError, published
from anju_profile.sections import CONTRACT_ITEMS, Clause, Division, Lessor, Remedy, ReviewLevel
from anju_profile.series import Dated, NotInForceError, Series

__all__ = [
    "CONTRACT_ITEMS",
    "ChangedVersionError",
    "Clause",
    "Dated",
    "Division",
    "Lessor",
    "NotInForceError",
    "Profile",
    "Published",
    "Remedy",
    "ReviewLevel",
    "Series",
    "UnconfirmedProfileError",
    "UnknownVersionError",
    "draft",
    "load",
    "missing_year",
    "published",
]

_log = logs.get(__name__)
# Longer than any statutory wait in working days. The State Council's notice for the next year comes in November at the latest.
WORKING_DAYS_AHEAD = timedelta(days=45)


class UnconfirmedProfileError(RuntimeError):
    """Production mode was asked to decide by numbers nobody has confirmed."""


def missing_year(today: date) -> int | None:
    """The year which deadlines set from ``today`` will soon need and which has no working-day table. A case that reaches it stands still, with
    failing workflow tasks, until the table is in the profile and the workers are started anew."""
    year = (today + WORKING_DAYS_AHEAD).year
    try:
        calendar.is_working_day(date(year, 1, 4))
    except calendar.UnknownYearError:
        return year
    return None


@lru_cache(maxsize=32)
def load(city: Path, version: str | None = None, *, production: bool = False) -> Profile:
    """A published version of the profile in a city's folder; for None the current one, with whose working-day years this process then counts.

    Raises UnknownVersionError for a version nobody has published, ChangedVersionError when its files are not the published ones, and
    UnconfirmedProfileError in production mode when any value or calendar year is a sample.
    """
    known = published(city)
    current = version is None or version == known.current
    profile = Profile.read(known.folder(version), older=not current)
    if production and profile.samples:
        raise UnconfirmedProfileError(f"profile {profile.version} cannot decide real cases; samples: {', '.join(profile.samples)}")
    if current:
        _count_by(profile)
    return profile


def draft(city: Path, version: str) -> Profile:
    """A version which is not published yet, to be looked at before it is. Raises ValueError when it is not whole or carries another name."""
    profile = Profile.read(city / VERSIONS / version)
    if profile.version != version:
        raise ValueError(f"the profile in {city / VERSIONS / version} calls itself version {profile.version}")
    if not profile.divisions:
        raise ValueError(f"{city / VERSIONS / version} lists no division")
    for division in profile.divisions.values():
        unknown = {*division.successors, division.parent} - {"", *profile.divisions}
        if unknown or division.code in profile.heirs(division.code):
            raise ValueError(f"division {division.code} becomes itself or names what is not in the list: {', '.join(sorted(unknown))}")
    return profile


def _count_by(profile: Profile) -> None:
    for year, table in profile.calendar.items():
        calendar.load_year(year, table.holidays, table.workdays)
    missing = missing_year(calendar.local_date(datetime.now(UTC)))
    if missing is not None:
        _log.error("working_days_missing", year=missing, profile=profile.version, add="a version with the year's table under calendar:")
