"""Answers of the vehicle register. It gives no value of a car; query fields and the page envelope are an assumed schema, the row fields are public."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from registry_gateway.domain.facts import Fact
from registry_gateway.domain.faults import Fault, RegisterFaultError
from registry_gateway.domain.people import Person, knows, must_be
from registry_gateway.domain.reading import Json, objects, optional_text, text, whole


@dataclass(frozen=True, slots=True)
class Vehicle(Fact):
    brand: str
    model: str


@dataclass(frozen=True, slots=True)
class Page:
    """``confirmed``: the register knows whom it was asked about."""

    total: int
    rows: tuple[Json, ...]
    confirmed: bool = False


def page(data: Json, person: Person) -> Page:
    """One page of the owner's vehicles. Raises WrongPersonError when the page is about somebody else, RegisterFaultError when it cannot be read."""
    must_be(person, text(data, "sfzmhm"))
    total = whole(data, "recordcount")
    rows = data.get("rows")
    if rows is None and total == 0:
        rows = []
    if rows is None:
        raise RegisterFaultError(Fault.EMPTY)
    found = objects(rows, "rows")
    if whole(data, "returncount") != len(found):
        raise RegisterFaultError(Fault.PAGING)
    for row in found:
        must_be(person, text(row, "sfzmhm"), optional_text(row, "jdcsyr"))
    return Page(total, tuple(found), knows(data))


def facts(rows: Iterable[Json]) -> tuple[Vehicle, ...]:
    """One fact for each vehicle; rows of the same chassis number are one vehicle."""
    found: dict[str, Vehicle] = {}
    for row in rows:
        found[text(row, "clsbdh")] = Vehicle(brand=text(row, "clpp1"), model=optional_text(row, "clxh"))
    return tuple(found.values())
