"""gRPC surface of housing, the part workflows use: each step is recorded once, under its step id."""

from __future__ import annotations

import base64
from typing import Any, TypeVar

from anju.common.v1 import common_pb2
from anju.housing.v1 import housing_pb2 as pb
from anju_workflows.transitions import WAITING
from chassis import once
from chassis.calendar import local_date
from chassis.crypto import KeyRing
from chassis.db import Database
from chassis.errors import NOT_FOUND, Refusal, invalid
from chassis.wire import instant, missing, wrong
from google.protobuf.message import Message
from sqlalchemy.ext.asyncio import AsyncSession

from housing import reach, store, wire
from housing.domain import leases
from housing.errors import OFFER_NOT_OPEN, STEP_REFUSED
from housing.tables import LISTED, Lease, Offer, Once, Waiting

M = TypeVar("M", bound=Message)
Context = Any

OFFER_OUTCOMES = ("accepted", "declined", "expired")


class WorkflowSteps:
    def __init__(self, database: Database, ring: KeyRing) -> None:
        self._database = database
        self._ring = ring

    async def RegisterWaiting(self, request: pb.RegisterWaitingRequest, context: Context) -> pb.RegisterWaitingResponse:
        key = _step_key(request.step, "RegisterWaiting")
        entry = _new_entry(request)
        async with self._database.transaction() as session:
            known = await once.find(session, Once, key, request, pb.RegisterWaitingResponse())
            if known is not None:
                return known
            if await store.waiting(session, entry.application_no) is not None:
                raise Refusal(STEP_REFUSED)
            session.add(entry)
            await session.flush()
            answer = pb.RegisterWaitingResponse(rank=await store.rank(session, entry))
            once.remember(session, Once, key, request, answer)
        return answer

    async def CloseOffer(self, request: pb.CloseOfferRequest, context: Context) -> pb.CloseOfferResponse:
        key = _step_key(request.step, "CloseOffer")
        if request.outcome not in OFFER_OUTCOMES:
            raise invalid([wrong("/outcome", "配租结果无效。", f"One of {', '.join(OFFER_OUTCOMES)}.")])
        async with self._database.transaction() as session:
            known = await once.find(session, Once, key, request, pb.CloseOfferResponse())
            if known is not None:
                return known
            offer = await store.lock_offer(session, request.offer_id)
            if offer is None:
                raise Refusal(NOT_FOUND)
            if offer.state != "open":
                raise Refusal(OFFER_NOT_OPEN)
            closed_at = instant(request.step, "as_of")
            await store.close_offer(session, offer.id, request.outcome, self._sealed(offer.id, request.reason), closed_at)
            answer = pb.CloseOfferResponse()
            if request.outcome == "accepted":
                await store.set_waiting_state(session, offer.application_no, LISTED, "leasing", None)
                answer.lease.CopyFrom(wire.lease(await _draft(session, offer, request)))
            else:
                await store.set_waiting_state(session, offer.application_no, ("offered",), "waiting", None)
            once.remember(session, Once, key, request, answer)
        return answer

    async def CloseWaiting(self, request: pb.CloseWaitingRequest, context: Context) -> pb.CloseWaitingResponse:
        key = _step_key(request.step, "CloseWaiting")
        if request.outcome not in WAITING.ends:
            raise invalid([wrong("/outcome", "轮候结果无效。", f"One of {', '.join(sorted(WAITING.ends))}.")])
        async with self._database.transaction() as session:
            known = await once.find(session, Once, key, request, pb.CloseWaitingResponse())
            if known is not None:
                return known
            if await store.waiting(session, request.application_no) is None:
                raise Refusal(NOT_FOUND)
            sources = ("leasing",) if request.outcome == "leased" else LISTED
            closed_at = instant(request.step, "as_of")
            if not await store.set_waiting_state(session, request.application_no, sources, request.outcome, closed_at):
                raise Refusal(STEP_REFUSED)
            # An offer made in the moment the household left may never reach its workflow; the home must not stay taken for it.
            for open_ in await store.open_offers(session, request.application_no):
                await store.close_offer(session, open_.id, "declined", self._sealed(open_.id, "已退出轮候"), closed_at)
            answer = pb.CloseWaitingResponse()
            once.remember(session, Once, key, request, answer)
        return answer

    async def AdvanceLease(self, request: pb.AdvanceLeaseRequest, context: Context) -> pb.AdvanceLeaseResponse:
        key = _step_key(request.step, "AdvanceLease")
        async with self._database.transaction() as session:
            known = await once.find(session, Once, key, request, pb.AdvanceLeaseResponse())
            if known is not None:
                return known
            lease = await store.lock_lease(session, request.lease_no)
            if lease is None:
                raise Refusal(NOT_FOUND)
            state = leases.next_state(lease.state, request.event)
            if state is None:
                raise Refusal(STEP_REFUSED)
            await _move(session, lease, state, request.step)
            leased = await store.lease(session, lease.no)
            assert leased is not None
            answer = pb.AdvanceLeaseResponse(lease=wire.lease(leased))
            once.remember(session, Once, key, request, answer)
        return answer

    def _sealed(self, offer_id: str, reason: str) -> str:
        """What a household gives as its reason is free text, and may say anything about anybody."""
        if not reason:
            return ""
        return base64.b64encode(self._ring.encrypt(reason[:500].encode(), f"offers|reason|{offer_id}")).decode()


