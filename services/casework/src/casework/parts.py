"""What every call works with; made once by the composition root."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

import anju_calendar as calendar
from anju_contracts.application import Clocks, Level
from anju_profile import Profile
from casekit.reads import Reads
from casekit.tell import Tellings
from casekit.words import Words
from chassis.db import Database
from chassis.outbox import Outbox

from casework.domain.dossier import Rules
from casework.vault import Vault


class CaseTerms(NamedTuple):
    """The registers a case asks and the levels that review it, in order, the level that answers objections, and how long everything may take."""

    registers: tuple[str, ...]
    levels: tuple[Level, ...]
    objection_level: str
    clocks: Clocks


@dataclass(frozen=True)
class Parts:
    database: Database
    outbox: Outbox
    words: Words
    reads: Reads
    vault: Vault
    profile: Profile
    number_prefix: str
    production: bool
    separate_queues: bool
    tellings: Tellings
    draft_life: timedelta
    # Address people see, without a trailing slash: the code on a paper leads there.
    public_url: str

    def case_terms(self, day: date) -> CaseTerms:
        """What a case submitted on ``day`` comes with."""
        profile = self.profile
        return CaseTerms(
            registers=profile.registers.on(day),
            levels=tuple(Level(code=level.code, working_days=level.working_days) for level in profile.review_levels.on(day)),
            objection_level=profile.objection_level.on(day),
            clocks=Clocks.model_validate(profile.application.on(day)),
        )

    def rules(self, today: date, of: date, *, counter: bool = False) -> Rules:
        """As of ``today``, for an application of the day ``of``: it keeps its divisions, whatever becomes of them. ``counter``: a clerk types it."""
        return Rules(
            today=today,
            divisions=self.profile.divisions_on(of),
            city_code=self.profile.city_code,
            production=self.production,
            counter=counter,
        )


def now() -> datetime:
    """The instant at which a person speaks. Workflow steps bring their own."""
    return datetime.now(UTC)


def today() -> date:
    return calendar.local_date(now())
