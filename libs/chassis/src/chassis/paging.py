"""Cursor pages: the key of the last row, opaque to the client."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Any, TypeVar

from chassis import bounds
from chassis.errors import BAD_CURSOR, Refusal

T = TypeVar("T")
Part = str | int | date | datetime

_UNSEARCHABLE = re.compile("[\x00\ud800-\udfff]")
DEFAULT_LIMIT = 20
MAX_LIMIT = 100
# A key is a few ids and instants; what is longer was not made here.
MAX_CURSOR_CHARS = 1_000


def limit(asked: int) -> int:
    return DEFAULT_LIMIT if asked <= 0 else min(asked, MAX_LIMIT)


def encode(*key: Part) -> str:
    parts = [part.isoformat() if isinstance(part, date) else part for part in key]
    return base64.urlsafe_b64encode(json.dumps(parts, separators=(",", ":")).encode()).decode().rstrip("=")


def decode(cursor: str, *kinds: type) -> list[Any] | None:
    """The key inside a cursor, its parts of these kinds (``str``, ``int``, ``date``, ``datetime``), or None for the first page.

    Raises Refusal(BAD_CURSOR) when it was not made by ``encode`` with these kinds, and for values no row can have: the database would refuse to
    look for them.
    """
    if not cursor:
        return None
    try:
        if len(cursor) > MAX_CURSOR_CHARS:
            raise ValueError
        key = bounds.json_value(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if not isinstance(key, list) or len(key) != len(kinds):
            raise ValueError
        return [_part(value, kind) for value, kind in zip(key, kinds, strict=True)]
    except (ValueError, OverflowError, binascii.Error):
        raise Refusal(BAD_CURSOR) from None


def _part(value: object, kind: type) -> Part:
    """Raises ValueError."""
    if kind is int and type(value) is int and 0 <= value <= bounds.MAX_INT64:
        return value
    if isinstance(value, str) and not _UNSEARCHABLE.search(value):
        if kind is str:
            return value
        if kind is date:
            return bounds.day(value)
        if kind is datetime:
            return bounds.instant(value)
    raise ValueError


def cut(rows: Sequence[T], size: int, key: Callable[[T], tuple[Part, ...]]) -> tuple[Sequence[T], str]:
    """From ``size + 1`` fetched rows: the page, and the cursor of the next one ("" on the last)."""
    if len(rows) <= size:
        return rows, ""
    page = rows[:size]
    return page, encode(*key(page[-1]))
