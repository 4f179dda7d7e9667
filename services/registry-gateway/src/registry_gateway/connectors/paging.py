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
    @property
    def confirmed(self) -> bool: ...


async def collect(page: Callable[[int], Awaitable[PageOf]], size: int) -> tuple[list[Json], bool]:
    """All rows of a list in pages of ``size``, and whether the register has confirmed on each that it knows the person; ``page`` gets the index from 0.

    A total which changed between two pages means that rows may have moved from one page to another: it starts again, twice at most. Raises
    RegisterFaultError(PAGING) when the list does not hold still or does not hold what its total promises.
    """
    for _ in range(_MAX_RESTARTS + 1):
        found = await _one_pass(page, size)
        if found is not None:
            return found
    raise RegisterFaultError(Fault.PAGING, "the total keeps changing")


async def _one_pass(page: Callable[[int], Awaitable[PageOf]], size: int) -> tuple[list[Json], bool] | None:
    """None when the total changed on the way."""
    rows: list[Json] = []
    total, confirmed = None, True
    for index in range(MAX_PAGES):
        found = await page(index)
        if total is not None and found.total != total:
            return None
        total = found.total
        rows += found.rows
        confirmed = confirmed and found.confirmed
        if len(rows) == total:
            return rows, confirmed
        if len(rows) > total or len(found.rows) != size:
            raise RegisterFaultError(Fault.PAGING, "rows and total disagree")
    raise RegisterFaultError(Fault.PAGING, "too many pages")
