"""Where a city's people work beside its divisions: house-management offices with their estates, and the counters people may go to.

They decide no case, so they are no part of a published version: an address that changes is a changed line, and every case stays what it was.
"""

from __future__ import annotations

from collections import Counter
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Final

import yaml
from anju_terms import is_code
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from anju_profile.profile import Profile

PLACES: Final = "places.yaml"
_CODE: Final = r"^[A-Z][0-9A-Z-]{1,19}$"
_TELEPHONE: Final = r"^[0-9-]{5,20}$"


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Demonstration(_Row):
    """That a point is one others are shown (示范点): from a day on, for what, and who has said so."""

    begins: date
    ends: date | None = None
    criteria: tuple[str, ...] = Field(min_length=1, description="what it was found to meet")
    assessor: str = Field(min_length=1, max_length=60)

    @model_validator(mode="after")
    def _in_order(self) -> Demonstration:
        if self.ends is not None and self.ends < self.begins:
            raise ValueError("a mark does not end before it begins")
        return self

    def holds(self, day: date) -> bool:
        return self.begins <= day and (self.ends is None or day <= self.ends)


class Point(_Row):
    """An acceptance point (受理点): a counter where people are helped in person, in a district, street or community."""

    code: str = Field(pattern=_CODE)
    kind: str = Field(description="vocabulary point_kinds")
    division: str
    name: str = Field(min_length=1, max_length=40)
    address: str = Field(min_length=1, max_length=80)
    hours: str = Field(min_length=1, max_length=60)
    telephone: str = Field(pattern=_TELEPHONE)
    step_free: bool = Field(description="whether one comes in without a step, and there is a low counter")
    demonstration: Demonstration | None = None
    sample: bool = Field(default=False, description="made up, and said so wherever it is shown")

    @field_validator("kind")
    @classmethod
    def _known(cls, value: str) -> str:
        if not is_code("point_kinds", value):
            raise ValueError(f"{value} is no kind of acceptance point")
        return value


class Office(_Row):
    """A house-management office (房管所). Whoever has a duty in it has it in the divisions it works in."""

    code: str = Field(pattern=_CODE)
    name: str = Field(min_length=1, max_length=40)
    parent: str = Field(description="the division it belongs to")
    divisions: tuple[str, ...] = Field(min_length=1, description="where its estates lie")
    estates: tuple[str, ...] = Field(default=(), description="ids of the estates it looks after")
    address: str = Field(default="", max_length=80)
    telephone: str = Field(default="", pattern=r"^[0-9-]{0,20}$")
    begins: date | None = None
    ends: date | None = None
    sample: bool = False


class Places(_Row):
    """A city without a ``places.yaml`` has neither."""

    offices: tuple[Office, ...] = ()
    points: tuple[Point, ...] = ()

    @classmethod
    def of(cls, city: Path, profile: Profile) -> Places:
        """What a city's folder says. Raises ValueError for what contradicts itself or the city's divisions."""
        file = city / PLACES
        found = cls.model_validate(yaml.safe_load(file.read_text(encoding="utf-8")) or {}) if file.is_file() else cls()
        found._fits(profile)
        return found

    def _fits(self, profile: Profile) -> None:
        named = Counter([*(each.code for each in self.offices), *(each.code for each in self.points)])
        twice = [code for code, times in named.items() if times > 1]
        if twice:
            raise ValueError(f"codes given twice: {', '.join(twice)}")
        kept = Counter(estate for office in self.offices if office.ends is None for estate in office.estates)
        shared = [estate for estate, times in kept.items() if times > 1]
        if shared:
            raise ValueError(f"estates of more than one office: {', '.join(shared)}")
        said = {point.division for point in self.points} | {code for each in self.offices for code in (each.parent, *each.divisions)}
        unknown = sorted(said - set(profile.divisions))
        if unknown:
            raise ValueError(f"no such division: {', '.join(unknown)}")
        lost = [estate for each in self.offices for estate in each.estates if not estate.startswith(each.divisions)]
        if lost:
            raise ValueError(f"estates outside of the divisions of their office: {', '.join(lost)}")

    @cached_property
    def office_of(self) -> dict[str, Office]:
        """By estate."""
        return {estate: office for office in self.offices if office.ends is None for estate in office.estates}

    def points_in(self, district: str, street: str = "") -> list[Point]:
        """Of a district; those of the street first, then those of the whole district, then its other streets'."""
        found = [point for point in self.points if point.division.startswith(district)]
        return sorted(found, key=lambda point: (not (street and point.division.startswith(street)), point.division != district))
