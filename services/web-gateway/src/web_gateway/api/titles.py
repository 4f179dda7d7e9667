"""Names of stages and registers as people read them, in both languages."""

from __future__ import annotations

from typing import Final

from anju_terms import Vocabulary, terms

from web_gateway.edge.language import Locale

STAGES: Final = terms("stages")
REGISTERS: Final = terms("registers")


def title(table: Vocabulary, key: str, locale: Locale) -> str:
    """The title, or the key itself for one newer than this gateway."""
    term = table.get(key)
    return term.by_locale(locale) if term else key
