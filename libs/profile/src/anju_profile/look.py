"""What a city's pages look like: its colour, its emblem and the number people call.

It decides nothing, so it is no part of a published version: a new emblem is a new file, and every case stays what it was.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import yaml
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, field_validator

LOOK: Final = "look.yaml"
EMBLEM: Final = "emblem.svg"
# WCAG 2.2, 1.4.3: text beside its ground. The pages write white on the colour, and the colour on white.
_LEAST_CONTRAST: Final = 4.5


class Look(BaseModel):
    """A city without a ``look.yaml`` has the pages' own colour and no emblem."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    service_name: str = Field(default="公共租赁住房", max_length=20, description="what stands beside the city's name")
    service_name_en: str = Field(default="Public rental housing", max_length=40)
    colour: str = Field(default="#0b5cad", pattern=r"^#[0-9a-f]{6}$", description="of headers, links and buttons")
    hotline: str = Field(default="", pattern=r"^[0-9-]{0,20}$", description="number people call; empty for none")

    _folder: Path = PrivateAttr()

    @field_validator("colour")
    @classmethod
    def _readable(cls, value: str) -> str:
        contrast = 1.05 / (luminance(value) + 0.05)
        if contrast < _LEAST_CONTRAST:
            raise ValueError(
                f"{value} on white has a contrast of {contrast:.1f}, and {_LEAST_CONTRAST} is the least that can be read: take a darker one"
            )
        return value

    @classmethod
    def of(cls, city: Path) -> Look:
        """The look in a city's folder. Raises ValueError for a colour nobody can read and for fields nobody knows."""
        file = city / LOOK
        found = cls.model_validate(yaml.safe_load(file.read_text(encoding="utf-8")) or {}) if file.is_file() else cls()
        found._folder = city
        return found

    @property
    def emblem(self) -> Path | None:
        file = self._folder / EMBLEM
        return file if file.is_file() else None


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2) of ``#rrggbb``, 0 for black and 1 for white."""
    parts = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
