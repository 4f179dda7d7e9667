"""Fen inside, yuan with two decimals at the bank."""

from __future__ import annotations

import re

_DIGITS = "零壹贰叁肆伍陆柒捌玖"
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


def capital(fen: int) -> str:
    """123005 -> 壹仟贰佰叁拾元零伍分: an amount as receipts write it, so that nobody can add to it. Raises ValueError for nought, below and beyond a trillion yuan."""
    yuan, cents = divmod(fen, 100)
    if fen <= 0 or yuan >= 10**12:
        raise ValueError("not an amount for a receipt")
    text = f"{_whole(yuan)}元" if yuan else ""
    jiao, rest = divmod(cents, 10)
    if jiao:
        text += f"{_DIGITS[jiao]}角"
    elif rest and yuan:
        text += "零"
    return text + (f"{_DIGITS[rest]}分" if rest else "整")


def _whole(number: int) -> str:
    """In groups of four digits; noughts in between are said once, at the end of a group not at all."""
    text, gap = "", False
    for unit, name in ((10**8, "亿"), (10**4, "万"), (1, "")):
        group = number // unit % 10**4
        gap = gap or (bool(text) and 0 < group < 1000)
        if group:
            text += ("零" if gap else "") + _group(group) + name
            gap = False
        else:
            gap = bool(text)
    return text


def _group(group: int) -> str:
    text, gap = "", False
    for unit, name in ((1000, "仟"), (100, "佰"), (10, "拾"), (1, "")):
        digit = group // unit % 10
        if digit:
            text += ("零" if gap and text else "") + _DIGITS[digit] + name
            gap = False
        else:
            gap = True
    return text
