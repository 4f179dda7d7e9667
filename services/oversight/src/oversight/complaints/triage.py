"""Whether a person looks at a complaint at once, and which desk has it first."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from anju_contracts.complaint import DESKS

RISK_WORD, ALONE, CLUSTER = "risk_word", "alone", "cluster"


@dataclass(frozen=True)
class Rules:
    """Of the profile of the day. ``desks``: level by kind."""

    desks: dict[str, str]
    risk_words: Collection[str]
    alone_words: Collection[str]
    cluster_count: int


def flags(rules: Rules, text: str, *, alone: bool, similar: int) -> list[str]:
    """``similar``: how many of the kind came from the place lately, without this one."""
    found = []
    if any(word in text for word in rules.risk_words):
        found.append(RISK_WORD)
    if alone or any(word in text for word in rules.alone_words):
        found.append(ALONE)
    if similar + 1 >= rules.cluster_count:
        found.append(CLUSTER)
    return found


def desk(rules: Rules, kind: str, *, about_staff: bool) -> str:
    """What is about staff never goes to those beside them."""
    return DESKS[-1] if about_staff else rules.desks.get(kind, DESKS[0])
