"""Payment providers: how money gets from a tenant to the bank, and how we learn of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


class BankUnavailableError(Exception):
    """The bank did not answer, or not understandably. Whatever was asked may have happened: ask about it before trying again."""


class BankRefusedError(Exception):
    """The bank answered and refused."""


class ForgedCallbackError(Exception):
    """Not signed by the bank."""


class BadCallbackError(Exception):
    """Signed by the bank, but not a notice of a payment to us. ``kind`` says why, for the alarm."""

    def __init__(self, kind: str, order_id: str = "") -> None:
        super().__init__(kind)
        self.kind = kind
        self.order_id = order_id


@dataclass(frozen=True)
class Order:
    """What we ask the bank to collect. ``id`` is ours, at most 30 characters; after ``expires_at`` the bank refuses the payer."""

    id: str
    amount_fen: int
    opened_at: datetime
    expires_at: datetime
    remark: str


@dataclass(frozen=True)
class Notice:
    """What the bank says about an order; ``pending`` when it does not know yet itself. ``day_ended_at`` is the end of the day on which the bank booked
    the money, where it says so: it took the money before."""

    order_id: str
    amount_fen: int
    paid: bool
    pending: bool = False
    day_ended_at: datetime | None = None


@dataclass(frozen=True)
class Hint:
    """What a callback seems to say. Its fields are cut out of one line of text which the bank has signed as a whole: where a value held a separator, the
    same line can be cut in another way and say something else. So a callback only says that it is time to ask; money is posted on the answer.

    ``doubtful`` says why not even that much is believed, for the alarm; empty when nothing speaks against it.
    """

    order_id: str
    amount_fen: int
    paid: bool
    doubtful: str = ""
    day_ended_at: datetime | None = None


class Bank(Protocol):
    name: str

    async def open(self, order: Order) -> str:
        """Gives the order to the bank; the address at which the payer pays. The same order again is the same order.
        Raises BankUnavailableError, BankRefusedError."""
        ...

    async def query(self, order: Order) -> Notice:
        """What became of the order. Raises BankUnavailableError; silence is never "not paid"."""
        ...

    def callback(self, raw: bytes) -> Hint:
        """Reads the bank's callback as it came over the wire. Raises ForgedCallbackError, BadCallbackError."""
        ...
