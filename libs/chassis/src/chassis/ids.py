"""Opaque ids, and masks for what people may see of other people."""

from __future__ import annotations

import hashlib
import secrets
import time

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford base 32, lower case: no i, l, o, u.


def _encode(number: int, length: int) -> str:
    return "".join(_ALPHABET[(number >> (5 * i)) & 31] for i in reversed(range(length)))


def new_id(prefix: str = "") -> str:
    """A sortable id of 26 characters (48 bits of time, 80 of chance), with a prefix that says what it names."""
    return prefix + _encode((time.time_ns() // 1_000_000 << 80) | secrets.randbits(80), 26)


def stable_id(prefix: str, *parts: str) -> str:
    """The same id for the same parts, for rows which a retried step must find again."""
    digest = hashlib.sha256("\x1f".join(parts).encode()).digest()
    return prefix + _encode(int.from_bytes(digest[:16]), 26)


def mask_name(name: str) -> str:
    """张晓明 -> 张*明, 张明 -> 张*; a longer name keeps its first and last character."""
    if len(name) <= 1:
        return "*"
    if len(name) == 2:
        return name[0] + "*"
    return name[0] + "*" * (len(name) - 2) + name[-1]


def mask_id_number(number: str) -> str:
    """410202199001011234 -> 4102************34."""
    return number[:4] + "*" * (len(number) - 6) + number[-2:] if len(number) > 6 else "*" * len(number)


def mask_phone(phone: str) -> str:
    return phone[:3] + "****" + phone[-2:] if len(phone) > 5 else "*" * len(phone)
