"""Numbers as people read them, in both languages."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_HALF_UP, Decimal
from fractions import Fraction

from anju_terms import Title

NOTHING = Title(zh="", en="")


def sqm(centi: Fraction | int) -> Title:
    """Hundredths of a square metre as "12.50 ㎡". Rounded up, so that a value just over a limit never looks equal to it."""
    value = Fraction(centi) / 100
    number = (Decimal(value.numerator) / Decimal(value.denominator)).quantize(Decimal("0.01"), ROUND_CEILING)
    return Title(zh=f"{number} ㎡", en=f"{number} m²")


def yuan(fen: Fraction | int, rounding: str = ROUND_HALF_UP) -> Title:
    value = Fraction(fen) / 100
    number = (Decimal(value.numerator) / Decimal(value.denominator)).quantize(Decimal("0.01"), rounding)
    return Title(zh=f"{number:,} 元", en=f"{number:,} yuan")
