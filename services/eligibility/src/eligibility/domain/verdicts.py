"""The result of an assessment, and the words for its numbers."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_HALF_UP, Decimal
from fractions import Fraction

from anju_contracts.application import Verdict
from pydantic import BaseModel, ConfigDict


class Criterion(BaseModel):
    """One judged condition, with everything a person needs to check it by hand."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: str
    title: str
    verdict: Verdict
    reason_zh: str
    reason_en: str
    legal_ref: str
    observed: str = ""
    threshold: str = ""
    receipt_ids: tuple[str, ...] = ()


class Judgement(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    verdict: Verdict
    criteria: tuple[Criterion, ...]


def overall(criteria: tuple[Criterion, ...]) -> Verdict:
    """One condition failed fails the whole; then doubt outweighs what is met."""
    verdicts = {criterion.verdict for criterion in criteria}
    for verdict in (Verdict.NOT_MET, Verdict.NEEDS_REVIEW):
        if verdict in verdicts:
            return verdict
    return Verdict.MET


def sqm(centi: Fraction | int) -> str:
    """Hundredths of a square metre as "12.50 ㎡". Rounded up, so that a value just over a limit never looks equal to it."""
    value = Fraction(centi) / 100
    number = (Decimal(value.numerator) / Decimal(value.denominator)).quantize(Decimal("0.01"), ROUND_CEILING)
    return f"{number} ㎡"


def yuan(fen: Fraction | int, rounding: str = ROUND_HALF_UP) -> str:
    value = Fraction(fen) / 100
    number = (Decimal(value.numerator) / Decimal(value.denominator)).quantize(Decimal("0.01"), rounding)
    return f"{number:,} 元"
