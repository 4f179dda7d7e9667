"""Where the things to be checked are. A box knows its own; a deployment writes them into a file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from anju_onebox.layout import Layout

SERVICES: Final = ("casework", "eligibility", "registry-gateway", "housing", "payments", "notifications")
TARGETS_FILE: Final = "targets.json"


@dataclass(frozen=True)
class VerifyTargets:
    """What is left empty is not there: the checks which need it say that they could not look."""

    databases: Mapping[str, str] = field(default_factory=dict)
    temporal_address: str = ""
    temporal_namespace: str = "default"
    keys_dir: Path | None = None
    sandbox_url: str = ""
    gateway_url: str = ""
    data_dir: Path | None = None
    profile_dir: Path | None = None

    @classmethod
    def of(cls, layout: Layout) -> VerifyTargets:
        """A box's own, or what its ``targets.json`` says."""
        written = layout.data_dir / TARGETS_FILE
        if written.exists():
            return cls.read(written)
        urls = {name: layout.secrets_dir / f"{name}.database-url" for name in SERVICES}
        return cls(
            databases={name: path.read_text(encoding="utf-8").strip() for name, path in urls.items() if path.exists()},
            temporal_address=layout.temporal_address,
            keys_dir=layout.keys_dir,
            sandbox_url=f"http://127.0.0.1:{layout.sandbox_port}",
            gateway_url=layout.web_url,
            data_dir=layout.data_dir,
            profile_dir=layout.profile_dir,
        )

    @classmethod
    def read(cls, path: Path) -> VerifyTargets:
        """From JSON with the names of the fields. Raises TypeError for a name it does not know."""
        raw: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        for name in ("keys_dir", "data_dir", "profile_dir"):
            if raw.get(name):
                raw[name] = Path(raw[name])
        return cls(**raw)

    def write(self, path: Path) -> None:
        """The file holds passwords of databases: 0600."""
        path.touch(mode=0o600)
        path.write_text(json.dumps(asdict(self), default=str))
