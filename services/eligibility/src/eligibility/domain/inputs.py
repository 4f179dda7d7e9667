"""What an assessment is made from: what the household declared and what the registers said. No names, numbers or addresses.

The models are stored (sealed) with the assessment, so that it can be made again and must come out the same.
"""

from __future__ import annotations

from datetime import date
from fractions import Fraction

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

    @property
    def share(self) -> Fraction:
        return Fraction(self.share_percent, 100)


class Declaration(_Model):
    category: str
    marital_status: str
    members: tuple[Member, ...] = Field(min_length=1)
    homes: tuple[DeclaredHome, ...] = ()
    vehicle_values_fen: tuple[int, ...] = ()


class RegisteredHome(_Model):
    """A denominator of 0: only the percentage is known (inputs stored by earlier versions)."""

    subject_index: int
    district: str
    area_centi_sqm: int = Field(ge=0)
    share_percent: int = Field(ge=0, le=100)
    residential: bool
    pre_notice: bool
    receipt_id: str
    share_numerator: int = Field(default=0, ge=0)
    share_denominator: int = Field(default=0, ge=0)

    @property
    def share(self) -> Fraction:
        return Fraction(self.share_numerator, self.share_denominator) if self.share_denominator else Fraction(self.share_percent, 100)


class RegisteredVehicle(_Model):
    subject_index: int
    receipt_id: str


class Insurance(_Model):
    """``monthly_base_fen`` is the mean contribution base of the last twelve months."""

    subject_index: int
    continuous_months: int = Field(ge=0)
    monthly_base_fen: int = Field(ge=0)
    receipt_id: str


class RegisteredMarriage(_Model):
    """``status``: married, divorced, none_found. ``spouse_index`` -1: outside the household or unknown."""

    subject_index: int
    status: str
    spouse_index: int
    receipt_id: str


class Facts(_Model):
    """``outcomes`` of registers which were not asked or never answered are missing or ``unavailable``."""

    homes: tuple[RegisteredHome, ...] = ()
    vehicles: tuple[RegisteredVehicle, ...] = ()
    insurance: tuple[Insurance, ...] = ()
    marriages: tuple[RegisteredMarriage, ...] = ()
    outcomes: dict[str, LookupOutcome] = Field(default_factory=dict)

    def answered(self, register: str) -> bool:
        """Whether the register gave an answer about the whole household which may be relied on."""
        return self.outcomes.get(register) in (LookupOutcome.FOUND, LookupOutcome.NO_RECORD)


class Inputs(_Model):
    declaration: Declaration
    facts: Facts
    on: date = Field(description="business date of the assessment, in China")
