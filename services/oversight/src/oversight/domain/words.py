"""Finding Chinese words without a dictionary: every two neighbouring characters are kept, and every single one.

PostgreSQL's own trigrams find no word of two characters, and under the C locale none that is Chinese at all. Two characters are most Chinese words, so
pairs say where to look; the words themselves are then compared with the text, for a pair found twice in other places is no word.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Final

MAX_WORDS: Final = 10
MAX_CHARS: Final = 100
_RUN: Final = re.compile(r"[^\W_]+")


def normal(text: str) -> str:
    """As it is compared: full and half width, upper and lower case are one."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def words(asked: str) -> list[str]:
    """What has to be found, each once. What is neither letter nor digit only separates."""
    return list(dict.fromkeys(_RUN.findall(normal(asked))))[:MAX_WORDS]


def pairs(word: str) -> set[str]:
    """Where a word can be: at its neighbouring characters, or at the one it is."""
    return {word[at : at + 2] for at in range(len(word) - 1)} or {word}


def index(texts: Iterable[str]) -> list[str]:
    """Everything ``pairs`` of a word in these texts can say, sorted."""
    found: set[str] = set()
    for text in texts:
        for run in _RUN.findall(normal(text)):
            found |= set(run) | pairs(run)
    return sorted(found)
