"""Settings of housing."""

from __future__ import annotations

from casekit.settings import CaseServiceSettings, PrintingSettings
from pydantic import Field


class Settings(PrintingSettings, CaseServiceSettings):
    port: int = Field(default=7404, ge=0, le=65535, description="Port of the gRPC server; 0 picks a free one.")
