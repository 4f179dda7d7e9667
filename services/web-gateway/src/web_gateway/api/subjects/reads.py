"""Who of the staff has looked at what: for the household, and for the auditors.

Each service keeps the looks at what it shows; here they are put together in one order, so that one cursor goes on in all of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from typing import Annotated, Any, Final, TypeVar

from anju.common.v1 import common_pb2 as common
from anju.reads.v1 import reads_pb2 as reads
from chassis import paging
from chassis.errors import NOT_FOUND, Refusal
from pydantic import Field

from web_gateway.api import fields as f
from web_gateway.api.convert import to_model
from web_gateway.api.layer import Access, Answer, Api, Call
from web_gateway.api.merged import Merged, Order, merged
from web_gateway.api.problems import Kind
from web_gateway.api.vocabulary import CodeOf

M = TypeVar("M")

PROBLEMS = (
    Kind(
        "TOO_MANY_READS", 403, "今天查看的家庭数已达上限", "No more households today",
        "明天可以继续查看；确因工作需要请联系审计人员。", "Go on tomorrow, or speak to the auditors if your work needs more.",
    ),
    Kind(
        "TOO_MANY_SEARCHES", 403, "今天没有找到的查找已达上限", "No more searches for people today",
        "请按申请编号查找；确因工作需要请联系审计人员。", "Search by the number of the case, or speak to the auditors if your work needs more.",
    ),
)  # fmt: skip
api = Api("reads", "查看记录 Looks of staff", PROBLEMS)

# The record of the case decides whether the reader may know of it; the others have nothing of a household that is not so far yet.
_DECIDES = "casework"


class Look(Answer):
    day: date
    roles: list[f.Role]
    what: Annotated[str, CodeOf("reads")]
    times: int = Field(description="How often on that day.")
    last_at: datetime


class Reader(Answer):
    day: date
    reader: str = Field(description="Account of the official.")
    roles: list[f.Role]
    service: str
    households: int = Field(description="Each counted once a day.")
    alarm_above: int
    alarmed_at: datetime | None
    refused: int = Field(description="How often the official was refused to see more.")
    misses: int = Field(description="Searches for people whom nobody found.")
    misses_alarm_above: int


class OneLook(Answer):
    at: datetime
    reader: str = Field(description="Account of the official.")
    roles: list[f.Role]
    what: Annotated[str, CodeOf("reads")]
    households: int = Field(description="How many were shown.")
    service: str


class LookFilter(Merged):
    sort: str = f.sorting("at", "reader")
    day: f.MaybeDay = ""
    reader: Annotated[str, Field(max_length=100, description="Only this account.")] = ""
    application_no: Annotated[str, Field(max_length=40, description="Only looks at this household's affairs.")] = ""


class ReaderFilter(Merged):
    sort: str = f.sorting("day", "reader", "households")
    day: f.MaybeDay = ""
    reader: Annotated[str, Field(max_length=100, description="Only this account.")] = ""
    alarmed: bool = Field(
        default=False, description="Only those who looked at more households, or searched for more people in vain, than is usual."
    )
    since: Annotated[f.MaybeDay, Field(description="Only this day and those after it.")] = ""


def _looked(read: reads.Read) -> tuple[paging.Part, ...]:
    return read.last_at.ToDatetime(UTC), read.what, " ".join(read.roles)


def _first(
    answers: Sequence[tuple[Sequence[Any], str]], limit: int, key: Callable[[Any], tuple[paging.Part, ...]]
) -> tuple[list[Any], str]:
    """The latest of all, and where to go on; ``answers``: what each service gave, and whether it has more."""
    everything = sorted((item for items, _ in answers for item in items), key=key, reverse=True)
    shown = everything[:limit]
    more = len(everything) > limit or any(cursor for _, cursor in answers)
    return shown, paging.encode(*key(shown[-1])) if shown and more else ""


async def _of_household(call: Call, service: str, method: Any, request: Any, nothing: M) -> M:
    """What a service has of a household, ``nothing`` where it has nothing of it yet. Raises Refusal where the reader may not know of the household."""
    try:
        found: M = await call.rpc(service, method, request)
    except Refusal as refusal:
        if service == _DECIDES or refusal.problem.reason != NOT_FOUND.reason:
            raise
        return nothing
    return found


@api.get("/applications/{no}/reads")
async def list_reads(call: Call, params: f.OfApplicationPaged) -> f.Page[Look]:
    """Who of the staff has looked at this household's application, home and bills: by day and duty, what they saw and how often; the latest first."""
    request = reads.ListReadsRequest(application_no=params.no, page=params.page())

    async def ask(service: str, stub: Any) -> tuple[Sequence[reads.Read], str]:
        found = await _of_household(call, service, stub.ListReads, request, reads.ListReadsResponse())
        return found.reads, found.page.next_cursor

    answers = await asyncio.gather(*(ask(service, stub) for service, stub in call.services.reads.items()))
    shown, cursor = _first(answers, params.limit, _looked)
    return f.Page[Look](items=[to_model(Look, read) for read in shown], next_cursor=cursor)


