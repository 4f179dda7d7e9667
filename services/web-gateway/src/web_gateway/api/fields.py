"""What fields of the API are made of, whatever they belong to. Field names are the protos'; money is integer fen, areas are hundredths of a square metre."""

from __future__ import annotations

from typing import Annotated, Any, Generic, TypeVar

from anju.common.v1 import common_pb2 as common
from pydantic import Field

from web_gateway.api.layer import Answer, Params
from web_gateway.api.vocabulary import CodeOf, OneOf

T = TypeVar("T")

# No household income, home or bill of this city is a hundred billion yuan; and every reader can still count it exactly (2^53).
Fen = Annotated[int, Field(ge=0, le=10**13, description="Fen (1/100 yuan).")]
Area = Annotated[int, Field(ge=0, le=10**9, description="Hundredths of a square metre.")]
Short = Annotated[str, Field(max_length=200)]
Reason = Annotated[str, Field(max_length=500)]
ApplicationNo = Annotated[
    str, Field(pattern=r"^[A-Z]{2}-[0-9]{4}-[0-9]{6}$", description="Acceptance number.", examples=["KF-2026-000123"])
]
Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
Code = Annotated[str, Field(pattern=r"^[0-9]{4,12}$", description="Division code (GB/T 2260).", examples=["410202"])]
DistrictCode = Annotated[str, Field(pattern=r"^[0-9]{6}$", description="District or county code (GB/T 2260).", examples=["410202"])]
MaybeDistrict = Annotated[str, Field(pattern=r"^([0-9]{6})?$", description="Only this district or county.", examples=["410202"])]
# Not a ``date``, of which a number is taken for one.
MaybeDay = Annotated[str, Field(pattern=r"^([0-9]{4}-[0-9]{2}-[0-9]{2})?$", description="Only this day; empty: all.")]
State = Annotated[str, Field(pattern=r"^[a-z_]{0,20}$", description="Only this state.")]

# What may grow by data is a string of one vocabulary: a closed list where it is asked for, an open one where it is answered.
Stage = Annotated[str, CodeOf("stages")]
WaitingOn = Annotated[str, CodeOf("waiting_on")]
Register = Annotated[str, CodeOf("registers")]
Category = Annotated[str, CodeOf("categories")]
Role = Annotated[str, CodeOf("roles")]
AskedRegister = Annotated[str, OneOf("registers")]
# What the law or a protocol closes is listed where it is answered too.
Outcome = Annotated[str, OneOf("lookup_outcomes")]


class Page(Answer, Generic[T]):
    items: list[T]
    next_cursor: str = Field(default="", description="Cursor of the next page; empty on the last.")
    total: int | None = Field(default=None, description="How many there are, counted up to 10,000 and one more; null unless asked for.")


class Listing(Answer, Generic[T]):
    """A list that is always whole."""

    items: list[T]


class Paged(Params):
    limit: int = Field(default=20, ge=1, le=100, description="At most this many items.")
    cursor: str = Field(default="", max_length=500, description="The next_cursor of the page before.")

    def page(self) -> common.PageRequest:
        return common.PageRequest(limit=self.limit, cursor=self.cursor)


class Sorted(Paged):
    """A list that is sorted, counted and turned page by page; its filter declares ``sort`` with ``sorting``."""

    sort: str = ""
    skip: int = Field(default=0, ge=0, le=10_000, description="Leave out so many from the beginning, instead of going on by cursor.")
    count: bool = Field(default=False, description="Say how many there are.")

    def page(self) -> common.PageRequest:
        return common.PageRequest(limit=self.limit, cursor=self.cursor, sort=self.sort, skip=self.skip, count=self.count)

    def total(self, info: common.PageInfo) -> int | None:
        return info.total if self.count else None


def sorting(*columns: str) -> Any:
    """The columns a list is sorted by, as a query parameter."""
    return Field(
        default="",
        pattern=rf"^(-?({'|'.join(columns)}))?$",
        description='Column to sort by, "-" before it for descending; empty: the list\'s own order.',
    )


class OfApplication(Params):
    no: ApplicationNo


class OfApplicationPaged(Paged):
    no: ApplicationNo


class InDistrict(Params):
    district: MaybeDistrict = ""


class PagedInDistrict(Paged):
    district: MaybeDistrict = ""
