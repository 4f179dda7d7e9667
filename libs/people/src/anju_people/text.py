"""Bringing what people type into one form: rare characters kept, full-width digits and invisible characters from phones and copies removed."""

from __future__ import annotations

import itertools
import re
import unicodedata

# Every keyboard has its own middle dot for minority names; the registers use the one of GB/T 15835.
_DOTS = str.maketrans(dict.fromkeys("•‧∙⋅・･．●˙ᐧ.", "·"))
_FULL_WIDTH = str.maketrans({code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: " "})
# Blanks are between words; an end of line is no part of a name, and is told.
_BLANKS = re.compile(r"[^\S\t-\r\x1c-\x1f\x85\u2028\u2029]+")
_BY_A_DOT = re.compile(" *· *")
# Characters beyond the basic plane are newer than Python's table; all of planes 2 and 3 is Chinese ideographs.
_IDEOGRAPH_PLANES = range(0x20000, 0x40000)
_NAME_EXTRA = frozenset("·〇 -'’")


def _old_keyboards() -> dict[int, str]:
    """Code points for private use under which keyboards of the GBK time write the characters of GBK's last row (FE50 to FEA0, in this order from
    U+E815); U+E863 is 䶮. Unicode had no place for them then. The codec knows where most of them are now, the table below the rest (GB 18030-2022)."""
    later = dict(
        zip(
            "\ue816\ue817\ue818\ue81e\ue826\ue82b\ue82c\ue831\ue832\ue83b\ue843\ue854\ue855\ue864",
            "𠂇𠂉𠃌龴龵龶龷𡗗龸𢦏龹龺𤇾龻",
            strict=True,
        )
    )
    rows = [low for low in range(0x50, 0xA1) if low != 0x7F]
    found = {}
    for place, low in enumerate(rows):
        char = bytes((0xFE, low)).decode("gb18030")
        found[0xE815 + place] = later.get(char, char)
    return found


_OLD_KEYBOARDS = _old_keyboards()


def _visible(text: str) -> str:
    return "".join(char for char in text if unicodedata.category(char) != "Cf")


def clean(text: str) -> str:
    """One line of free text: NFC, no invisible format characters, no outer blanks."""
    return unicodedata.normalize("NFC", _visible(text)).strip()


def has_control(text: str) -> bool:
    return any(unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") for char in text)


def clean_name(text: str) -> str:
    """A person's name in the one form it has everywhere: as typed, as asked for at a register, and in comparison.

    Identity cards print a two-character name with a blank in it, keyboards of before GB 18030-2005 write rare characters as code points of their own,
    and minority names come with any of a dozen dots: none of it is part of the name."""
    narrow = clean(text).translate(_OLD_KEYBOARDS).translate(_FULL_WIDTH)
    parts = _BY_A_DOT.sub("·", _BLANKS.sub(" ", narrow.translate(_DOTS))).strip().split(" ")
    joined = parts[0]
    for before, after in itertools.pairwise(parts):
        joined += after if is_han(before[-1:]) and is_han(after[:1]) else f" {after}"
    return unicodedata.normalize("NFC", joined)


def same_name(left: str, right: str) -> bool:
    """Whether two written forms are one name; nothing is nobody's."""
    one, other = (clean_name(each).replace(" ", "").casefold() for each in (left, right))
    return bool(one) and one == other


def is_han(char: str) -> bool:
    return char != "" and (ord(char) in _IDEOGRAPH_PLANES or char == "〇" or unicodedata.name(char, "").startswith("CJK UNIFIED"))


def is_name(text: str) -> bool:
    """Letters of any script, rare ideographs (CJK extensions) and the marks which names have; no digits, symbols or control characters."""
    return any(_is_letter(char) for char in text) and all(
        _is_letter(char) or char in _NAME_EXTRA or unicodedata.category(char).startswith("M") for char in text
    )


def _is_letter(char: str) -> bool:
    return ord(char) in _IDEOGRAPH_PLANES or char == "〇" or unicodedata.category(char).startswith("L")


def clean_code(text: str) -> str:
    """A number or code: full-width forms to ASCII, upper case, no blanks or separators."""
    narrow = unicodedata.normalize("NFKC", _visible(text)).upper()
    return "".join(char for char in narrow if not char.isspace() and char not in "-‐‑‒–—·•.")
