"""Which version of a policy holds on a day. What was in force on a day that is over never changes: a version is published from today on, after all others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

State = Literal["upcoming", "in_force", "superseded", "withdrawn"]
# Why a version cannot be published, or a policy not be withdrawn.
Hindrance = Literal["withdrawn", "in_the_past", "never_published"]


@dataclass(frozen=True)
class Version:
    """A published version. ``effective_on`` is its first day in force."""

    number: int
    effective_on: date


@dataclass(frozen=True)
class History:
    """The published versions of a policy, oldest first, and the first day it is out of force."""

    versions: tuple[Version, ...] = ()
    withdrawn_on: date | None = None

    def in_force(self, day: date) -> Version | None:
        if self.withdrawn_on is not None and day >= self.withdrawn_on:
            return None
        return next((each for each in reversed(self.versions) if each.effective_on <= day), None)

    def shown(self, day: date) -> Version | None:
        """What somebody reads who asks for that day: what is in force, else what was last, else what will be first. None: nothing was published."""
        begun = [each for each in self.versions if each.effective_on <= day]
        if self.withdrawn_on is not None:
            begun = [each for each in begun if each.effective_on < self.withdrawn_on] or begun[:1]
        return begun[-1] if begun else next(iter(self.versions), None)

    def state(self, version: Version, day: date) -> State:
        if self.withdrawn_on is not None and day >= self.withdrawn_on:
            return "withdrawn"
        if version.effective_on > day:
            return "upcoming"
        return "in_force" if self.in_force(day) == version else "superseded"

    def hinders_publishing(self, effective_on: date, today: date) -> Hindrance | None:
        """The first version may have been in force for long: the policy comes to the shelf later than to the city."""
        if self.withdrawn_on is not None:
            return "withdrawn"
        if self.versions and (effective_on < today or effective_on <= self.versions[-1].effective_on):
            return "in_the_past"
        return None

    def hinders_withdrawal(self, from_on: date, today: date) -> Hindrance | None:
        if not self.versions:
            return "never_published"
        if self.withdrawn_on is not None:
            return "withdrawn"
        return "in_the_past" if from_on < today else None


def history(versions: Sequence[Version], withdrawn_on: date | None = None) -> History:
    return History(tuple(sorted(versions, key=lambda each: each.number)), withdrawn_on)
