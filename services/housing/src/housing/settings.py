"""Settings of housing."""

from __future__ import annotations

from typing import Self

from casekit.settings import CaseServiceSettings
from pydantic import Field, model_validator


class Settings(CaseServiceSettings):
    public_url: str = Field(
        default="http://127.0.0.1:8080", description="Address people see, without a trailing slash: the code on a contract leads there."
    )
    port: int = Field(default=7404, ge=0, le=65535, description="Port of the gRPC server; 0 picks a free one.")

    @model_validator(mode="after")
    def _https_in_production(self) -> Self:
        """A paper lasts for years: what is printed on it is the city's own address."""
        if self.production and not self.public_url.startswith("https://"):
            raise ValueError("production needs https:// in ANJU_PUBLIC_URL")
        return self
