"""The chart of accounts and the entries made in it: double entry, integer fen, a debit is positive and a credit negative.

Rent of government-owned homes is non-tax income (非税收入) owed to the treasury in full, nothing is netted against it (Order 11, article 22); a
deposit is the tenant's money and never income.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from anju_terms import terms

BANK_CCB: Final = "bank:ccb"
RENT_INCOME: Final = "income:rent"
BANK_CASH: Final = "bank:cash"
SUSPENSE: Final = "suspense"


@dataclass(frozen=True)
class Head:
    """A line of the chart; ``many`` heads have an account a lease, or of cash one a till, ``{code}:{lease}``."""

    code: str
    many: bool

    @property
    def title(self) -> str:
        return terms("ledger_heads")[self.code].zh


CHART: Final = (
    Head("receivable", many=True),
    Head(BANK_CCB, many=False),
    Head("cash", many=True),
    Head(BANK_CASH, many=False),
    Head(RENT_INCOME, many=False),
    Head("deposit", many=True),
    Head("credit", many=True),
    Head(SUSPENSE, many=False),
)


def receivable(lease: str) -> str:
    return f"receivable:{lease}"


def deposit(lease: str) -> str:
    return f"deposit:{lease}"


def credit(lease: str) -> str:
    return f"credit:{lease}"


def till(point: str) -> str:
    """Cash in hand at a counter."""
    return f"cash:{point}"


def bank(provider: str) -> str:
    """Money a provider has taken and not yet settled to the treasury's account."""
    return f"bank:{provider}"


@dataclass(frozen=True)
class Posting:
    account: str
    amount_fen: int


@dataclass(frozen=True)
class Entry:
    """Postings that belong together. Raises ValueError when they do not balance, or name an account twice or for nothing."""

    kind: str
    postings: tuple[Posting, ...]

    def __post_init__(self) -> None:
        if len(self.postings) < 2 or sum(p.amount_fen for p in self.postings) != 0:
            raise ValueError(f"an entry of kind {self.kind} does not balance")
        accounts = {p.account for p in self.postings}
        if len(accounts) != len(self.postings) or any(p.amount_fen == 0 for p in self.postings):
            raise ValueError(f"an entry of kind {self.kind} names an account twice or for nothing")

    @property
    def amount_fen(self) -> int:
        """How much money it moves."""
        return sum(p.amount_fen for p in self.postings if p.amount_fen > 0)


def _entry(kind: str, *postings: tuple[str, int]) -> Entry:
    return Entry(kind, tuple(Posting(account, amount) for account, amount in postings if amount != 0))


def issued(kind: str, lease: str, amount_fen: int) -> Entry:
    """A bill is issued: the tenant owes, the treasury (rent) or the tenant himself (deposit) will be owed. Raises ValueError."""
    if amount_fen <= 0:
        raise ValueError("a bill is for a positive amount")
    owed_to = {"rent": RENT_INCOME, "deposit": deposit(lease)}[kind]
    return _entry("issue", (receivable(lease), amount_fen), (owed_to, -amount_fen))


def credit_used(lease: str, amount_fen: int) -> Entry:
    """What a tenant paid over before settles what he owes now."""
    if amount_fen <= 0:
        raise ValueError("a credit that is used is positive")
    return _entry("credit", (credit(lease), amount_fen), (receivable(lease), -amount_fen))


def claim_withdrawn(lease: str, amount_fen: int) -> Entry:
    """What is unpaid of a deposit is no longer asked for: its lease lapsed."""
    return _entry("withdraw", (deposit(lease), amount_fen), (receivable(lease), -amount_fen))


def paid(provider: str, lease: str, amount_fen: int, owed_fen: int) -> Entry:
    """A tenant's money arrives: it settles what is owed, and what is over is the tenant's credit. Raises ValueError."""
    if amount_fen <= 0 or owed_fen < 0:
        raise ValueError("money that arrives is positive, a debt is not negative")
    settles = min(amount_fen, owed_fen)
    return _entry("payment", (bank(provider), amount_fen), (receivable(lease), -settles), (credit(lease), settles - amount_fen))


def cash_taken(point: str, lease: str, amount_fen: int, owed_fen: int) -> Entry:
    """A tenant's money comes over a counter. Raises ValueError."""
    return Entry("cash", (Posting(till(point), amount_fen), *paid("counter", lease, amount_fen, owed_fen).postings[1:]))


def cash_counted(point: str, over_fen: int) -> Entry:
    """There is more in a till than its receipts say, or (negative) less: held until somebody knows why."""
    return _entry("cash_difference", (till(point), over_fen), (SUSPENSE, -over_fen))


def cash_deposited(point: str, counted_fen: int, slip_fen: int) -> Entry:
    """What was counted leaves the till; what the bank's slip says differently is held in suspense."""
    return _entry("cash_deposit", (BANK_CASH, slip_fen), (till(point), -counted_fen), (SUSPENSE, counted_fen - slip_fen))


def unexplained(provider: str, amount_fen: int) -> Entry:
    """Money arrives and nobody knows what for: it is held until people have found out (挂账)."""
    if amount_fen <= 0:
        raise ValueError("money that arrives is positive")
    return _entry("suspense", (bank(provider), amount_fen), (SUSPENSE, -amount_fen))


@dataclass(frozen=True)
class Balance:
    """One of the two is nought."""

    head: Head
    debit_fen: int
    credit_fen: int


def trial_balance(balances: Iterable[tuple[str, int]]) -> list[Balance]:
    """The chart with its balances, from the signed sums by head code; both columns add up to the same. Raises KeyError for an unknown head."""
    sums = {head.code: 0 for head in CHART}
    for code, amount in balances:
        sums[code] += amount
    return [Balance(head, max(sums[head.code], 0), max(-sums[head.code], 0)) for head in CHART]
