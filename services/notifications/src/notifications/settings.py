"""Settings of notifications."""

from __future__ import annotations

from chassis.settings import GrpcServiceSettings
from pydantic import Field, SecretStr


class Settings(GrpcServiceSettings):
    port: int = Field(default=7406, ge=0, le=65535, description="Port of the gRPC server; 0 picks a free one.")
    sms_url: str = Field(default="", description="Base address of the SMS gateway; empty sends no SMS, the inbox alone is used.")
    sms_key: SecretStr = Field(default=SecretStr(""), description="Bearer key of the SMS gateway.")
    sms_patience_seconds: int = Field(
        default=24 * 3600,
        gt=0,
        description="An SMS the gateway did not take for so long is given up; the inbox entry stays.",
    )
