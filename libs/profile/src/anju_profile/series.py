"""Series of dated values (时点参数): what a number is on a day, since when, and who says so.

A new number never replaces an old one: it is one more entry with the day from which it holds. A section of the profile declares a series by the kind
of its values, and the name of the field ends with the unit.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import Annotated, Any, Final, Generic, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PrivateAttr, RootModel, ValidationInfo, model_validator

T = TypeVar("T")
# Key of the validation context: the version read is not the current one.
OLDER: Final = "older"


class NotInForceError(LookupError):
    """A value was asked for on a day before its first entry. It has no default: a case is never decided by a number which did not hold yet."""


class Dated(BaseModel, Generic[T]):
    """One entry of a series: a value from a day on, with the article or notice it comes from."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_by_name=True, validate_by_alias=True)

    effective_from: date = Field(alias="from")
    value: T
    source: str = Field(min_length=1, description="article of the law, number of the notice, or what else the value stands on")
    sample: bool = Field(default=False, description="chosen for trying and teaching; production refuses it")


class Series(RootModel[tuple[Dated[T], ...]], Generic[T]):
    """Dated values in the order of their days. ``on`` answers which one holds."""

    model_config = ConfigDict(frozen=True)

    _name: str = PrivateAttr(default="a value")

    @model_validator(mode="after")
    def _in_order(self, info: ValidationInfo) -> Series[T]:
        if not self.root and not _older(info):
            raise ValueError("a series has at least one entry")
        days = [entry.effective_from for entry in self.root]
        for earlier, later in pairwise(days):
            if later <= earlier:
                raise ValueError(f"entries stand in the order of their days, one a day: {later} comes after {earlier}")
        return self

    def name(self, name: str) -> None:
        """How errors call this series; given by the profile, which knows where it stands."""
        self._name = name

    @property
    def entries(self) -> tuple[Dated[T], ...]:
        return self.root

    def entry_on(self, day: date) -> Dated[T]:
        """The entry in force on ``day``. Raises NotInForceError before the first one."""
        following = bisect_right(self.root, day, key=lambda entry: entry.effective_from)
        if not following:
            if not self.root:
                raise NotInForceError(f"{self._name} has no value: it was added in a later version")
            raise NotInForceError(f"{self._name} has no value on {day}: the first one holds from {self.root[0].effective_from}")
        return self.root[following - 1]

    def on(self, day: date) -> T:
        """The value in force on ``day``. Raises NotInForceError before the first entry."""
        return self.entry_on(day).value


def _exact(value: Any) -> Any:
    if isinstance(value, float):
        raise ValueError("write a decimal number in quotes: as a plain number it is already rounded")
    return value


# The kinds of values.
Whole = Series[Annotated[int, Field(ge=0, strict=True)]]
Positive = Series[Annotated[int, Field(gt=0, strict=True)]]
Exact = Series[Annotated[Decimal, BeforeValidator(_exact), Field(allow_inf_nan=False)]]
# Order 11, article 18: at most five years.
LeaseMonths = Series[Annotated[int, Field(gt=0, le=60, strict=True)]]
Fen = Series[Annotated[int, Field(ge=0, strict=True, description="money in fen")]]
Wholes = Series[tuple[Annotated[int, Field(ge=0, strict=True)], ...]]
Codes = Series[tuple[Annotated[str, Field(min_length=1)], ...]]
Yes = Series[Annotated[bool, Field(strict=True)]]
Code = Series[Annotated[str, Field(min_length=1)]]


class Row(BaseModel):
    """A row of a table; ``Series[tuple[SomeRow, ...]]`` is a table that changes with time."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Section(BaseModel):
    """A part of the profile: one typed field a series, one YAML entry a value."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _of_an_older_version(cls, raw: Any, info: ValidationInfo) -> Any:
        """A field added since has no value there, and what no field reads any more is left out: a published file is never edited to suit us."""
        if not _older(info) or not isinstance(raw, dict):
            return raw
        return {
            name: raw.get(name, _nothing(field.annotation))
            for name, field in cls.model_fields.items()
            if name in raw or _nothing(field.annotation) is not None
        }

    def on(self, day: date) -> dict[str, Any]:
        """All values of the section in force on ``day``, by field. Raises NotInForceError when one has none yet."""
        return {name: getattr(self, name).on(day) for name in type(self).model_fields}


def _older(info: ValidationInfo) -> bool:
    return bool(info.context and info.context.get(OLDER))


def _nothing(kind: Any) -> Any:
    """What stands for a section or a series which a version does not have; None for a field every version has."""
    if isinstance(kind, type) and issubclass(kind, Section):
        return {}
    return () if isinstance(kind, type) and issubclass(kind, Series) else None


def series_in(thing: object, path: str = "") -> Iterable[tuple[str, Series[Any]]]:
    """Every series in a section or in a table of series, with its path."""
    if isinstance(thing, Series):
        yield path, thing
    elif isinstance(thing, BaseModel):
        for name in type(thing).model_fields:
            yield from series_in(getattr(thing, name), f"{path}.{name}" if path else name)
    elif isinstance(thing, dict):
        for name, part in thing.items():
            yield from series_in(part, f"{path}.{name}" if path else str(name))
