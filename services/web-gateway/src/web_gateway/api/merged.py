"""Lists that several services keep, each its part, put together in one order: one cursor goes on in all of them.

A service that gives no answer leaves no hole: the whole list has none.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from anju.common.v1 import common_pb2 as common
from chassis import paging
from pydantic import Field

from web_gateway.api import fields as f


class Merged(f.Sorted):
    """A list put together from several services: it is turned so far by number, and by cursor without end."""

    skip: int = Field(default=0, ge=0, le=2_000, description="Leave out so many from the beginning, instead of going on by cursor.")


@dataclass(frozen=True)
class Order:
    """How the services sort such a list (``casekit.reads``): its columns, its own order, and the text that tells any two of its rows apart."""

    columns: Mapping[str, Callable[[Any], paging.Part]]
    own: str
    unique: Callable[[Any], str]


Ask = Callable[[str, Any, common.PageRequest], Awaitable[tuple[Sequence[Any], common.PageInfo]]]


async def merged(stubs: Mapping[str, Any], page: common.PageRequest, order: Order, ask: Ask) -> tuple[Sequence[Any], common.PageInfo]:
    """One page of the services' lists put together. Each gives as many of its first rows as may stand on it or before it."""
    name = page.sort or order.own
    column = order.columns[name.removeprefix("-")]
    wanted = page.limit + (0 if page.cursor else page.skip)

    def place(item: Any) -> tuple[paging.Part, ...]:
        return column(item), order.unique(item)

    async def first(service: str, stub: Any) -> tuple[list[Any], bool, int]:
        found: list[Any] = []
        cursor, total = page.cursor, 0
        while True:
            part = common.PageRequest(limit=min(wanted - len(found), paging.MAX_LIMIT), cursor=cursor, sort=page.sort, purpose=page.purpose)
            part.only_count, part.count = page.only_count, page.count and not found
            items, info = await ask(service, stub, part)
            found, cursor, total = [*found, *items], info.next_cursor, total or info.total
            if not cursor or len(found) >= wanted:
                return found, bool(cursor), total

    answers = await asyncio.gather(*(first(service, stub) for service, stub in stubs.items()))
    everything = sorted((item for items, _, _ in answers for item in items), key=place, reverse=name.startswith("-"))
    shown = everything[wanted - page.limit : wanted]
    more = len(everything) > wanted or any(more for _, more, _ in answers)
    cursor = paging.encode(*place(shown[-1])) if shown and more else ""
    return shown, common.PageInfo(next_cursor=cursor, total=sum(total for _, _, total in answers))
