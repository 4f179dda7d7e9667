"""The living world: the population, what happened to people since (bought a home, married, lost the job), and the date."""

import sqlite3
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict

from anju_sandbox.db import open_db
from anju_sandbox.world.facts import Employment, Home, Marriage, Person, Vehicle
from anju_sandbox.world.population import Population

SHANGHAI = ZoneInfo("Asia/Shanghai")
_SCHEMA = """
CREATE TABLE IF NOT EXISTS life_change (id_number TEXT PRIMARY KEY, facts TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS clock (only INTEGER PRIMARY KEY CHECK (only = 1), shift_seconds REAL NOT NULL);
"""


class LifeChange(BaseModel):
    """Facts which replace the drawn ones from now on; a field left out stays as it was."""

    model_config = ConfigDict(extra="forbid")

    employments: tuple[Employment, ...] | None = None
    homes: tuple[Home, ...] | None = None
    vehicles: tuple[Vehicle, ...] | None = None
    marriage: Marriage | None = None
    annual_income_fen: int | None = None


class World:
    """What the departments see. Changes and the clock's shift are kept in ``world.sqlite``."""

    def __init__(self, population: Population, data_dir: Path) -> None:
        self.population = population
        self._db: sqlite3.Connection = open_db(data_dir / "world.sqlite", _SCHEMA, durable=False)

    def person(self, id_number: str) -> Person | None:
        """The truth of today about a person; None for a stranger."""
        person = self.population.person(id_number)
        if person is None:
            return None
        row = self._db.execute("SELECT facts FROM life_change WHERE id_number = ?", (person.id_number,)).fetchone()
        if row is None:
            return person
        facts = LifeChange.model_validate_json(row["facts"])
        changes = {name: value for name in LifeChange.model_fields if (value := getattr(facts, name)) is not None}
        return replace(person, **changes)

    def change(self, id_number: str, facts: LifeChange) -> Person:
        """Replaces facts about a person. Raises KeyError for a stranger."""
        person = self.population.person(id_number)
        if person is None:
            raise KeyError("no such person in the sandbox")
        self._db.execute(
            "INSERT INTO life_change VALUES (?, ?) ON CONFLICT (id_number) DO UPDATE SET facts = excluded.facts",
            (person.id_number, facts.model_dump_json(exclude_none=True)),
        )
        return self.person(id_number) or person

    def forget_changes(self) -> int:
        """Back to the drawn facts for everybody; returns how many people had changed."""
        return self._db.execute("DELETE FROM life_change").rowcount

    def now(self) -> datetime:
        """The departments' and the bank's business time, in Shanghai; shifted when a demo runs ahead."""
        row = self._db.execute("SELECT shift_seconds FROM clock").fetchone()
        return datetime.now(SHANGHAI) + timedelta(seconds=row["shift_seconds"] if row else 0)

    def today(self) -> date:
        """The business date."""
        return self.now().date()

    def set_clock(self, now: datetime | None) -> datetime:
        """Moves the world's clock to a moment (it goes on ticking); None puts it back to the real time."""
        self._db.execute("DELETE FROM clock")
        if now is not None:
            moment = now if now.tzinfo else now.replace(tzinfo=SHANGHAI)
            shift = (moment - datetime.now(SHANGHAI)).total_seconds()
            self._db.execute("INSERT INTO clock VALUES (1, ?)", (shift,))
        return self.now()

    def close(self) -> None:
        """Closes the file."""
        self._db.close()
