"""What the registers say, as far as the criteria of more than one file read it; each with the receipt it comes from."""

from __future__ import annotations

from fractions import Fraction
from typing import ClassVar

from pydantic import Field

from eligibility.domain.inputs import Registered


class RegisteredHome(Registered):
    """A denominator of 0: only the percentage is known."""

    register_code: ClassVar[str] = "real_estate"

    area_centi_sqm: int = Field(ge=0)
    share_percent: int = Field(ge=0, le=100)
    residential: bool
    pre_notice: bool
    share_numerator: int = Field(default=0, ge=0)
    share_denominator: int = Field(default=0, ge=0)
    address_index: str = ""
    certificate_index: str = ""
    unit_known: bool = True

    @property
    def district(self) -> str:
        """Every district keeps its own register."""
        return self.endpoint

    @property
    def share(self) -> Fraction:
        return Fraction(self.share_numerator, self.share_denominator) if self.share_denominator else Fraction(self.share_percent, 100)


class RegisteredVehicle(Registered):
    register_code: ClassVar[str] = "vehicles"


class Insurance(Registered):
    """``monthly_base_fen`` is the mean contribution base of the last twelve months."""

    register_code: ClassVar[str] = "social_insurance"

    continuous_months: int = Field(ge=0)
    monthly_base_fen: int = Field(ge=0)
