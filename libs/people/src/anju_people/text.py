"""Bringing what people type into one form: rare characters kept, full-width digits and invisible characters from phones and copies removed."""

from __future__ import annotations

import unicodedata

# Every keyboard has its own middle dot for minority names; the registers use the one of GB/T 15835.
_DOTS = str.maketrans(dict.fromkeys("•‧∙⋅・･．●˙ᐧ", "·"))
# Characters beyond the basic plane are newer than Python's table; all of planes 2 and 3 is Chinese ideographs.
_IDEOGRAPH_PLANES = range(0x20000, 0x40000)
_NAME_EXTRA = frozenset("·〇 -'’")


def _visible(text: str) -> str:
    return "".join(char for char in text if unicodedata.category(char) != "Cf")


def clean(text: str) -> str:
    """One line of free text: NFC, no invisible format characters, no outer blanks."""
    return unicodedata.normalize("NFC", _visible(text)).strip()


def has_control(text: str) -> bool:
    return any(unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") for char in text)


def clean_name(text: str) -> str:
    """A person's name: one kind of middle dot, single blanks."""
    return " ".join(clean(text).translate(_DOTS).split(" ")).strip()


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
