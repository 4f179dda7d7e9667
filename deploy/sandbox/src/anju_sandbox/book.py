"""The request book: every request that reached the outside world, kept apart from what the product says it sent."""

import hashlib
import hmac
import sqlite3
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from anju_sandbox.db import open_db

_SCHEMA = """
CREATE TABLE IF NOT EXISTS request (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    at TEXT NOT NULL,
    server TEXT NOT NULL,
    operation TEXT NOT NULL,
    request_id TEXT NOT NULL,
    subject_hash TEXT NOT NULL,
    outcome TEXT NOT NULL,
    status INTEGER NOT NULL,
    fault TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS request_by_id ON request (request_id);
CREATE INDEX IF NOT EXISTS request_by_subject ON request (subject_hash);
"""
_TRIM_EVERY_ROWS = 10_000


@dataclass(frozen=True, slots=True)
class Entry:
    """One request. ``subject_hash`` is hex HMAC-SHA256(book key, upper-case 18 digit ID number), empty if none was asked.

    ``outcome``: found, no_record, refused, answered, failed, not_done (a fault kept the work from being done) or a
    server's own word (paid, accepted, signed_on …); ``fault`` names the switch which disturbed the request, if any.
    ``status`` is the HTTP status that left, 0 for none.
    """

    seq: int
    at: str
    server: str
    operation: str
    request_id: str
    subject_hash: str
    outcome: str
    status: int
    fault: str


class Book:
    """The book in ``book.sqlite``. Never holds an ID number in clear."""

    def __init__(self, data_dir: Path, key_hex: str, keep_rows: int) -> None:
        self._db: sqlite3.Connection = open_db(data_dir / "book.sqlite", _SCHEMA, durable=False)
        self._key = bytes.fromhex(key_hex)
        self._keep_rows = keep_rows

    def hash_subject(self, id_number: str) -> str:
        """The keyed hash under which a person appears in the book."""
        if not id_number:
            return ""
        return hmac.new(self._key, id_number.strip().upper().encode(), hashlib.sha256).hexdigest()

    def write(self, server: str, operation: str, request_id: str, subject: str, outcome: str, status: int, fault: str) -> None:
        """Enters a request; called before the answer leaves, so the caller never knows more than the book."""
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        row = (at, server, operation[:80], request_id[:80], self.hash_subject(subject), outcome, status, fault)
        cursor = self._db.execute(
            "INSERT INTO request (at, server, operation, request_id, subject_hash, outcome, status, fault) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            row,
        )
        seq = cursor.lastrowid or 0
        if seq % _TRIM_EVERY_ROWS == 0:
            self._db.execute("DELETE FROM request WHERE seq <= ?", (seq - self._keep_rows,))

    def page(
        self, *, after: int = 0, limit: int = 500, server: str = "", request_id: str = "", subject_hash: str = ""
    ) -> list[dict[str, object]]:
        """Entries with seq > after in order, at most ``limit`` (≤ 5000); empty filters mean all."""
        rows = self._db.execute(
            "SELECT * FROM request WHERE seq > :after AND (:server = '' OR server = :server)"
            " AND (:rid = '' OR request_id = :rid) AND (:subject = '' OR subject_hash = :subject)"
            " ORDER BY seq LIMIT :limit",
            {
                "after": after,
                "server": server,
                "rid": request_id,
                "subject": subject_hash,
                "limit": max(1, min(limit, 5000)),
            },
        )
        return [asdict(Entry(**dict(row))) for row in rows]

    def close(self) -> None:
        """Closes the file."""
        self._db.close()
