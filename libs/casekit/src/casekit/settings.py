"""Settings every service has whose records have a workflow each."""

from __future__ import annotations

from typing import Self

from anju_simclock import SimulatedSettings
from chassis.settings import GrpcServiceSettings
from pydantic import BaseModel, Field, model_validator


class PrintingSettings(BaseModel):
    """Of a service that prints: a code on its papers leads to the pages."""

    public_url: str = Field(
        default="http://127.0.0.1:8080", description="Address people see, without a trailing slash: the code on a paper leads there."
    )

    @model_validator(mode="after")
    def _https_in_production(self) -> Self:
        """A paper lasts for years: what is printed on it is the city's own address."""
        if getattr(self, "production", False) and not self.public_url.startswith("https://"):
            raise ValueError("production needs https:// in ANJU_PUBLIC_URL")
        return self


class CaseServiceSettings(SimulatedSettings, GrpcServiceSettings):
    watch_seconds: float = Field(
        default=60.0,
        gt=0,
        description="How often open records are compared with the workflows the engine runs, to show those that are blocked.",
    )
    bulk_read_alarm: int = Field(
        default=300, ge=1, description="Households an official may look at in one day before the auditors are told; each counts once a day."
    )
    bulk_read_limit: int = Field(
        default=5_000,
        ge=1,
        description="Households an official may look at in one day; nothing more is shown after that, until the next day.",
    )
    missed_search_alarm: int = Field(
        default=20, ge=1, description="Searches of an official for people whom nobody found, in one day, before the auditors are told."
    )
    missed_search_limit: int = Field(
        default=100, ge=1, description="The same, before he can search for nobody until the next day; numbers of cases are found as before."
    )
    separate_queues: bool = Field(
        default=False, description="New cases use task queues of their own for registers and payments (several worker roles)."
    )
