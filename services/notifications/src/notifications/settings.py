"""Settings of notifications."""

from __future__ import annotations

from chassis.settings import GrpcServiceSettings
from pydantic import Field, SecretStr


class Settings(GrpcServiceSettings):
    port: int = Field(default=7406, ge=0, le=65535, description="Port of the gRPC server; 0 picks a free one.")
    sms_url: str = Field(default="", description="Base address of the SMS gateway; empty sends no SMS, the inbox alone is used.")
    sms_key: SecretStr = Field(default=SecretStr(""), description="Bearer key of the SMS gateway.")
    delivery_patience_seconds: int = Field(
        default=24 * 3600,
        gt=0,
        description="What a channel's other side did not take for so long is given up there, and goes by the next channel.",
    )
    quiet_hours: bool = Field(default=True, description="Keep the city's quiet hours; a simulation, whose days pass in minutes, has none.")
