"""Opens the small SQLite files in which the outside world keeps its own books."""

import sqlite3
from pathlib import Path


def open_db(path: Path, schema: str, *, durable: bool) -> sqlite3.Connection:
    """A connection in WAL mode with the schema applied; ``durable`` syncs every commit (money), else every checkpoint."""
    path.parent.mkdir(parents=True, exist_ok=True)
    db = sqlite3.connect(path, isolation_level=None, timeout=10, check_same_thread=False)
    db.row_factory = sqlite3.Row
    db.execute("PRAGMA journal_mode=WAL")
    db.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
    db.execute("PRAGMA cache_size=-1024")
    db.executescript(schema)
    return db
