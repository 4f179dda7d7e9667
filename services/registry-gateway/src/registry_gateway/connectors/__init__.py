"""One connector for each department. A connector builds the signed request, makes one try and reads the answer strictly; it neither retries nor decides."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from registry_gateway.domain.facts import Answer
from registry_gateway.domain.people import Person

# Given the names of the personal fields about to leave, returns the id of the request once it is in the log. Nothing leaves before that.
Permit = Callable[[frozenset[str]], Awaitable[str]]
# Makes a blind index of a text for a purpose; of nothing, nothing.
Index = Callable[[str, str], str]


@dataclass(frozen=True, slots=True)
class Question:
    person: Person
    household: tuple[Person, ...]
    endpoint: str
    on: date
    permit: Permit
    index: Index


class Connector(Protocol):
    @property
    def endpoints(self) -> tuple[str, ...]:
        """The offices which each have to be asked; most registers have one."""
        ...

    async def ask(self, question: Question) -> Answer:
        """Asks one office about one person.

        Raises RegisterFaultError when there is no usable answer, WrongPersonError when the answer is about somebody else, and whatever the permit raises.
        """
        ...
