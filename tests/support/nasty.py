"""Values that have broken systems before, and messages made of them: what a stranger sends, or a caller of ours by mistake."""

from __future__ import annotations

import base64
import json
from random import Random
from typing import Any, Final

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp


def _cursor(key: object) -> str:
    return base64.urlsafe_b64encode((key if isinstance(key, str) else json.dumps(key)).encode()).decode().rstrip("=")


CURSORS: Final = tuple(
    _cursor(key)
    for key in (
        [2**63],
        [-1],
        [2**63 - 1],
        [2**31],
        [10**400],
        [True],
        [None],
        [1.5],
        ["\x00"],
        ["410202", "9999-12-31", "\ud800"],
        ["410202", "0001-01-01", "x"],
        ["410202", "2026-W01-1", "x"],
        ["9999-12-31T23:59:59.999999+00:00", "x"],
        ["0001-01-01T00:00:00+23:59", "x"],
        ["2026-01-01T00:00:00", "x"],
        [2**63 - 1, "x"],
        [2**62, "x"],
        ["x" * 3000, "x"],
        "[" * 60_000,
        '[{"a":' * 9_000,
        "[NaN]",
        "[1e999]",
        "{}",
        "null",
        "",
    )
)
TEXTS: Final = (
    "\x00",
    "a\x00b",
    "\x01\x02\x7f",
    "\u202e\u200b\ufeff",
    "\U0002070e𠀀𪚥",
    "é" * 300,
    "x" * 3_000,
    "x" * 20_000,
    "张" * 16_000,
    "9" * 400,
    "-1",
    "9223372036854775808",
    "1e999",
    "NaN",
    "0000-00-00",
    "9999-12-31",
    "10000-01-01",
    "0001-01-01",
    "2026-02-30",
    "2026-W01-1",
    "20260101",
    "999999",
    "000000",
    "202613",
    "' OR 1=1 --",
    "%_\\",
    "../../etc/passwd",
    "{0.__class__}",
    "${jndi:ldap://x}",
    " ",
    "\n\r\t",
    "KF-2026-999999",
    "KF-9999-999999",
    "[" * 5_000,
    *CURSORS,
)
_WHOLE: Final = {
    "int32": (0, 1, -1, 2**31 - 1, -(2**31)),
    "int64": (0, 1, -1, 2**31, -(2**31) - 1, 2**53, 2**62, 2**63 - 1, -(2**63)),
    "uint32": (0, 1, 2**31, 2**32 - 1),
    "uint64": (0, 1, 2**63, 2**64 - 1),
}
_INSTANTS: Final = (
    (0, 0),
    (1_795_000_000, 0),
    (-62_135_596_800, 0),
    (253_402_300_799, 999_999_999),
    (253_402_300_800, 0),
    (2**63 - 1, 2**31 - 1),
    (-(2**63), -(2**31)),
    (1_795_000_000, -1),
    (1_795_000_000, 2**31 - 1),
    (7_258_118_399, 0),
    (-2_208_988_800, 0),
)


class Maker:
    """Fills messages at random: mostly what a caller would say, with here and there a nasty value. The same seed makes the same messages."""

    def __init__(self, seed: str, known: dict[str, tuple[str, ...]]) -> None:
        """``known`` are values by field name which exist, so that a call comes further than its first look-up."""
        self._random = Random(seed)
        self._known = known

    def message(self, kind: type[Message], nasty: float) -> Any:
        made = kind()
        self._fill(made, nasty, depth=0)
        return made

    def mangled(self, raw: bytes) -> bytes:
        """Bytes that were a message."""
        random = self._random
        data = bytearray(raw or b"\x0a\x03abc")
        match random.randrange(5):
            case 0:
                del data[random.randrange(len(data)) :]
            case 1:
                for _ in range(4):
                    data[random.randrange(len(data))] = random.randrange(256)
            case 2:
                data += bytes(random.randrange(256) for _ in range(40))
            case 3:
                # Groups in groups in groups, thousands deep.
                data = bytearray(b"\x0b" * 9_000)
            case 4:
                # A length that is longer than everything.
                data += b"\x0a\xff\xff\xff\xff\x0f"
        return bytes(data)

    def _fill(self, made: Message, nasty: float, depth: int) -> None:
        for field in made.DESCRIPTOR.fields:
            if self._random.random() < 0.1:
                continue
            if field.message_type is not None and field.message_type.GetOptions().map_entry:
                continue
            for _ in range(self._random.choice((0, 1, 1, 2, 30)) if field.is_repeated else 1):
                self._set(made, field, nasty, depth)

    def _set(self, made: Message, field: Any, nasty: float, depth: int) -> None:
        if field.message_type is not None:
            if depth > 20:
                return
            inner = getattr(made, field.name).add() if field.is_repeated else getattr(made, field.name)
            inner.SetInParent()
            if isinstance(inner, Timestamp):
                inner.seconds, inner.nanos = self._pick(_INSTANTS) if self._is(nasty) else (1_795_000_000, 0)
            else:
                self._fill(inner, nasty, depth + 1)
            return
        value = self._value(field, nasty)
        if field.is_repeated:
            getattr(made, field.name).append(value)
        else:
            setattr(made, field.name, value)

    def _value(self, field: Any, nasty: float) -> Any:
        bad = self._is(nasty)
        if field.type == field.TYPE_STRING:
            if bad:
                return self._pick(CURSORS if field.name == "cursor" else TEXTS)
            if field.name in ("idempotency_key", "key"):
                return f"fuzz-{self._random.getrandbits(60):x}"
            return self._pick(self._known.get(field.name, ("",)))
        if field.type == field.TYPE_BYTES:
            return bytes(self._random.randrange(256) for _ in range(self._random.choice((0, 1, 40, 3000))))
        if field.type == field.TYPE_BOOL:
            return self._random.random() < 0.5
        if field.enum_type is not None:
            return self._pick((0, 1, 99, -5, 2**31 - 1)) if bad else self._pick([value.number for value in field.enum_type.values])
        if field.type in (field.TYPE_DOUBLE, field.TYPE_FLOAT):
            return self._pick((0.0, 1.0, float("nan"), float("inf"), -1e308))
        name = {field.TYPE_INT32: "int32", field.TYPE_INT64: "int64", field.TYPE_UINT32: "uint32", field.TYPE_UINT64: "uint64"}[field.type]
        return self._pick(_WHOLE[name]) if bad else self._pick((0, 1, 2, 100))

    def _is(self, nasty: float) -> bool:
        return self._random.random() < nasty

    def _pick(self, values: Any) -> Any:
        return self._random.choice(values)
