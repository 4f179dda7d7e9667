"""What the gateway has to know of one register. Everything else treats all registers alike."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from anju_contracts.application import LookupOutcome
from anju_terms import Title
from google.protobuf.message import Message
from pydantic import TypeAdapter

from registry_gateway.connectors import Connector
from registry_gateway.connectors.http import Door
from registry_gateway.domain.facts import Fact


def _as_they_are(facts: Iterable[tuple[Any, Fact]]) -> list[tuple[Any, Fact]]:
    return list(facts)


@dataclass(frozen=True)
class Register:
    """One register. ``fact`` is what receipts keep, ``message`` what eligibility gets: a field of the message is the fact's field of the same name."""

    # The code in the vocabulary ``registers``; the folder has the same name.
    code: str
    fact: type[Fact]
    message: type[Message]
    # Shape of the register's part of the departments file.
    access: TypeAdapter[Any]
    connect: Callable[[Any, Door], Connector]
    # Personal data each purpose may send, by the register's own field names; a purpose which is not listed may not ask.
    fields: Mapping[str, frozenset[str]]
    # Sentences about a whole household; {count} counts what was found. Counts only, nothing about a person.
    found: Title
    no_record: Title
    # Where "no record" is itself a fact about the person.
    when_no_record: Fact | None = None
    # What the facts of a household come to when they are counted together.
    of_household: Callable[[Iterable[tuple[Any, Fact]]], list[tuple[Any, Fact]]] = _as_they_are

    def facts(self, kept: Iterable[dict[str, Any]], outcome: LookupOutcome) -> list[Fact]:
        """The facts of one accepted receipt. Nothing is a fact only about somebody the register knows."""
        if outcome is LookupOutcome.NO_RECORD:
            return [self.when_no_record] if self.when_no_record else []
        return [self.fact(**row) for row in kept]

    def to_message(self, fact: Fact) -> Message:
        return self.message(**{field.name: getattr(fact, field.name) for field in self.message.DESCRIPTOR.fields})
