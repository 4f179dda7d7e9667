"""What an assessment is made from: what the household declared and what the registers said. No names, numbers or addresses.

The models are stored (sealed) with the assessment, so that it can be made again and must come out the same.
"""

from __future__ import annotations

from datetime import date, datetime
from fractions import Fraction
from typing import ClassVar, TypeVar

from anju_contracts.application import LookupOutcome
from pydantic import BaseModel, ConfigDict, Field


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Member(_Model):
    """``index`` is the position in the household, 0 for the applicant. Income: declared, of the last twelve months, in fen."""

    index: int = Field(ge=0)
    relation: str
    birth_date: date
    annual_income_fen: int = Field(ge=0)


class DeclaredHome(_Model):
    district: str
    area_centi_sqm: int = Field(ge=0)
    share_percent: int = Field(ge=0, le=100)
    address_index: str = ""
    certificate_index: str = ""

    @property
    def share(self) -> Fraction:
        return Fraction(self.share_percent, 100)


class Declaration(_Model):
    category: str
    marital_status: str
    members: tuple[Member, ...] = Field(min_length=1)
    homes: tuple[DeclaredHome, ...] = ()
    vehicle_values_fen: tuple[int, ...] = ()


class Registered(_Model):
    """One thing a register said about one person. Criteria read the fields they need; what a register learns to say later does not disturb them."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    register_code: ClassVar[str]

    subject_index: int
    endpoint: str = ""
    receipt_id: str


R = TypeVar("R", bound=Registered)


class Heard(_Model):
    """That one office of a register answered about one person, how, and when."""

    subject_index: int
    endpoint: str = ""
    outcome: LookupOutcome
    at: datetime


class Facts(_Model):
    """``said`` by register. ``outcomes`` of registers which were not asked or never answered are missing or ``unavailable``. ``heard``: each answer, of
    assessments that were made since answers are kept with them."""

    said: dict[str, tuple[dict[str, str | int | bool], ...]] = Field(default_factory=dict)
    outcomes: dict[str, LookupOutcome] = Field(default_factory=dict)
    heard: dict[str, tuple[Heard, ...]] = Field(default_factory=dict)

    def of(self, kind: type[R]) -> tuple[R, ...]:
        """What one register said, in the words of a criterion."""
        return tuple(kind.model_validate(each) for each in self.said.get(kind.register_code, ()))

    def answered(self, register: str) -> bool:
        """Whether the register gave an answer about the whole household which may be relied on. One that does not know somebody has said nothing of him."""
        return self.outcomes.get(register) in (LookupOutcome.FOUND, LookupOutcome.NO_RECORD)


class Inputs(_Model):
    declaration: Declaration
    facts: Facts
    on: date = Field(description="business date of the assessment, in China")
