"""Settings of the sandbox; every one can be given as ``ANJU_SANDBOX_<NAME>`` in the environment."""

import socket
from pathlib import Path
from typing import Any, Self

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from anju_sandbox.servers import places


class SandboxSettings(BaseSettings):
    """All settings with their defaults for one machine. Port 0 lets the system pick a free one."""

    model_config = SettingsConfigDict(env_prefix="ANJU_SANDBOX_", extra="ignore")

    data_dir: Path = Field(Path(".anju/sandbox"), description="books, keys and credentials live here")
    host: str = Field("127.0.0.1", description="address the servers listen on")
    public_host: str = Field("127.0.0.1", description="host name written into the addresses handed to others")
    seed: int = Field(20261101, description="another seed is another city with other people")
    divisions_csv: Path | None = Field(None, description="code,level,name,parent list of districts, streets, communities")

    first_port: int = Field(
        7500, description="port of the control server; the others have fixed places behind it (README). 0 picks free ones"
    )

    control_token: SecretStr | None = Field(
        None, description="bearer token the control server asks for; when not set, the one in the file control-token of the data folder"
    )
    control_hosts: list[str] = Field(
        ["127.0.0.1", "localhost", "::1"], description="names the control server is called by; a request for any other is refused"
    )
    bank_notify_url: str = Field("http://127.0.0.1:8080/callbacks/ccb", description="where payment callbacks are delivered")
    sms_receipts_url: str = Field("http://127.0.0.1:8080/callbacks/sms", description="where receipts of text messages are delivered")
    bank_public_url: str | None = Field(None, description="address of the bank as the payer's browser sees it")
    issuer_url: str | None = Field(None, description="issuer of the city sign-on as browsers and services see it")
    redirect_uris: list[str] = Field(
        ["http://127.0.0.1:8080/auth/callback", "http://localhost:8080/auth/callback"],
        description="addresses the sign-on may send a browser back to; compared exactly",
    )
    web_base_url: str = Field("http://127.0.0.1:8080", description="the product's site, for the way back")

    latency_seconds: float = Field(0.0, ge=0, description="added to every answer")
    quirk_rate: float = Field(0.03, ge=0, le=1, description="share of people hit by each quirk of the register data")
    clock_tolerance_seconds: int = Field(300, description="signed requests older or newer than this are refused")
    secret_lifetime_seconds: int = Field(1800, description="lifetime of call secrets issued by the gateways")
    callback_first_retry_seconds: float = Field(2.0, gt=0)
    callback_longest_retry_seconds: float = Field(60.0, gt=0)
    callback_most_attempts: int = Field(500, description="after so many refusals the bank gives up on a callback")
    book_keep_rows: int = Field(2_000_000, description="the oldest rows of the request book are dropped beyond this")

    @classmethod
    def on_free_ports(cls, data_dir: Path, **changes: Any) -> Self:
        """Settings for tests: every server on a port the system picks."""
        return cls(data_dir=data_dir, first_port=0, **changes)

    def port_of(self, server: str) -> int:
        """Configured port of a server; 0 means free choice."""
        return self.first_port + places()[server] if self.first_port else 0


def bind(host: str, port: int) -> socket.socket:
    """A listening-ready socket, so the address is known before any server runs. Raises OSError when the port is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
    except OSError:
        sock.close()
        raise
    return sock
