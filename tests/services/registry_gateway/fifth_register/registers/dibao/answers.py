"""Answers of the register of minimum living allowances."""

from __future__ import annotations

from dataclasses import dataclass

from registry_gateway.domain.facts import Fact
from registry_gateway.domain.faults import Fault, RegisterFaultError
from registry_gateway.domain.people import Person, must_be
from registry_gateway.domain.reading import Json, fen, objects, text


@dataclass(frozen=True, slots=True)
class Relief(Fact):
    since: str
    monthly_fen: int


def facts(data: Json, person: Person) -> tuple[Relief, ...]:
    """Raises WrongPersonError when the answer is about somebody else, RegisterFaultError when it cannot be read."""
    must_be(person, text(data, "sfzh"))
    rows = data.get("rows")
    if rows is None:
        raise RegisterFaultError(Fault.EMPTY)
    return tuple(Relief(since=text(row, "since"), monthly_fen=fen(row, "amount")) for row in objects(rows, "rows"))
