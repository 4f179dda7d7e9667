"""Where the parts of one deployment are: a file for the tools that look at it from outside, never read by a service.

What is left empty is not there; a tool which needs it says so. TLS and API keys of Temporal come from the SDK's own ``TEMPORAL_…``, as everywhere.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

_HEADER = """\
# Where the parts of this deployment are, for the tools that look at it from outside: anju verify, anju demo, anju replay, anju setup, anju repair.
# What is left out is not there, and whatever needs it says that it could not look.
"""


class DeploymentFileError(Exception):
    """The file cannot be read; the text says why, without any value of it: one may be a password."""


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class SecretFile(_Section):
    file: Path = Field(description="file with the value")


class Temporal(_Section):
    address: str = Field(default="", description="host:port of the frontend; TLS and API keys by TEMPORAL_… as everywhere")
    namespace: str = Field(default="default", description="namespace of the workflows")
    ui_url: str = Field(default="", description="web UI, for links")


class Deployment(_Section):
    temporal: Temporal = Field(default=Temporal(), description="the engine")
    databases: dict[str, str | SecretFile] = Field(
        default={}, description="PostgreSQL of each service, by its name: a URL (a reading role is enough), or {file: path} of one"
    )
    services: dict[str, str] = Field(default={}, description="gRPC address of each service, by its name; anju repair speaks to them")
    web_url: str = Field(default="", description="public address of the web edge")
    outside_url: str = Field(
        default="", description="control server of the sandbox, with the outside world's own books; none where the world is real"
    )
    outside_token: str | SecretFile = Field(default="", description="token the control server asks for, or {file: path} of it")
    keys_dir: Path | None = Field(default=None, description="folder with the key rings; without it nothing sealed is looked into")
    tls_dir: Path | None = Field(
        default=None,
        description="folder with tls.crt, tls.key and ca.crt of operations; without it anju repair speaks to the services without TLS",
    )
    profile_dir: Path | None = Field(default=None, description="folder of the city profile")
    files_dir: Path | None = Field(default=None, description="folder with logs and the engine's files, searched for personal data")

    @classmethod
    def read(cls, path: Path) -> Deployment:
        """Relative paths count from the file's folder. Raises DeploymentFileError."""
        try:
            raw = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
            found = cls.model_validate(raw)
        except OSError as error:
            raise DeploymentFileError(f"{path}: {error.strerror}") from error
        except (UnicodeDecodeError, yaml.YAMLError) as error:
            raise DeploymentFileError(f"{path} is no YAML") from error
        except ValidationError as error:
            wrong = error.errors(include_url=False, include_context=False, include_input=False)
            raise DeploymentFileError(
                f"{path}: " + "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in wrong)
            ) from error
        folder = path.resolve().parent
        changed: dict[str, Any] = {
            name: folder / value
            for name in ("keys_dir", "tls_dir", "profile_dir", "files_dir")
            if (value := getattr(found, name)) is not None
        }
        changed["databases"] = {
            name: SecretFile(file=folder / url.file) if isinstance(url, SecretFile) else url for name, url in found.databases.items()
        }
        if isinstance(found.outside_token, SecretFile):
            changed["outside_token"] = SecretFile(file=folder / found.outside_token.file)
        return found.model_copy(update=changed)

    def database_url(self, service: str) -> str:
        """Empty for a service whose database is not named. Raises DeploymentFileError for a file that is not there."""
        return _value(self.databases.get(service, ""))

    def outside_headers(self) -> dict[str, str]:
        """With which the control server of the sandbox lets one in. Raises DeploymentFileError for a file that is not there."""
        token = _value(self.outside_token)
        return {"Authorization": f"Bearer {token}"} if token else {}

    def text(self) -> str:
        """As a file which ``read`` takes, every field with its meaning."""
        return _HEADER + _lines(self, "")


def _value(given: str | SecretFile) -> str:
    if not isinstance(given, SecretFile):
        return given
    try:
        return given.file.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise DeploymentFileError(f"{given.file}: {error.strerror}") from error


def _lines(section: _Section, indent: str) -> str:
    """A section's fields, each under a comment."""
    shown = ""
    for name, field in type(section).model_fields.items():
        value = getattr(section, name)
        shown += f"\n{indent}# {field.description}\n"
        if isinstance(value, _Section):
            shown += f"{indent}{name}:{_lines(value, indent + '  ')}"
        elif value is None:
            shown += f"{indent}# {name}:\n"
        else:
            plain = section.model_dump(mode="json", include={name})
            dumped = yaml.safe_dump(plain, allow_unicode=True, sort_keys=False, width=10_000)
            shown += "".join(f"{indent}{line}\n" for line in dumped.splitlines())
    return shown
