"""The account of a household at its lease, from the entries of the ledger: what is asked for, what came, what is owed and what is its own."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

_RECEIPT: Final = re.compile(r"R([0-9]{8,18})")
# What stands for money that came in: such an entry has a receipt.
PAYMENTS: Final = frozenset({"payment", "cash"})


@dataclass(frozen=True)
class Entry:
    """An entry of the ledger as far as it touches the lease's accounts: what it moves on each, debit positive."""

    number: int
    kind: str
    at: datetime
    bill_id: str
    bill_kind: str
    period: str
    receivable_fen: int
    credit_fen: int


@dataclass(frozen=True)
class Line:
    """``owed_fen`` and ``credit_fen`` are as they stand after it."""

    entry: Entry
    charged_fen: int
    received_fen: int
    settled_fen: int
    owed_fen: int
    credit_fen: int

    @property
    def receipt_no(self) -> str:
        return receipt_no(self.entry.number) if self.entry.kind in PAYMENTS else ""


@dataclass(frozen=True)
class Statement:
    lines: Sequence[Line]
    charged_fen: int
    received_fen: int
    owed_fen: int
    credit_fen: int
    deposit_fen: int


def statement(entries: Iterable[Entry]) -> Statement:
    """``entries`` in their order. What came in is what settled a bill or became credit; credit that settles a bill came in before."""
    lines: list[Line] = []
    owed = credit = deposit = 0
    for entry in entries:
        owed += entry.receivable_fen
        credit -= entry.credit_fen
        charges = entry.kind in ("issue", "withdraw")
        settled = 0 if charges else -entry.receivable_fen
        if entry.bill_kind == "deposit":
            deposit += settled
        lines.append(
            Line(entry, entry.receivable_fen if charges else 0, 0 if charges else settled - entry.credit_fen, settled, owed, credit)
        )
    return Statement(lines, sum(line.charged_fen for line in lines), sum(line.received_fen for line in lines), owed, credit, deposit)


def receipt_no(entry_number: int) -> str:
    return f"R{entry_number:08d}"


def entry_number(receipt_no: str) -> int | None:
    """Of the entry a receipt is for; None for what is no number of a receipt."""
    match = _RECEIPT.fullmatch(receipt_no)
    return int(match[1]) if match else None
