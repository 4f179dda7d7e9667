"""Settings of a process: environment variables with the prefix ANJU_, or files named by the same variable plus _FILE (for secrets).

Every service declares its own subclass beside its code; the reference table of the operator guide is generated from them.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict


class _FileSource(PydanticBaseSettingsSource):
    """ANJU_X_FILE=/run/secrets/x gives the value of x: secrets stay out of the environment of child processes and of crash dumps."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        prefix = str(self.config.get("env_prefix", ""))
        path = os.environ.get(f"{prefix}{field_name}_FILE".upper())
        return (Path(path).read_text(encoding="utf-8").strip() if path else None), field_name, False

    def __call__(self) -> dict[str, Any]:
        values = {}
        for name, info in self.settings_cls.model_fields.items():
            value, key, _ = self.get_field_value(info, name)
            if value is not None:
                values[key] = value
        return values


class ProcessSettings(BaseSettings):
    """What every process needs."""

    model_config = SettingsConfigDict(env_prefix="ANJU_", extra="ignore", hide_input_in_errors=True)

    production: bool = Field(default=False, description="Refuse sample profiles, test identity numbers and a controlled clock.")
    log_level: str = Field(default="INFO", description="Lowest level written to the log.")
    log_format: str = Field(default="json", pattern="^(json|console)$", description="json for machines, console for people.")
    telemetry: bool = Field(default=False, description="Export traces; also on when OTEL_EXPORTER_OTLP_ENDPOINT is set.")
    keys_dir: Path = Field(
        default=Path(".anju/keys"),
        description="Folder with this process's caller key, the caller key set and the payload key ring.",
    )
    tls_dir: Path | None = Field(
        default=None,
        description="Folder with tls.crt, tls.key and ca.crt of this process: with it every call between processes is mutual TLS, and the files are followed.",
    )
    tls_elsewhere: bool = Field(
        default=False,
        description="In production without ANJU_TLS_DIR: something around the processes (a service mesh) encrypts their calls and checks both ends.",
    )
    profile_dir: Path = Field(default=Path("profiles/kaifeng"), description="Folder of the city profile.")
    unsealed_payloads: bool = Field(
        default=False,
        description="Messages to workflows are taken in the clear too, as the Temporal command line sends them (development only, refused in production).",
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, _FileSource(settings_cls)


class GrpcServiceSettings(ProcessSettings):
    """What every gRPC service needs on top."""

    host: str = Field(default="127.0.0.1", description="Address the gRPC server listens on.")
    port: int = Field(default=0, ge=0, le=65535, description="Port of the gRPC server; 0 picks a free one.")
    database_url: str = Field(
        default="",
        description="PostgreSQL URL of this service's own database (postgresql+asyncpg://…?sslmode=verify-full&sslrootcert=/…/ca.crt; sslcert and sslkey too).",
    )
    database_pool_size: int = Field(default=10, ge=1, le=100, description="Connections this process has to its database at most.")
    health_port: int = Field(
        default=0,
        ge=0,
        le=65535,
        description="One more port that answers gRPC health alone, without TLS, for probes that have no certificate (Kubernetes); 0: none.",
    )
    drain_seconds: float = Field(default=5.0, ge=0, description="How long running calls may finish after SIGTERM.")
    casework_address: str = Field(default="127.0.0.1:7401", description="Address of casework.")
    eligibility_address: str = Field(default="127.0.0.1:7402", description="Address of eligibility.")
    registry_gateway_address: str = Field(default="127.0.0.1:7403", description="Address of the registry gateway.")
    housing_address: str = Field(default="127.0.0.1:7404", description="Address of housing.")
    payments_address: str = Field(default="127.0.0.1:7405", description="Address of payments.")
    notifications_address: str = Field(default="127.0.0.1:7406", description="Address of notifications.")
    oversight_address: str = Field(default="127.0.0.1:7408", description="Address of oversight.")


class MigrationSettings(ProcessSettings):
    """What ``migrate`` needs; no running service reads the owner's URL."""

    database_url: str = Field(default="", description="PostgreSQL URL of the running service, whose role gets its rights.")
    database_owner_url: str = Field(
        default="",
        description="PostgreSQL URL of the role that owns the tables, for migrate alone; without it the service's own role owns them (refused in production).",
    )


def explain(cls: type[ProcessSettings], error: ValidationError | OSError) -> str:
    """What is wrong with the settings, by the variables the operator has set and without their values: one of them may be a secret."""
    if isinstance(error, OSError):
        return f"{error.filename}: {error.strerror}"
    prefix = str(cls.model_config.get("env_prefix", ""))
    wrong = error.errors(include_url=False, include_context=False, include_input=False)
    return "; ".join(f"{prefix}{'_'.join(map(str, each['loc']))}".upper() + f": {each['msg']}" for each in wrong)


def reference_table(classes: Iterable[type[ProcessSettings]]) -> str:
    """Markdown table of every setting of the given classes, for the operator guide."""
    lines = ["| Variable | Type | Default | Meaning |", "|---|---|---|---|"]
    seen = set()
    for cls in classes:
        prefix = str(cls.model_config.get("env_prefix", ""))
        for name, info in cls.model_fields.items():
            variable = f"{prefix}{name}".upper()
            if variable in seen:
                continue
            seen.add(variable)
            # What may be left out says so by its default; a bar would end the cell.
            kind = getattr(info.annotation, "__name__", str(info.annotation)).removesuffix(" | None").rpartition(".")[2]
            default = "required" if info.is_required() else f"`{info.get_default(call_default_factory=True)}`"
            lines.append(f"| `{variable}` | {kind} | {default} | {info.description or ''} |")
    return "\n".join(lines) + "\n"
