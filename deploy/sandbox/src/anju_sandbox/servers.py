"""The servers of the sandbox world, and where each listens."""

from __future__ import annotations

from collections.abc import Iterable

from anju_sandbox.departments import discover

CONTROL, BANK, SMS, SIGN_ON = "control", "bank", "sms", "sign_on"
_OWN = {CONTROL: 0, BANK: 4, SMS: 5, SIGN_ON: 6}


def places() -> dict[str, int]:
    """Every server with its place: how many ports it lies behind the first. In the order of the places. Raises ValueError for a place taken twice."""
    named = dict(_OWN)
    for department in discover().values():
        named |= department.places
    if len(set(named.values())) < len(named):
        raise ValueError("two servers of the sandbox have the same place")
    return dict(sorted(named.items(), key=lambda item: item[1]))


def department_of(server: str) -> str:
    """The code of the department a server belongs to; "" for the sandbox's other servers."""
    return next((code for code, department in discover().items() if server in department.places), "")


def expand(names: Iterable[str]) -> tuple[str, ...]:
    """Server names in standard order, a department's code standing for all its servers; every server for no names. Raises ValueError for an unknown one."""
    known, wanted = places(), set[str]()
    for name in names:
        key = name.strip().replace("-", "_")
        if key in discover():
            wanted |= set(discover()[key].places)
        elif key in known:
            wanted.add(key)
        else:
            raise ValueError(f"unknown server {name!r}; known: {', '.join({**known, **discover()})}")
    return tuple(server for server in known if server in wanted) or tuple(known)
