"""Tables of legal moves: one a subject. A move that is not in the table is refused by the workflow that would make it and by the record that would
keep it. The state diagrams of the documentation are rendered from them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Move(NamedTuple):
    source: str
    event: str
    target: str
    who: str


class IllegalMoveError(ValueError):
    def __init__(self, table: str, source: str, event: str) -> None:
        super().__init__(f"{table}: no move {event!r} from {source!r}")
        self.source = source
        self.event = event


class Table:
    """Legal moves of one kind of case. ``*`` as a source stands for every stage that is not an end."""

    def __init__(self, name: str, title: str, start: str, ends: Iterable[str], stages: dict[str, str], moves: Iterable[Move]) -> None:
        self.name = name
        self.title = title
        self.start = start
        self.ends = frozenset(ends)
        self.stages = stages
        self.moves = tuple(moves)
        self._next: dict[tuple[str, str], Move] = {}
        for move in self.moves:
            sources = [s for s in stages if s not in self.ends] if move.source == "*" else [move.source]
            for source in sources:
                self._next[source, move.event] = move

    def move(self, source: str, event: str) -> Move:
        """The move ``event`` makes from ``source``. Raises IllegalMoveError when the table has none."""
        try:
            return self._next[source, event]
        except KeyError:
            raise IllegalMoveError(self.name, source, event) from None

    def next(self, source: str, event: str) -> str:
        """The stage after ``event``. Raises IllegalMoveError when the table has no such move."""
        return self.move(source, event).target

    def allows(self, source: str, event: str) -> bool:
        return (source, event) in self._next

    def is_path(self, events: Iterable[str]) -> bool:
        """Whether the recorded events, in order, are a path from the start."""
        stage = self.start
        for event in events:
            if not self.allows(stage, event):
                return False
            stage = self.next(stage, event)
        return True

    def mermaid(self) -> str:
        lines = ["stateDiagram-v2", f"    [*] --> {self.start}"]
        lines += [f"    {stage}: {title}" for stage, title in self.stages.items()]
        for source, event in sorted(self._next):
            if any(m.source == source and m.event == event for m in self.moves):
                lines.append(f"    {source} --> {self._next[source, event].target}: {event}")
        for move in self.moves:
            if move.source == "*":
                lines.append(f"    note left of {move.target}: from any open stage by {move.event} ({move.who})")
        lines += [f"    {end} --> [*]" for end in self.stages if end in self.ends]
        return "\n".join(lines)
