"""Settings of the web gateway."""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path
from typing import Self

from chassis.settings import ProcessSettings
from pydantic import Field, SecretStr, field_validator, model_validator


class Settings(ProcessSettings):
    host: str = Field(default="127.0.0.1", description="Address the web server listens on.")
    port: int = Field(default=8080, ge=0, le=65535, description="Port of the web server; 0 picks a free one.")
    public_url: str = Field(
        default="", description="Address people see, without a trailing slash; empty means http:// and the listening address."
    )
    trusted_proxies: tuple[str, ...] = Field(
        default=(), description="Networks of our own proxies; only from them is X-Forwarded-For believed (JSON list of CIDRs)."
    )
    drain_seconds: float = Field(default=5.0, ge=0, description="How long running requests may finish after SIGTERM.")

    oidc_issuer: str = Field(default="http://127.0.0.1:7506", description="Issuer of the city sign-on (OpenID Connect).")
    oidc_client_id: str = Field(default="anju", description="Client id at the city sign-on.")
    oidc_client_secret: SecretStr = Field(default=SecretStr(""), description="Client secret at the city sign-on.")
    session_idle_seconds: int = Field(default=30 * 60, gt=0, description="A session unused for so long ends.")
    session_seconds: int = Field(default=8 * 3600, gt=0, description="A session ends after this long in any case.")

    requests_per_minute: int = Field(default=300, gt=0, description="Requests a minute one signed-on person may make.")
    stranger_requests_per_minute: int = Field(
        default=60,
        gt=0,
        description="What people may say from one address without signing on (letters without a name, looking for them by code).",
    )
    requests_per_minute_per_address: int = Field(
        default=6000, gt=0, description="Requests a minute from one address; mobile operators put thousands of people behind one."
    )
    connections: int = Field(
        default=4096, ge=16, description="Connections held at once; at this mark idle ones are closed, then accepting pauses."
    )
    half_open_connections: int = Field(default=1024, ge=8, description="Connections at once that have not sent a whole request header.")
    half_open_connections_per_address: int = Field(
        default=256, ge=4, description="The same from one address that is no proxy of ours; the oldest gives way to the newest."
    )
    header_seconds: float = Field(default=10.0, gt=0, description="How long the header of a request may take to arrive.")
    events_poll_seconds: float = Field(default=2.0, gt=0, description="How often an open event stream looks for a change.")

    file_rows: int = Field(
        default=5_000,
        ge=1,
        le=10_000,
        description="Rows of a list one official takes away in one file; more takes the consent of a second verified person.",
    )

    temporal_ui_url: str = Field(
        default="",
        pattern="^(https?://.*)?$",
        description="Address of our namespace in the Temporal UI, as operators' browsers reach it (https://…/namespaces/anju); without it their pages have no links to it.",
    )
    standing_look_seconds: float = Field(
        default=1.0, gt=0, description="How often, at most, organisation is asked whether anything about staff has changed."
    )
    standing_patience_seconds: int = Field(
        default=15 * 60, ge=0, description="How long staff go on with the duties last known while organisation is away."
    )

    signed_off_dir: Path | None = Field(
        default=None,
        description="Folder which the replicas share and write: who has signed off is remembered there. When left out, signed-off in ANJU_KEYS_DIR; name one where that is mounted to be read.",
    )
    static_dir: Path = Field(default=Path(__file__).parent / "static", description="Folder of the built pages.")

    casework_address: str = Field(default="127.0.0.1:7401", description="Address of casework.")
    eligibility_address: str = Field(default="127.0.0.1:7402", description="Address of eligibility.")
    registry_gateway_address: str = Field(default="127.0.0.1:7403", description="Address of the registry gateway.")
    housing_address: str = Field(default="127.0.0.1:7404", description="Address of housing.")
    payments_address: str = Field(default="127.0.0.1:7405", description="Address of payments.")
    notifications_address: str = Field(default="127.0.0.1:7406", description="Address of notifications.")
    organisation_address: str = Field(default="127.0.0.1:7407", description="Address of organisation.")
    oversight_address: str = Field(default="127.0.0.1:7408", description="Address of oversight.")

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for network in value:
            ip_network(network)
        return value

    @field_validator("public_url", "oidc_issuer", "temporal_ui_url")
    @classmethod
    def _no_trailing_slash(cls, value: str) -> str:
        return value.rstrip("/")

    @model_validator(mode="after")
    def _https_in_production(self) -> Self:
        """A session cookie over plain HTTP is everybody's session."""
        if self.production and not (self.public_url.startswith("https://") and self.oidc_issuer.startswith("https://")):
            raise ValueError("production needs https:// in ANJU_PUBLIC_URL and ANJU_OIDC_ISSUER")
        return self
