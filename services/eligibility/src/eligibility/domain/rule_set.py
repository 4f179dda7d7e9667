"""A rule set: the dated thresholds of one version of the city profile, by applicant category. Published once, never changed."""

from __future__ import annotations

import hashlib
from datetime import date

from pydantic import BaseModel, ConfigDict


class Limit(BaseModel):
    """A threshold in the unit its name ends with."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    value: int
    effective_from: date
    legal_ref: str
    confirmed: bool


class RuleSet(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    version: str
    categories: dict[str, dict[str, Limit]]

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the content: two profiles with one version but other numbers are two rule sets."""
        content = RuleSet(version=self.version, categories={c: dict(sorted(v.items())) for c, v in sorted(self.categories.items())})
        return hashlib.sha256(content.model_dump_json().encode()).hexdigest()
