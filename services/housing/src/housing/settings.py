"""Settings of housing."""

from __future__ import annotations

from casekit.settings import CaseServiceSettings
from pydantic import Field


class Settings(CaseServiceSettings):
    port: int = Field(default=7404, ge=0, le=65535, description="Port of the gRPC server; 0 picks a free one.")
