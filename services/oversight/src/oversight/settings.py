"""Settings of oversight."""

from __future__ import annotations

from casekit.settings import CaseServiceSettings
from pydantic import Field


class Settings(CaseServiceSettings):
    port: int = Field(default=7408, ge=0, le=65535, description="Port of the gRPC server; 0 picks a free one.")
    complaint_number_prefix: str = Field(
        default="TS", pattern="^[A-Z]{2}$", description="Letters in front of the numbers of complaints, one set per city."
    )
    follow_seconds: float = Field(
        default=15.0, gt=0, description="How often the other services are asked which services they have finished."
    )
