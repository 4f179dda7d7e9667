"""Settings of housing."""

from __future__ import annotations

from anju_simclock import SimulatedSettings
from chassis.settings import GrpcServiceSettings
from pydantic import Field


class Settings(SimulatedSettings, GrpcServiceSettings):
    port: int = Field(default=7404, ge=0, le=65535, description="Port of the gRPC server; 0 picks a free one.")
