"""Reading a list to its end while the department goes on writing to it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

from registry_gateway.domain.faults import Fault, RegisterFaultError
from registry_gateway.domain.reading import Json

MAX_PAGES = 30
_MAX_RESTARTS = 2


class PageOf(Protocol):
    @property
    def total(self) -> int: ...
    @property
    def rows(self) -> tuple[Json, ...]: ...


async def collect(page: Callable[[int], Awaitable[PageOf]], size: int) -> list[Json]:
    """All rows of a list in pages of ``size``; ``page`` gets the index from 0.

    A total which changed between two pages means that rows may have moved from one page to another: it starts again, twice at most. Raises
    RegisterFaultError(PAGING) when the list does not hold still or does not hold what its total promises.
    """
    for _ in range(_MAX_RESTARTS + 1):
        rows = await _one_pass(page, size)
        if rows is not None:
            return rows
    raise RegisterFaultError(Fault.PAGING, "the total keeps changing")


async def _one_pass(page: Callable[[int], Awaitable[PageOf]], size: int) -> list[Json] | None:
    """The rows, or None when the total changed on the way."""
    rows: list[Json] = []
    total = None
    for index in range(MAX_PAGES):
        found = await page(index)
        if total is not None and found.total != total:
            return None
        total = found.total
        rows += found.rows
        if len(rows) == total:
            return rows
        if len(rows) > total or len(found.rows) != size:
            raise RegisterFaultError(Fault.PAGING, "rows and total disagree")
    raise RegisterFaultError(Fault.PAGING, "too many pages")
