"""Fen inside, yuan with two decimals at the bank."""

from __future__ import annotations

import re

_YUAN = re.compile(r"(0|[1-9][0-9]{0,9})(?:\.([0-9]{1,2}))?")


def yuan(fen: int) -> str:
    """1230 fen -> 12.30. Raises ValueError for a negative amount."""
    if fen < 0:
        raise ValueError("a negative amount is not money")
    return f"{fen // 100}.{fen % 100:02d}"


def fen(text: str) -> int:
    """12.3 or 12.30 -> 1230. Raises ValueError for anything else, nought and below included."""
    match = _YUAN.fullmatch(text)
    amount = int(match[1]) * 100 + int((match[2] or "").ljust(2, "0")) if match else 0
    if amount <= 0:
        raise ValueError("not an amount of money")
    return amount
