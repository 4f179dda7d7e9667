"""What is wrong with one field, in words which say how to put it right. Never carries the value itself: the text goes into answers and logs."""

from __future__ import annotations

from typing import NamedTuple


class Violation(NamedTuple):
    """``pointer`` is a JSON pointer relative to the dossier, for example /members/0/id_number."""

    pointer: str
    code: str
    zh: str
    en: str
