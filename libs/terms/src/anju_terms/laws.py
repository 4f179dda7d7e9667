"""References to the law in both languages. They are written in Chinese, where they bind; the English follows from the words they are made of."""

from __future__ import annotations

import re
from typing import Final

from anju_terms import Title, terms

# A law's name, the number it was issued under, the article and the item.
_REFERENCE: Final = re.compile(
    r"(?P<law>[^第（(]+)(?:（[^）]*）)?第(?P<article>[零一二三四五六七八九十百]+)条(?:第?[(（](?P<item>[一二三四五六七八九十]+)[)）]项?)?"
)
_DIGITS: Final = {digit: number for number, digit in enumerate("零一二三四五六七八九")}
_PLACES: Final = {"十": 10, "百": 100}


def reference(zh: str) -> Title:
    """公共租赁住房管理办法第七条(二) in English is the law's name in English and article 7(2); several are joined by 、.

    What is made of anything else (the number of a local notice, a law without a term) has no English, and stays as it is."""
    found = [_REFERENCE.fullmatch(part) for part in zh.split("、")]
    english = {law.zh: law.en for law in terms("laws").values()}
    if not all(part is not None and part["law"] in english for part in found):
        return Title(zh=zh, en=zh)
    return Title(zh=zh, en="; ".join(_english(part, english[part["law"]]) for part in found if part is not None))


def _english(part: re.Match[str], law: str) -> str:
    item = f"({_number(part['item'])})" if part["item"] else ""
    return f"{law}, article {_number(part['article'])}{item}"


def _number(chinese: str) -> int:
    """十九 is 19, 二十 is 20, 一百零四 is 104."""
    total, digit = 0, 0
    for char in chinese:
        if char in _PLACES:
            total, digit = total + max(digit, 1) * _PLACES[char], 0
        else:
            digit = _DIGITS[char]
    return total + digit
