"""What a message may hold before anybody looks at it: no text a database cannot keep, no instant a calendar does not know.

Checked once for every RPC, ahead of its handler. Rules of the business (what is too long for a name, too late for a lease) are the services' own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any, Final

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from chassis.errors import FieldViolation

# Nobody's birth, lease or appointment lies outside, and there is room to count with: the calendar of Python ends in 9999.
EARLIEST: Final = datetime(1900, 1, 1, tzinfo=UTC)
LATEST: Final = datetime(2200, 1, 1, tzinfo=UTC)
_EARLIEST_SECONDS: Final = int(EARLIEST.timestamp())
_LATEST_SECONDS: Final = int(LATEST.timestamp())
MAX_INT64: Final = 2**63 - 1
# The longest text of all is an objection of 2,000 characters.
MAX_TEXT_CHARS: Final = 16_384
MAX_VIOLATIONS: Final = 50
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def violations(message: Message) -> list[FieldViolation]:
    """The first 50 values of a message that no service could take. protobuf itself has seen to UTF-8 and to the depth."""
    found: list[FieldViolation] = []
    for violation in _walk(message, ""):
        found.append(violation)
        if len(found) == MAX_VIOLATIONS:
            break
    return found


def day(text: str) -> date:
    """YYYY-MM-DD and nothing else that Python would take for a date. Raises ValueError outside of what a calendar of people knows."""
    if not _DAY.fullmatch(text):
        raise ValueError("not a date like 2026-01-31")
    found = date.fromisoformat(text)
    if not EARLIEST.date() <= found < LATEST.date():
        raise ValueError("no date of anybody's life")
    return found


def instant(text: str) -> datetime:
    """An instant with its zone as ``isoformat`` writes it. Raises ValueError for anything else, and outside of what a calendar of people knows."""
    found = datetime.fromisoformat(text)
    if found.tzinfo is None or not EARLIEST <= found < LATEST:
        raise ValueError("not an instant of our time")
    return found


def json_value(raw: str | bytes) -> Any:
    """A JSON document of a stranger's. Raises ValueError, also for one nested so deeply that reading it would end the interpreter's patience."""
    try:
        return json.loads(raw)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _walk(message: Message, pointer: str) -> Iterator[FieldViolation]:
    if isinstance(message, Timestamp):
        if not _EARLIEST_SECONDS <= message.seconds < _LATEST_SECONDS or not 0 <= message.nanos < 10**9:
            yield FieldViolation(pointer, "OUT_OF_RANGE", "时间超出可以办理的范围。", "This instant is outside of what can be dealt with.")
        return
    for field, value in message.ListFields():
        at = f"{pointer}/{field.name}"
        if field.type == field.TYPE_STRING:
            for number, text in _each(field, value):
                yield from _text(text, at + number)
        elif field.message_type is not None and field.message_type.GetOptions().map_entry:
            # The entry's own message, key and value together, is only known to the descriptor.
            for key, inner in value.items():
                yield from _text(str(key), at)
                if isinstance(inner, Message):
                    yield from _walk(inner, at)
                elif isinstance(inner, str):
                    yield from _text(inner, at)
        elif field.type == field.TYPE_MESSAGE:
            for number, inner in _each(field, value):
                yield from _walk(inner, at + number)


def _each(field: Any, value: Any) -> Iterator[tuple[str, Any]]:
    if field.is_repeated:
        yield from ((f"/{number}", item) for number, item in enumerate(value))
    else:
        yield "", value


def _text(text: str, pointer: str) -> Iterator[FieldViolation]:
    if "\x00" in text:
        yield FieldViolation(
            pointer, "BAD_CHARACTER", "内容中有不能识别的字符，请重新输入。", "There is a character no record can keep; type it again."
        )
    elif len(text) > MAX_TEXT_CHARS:
        yield FieldViolation(pointer, "TOO_LONG", "内容过长，请缩短后再提交。", "This is too long; make it shorter.")