def _step_key(step: common_pb2.Step, method: str) -> str:
    """Only the worker makes steps, and every step has a name and a business instant."""
    reach.worker()
    if not step.step_id:
        raise invalid([missing("/step/step_id")])
    instant(step, "as_of")
    return f"{step.step_id}:{method}"


def _new_entry(request: pb.RegisterWaitingRequest) -> Waiting:
    empty = [name for name in ("application_no", "owner", "masked_name", "district", "street") if not getattr(request, name)]
    if empty:
        raise invalid([missing(f"/{name}") for name in empty])
    if request.household_size < 1 or request.offer_open_seconds < 1:
        raise invalid([wrong("/household_size", "人口数和答复期限应大于零。", "Size and answering time must be positive.")])
    return Waiting(
        application_no=request.application_no,
        owner=request.owner,
        masked_name=request.masked_name,
        district=request.district,
        street=request.street,
        household_size=request.household_size,
        accepted_on=local_date(instant(request, "accepted_at")),
        registered_at=instant(request.step, "as_of"),
        expires_at=instant(request, "expires_at"),
        offer_open_seconds=request.offer_open_seconds,
        state="waiting",
    )


async def _draft(session: AsyncSession, offer: Offer, request: pb.CloseOfferRequest) -> store.LeasedHome:
    """The lease of an accepted offer, with the home's rent and deposit of this day."""
    offered = await store.offer(session, offer.id)
    entry = await store.waiting(session, offer.application_no)
    assert offered is not None
    assert entry is not None
    as_of = instant(request.step, "as_of")
    day = local_date(as_of)
    try:
        starts_on, ends_on = leases.term(day, request.term_months, await store.free_from(session, offer.unit_id))
    except ValueError:
        zh = f"租期应在 1 至 {leases.MAX_TERM_MONTHS} 个月之间。"
        raise invalid([wrong("/term_months", zh, f"Between 1 and {leases.MAX_TERM_MONTHS} months.")]) from None
    unit = offered.home.unit
    session.add(
        Lease(
            no=leases.lease_no(day.year, await store.next_lease_number(session, day.year)),
            offer_id=offer.id,
            unit_id=unit.id,
            application_no=offer.application_no,
            owner=offer.owner,
            district=entry.district,
            street=entry.street,
            state="signing",
            released=False,
            starts_on=starts_on,
            ends_on=ends_on,
            monthly_rent_fen=unit.monthly_rent_fen,
            deposit_fen=unit.deposit_fen,
            drafted_at=as_of,
            sign_by=instant(request, "sign_by"),
        )
    )
    await session.flush()
    leased = await store.lease_of_offer(session, offer.id)
    assert leased is not None
    return leased


async def _move(session: AsyncSession, lease: Lease, state: str, step: common_pb2.Step) -> None:
    as_of = instant(step, "as_of")
    if lease.state == "signing" and state == "deposit":
        lease.signed_at = as_of
    if state == "ended":
        # Ended before its term, the home is free from the next day on; a lease cannot end before it began.
        last = max(lease.starts_on, local_date(as_of))
        lease.vacated_on = last if last < lease.ends_on else None
    lease.state = state
    lease.released = not leases.is_live(state)
    lease.version += 1
    session.add(lease)
    await session.flush()
    if lease.released:
        await store.release_offer(session, lease.offer_id)
