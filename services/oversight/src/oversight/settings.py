"""Settings of oversight."""

from __future__ import annotations

from chassis.settings import GrpcServiceSettings
from pydantic import Field


class Settings(GrpcServiceSettings):
    port: int = Field(default=7408, ge=0, le=65535, description="Port of the gRPC server; 0 picks a free one.")
