"""What the services of a box ask of PostgreSQL and of each other, counted by call: statements, round trips and RPCs.

Counts, like those of the engine (``counts.py``), and for the same reason: they hardly move with the machine. A round trip is anything a connection
waits for, beginning and ending a transaction included; preparing a statement is not counted, every connection does it once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from chassis import grpc_server
from sqlalchemy import Engine, event
from sqlalchemy.pool import Pool

_serving: ContextVar[str] = ContextVar("bench_serving", default="")


@dataclass
class Trips:
    """``calls`` by RPC; ``statements`` and ``round_trips`` by RPC, or by ``<service>, by itself`` for what nobody is waiting for."""

    calls: Counter[str] = field(default_factory=Counter)
    statements: Counter[str] = field(default_factory=Counter)
    round_trips: Counter[str] = field(default_factory=Counter)

    def as_json(self) -> dict[str, dict[str, int]]:
        return {"calls": dict(self.calls), "statements": dict(self.statements), "round_trips": dict(self.round_trips)}

    @classmethod
    def of_json(cls, raw: dict[str, dict[str, int]]) -> Trips:
        return cls(Counter(raw["calls"]), Counter(raw["statements"]), Counter(raw["round_trips"]))

    def per(self, applications: int) -> dict[str, dict[str, float]]:
        """By call and in all, of one application; the dearest first."""
        names = sorted(self.calls.keys() | self.round_trips.keys(), key=lambda name: -self.round_trips[name])
        rows = {name: (self.calls[name], self.statements[name], self.round_trips[name]) for name in names}
        rows["in all"] = (self.calls.total(), self.statements.total(), self.round_trips.total())
        columns = ("calls", "statements", "round_trips")
        return {name: {column: round(n / applications, 1) for column, n in zip(columns, row, strict=True)} for name, row in rows.items()}

    def clear(self) -> None:
        for counter in (self.calls, self.statements, self.round_trips):
            counter.clear()


@contextmanager
def counting() -> Iterator[Trips]:
    """Counts in this process for as long as the block lasts; connections opened before it are not seen."""
    trips = Trips()

    def watch(connection: Any, record: Any) -> None:
        driver = connection.driver_connection
        service = (driver._params.server_settings or {}).get("application_name", "")

        # The driver's own: what begins, ends and tries out. It does not log what it has prepared.
        driver.add_query_logger(lambda _query: asked(service))
        record.info["service"] = service

    def asked(service: str) -> str:
        where = _serving.get() or f"{service}, by itself"
        trips.round_trips[where] += 1
        return where

    def stated(connection: Any, *_: Any) -> None:
        trips.statements[asked(connection.info.get("service", ""))] += 1

    admit: Callable[..., Any] = grpc_server._Guard._admit

    def counted(guard: Any, method: str, context: Any) -> None:
        _serving.set(method.rsplit(".", 1)[-1])
        trips.calls[method.rsplit(".", 1)[-1]] += 1
        admit(guard, method, context)

    event.listen(Pool, "connect", watch)
    event.listen(Engine, "before_cursor_execute", stated)
    grpc_server._Guard._admit = counted  # type: ignore[method-assign,assignment]  # the place where a call begins
    try:
        yield trips
    finally:
        grpc_server._Guard._admit = admit  # type: ignore[method-assign]
        event.remove(Pool, "connect", watch)
        event.remove(Engine, "before_cursor_execute", stated)
