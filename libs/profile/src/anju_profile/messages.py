"""How a city tells people: when it leaves them in peace.

It decides no case, so it is no part of a published version: new hours are a new file, and every case stays what it was.
"""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

MESSAGES: Final = "messages.yaml"
_CITY_TIME: Final = ZoneInfo("Asia/Shanghai")


class Messages(BaseModel):
    """A city without a ``messages.yaml`` has no quiet hours."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    quiet_from: time | None = Field(default=None, description="from when on nothing is sent to a phone, in the city's time")
    quiet_until: time | None = Field(default=None, description="until when; past midnight where it is the earlier of the two")

    receipt_hours: int = Field(
        default=24, gt=0, le=720, description="how long a receipt is waited for, before what begins a legal time goes by letter as well"
    )

    broadcast_per_minute: int = Field(
        default=600, gt=0, le=100_000, description="how many households a minute are told of a notice to many: what the gateway takes"
    )

    @property
    def receipt_within(self) -> timedelta:
        return timedelta(hours=self.receipt_hours)

    @model_validator(mode="after")
    def _both_or_neither(self) -> Messages:
        if (self.quiet_from is None) != (self.quiet_until is None) or (self.quiet_from is not None and self.quiet_from == self.quiet_until):
            raise ValueError("quiet hours have a beginning and an end, and these differ")
        return self

    @classmethod
    def of(cls, city: Path) -> Messages:
        """What a city's folder says. Raises ValueError for hours that are none and for fields nobody knows."""
        file = city / MESSAGES
        return cls.model_validate(yaml.safe_load(file.read_text(encoding="utf-8")) or {}) if file.is_file() else cls()

    def not_before(self, now: datetime) -> datetime:
        """The earliest instant, from ``now`` on, outside of the quiet hours. UTC."""
        if self.quiet_from is None or self.quiet_until is None:
            return now
        local = now.astimezone(_CITY_TIME)
        overnight = self.quiet_until < self.quiet_from
        clock = local.time()
        quiet = (clock >= self.quiet_from or clock < self.quiet_until) if overnight else self.quiet_from <= clock < self.quiet_until
        if not quiet:
            return now
        ends = datetime.combine(local.date(), self.quiet_until, _CITY_TIME)
        if ends <= local:
            ends += timedelta(days=1)
        return ends.astimezone(UTC)
