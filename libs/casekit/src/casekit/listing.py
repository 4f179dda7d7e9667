"""Lists people look through: sorted by a column of their choice, counted, and cut into pages. One mechanism for the lists of every service.

A page is asked for by the cursor of the one before, which holds while rows come and go, or by how many rows to leave out, which a person does who
turns to page 3. What a column may be sorted by is declared; nothing a caller sends becomes part of a statement.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from anju.common.v1 import common_pb2 as common
from chassis import paging
from chassis.errors import invalid
from chassis.wire import wrong
from sqlalchemy import ColumnElement, Select, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

# Nobody turns so many pages, and the database would walk over every row of them; who wants all goes on by cursor.
MAX_SKIP: Final = 10_000
# Counting ends here: "more than ten thousand" is as good an answer, and costs what a page costs.
MAX_COUNT: Final = 10_000
# Stands for an instant that is not set: it comes last.
NEVER: Final = datetime(9999, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class By:
    """A column to sort by. ``kind`` of its values is ``str``, ``int``, ``date`` or ``datetime``; it is never NULL (``NEVER`` for an instant)."""

    column: Any
    kind: type


class Listing:
    """What a list may be sorted by: ``columns`` by the name callers use. ``own`` is its order when nobody asks, ``-`` before the name for descending;
    ``unique`` the name of the column that tells rows of one value apart, in the same direction."""

    def __init__(self, columns: Mapping[str, By], *, own: str, unique: str) -> None:
        self._columns = dict(columns)
        self._own = own
        self._unique = columns[unique]

    async def page(
        self, session: AsyncSession, query: Select[*tuple[Any, ...]], asked: common.PageRequest
    ) -> tuple[list[Any], common.PageInfo]:
        """One page of the query's rows, in order. Raises Refusal for a column nobody may sort by and for a cursor not made here."""
        keys, down = self._keys(asked.sort)
        columns: list[ColumnElement[Any]] = [key.column for key in keys]
        if asked.only_count:
            return [], common.PageInfo(total=await self._count(session, query))
        size = paging.limit(asked.limit)
        after = paging.decode(asked.cursor, *(key.kind for key in keys))
        paged = query.add_columns(*columns).order_by(*(each.desc() if down else each.asc() for each in columns)).limit(size + 1)
        if after is not None:
            here, there = tuple_(*columns), tuple_(*after)
            paged = paged.where(here < there if down else here > there)
        elif asked.skip > 0:
            paged = paged.offset(min(asked.skip, MAX_SKIP))
        rows = [tuple(row) for row in (await session.execute(paged)).all()]
        shown, following = paging.cut(rows, size, lambda row: row[-len(keys) :])
        total = await self._count(session, query) if asked.count else 0
        return [row[: -len(keys)] for row in shown], common.PageInfo(next_cursor=following, total=total)

    def _keys(self, asked: str) -> tuple[list[By], bool]:
        order = asked or self._own
        by = self._columns.get(order.removeprefix("-"))
        if by is None:
            raise invalid([wrong("/page/sort", "不能按这一列排序。", "The list cannot be sorted by this.")])
        return ([by] if by is self._unique else [by, self._unique]), order.startswith("-")

    @staticmethod
    async def _count(session: AsyncSession, query: Select[*tuple[Any, ...]]) -> int:
        """Up to ``MAX_COUNT`` and one more."""
        most = query.order_by(None).limit(MAX_COUNT + 1).subquery()
        return int((await session.execute(select(func.count()).select_from(most))).scalar_one())
