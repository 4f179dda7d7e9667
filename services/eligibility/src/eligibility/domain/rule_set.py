"""A rule set: the dated limits of one version of the city profile, by applicant category. Published once, never changed."""

from __future__ import annotations

import hashlib

from anju_profile.series import Dated, Whole
from pydantic import BaseModel, ConfigDict

# The entry of a limit that is in force: a number in the unit the limit's name ends with, and what it stands on.
Limit = Dated[int]


class RuleSet(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    version: str
    categories: dict[str, dict[str, Whole]]

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the content: two profiles with one version but other numbers are two rule sets."""
        content = RuleSet(version=self.version, categories={c: dict(sorted(v.items())) for c, v in sorted(self.categories.items())})
        return hashlib.sha256(content.model_dump_json().encode()).hexdigest()
