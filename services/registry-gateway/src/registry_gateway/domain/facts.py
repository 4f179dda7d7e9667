"""What may be learnt from a register and kept. Everything else of an answer is forgotten at once (personal information law, article 6)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from anju_contracts.application import LookupOutcome


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing a register says about one person; each register has a kind of its own."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A usable answer about the right person: FOUND with facts. Without, NO_RECORD where the register has confirmed that it knows the person
    (``confirmed``), otherwise UNKNOWN_PERSON: who is written differently there, or not at all, has not nothing."""

    facts: tuple[Fact, ...] = ()
    # SHA-256 of every reply body the facts were drawn from, hex.
    replies: tuple[str, ...] = ()
    confirmed: bool = False
    # Numbers of people outside the household whom the answer names as its kin: told to casework, kept nowhere here.
    kin: tuple[str, ...] = field(default=(), repr=False)

    @property
    def outcome(self) -> LookupOutcome:
        if self.facts:
            return LookupOutcome.FOUND
        return LookupOutcome.NO_RECORD if self.confirmed else LookupOutcome.UNKNOWN_PERSON


def to_json(facts: Iterable[Fact]) -> list[dict[str, Any]]:
    return [asdict(fact) for fact in facts]


def aggregate(outcomes: Iterable[LookupOutcome]) -> LookupOutcome:
    """What a register said about a household: silence weighs most, then a mix-up, then somebody it does not know, then a record."""
    seen = set(outcomes)
    for outcome in (LookupOutcome.UNAVAILABLE, LookupOutcome.MISMATCH, LookupOutcome.UNKNOWN_PERSON, LookupOutcome.FOUND):
        if outcome in seen:
            return outcome
    return LookupOutcome.NO_RECORD