_READERS: Final = Order(
    {
        "day": lambda reader: date.fromisoformat(reader.day),
        "reader": lambda reader: reader.reader,
        "households": lambda reader: reader.households,
    },
    own="-day",
    unique=lambda reader: f"{reader.day} {reader.reader} {reader.service}",
)
_LOOKS: Final = Order(
    {"at": lambda look: look.at.ToDatetime(UTC), "reader": lambda look: look.reader},
    own="-at",
    unique=lambda look: f"{look.id:019d} {look.service}",
)


async def readers(
    call: Call, page: common.PageRequest, *, day: str = "", reader: str = "", alarmed: bool, since: str = ""
) -> tuple[Sequence[Any], common.PageInfo]:
    async def ask(service: str, stub: Any, part: common.PageRequest) -> tuple[Sequence[reads.Reader], common.PageInfo]:
        request = reads.ListReadersRequest(day=day, reader=reader, alarmed=alarmed, since=since, page=part)
        found = await call.rpc(service, stub.ListReaders, request)
        return found.readers, found.page

    return await merged(call.services.reads, page, _READERS, ask)


async def looks(
    call: Call, page: common.PageRequest, *, day: str, reader: str, application_no: str
) -> tuple[Sequence[Any], common.PageInfo]:
    async def ask(service: str, stub: Any, part: common.PageRequest) -> tuple[Sequence[reads.Look], common.PageInfo]:
        request = reads.ListLooksRequest(day=day, reader=reader, application_no=application_no, page=part)
        found = await _of_household(call, service, stub.ListLooks, request, reads.ListLooksResponse())
        return found.looks, found.page

    return await merged(call.services.reads, page, _LOOKS, ask)


@api.get("/readers", access=Access.STAFF, roles=("auditor",))
async def list_readers(call: Call, params: ReaderFilter) -> f.Page[Reader]:
    """How many households each official looked at on each day, and who was above the number at which it is an alarm; the newest day first."""
    shown, info = await readers(call, params.page(), day=params.day, reader=params.reader, alarmed=params.alarmed, since=params.since)
    return f.Page[Reader](items=[to_model(Reader, each) for each in shown], next_cursor=info.next_cursor, total=params.total(info))


@api.get("/looks", access=Access.STAFF, roles=("auditor",))
async def list_looks(call: Call, params: LookFilter) -> f.Page[OneLook]:
    """Each look of an official, or at one household's affairs, with the account that looked; the latest first. What one official took away in files of one
    list for one purpose on one day is one look."""
    shown, info = await looks(call, params.page(), day=params.day, reader=params.reader, application_no=params.application_no)
    return f.Page[OneLook](items=[to_model(OneLook, each) for each in shown], next_cursor=info.next_cursor, total=params.total(info))
