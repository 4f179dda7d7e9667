"""Lists as spreadsheets: the rows somebody sees, masked as he sees them, for a purpose he names.

Rows are asked for page by page by cursor, as he would read them, so that every look is on record and every limit holds; they go into a temporary file
row by row, and memory holds one page. Whatever a person has written is a text in its cell: nothing of it is a formula or a link.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import IO, Any, Final

import xlsxwriter
from anju.common.v1 import common_pb2 as common
from anju_calendar import local_date
from anju_terms import terms
from chassis.errors import FieldViolation

from web_gateway.api.files import CHUNK_BYTES, Download, FileKind
from web_gateway.api.layer import Call
from web_gateway.api.problems import problem

XLSX: Final = FileKind("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", ".xlsx", b"PK\x03\x04", b"PK\x05\x06")
# What a second person consents to is bounded as well: nobody reads more than that.
MOST_APPROVED: Final = 100_000
# What one page of a list holds.
_PAGE: Final = 100
_OPTIONS: Final = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}

Cell = str | int
Head = tuple[str, Callable[[Call, Any], Cell]]
Rows = Callable[[common.PageRequest], Awaitable[tuple[Sequence[Sequence[Cell]], common.PageInfo]]]


def chosen(columns: Mapping[str, Sequence[Head]], keys: Sequence[str]) -> list[Head]:
    """The columns that are shown, in their own order; all of them when none is named. Raises problem INVALID_FIELDS for one the list does not have."""
    wrong = [key for key in keys if key not in columns]
    if wrong:
        raise problem("INVALID_FIELDS", fields=[FieldViolation("/columns", "UNKNOWN", "列表没有这一列。", "The list has no such column.")])
    return [head for key, heads in columns.items() if not keys or key in keys for head in heads]


async def sheet(call: Call, name: str, heads: Sequence[str], purpose: str, sort: str, rows: Rows, *, approval: str = "") -> Download:
    """The list as a file; ``approval``: the request to which a second person has consented. Raises problem EXPORT_TOO_LARGE before anybody's row is read,
    and whatever the list refuses."""
    if not approval:
        _, counted = await rows(common.PageRequest(count=True, only_count=True))
        if counted.total > call.edge.file_rows:
            raise problem("EXPORT_TOO_LARGE")
    told = terms("export_purposes")[purpose]
    foot = f"{call.person.name} · {told.zh} · {local_date(datetime.now(UTC)).isoformat()}"
    file = tempfile.TemporaryFile()  # noqa: SIM115 (it is closed when it has been sent)
    try:
        await _write(file, name, heads, foot, _all(rows, purpose, sort, approval, MOST_APPROVED if approval else call.edge.file_rows))
    except BaseException:
        file.close()
        raise
    return Download(name, XLSX, _chunks(file), size=file.seek(0, 2))


async def _all(rows: Rows, purpose: str, sort: str, approval: str, at_most: int) -> AsyncIterator[Sequence[Cell]]:
    cursor, written = "", 0
    while written < at_most:
        page, info = await rows(common.PageRequest(limit=_PAGE, cursor=cursor, sort=sort, purpose=purpose, approval=approval))
        for row in page:
            yield row
        written, cursor = written + len(page), info.next_cursor
        if not cursor:
            return


async def _write(file: IO[bytes], name: str, heads: Sequence[str], foot: str, rows: AsyncIterator[Sequence[Cell]]) -> None:
    book = xlsxwriter.Workbook(file, _OPTIONS)
    page = book.add_worksheet(name[:31])
    page.freeze_panes(1, 1)
    page.set_column(0, len(heads) - 1, 18)
    # Who has taken it and for what stands under every printed page.
    page.set_footer(f"&L{foot.replace('&', '&&')}&R&P / &N")
    bold = book.add_format({"bold": True})
    for column, head in enumerate(heads):
        page.write_string(0, column, head, bold)
    line = 0
    async for row in rows:
        line += 1
        for column, cell in enumerate(row):
            _put(page, line, column, cell)
    # Packing it is work for a second or more.
    await asyncio.to_thread(book.close)


def _put(page: Any, line: int, column: int, cell: Cell) -> None:
    if isinstance(cell, int):
        page.write_number(line, column, cell)
    else:
        page.write_string(line, column, cell)


async def _chunks(file: IO[bytes]) -> AsyncIterator[bytes]:
    with file:
        file.seek(0)
        while chunk := file.read(CHUNK_BYTES):
            yield chunk
