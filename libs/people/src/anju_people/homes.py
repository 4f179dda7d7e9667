"""One home written by two hands: the household in its form, and a register in its books.

Whoever compares them needs neither text: each side makes a blind index of the canonical form, and equal indexes are one home.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from anju_people.text import clean_code

# What the two sides make their indexes for (``chassis.crypto.KeyRing.blind_index``): the same words, or nothing is ever equal.
ADDRESS_INDEX: Final = "home-address"
CERTIFICATE_INDEX: Final = "home-certificate"

_HAN_DIGITS: Final = str.maketrans("〇零一二三四五六七八九两", "001234567892")
# Province, city, district or county in front: forms leave them out, or give those of the neighbour.
_BEFORE: Final = re.compile(r"^(?:.{2,8}?(?:省|自治区))?(?:.{2,6}?市)?(?:[^0-9]{1,8}?(?:区|县))?")
_TEN: Final = re.compile(r"(?<!\d)十(?=\d)|(?<=\d)十(?=\d)|(?<=\d)十|十")
_BUILDING: Final = re.compile(r"(?<=\d)(?:号楼|幢|栋|座|#楼|#)")
_ENTRANCE: Final = re.compile(r"(?<=\d)(?:单元|门)")
_DOOR: Final = re.compile(r"(?<=\d)(?:号房|室|户)$")
_BETWEEN: Final = re.compile(r"(?:(?<=\d)号|[-—–,，。.、()（）])+")
# A street alone is many homes: building and door, or entrance and door, are at least two numbers.
_NUMBERS: Final = re.compile(r"\d+")


def _tens(match: re.Match[str]) -> str:
    """十二 → 12, 二十 → 20, 二十三 → 23, 十 → 10, with the other digits written in figures already."""
    before, after = match.string[: match.start()], match.string[match.end() :]
    digit_before, digit_after = before[-1:].isdigit(), after[:1].isdigit()
    return ("" if digit_before else "1") + ("" if digit_after else "0")


def canonical_address(text: str) -> str:
    """Where a home is, without what people write in as many ways: figures, blanks, the city in front, the words for building, entrance and door.

    Empty for an address with fewer than two numbers: it does not tell one home from its neighbour."""
    plain = "".join(unicodedata.normalize("NFKC", text).split()).translate(_HAN_DIGITS)
    plain = _TEN.sub(_tens, plain)
    plain = _BEFORE.sub("", plain, count=1)
    plain = _DOOR.sub("", _ENTRANCE.sub("-", _BUILDING.sub("-", plain)))
    plain = _BETWEEN.sub("-", plain).strip("-")
    return plain if len(_NUMBERS.findall(plain)) > 1 else ""


def canonical_certificate(text: str) -> str:
    """The number of a certificate (不动产权证号), in half-width characters without blanks and dashes; brackets of any kind are one."""
    return clean_code(text).translate(str.maketrans("〔〕[]{}【】", "()()()()"))
