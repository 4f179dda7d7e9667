"""Waiting (轮候): from registration to an accepted home (Order 11, articles 10 to 14)."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from pydantic import Field

from anju_contracts.base import Model, Place, Text, Word
from anju_contracts.moves import Move, Table

NAME: Final = "Waiting"


def workflow_id(no: str) -> str:
    return f"waiting/{no}"


class WaitingTerms(Model):
    """On what terms a household waits: fixed by housing on the day of registration."""

    expires_at: datetime = Field(description="five years after registration: Order 11, article 10")
    alarms_at: tuple[datetime, ...] = ()
    offer_open_days: int = Field(gt=0)
    max_declines: int = Field(gt=0)


class WaitingInput(Model):
    application_no: str
    owner: str
    place: Place
    separate_queues: bool = False
    generation: int = Field(
        default=0,
        description="how many workflows this registration has had before; one that is not the first goes on where the record stands",
    )
    not_before: datetime | None = Field(default=None, description="as of an application")


OFFER_MADE: Final = "offer_made"
ANSWER_OFFER: Final = "answer_offer"
LEAVE: Final = "leave"


class OfferMade(Model):
    """Signal ``offer_made``, sent by housing once the offer is in its table."""

    offer_id: str
    unit: str = Field(description="human name of the unit, no personal data")
    expires_at: datetime


class OfferAnswer(Word):
    """Update ``answer_offer``."""

    offer_id: str
    accept: bool
    reason: Text = ""


class Leaving(Word):
    """Update ``leave``."""

    reason: Text = ""


MOVES: Final = Table(
    "waiting",
    "轮候",
    start="waiting",
    ends=("leased", "left", "struck_off", "expired"),
    stages={
        "waiting": "轮候中",
        "offered": "已配租待确认",
        "leased": "已签约入住流程",
        "left": "主动退出",
        "struck_off": "取消轮候",
        "expired": "轮候期满",
    },
    moves=(
        Move("waiting", "offer_made", "offered", "house_manager"),
        Move("offered", "offer_accepted", "leased", "citizen"),
        Move("offered", "offer_declined", "waiting", "citizen"),
        Move("offered", "offer_expired", "waiting", "system"),
        Move("waiting", "too_many_declines", "struck_off", "system"),
        Move("waiting", "limit_reached", "expired", "system"),
        Move("*", "left", "left", "citizen"),
    ),
)
