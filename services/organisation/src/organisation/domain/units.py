"""The units staff are appointed to: the city's divisions as the profile dates them, and what became of those that are gone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property


@dataclass(frozen=True)
class Unit:
    """``begins`` and ``ends`` are its first and last day, None for one that has none. ``successors``: what it was split into, or merged with. ``lies_in``:
    the divisions a unit works in that is none itself (an office)."""

    code: str
    kind: str
    name: str
    parent: str = ""
    begins: date | None = None
    ends: date | None = None
    successors: tuple[str, ...] = ()
    lies_in: tuple[str, ...] = ()

    def exists(self, day: date) -> bool:
        return (self.begins is None or self.begins <= day) and (self.ends is None or day <= self.ends)


class Units:
    """``divisions`` are the kinds whose codes stand in cases."""

    def __init__(self, units: Iterable[Unit], divisions: frozenset[str]) -> None:
        """Raises ValueError for a successor or a parent that nobody knows, and for units which become each other."""
        self._units: Mapping[str, Unit] = {unit.code: unit for unit in units}
        self._divisions = divisions
        for unit in self._units.values():
            unknown = [code for code in (*unit.successors, *unit.lies_in, *filter(None, [unit.parent])) if code not in self._units]
            if unknown:
                raise ValueError(f"unit {unit.code} names {', '.join(unknown)}, which nobody knows")
            if unit.code in self._heirs(unit.code):
                raise ValueError(f"unit {unit.code} becomes itself")

    def __iter__(self) -> Iterable[Unit]:
        return iter(self._units.values())

    def get(self, code: str) -> Unit | None:
        return self._units.get(code)

    def on(self, day: date) -> dict[str, Unit]:
        """Those that exist on a day, by code."""
        return {code: unit for code, unit in self._units.items() if unit.exists(day)}

    def reach(self, code: str, day: date) -> tuple[str, ...]:
        """The divisions somebody appointed to a unit works in: its own, and those that are gone and whose heirs lie in it. Their cases keep the code of
        their day, and somebody has to finish them. None shorter than needed: no code here begins with another."""
        unit = self._units.get(code)
        if unit is None:
            return ()
        if unit.kind not in self._divisions:
            return shortest(each for within in unit.lies_in for each in self.reach(within, day))
        gone = {
            old
            for heir, olds in self._inherited.items()
            if self._lies_in(heir, unit.code)
            for old in olds
            if not self._units[old].exists(day) and self._has_begun(old, day)
        }
        return shortest({unit.code, *gone})

    def _has_begun(self, code: str, day: date) -> bool:
        begins = self._units[code].begins
        return begins is None or begins <= day

    def _lies_in(self, code: str, above: str) -> bool:
        seen: set[str] = set()
        while code and code not in seen:
            if code == above:
                return True
            seen.add(code)
            found = self._units.get(code)
            code = found.parent if found else ""
        return False

    def _heirs(self, code: str) -> set[str]:
        """Whatever a unit has become, directly or by way of others."""
        found: set[str] = set()
        new = list(self._units[code].successors)
        while new:
            heir = new.pop()
            if heir not in found:
                found.add(heir)
                new += self._units[heir].successors if heir in self._units else ()
        return found

    @cached_property
    def _inherited(self) -> Mapping[str, set[str]]:
        """By heir, what has become of it."""
        found: dict[str, set[str]] = defaultdict(set)
        for unit in self._units.values():
            for heir in self._heirs(unit.code) if unit.successors else ():
                found[heir].add(unit.code)
        return found


def shortest(codes: Iterable[str]) -> tuple[str, ...]:
    """Without those which another covers, in order: a division code covers everything that begins with it."""
    found: list[str] = []
    for code in sorted(set(codes)):
        if code and not any(code.startswith(above) for above in found):
            found.append(code)
    return tuple(found)
