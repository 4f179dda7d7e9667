"""Whether two objections are about the same: what differs only in blanks, marks and width is the same ground."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import Final

# Different grounds of one person against one thing. More of them is not more to look at.
MOST: Final = 3


def answered_already(said: str, dismissed: Iterable[str]) -> bool:
    """``dismissed``: what the same person said before and was answered. The same ground is answered once, and so are ``MOST`` different ones."""
    before = {_core(each) for each in dismissed}
    return _core(said) in before or len(before) >= MOST


def _core(text: str) -> str:
    plain = unicodedata.normalize("NFKC", text).casefold()
    return "".join(character for character in plain if unicodedata.category(character)[0] in "LN") or plain
