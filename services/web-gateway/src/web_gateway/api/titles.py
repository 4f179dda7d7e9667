"""Names of stages and registers as people read them, in both languages."""

from __future__ import annotations

from typing import Final

from anju.common.v1 import common_pb2 as common
from anju_terms import Vocabulary, terms

from web_gateway.edge.language import Locale

STAGES: Final = terms("stages")
REGISTERS: Final = terms("registers")


def worded(text: common.Text, locale: Locale) -> str:
    """A sentence of another service in the reader's language; "" when it has none."""
    return text.en if locale.startswith("en") else text.zh


def title(table: Vocabulary, key: str, locale: Locale) -> str:
    """The title, or the key itself for one newer than this gateway."""
    term = table.get(key)
    return term.by_locale(locale) if term else key
