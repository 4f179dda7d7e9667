"""Settings of registry-gateway."""

from __future__ import annotations

from pathlib import Path

from chassis.settings import GrpcServiceSettings
from pydantic import BaseModel, ConfigDict, Field


class Settings(GrpcServiceSettings):
    port: int = Field(default=7403, ge=0, le=65535, description="Port of the gRPC server; 0 picks a free one.")
    departments_file: Path = Field(
        default=Path(".anju/departments.json"),
        description="JSON file (mode 0600) with the address and the access data of every department's register.",
    )
    register_try_seconds: float = Field(default=5.0, gt=0, le=30, description="How long one question to a department may take.")


class _Access(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    base_url: str = Field(pattern=r"^https?://[^\s?#]+$")

    def url(self, path: str) -> str:
        return self.base_url.rstrip("/") + path


class GatewayAccess(_Access):
    """A service behind the provincial gateway."""

    app_id: str
    app_key: str = Field(repr=False)
    subscribe_id: str
    user_id: str


class NationalAccess(_Access):
    """A service on the national data-sharing platform."""

    rid: str
    sid: str
    app_key: str = Field(repr=False)


class CountyAccess(_Access):
    """The real estate register of one district or county; ``reply_key`` verifies its answers."""

    yhm: str
    mm: str = Field(repr=False)
    reply_key: str = Field(repr=False)


class Departments(BaseModel):
    """Content of ``departments_file``. ``real_estate`` is keyed by division code."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    social_insurance: GatewayAccess
    vehicles: NationalAccess
    marriage: NationalAccess
    real_estate: dict[str, CountyAccess] = Field(min_length=1)

    @classmethod
    def load(cls, path: Path) -> Departments:
        """Raises FileNotFoundError, or pydantic's ValidationError (which does not repeat the keys) for a file of another shape."""
        return cls.model_validate_json(path.read_text(encoding="utf-8"))
