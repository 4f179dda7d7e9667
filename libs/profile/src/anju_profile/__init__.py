"""The city profile (城市规则配置): law and local numbers as dated, versioned data.

A value without a confirmed source may be tried, taught and demonstrated, but never decide a real case: ``load`` refuses it in production mode.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from chassis import calendar, logs

from anju_profile.profile import Profile
from anju_profile.sections import Division, ReviewLevel
from anju_profile.series import Dated, NotInForceError, Series

__all__ = ["Dated", "Division", "NotInForceError", "Profile", "ReviewLevel", "Series", "UnconfirmedProfileError", "load", "missing_year"]

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


@lru_cache(maxsize=8)
def load(folder: Path, *, production: bool = False) -> Profile:
    """Reads a profile folder. Raises UnconfirmedProfileError in production mode when any value or calendar year is a sample."""
    raw: dict[str, Any] = yaml.safe_load((folder / "profile.yaml").read_text(encoding="utf-8"))
    profile = Profile.read(folder, raw)
    if production and profile.samples:
        raise UnconfirmedProfileError(f"profile {profile.version} cannot decide real cases; samples: {', '.join(profile.samples)}")
    profile.install_calendar()
    missing = missing_year(calendar.local_date(datetime.now(UTC)))
    if missing is not None:
        _log.error("working_days_missing", year=missing, profile=profile.version, add="the year's table under calendar: in profile.yaml")
    return profile
