"""Settings of casework."""

from __future__ import annotations

from casekit.settings import CaseServiceSettings, PrintingSettings
from pydantic import Field


class Settings(PrintingSettings, CaseServiceSettings):
    port: int = Field(default=7401, ge=0, le=65535, description="Port of the gRPC server; 0 picks a free one.")
    application_number_prefix: str = Field(
        default="KF", pattern="^[A-Z]{1,4}$", description="Letters in front of application numbers, one set per city."
    )
    draft_days: int = Field(default=30, ge=1, le=365, description="How long what a citizen has typed is kept after he last changed it.")
