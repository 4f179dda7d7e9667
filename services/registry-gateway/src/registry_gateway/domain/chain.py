"""The access log is a chain: every entry carries the hash of the one before, so a change, a gap or another order shows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

GENESIS = "0" * 64


def canonical(value: Any) -> bytes:
    """JSON with sorted keys, no spaces and only ASCII; instants in UTC with microseconds."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False, default=_plain).encode()


def _plain(value: Any) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    raise TypeError(f"{type(value).__name__} has no canonical form")


def entry_hash(prev_hash: str, entry: Mapping[str, Any]) -> str:
    """SHA-256 over the previous hash and every column of the entry but the two hashes, hex."""
    content = {name: value for name, value in entry.items() if name not in ("hash", "prev_hash")}
    return hashlib.sha256(bytes.fromhex(prev_hash) + canonical(content)).hexdigest()


def first_bad(entries: Iterable[Mapping[str, Any]], prev_hash: str = GENESIS, next_seq: int = 1) -> int | None:
    """Number of the first entry which is not what was written, or of the first which is missing; None when the chain holds."""
    for entry in entries:
        if entry["seq"] != next_seq or entry["prev_hash"] != prev_hash or entry_hash(prev_hash, entry) != entry["hash"]:
            return next_seq
        prev_hash, next_seq = entry["hash"], next_seq + 1
    return None


def evidence_hash(salt: bytes, body: bytes) -> str:
    """What stays of a receipt when body and salt have been erased."""
    return hashlib.sha256(salt + body).hexdigest()
