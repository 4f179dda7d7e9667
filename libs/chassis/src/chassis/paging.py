"""Cursor pages: the key of the last row, opaque to the client."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Sequence
from typing import TypeVar

from chassis.errors import BAD_CURSOR, Refusal

T = TypeVar("T")

_UNSEARCHABLE = re.compile("[\x00\ud800-\udfff]")
DEFAULT_LIMIT = 20
MAX_LIMIT = 100


def limit(asked: int) -> int:
    return DEFAULT_LIMIT if asked <= 0 else min(asked, MAX_LIMIT)


def encode(*key: str | int) -> str:
    return base64.urlsafe_b64encode(json.dumps(key, separators=(",", ":")).encode()).decode().rstrip("=")


def decode(cursor: str, *kinds: type) -> list[str | int] | None:
    """The key inside a cursor, or None for the first page. Raises Refusal(BAD_CURSOR) when it was not made by ``encode`` with these kinds."""
    if not cursor:
        return None
    try:
        key = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, binascii.Error):
        raise Refusal(BAD_CURSOR) from None
    if not isinstance(key, list) or len(key) != len(kinds) or any(type(part) is not kind for part, kind in zip(key, kinds, strict=True)):
        raise Refusal(BAD_CURSOR)
    # No row has such a key, and the database would refuse to look for it.
    if any(isinstance(part, str) and _UNSEARCHABLE.search(part) for part in key):
        raise Refusal(BAD_CURSOR)
    return key


def cut(rows: Sequence[T], size: int, key: Callable[[T], tuple[str | int, ...]]) -> tuple[Sequence[T], str]:
    """From ``size + 1`` fetched rows: the page, and the cursor of the next one ("" on the last)."""
    if len(rows) <= size:
        return rows, ""
    page = rows[:size]
    return page, encode(*key(page[-1]))
