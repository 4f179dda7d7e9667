"""The port behind which every channel stands that leads out of the house: one parcel, one try; who retries, and what comes next, is not its business."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

# Codes of the vocabulary ``channels``. In this order, each only when the one before it has failed or is not open to the household.
ORDER: Final = ("sms", "letter")


class UnavailableError(RuntimeError):
    """The channel's other side did not answer, or refused us rather than the message; asking again may help."""


class RefusedError(RuntimeError):
    """The other side understood us and will never take this. ``address`` when it is the address that is wrong, not the message."""

    def __init__(self, *, address: bool) -> None:
        super().__init__("address" if address else "message")
        self.address = address


@dataclass(frozen=True)
class Parcel:
    """One message for one address. ``id`` is known on the other side: asking twice sends once."""

    id: str
    template: str
    address: str
    text: str


@dataclass(frozen=True)
class Receipt:
    """What the other side says became of a parcel, and when."""

    id: str
    delivered: bool
    address: bool
    at: datetime


class Channel(Protocol):
    async def send(self, parcel: Parcel) -> None:
        """Raises UnavailableError, RefusedError."""
