"""The bank's own book: orders, payments and callback deliveries in ``bank.sqlite``, synced at every commit."""

import json
import sqlite3
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from anju_sandbox.db import open_db

_SCHEMA = """
CREATE TABLE IF NOT EXISTS pay_order (
    order_id TEXT PRIMARY KEY,
    token TEXT NOT NULL UNIQUE,
    fields TEXT NOT NULL,
    payment_fen INTEGER NOT NULL CHECK (payment_fen > 0),
    status TEXT NOT NULL CHECK (status IN ('open', 'paid')),
    created_at TEXT NOT NULL,
    expires_at TEXT,
    paid_at TEXT,
    account_date TEXT,
    bank_serial TEXT UNIQUE
);
CREATE INDEX IF NOT EXISTS pay_order_by_date ON pay_order (account_date);
CREATE TABLE IF NOT EXISTS callback (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    order_id TEXT NOT NULL REFERENCES pay_order (order_id),
    state TEXT NOT NULL CHECK (state IN ('due', 'delivered', 'dropped', 'given_up')),
    due_at REAL NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    last_answer TEXT NOT NULL DEFAULT ''
);
CREATE INDEX IF NOT EXISTS callback_due ON callback (state, due_at);
"""


@dataclass(frozen=True, slots=True)
class Order:
    """A payment order as the bank knows it; times are ISO 8601 with offset, the amount is fen."""

    order_id: str
    token: str
    fields: dict[str, str]
    payment_fen: int
    status: str
    created_at: str
    expires_at: str | None
    paid_at: str | None
    account_date: str | None
    bank_serial: str | None

    def expired(self, now: datetime) -> bool:
        """Whether the merchant's time-out has passed."""
        return self.expires_at is not None and now > datetime.fromisoformat(self.expires_at)


@dataclass(frozen=True, slots=True)
class Delivery:
    """A callback to be delivered or already dealt with; due_at in seconds since the epoch."""

    seq: int
    order_id: str
    state: str
    due_at: float
    attempts: int
    last_answer: str


def _order(row: sqlite3.Row) -> Order:
    return Order(**(dict(row) | {"fields": json.loads(row["fields"])}))


class BankLedger:
    """Every statement commits on its own; money moves only in :meth:`capture`."""

    def __init__(self, data_dir: Path) -> None:
        self._db: sqlite3.Connection = open_db(data_dir / "bank.sqlite", _SCHEMA, durable=True)

    def open_order(self, fields: dict[str, str], fen: int, token: str, now: datetime, expires: datetime | None) -> Order | None:
        """Enters an order; the existing one if it is the same, None if the order id is taken by another content."""
        text = json.dumps(fields, ensure_ascii=False, sort_keys=True)
        self._db.execute(
            "INSERT INTO pay_order (order_id, token, fields, payment_fen, status, created_at, expires_at)"
            " VALUES (?, ?, ?, ?, 'open', ?, ?) ON CONFLICT (order_id) DO NOTHING",
            (fields["ORDERID"], token, text, fen, now.isoformat(), expires.isoformat() if expires else None),
        )
        order = self.order(fields["ORDERID"])
        return order if order and order.fields == fields else None

    def order(self, order_id: str) -> Order | None:
        """An order by its id."""
        row = self._db.execute("SELECT * FROM pay_order WHERE order_id = ?", (order_id,)).fetchone()
        return _order(row) if row else None

    def order_by_token(self, token: str) -> Order | None:
        """An order by the token in the address of its page."""
        row = self._db.execute("SELECT * FROM pay_order WHERE token = ?", (token,)).fetchone()
        return _order(row) if row else None

    def capture(self, order_id: str, now: datetime, callbacks: list[tuple[str, float]]) -> bool:
        """Books a payment and its callbacks (state, due time) in one transaction; False if it was paid before."""
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            serial = self._db.execute("SELECT COUNT(*) FROM pay_order WHERE bank_serial IS NOT NULL").fetchone()[0] + 1
            done = self._db.execute(
                "UPDATE pay_order SET status = 'paid', paid_at = ?, account_date = ?, bank_serial = ?"
                " WHERE order_id = ? AND status = 'open'",
                (now.isoformat(), f"{now:%Y%m%d}", f"{now:%Y%m%d}99{serial:010d}", order_id),
            ).rowcount
            if done:
                self._db.executemany(
                    "INSERT INTO callback (order_id, state, due_at) VALUES (?, ?, ?)",
                    [(order_id, state, due_at) for state, due_at in callbacks],
                )
        return bool(done)

    def pass_time(self, remark: str, by: timedelta) -> int:
        """Lets time pass for the open orders with this first remark: their time-out comes nearer by as much; returns how many there are."""
        rows = self._db.execute(
            "SELECT order_id, expires_at FROM pay_order WHERE status = 'open' AND expires_at IS NOT NULL AND json_extract(fields, '$.REMARK1') = ?",
            (remark,),
        ).fetchall()
        for order_id, expires_at in rows:
            earlier = (datetime.fromisoformat(expires_at) - by).isoformat()
            self._db.execute("UPDATE pay_order SET expires_at = ? WHERE order_id = ?", (earlier, order_id))
        return len(rows)

    def add_callback(self, order_id: str, due_at: float) -> None:
        """One more delivery of a payment's callback."""
        self._db.execute("INSERT INTO callback (order_id, state, due_at) VALUES (?, 'due', ?)", (order_id, due_at))

    def due_callbacks(self, now: float, limit: int) -> list[Delivery]:
        """Deliveries whose time has come, oldest first."""
        rows = self._db.execute("SELECT * FROM callback WHERE state = 'due' AND due_at <= ? ORDER BY due_at, seq LIMIT ?", (now, limit))
        return [Delivery(**dict(row)) for row in rows]

    def next_due(self) -> float | None:
        """When the next delivery is due."""
        return self._db.execute("SELECT MIN(due_at) FROM callback WHERE state = 'due'").fetchone()[0]  # type: ignore[no-any-return]

    def settle_callback(self, seq: int, state: str, due_at: float, answer: str) -> None:
        """Notes the outcome of one attempt."""
        self._db.execute(
            "UPDATE callback SET state = ?, due_at = ?, attempts = attempts + 1, last_answer = ? WHERE seq = ?",
            (state, due_at, answer[:200], seq),
        )

    def retry_now(self, order_id: str = "") -> int:
        """Makes waiting, dropped and given-up callbacks (of one order, or all) due at once; returns how many."""
        return self._db.execute(
            "UPDATE callback SET state = 'due', due_at = 0 WHERE state <> 'delivered' AND (? = '' OR order_id = ?)",
            (order_id, order_id),
        ).rowcount

    def orders(self, *, account_date: str = "", after: str = "", limit: int = 500) -> list[Order]:
        """Orders in id order after a given id; with an account date only those paid on it."""
        rows = self._db.execute(
            "SELECT * FROM pay_order WHERE order_id > ? AND (? = '' OR account_date = ?) ORDER BY order_id LIMIT ?",
            (after, account_date, account_date, max(1, min(limit, 5000))),
        )
        return [_order(row) for row in rows]

    def callbacks(self, *, order_id: str = "", after: int = 0, limit: int = 500) -> list[Delivery]:
        """Deliveries in order."""
        rows = self._db.execute(
            "SELECT * FROM callback WHERE seq > ? AND (? = '' OR order_id = ?) ORDER BY seq LIMIT ?",
            (after, order_id, order_id, max(1, min(limit, 5000))),
        )
        return [Delivery(**dict(row)) for row in rows]

    def close(self) -> None:
        """Closes the file."""
        self._db.close()
