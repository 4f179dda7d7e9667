"""Published versions of a city's profile: what each says is fixed for ever by the digests of its files.

A city's folder holds ``versions/<version>/`` and ``published.yaml``. A case keeps the version it was submitted under, for years; so a version is never
edited: a new number is a new version.
"""

from __future__ import annotations

import hashlib
from datetime import date
from pathlib import Path
from typing import Final

import yaml
from pydantic import BaseModel, ConfigDict, PrivateAttr, model_validator

FILES: Final = ("divisions.csv", "profile.yaml")
LOCK: Final = "published.yaml"
VERSIONS: Final = "versions"
_HEAD: Final = """\
# Published versions of this profile, with the SHA-256 of their files. Written by `python -m anju_profile publish`; entries are never changed or removed.
"""


class UnknownVersionError(LookupError):
    """A profile version nobody has published. Today's rules are no substitute for it."""


class ChangedVersionError(RuntimeError):
    """A published version does not say any more what it said when it was published."""


class Publication(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    published: date
    sha256: dict[str, str]


class Published(BaseModel):
    """What a city has published; ``current`` is the version new cases are decided by."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    current: str
    versions: dict[str, Publication]

    _city: Path = PrivateAttr()

    @model_validator(mode="after")
    def _current_is_one_of_them(self) -> Published:
        if self.current not in self.versions:
            raise ValueError(f"the current version {self.current} is not among the published ones")
        return self

    def folder(self, version: str | None = None) -> Path:
        """Folder of a version, of the current one for None. Raises UnknownVersionError, and ChangedVersionError when its files are not the published ones."""
        wanted = self.current if version is None else version
        publication = self.versions.get(wanted)
        if publication is None:
            raise UnknownVersionError(f"{self._city.name} has published no profile version {wanted!r}; it has {', '.join(self.versions)}")
        folder = self._city / VERSIONS / wanted
        found = digests(folder)
        if found != publication.sha256:
            changed = sorted(name for name in found.keys() | publication.sha256 if found.get(name) != publication.sha256.get(name))
            raise ChangedVersionError(
                f"profile version {wanted} was changed after its publication: {', '.join(str(folder / name) for name in changed)}. "
                "Restore the published files; a new number is a new version."
            )
        return folder


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 of the files of a version, as ``sha256sum`` prints it; a missing file has none."""
    return {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in FILES if (folder / name).is_file()}


def published(city: Path) -> Published:
    """What stands in the ``published.yaml`` of a city's folder."""
    found = Published.model_validate(yaml.safe_load((city / LOCK).read_text(encoding="utf-8")))
    found._city = city
    return found


def record(city: Path, version: str, on: date) -> None:
    """Writes a version down as published and makes it the current one. Raises ChangedVersionError for one which is published already."""
    before = published(city).versions if (city / LOCK).exists() else {}
    if version in before:
        raise ChangedVersionError(f"profile version {version} is published already and stays as it is; publish a new version")
    after = Published(current=version, versions={**before, version: Publication(published=on, sha256=digests(city / VERSIONS / version))})
    (city / LOCK).write_text(_HEAD + yaml.safe_dump(after.model_dump(), sort_keys=False, allow_unicode=True, width=200), encoding="utf-8")
