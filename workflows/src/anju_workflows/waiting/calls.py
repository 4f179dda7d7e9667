"""What a registered household's waiting asks of housing."""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal

from anju_contracts.base import Model
from anju_contracts.waiting import OfferMade, WaitingTerms

from anju_workflows.calling import Step, quick, recorded

REGISTER_WAITING: Final = "register_waiting"
TAKE_OFFER: Final = "take_offer"
CLOSE_OFFER: Final = "close_offer"
CLOSE_WAITING: Final = "close_waiting"


class RegisterWaiting(Model):
    no: str
    step: Step


class DraftedLease(Model):
    """Of an accepted offer; empty for another outcome."""

    lease_no: str = ""
    sign_by: datetime | None = None
    unit: str = ""


class Registration(Model):
    """The household's place on the list, and the terms it waits on. The rest is what is on record already, for a workflow that was started again:
    ``told`` when the open offer was taken by one before it, ``drafted`` when the household has accepted and is not off the list yet."""

    rank: int
    terms: WaitingTerms
    declines: int = 0
    offer: OfferMade | None = None
    told: bool = False
    drafted: DraftedLease | None = None


class TakeOffer(Model):
    """``offer`` is what the workflow was told; housing looks at its own."""

    no: str
    offer: OfferMade
    step: Step


class TakenOffer(Model):
    """None when housing has made no such offer, or it is over."""

    offer: OfferMade | None = None


class CloseOffer(Model):
    offer_id: str
    step: Step
    outcome: Literal["accepted", "declined", "expired"]
    reason: str = ""
    unserved: bool = False


class CloseWaiting(Model):
    no: str
    step: Step
    outcome: str


async def register_waiting(arg: RegisterWaiting) -> Registration:
    return await quick(REGISTER_WAITING, arg, Registration, "登记为轮候对象")


async def take_offer(arg: TakeOffer) -> TakenOffer:
    return await quick(TAKE_OFFER, arg, TakenOffer, "核对配租并通知申请家庭")


async def close_offer(arg: CloseOffer) -> DraftedLease:
    return await recorded(CLOSE_OFFER, arg, DraftedLease, "记录配租结果")


async def close_waiting(arg: CloseWaiting) -> str:
    return await recorded(CLOSE_WAITING, arg, str, "移出轮候名册")
