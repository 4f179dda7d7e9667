"""Strict JSON (RFC 8259, I-JSON of RFC 7493): what one reader would drop and another would keep is refused, not guessed."""

from __future__ import annotations

import json
import re
from typing import Any, Final, NoReturn

MAX_BODY_BYTES: Final = 64 << 10
MAX_DEPTH: Final = 16
# Above 2^53 - 1 JavaScript and we would read different numbers.
MAX_INTEGER: Final = 2**53 - 1
_OUTSIDE_STRINGS = re.compile(rb'"(?:[^"\\]|\\.)*"?', re.DOTALL)


class BadJsonError(ValueError):
    """``code`` is stable; the message is English and names no content."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def parse(raw: bytes) -> Any:
    """The document. Raises BadJsonError for malformed text, duplicate keys, NaN, lone surrogates, NUL, deep nesting and unsafe integers."""
    _check_depth(raw)
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise BadJsonError("not_utf8", "the body is not UTF-8") from None
    try:
        value = json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse_constant, parse_int=_integer, parse_float=_float)
    except BadJsonError:
        raise
    except (ValueError, RecursionError):
        raise BadJsonError("malformed", "the body is not JSON") from None
    _check_text(value)
    return value


def _check_depth(raw: bytes) -> None:
    """Before parsing: a bomb of brackets must not reach the recursive parser."""
    depth = 0
    for byte in _OUTSIDE_STRINGS.sub(b"", raw):
        if byte in b"[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise BadJsonError("too_deep", f"the body is nested deeper than {MAX_DEPTH}")
        elif byte in b"]}":
            depth -= 1


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise BadJsonError("duplicate_key", "an object has the same key twice")
    return found


def _refuse_constant(_text: str) -> NoReturn:
    raise BadJsonError("not_a_number", "NaN and Infinity are not JSON")


def _integer(text: str) -> int:
    if len(text) > 17 or abs(int(text)) > MAX_INTEGER:
        raise BadJsonError("number_too_large", "an integer is larger than 2^53 - 1")
    return int(text)


def _float(text: str) -> float | int:
    """1.0 is the integer 1, as JSON Schema has it; 1.5 stays what it is, and whoever wants a whole number refuses it."""
    value = float(text)
    if not abs(value) <= MAX_INTEGER:
        raise BadJsonError("number_too_large", "a number is larger than 2^53 - 1")
    return int(value) if value.is_integer() else value


def _check_text(value: Any) -> None:
    """Depth is bounded by now, so recursion is too."""
    if isinstance(value, str):
        if "\x00" in value or any("\ud800" <= char <= "\udfff" for char in value):
            raise BadJsonError("bad_character", "a text holds NUL or half a surrogate pair")
    elif isinstance(value, dict):
        for key, inner in value.items():
            _check_text(key)
            _check_text(inner)
    elif isinstance(value, list):
        for inner in value:
            _check_text(inner)
