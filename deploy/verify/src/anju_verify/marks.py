"""Where the last clean look of a check ended, so that the next one reads only what changed since.

PostgreSQL stamps every version of a row with the transaction that wrote it (``xmin``), whoever wrote it: what is younger than the oldest transaction
that was still running at the last look is new, and everything else was seen as it stands. A row that was taken out leaves no stamp; of tables which
only ever grow, the rows seen are counted, and when one of them is missing or was rewritten, everything is read again.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, ValidationError

_VERSION: Final = 1
# Transaction numbers are compared modulo 2^32.
_TOO_OLD: Final = 1_000_000_000


@dataclass(frozen=True)
class Position:
    """Where a database is. ``identity`` differs for a restored one, whose transaction numbers say nothing about what was seen."""

    identity: str
    xid: int


class DatabaseMark(BaseModel):
    model_config = ConfigDict(frozen=True)

    identity: str
    xid: int
    counted: dict[str, int]

    def usable(self, now: Position) -> bool:
        return self.identity == now.identity and 0 <= now.xid - self.xid < _TOO_OLD


class Mark(BaseModel):
    """``more`` is what a check needs besides: the end of a chain, the code it tried."""

    at: datetime
    databases: dict[str, DatabaseMark] = {}
    more: dict[str, Any] = {}


class Marks(BaseModel):
    version: int = _VERSION
    checks: dict[str, Mark] = {}

    @classmethod
    def read(cls, path: Path) -> Marks:
        """Nothing of a file that is not there or not understood: then everything is read."""
        try:
            found = cls.model_validate_json(path.read_text(encoding="utf-8"))
        except (OSError, ValidationError):
            return cls()
        return found if found.version == _VERSION else cls()

    def write(self, path: Path) -> None:
        """Raises OSError."""
        aside = path.with_suffix(".tmp")
        aside.write_text(json.dumps(self.model_dump(mode="json"), indent=1), encoding="utf-8")
        aside.replace(path)


@dataclass(frozen=True)
class Since:
    """Which rows of a database a check has not seen, as conditions of a query."""

    before: int | None
    now: int

    def new(self, table: str) -> str:
        """Written since the last clean look."""
        return "true" if self.before is None else younger(table, self.before)

    def unsettled(self, table: str) -> str:
        """Will be new to the next look as well: a transaction that is still running may belong before them."""
        return younger(table, self.now)


def younger(table: str, xid: int) -> str:
    return f"age({table}.xmin) <= age('{xid}'::xid8::xid)"
