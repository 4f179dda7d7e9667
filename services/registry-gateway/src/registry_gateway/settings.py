"""Settings of registry-gateway."""

from __future__ import annotations

from pathlib import Path

from chassis.settings import GrpcServiceSettings
from pydantic import Field


class Settings(GrpcServiceSettings):
    port: int = Field(default=7403, ge=0, le=65535, description="Port of the gRPC server; 0 picks a free one.")
    departments_file: Path = Field(
        default=Path(".anju/departments.json"),
        description="JSON file (mode 0600) with the address and the access data of every department's register.",
    )
    register_try_seconds: float = Field(default=5.0, gt=0, le=30, description="How long one question to a department may take.")
