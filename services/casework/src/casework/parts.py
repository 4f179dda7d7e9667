"""What every call works with; made once by the composition root."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime

from anju_profile import Profile
from chassis import calendar
from chassis.db import Database
from chassis.outbox import Outbox

from casework.domain.dossier import Rules
from casework.process import Process
from casework.vault import Vault


@dataclass(frozen=True)
class Parts:
    database: Database
    outbox: Outbox
    process: Process
    vault: Vault
    profile: Profile
    number_prefix: str
    production: bool
    separate_queues: bool

    def rules(self, today: date) -> Rules:
        return Rules(today=today, divisions=self.profile.divisions, city_code=self.profile.city_code, production=self.production)


def now() -> datetime:
    """The instant at which a person speaks. Workflow steps bring their own."""
    return datetime.now(UTC)


def today() -> date:
    return calendar.local_date(now())
