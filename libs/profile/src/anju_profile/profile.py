"""The profile of one city in one version."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml
from anju_terms import is_code
from pydantic import Field, PrivateAttr, model_validator

from anju_profile.sections import (
    ApplicationClocks,
    BillClocks,
    CalendarYear,
    Complaints,
    Contract,
    Division,
    Evaluation,
    Lease,
    Recusal,
    Refusal,
    Rent,
    ReviewLevel,
    Waiting,
)
from anju_profile.series import OLDER, Code, Codes, Section, Series, Whole, series_in


class Profile(Section):
    city: str
    title: str
    version: str = Field(pattern=r"^[a-z0-9][a-z0-9.-]*$")
    city_code: str
    registers: Codes = Field(description="registers a case asks, in order")
    review_levels: Series[tuple[ReviewLevel, ...]] = Field(description="levels that review a case, in order")
    objection_level: Code = Field(description="level that answers objections")
    application: ApplicationClocks
    recusal: Recusal
    evaluation: Evaluation
    refusal: Refusal
    complaints: Complaints
    waiting: Waiting
    lease: Lease
    rent: Rent
    contract: Contract
    rent_bills: BillClocks
    deposit_bills: BillClocks
    criteria: dict[str, dict[str, Whole]] = Field(
        description="limits by applicant category; the name of a limit is what eligibility knows it by"
    )
    calendar: dict[int, CalendarYear]

    _folder: Path = PrivateAttr()

    @model_validator(mode="after")
    def _known_codes(self) -> Profile:
        wrong = [f"{vocabulary}: {code}" for vocabulary, code in self._codes() if not is_code(vocabulary, code)]
        if wrong:
            raise ValueError(f"codes without a term in anju_terms: {', '.join(sorted(set(wrong)))}")
        for name, series in self.series():
            series.name(f"{name} of profile {self.version}")
        return self

    def _codes(self) -> Iterable[tuple[str, str]]:
        yield from (("registers", code) for entry in self.registers.entries for code in entry.value)
        yield from (("levels", level.code) for entry in self.review_levels.entries for level in entry.value)
        yield from (("levels", entry.value) for entry in self.objection_level.entries)
        yield from (("home_grades", row.grade) for entry in self.rent.standards.entries for row in entry.value)
        yield from (("rent_reductions", row.code) for entry in self.rent.reductions.entries for row in entry.value)
        yield from (("categories", code) for code in self.criteria)
        yield from (("levels", body.level) for entry in self.refusal.bodies.entries for body in entry.value)
        for desk in (desk for entry in self.complaints.desks.entries for desk in entry.value):
            yield from (("complaint_kinds", desk.kind), ("levels", desk.level))
        for remedy in (remedy for entry in self.refusal.remedies.entries for remedy in entry.value):
            yield "remedies", remedy.code
            yield from (("levels", level) for level in remedy.levels)

    @classmethod
    def read(cls, folder: Path, *, older: bool = False) -> Profile:
        """Reads the folder of a version. An ``older`` one may lack values which were added since, and carry some which nobody reads any more."""
        profile = cls.model_validate(yaml.safe_load((folder / "profile.yaml").read_text(encoding="utf-8")), context={OLDER: older})
        profile._folder = folder
        return profile

    def series(self) -> Iterable[tuple[str, Series[Any]]]:
        """Every series with its path."""
        return series_in(self)

    @property
    def samples(self) -> list[str]:
        """Paths of what is a sample anywhere: no value of it may decide a real case, not even one that holds later."""
        found = [name for name, series in self.series() if any(entry.sample for entry in series.entries)]
        return found + [f"calendar.{year}" for year, table in self.calendar.items() if table.sample]

    @cached_property
    def divisions(self) -> dict[str, Division]:
        with (self._folder / "divisions.csv").open(encoding="utf-8", newline="") as file:
            return {row["code"]: Division.model_validate(row) for row in csv.DictReader(file)}

    def divisions_on(self, day: date) -> dict[str, Division]:
        """Those that exist on a day."""
        return {code: division for code, division in self.divisions.items() if division.exists(day)}

    def heirs(self, code: str) -> set[str]:
        """What a division has become, directly or by way of others."""
        found: set[str] = set()
        new = [code]
        while new:
            division = self.divisions.get(new.pop())
            more = set(division.successors) - found if division is not None else set()
            found |= more
            new += more
        return found

    def children(self, code: str) -> list[Division]:
        return [d for d in self.divisions.values() if d.parent == code]

    @property
    def districts(self) -> list[Division]:
        return self.children(self.city_code)

    def name_of(self, code: str) -> str:
        division = self.divisions.get(code)
        return division.name if division else code
