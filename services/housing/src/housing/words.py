"""What a household may say about its offer, its place on the list and its lease, and what housing knows of each: the kinds of its words."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from anju_contracts import lease, waiting
from casekit.engine import CLOSED, OnRecord
from casekit.words import Kind, Look, Said
from chassis.errors import Problem
from sqlalchemy.ext.asyncio import AsyncSession

from housing import store
from housing.errors import ALREADY_ENDED, LEASE_NOT_OPEN, OFFER_NOT_OPEN, PROBLEMS
from housing.tables import LISTED

_NOT_NOW: Final = frozenset(problem.reason for problem in (OFFER_NOT_OPEN, LEASE_NOT_OPEN, ALREADY_ENDED))


async def _offer_is_open(session: AsyncSession, said: Said) -> bool:
    found = await store.offer(session, said.word.offer_id)
    return found is not None and found.offer.state == "open"


async def _is_listed(session: AsyncSession, said: Said) -> bool:
    entry = await store.waiting(session, said.workflow_id.removeprefix(waiting.workflow_id("")))
    return entry is not None and entry.state in LISTED


async def _is_to_be_signed(session: AsyncSession, said: Said) -> bool:
    found = await store.lease(session, said.workflow_id.removeprefix(lease.workflow_id("")))
    return found is not None and found.lease.state == "signing"


async def _drop_contract(session: AsyncSession, said: Said) -> None:
    await store.drop_contract(session, said.id)


def _kind(update: str, model: type[waiting.OfferAnswer | waiting.Leaving | lease.SignLease], is_open: Look, over: Problem) -> Kind:
    """While the record says the matter is open, its workflow may not know of it yet: its start, or the offer, is on the way to it."""

    async def on_record(session: AsyncSession, said: Said) -> OnRecord:
        return OnRecord.OPEN if await is_open(session, said) else OnRecord.OVER

    async def shown(session: AsyncSession, said: Said) -> bool:
        return not await is_open(session, said)

    return Kind(update, model, is_open, on_record, shown=shown, told=True, problems=PROBLEMS | {CLOSED.reason: over}, not_now=_NOT_NOW)


KINDS: Final = (
    _kind(waiting.ANSWER_OFFER, waiting.OfferAnswer, _offer_is_open, OFFER_NOT_OPEN),
    _kind(waiting.LEAVE, waiting.Leaving, _is_listed, ALREADY_ENDED),
    replace(_kind(lease.SIGN, lease.SignLease, _is_to_be_signed, LEASE_NOT_OPEN), refused=_drop_contract),
)
