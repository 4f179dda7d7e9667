"""gRPC surface of housing, the part workflows use: each step is recorded once, under its step id, with what it tells people."""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import anju_calendar as calendar
from anju.casework.v1 import casework_pb2 as casework
from anju.common.v1 import common_pb2
from anju.housing.v1 import housing_pb2 as pb
from anju_calendar import local_date
from anju_contracts import lease as lease_contract
from anju_contracts import rent, waiting
from casekit import tell
from casekit.facts import record as record_facts
from casekit.tell import Tellings
from casekit.words import Said, Words, by_nobody, not_said
from chassis import once
from chassis.crypto import KeyRing
from chassis.db import Database
from chassis.errors import NOT_FOUND, Refusal, invalid
from chassis.identity import accounts_of
from chassis.outbox import Outbox
from chassis.wire import day, instant, missing, utc, wrong
from google.protobuf.message import Message
from sqlalchemy.ext.asyncio import AsyncSession

from housing import facts, store, wire
from housing.applicants import Applicants
from housing.contracts import CONTRACT_FILE, Contracts
from housing.deposits import Deposits
from housing.domain import leases
from housing.errors import OFFER_NOT_OPEN, STEP_REFUSED
from housing.tables import LISTED, UNSERVED, Lease, Offer, Once, Waiting
from housing.terms import Terms, TermsOf

M = TypeVar("M", bound=Message)
Context = Any

# What the deposit must have become for a lease to go from there.
_DEPOSIT = {"activated": "paid", "lapsed": "arrears"}
OFFER_OUTCOMES = ("accepted", "declined", "expired")


@dataclass(frozen=True)
class Parts:
    """What every call works with; made once by the composition root."""

    database: Database
    ring: KeyRing
    outbox: Outbox
    tellings: Tellings
    applicants: Applicants
    terms_of: TermsOf
    words: Words
    deposits: Deposits
    contracts: Contracts


class WorkflowSteps:
    def __init__(self, parts: Parts) -> None:
        self._database = parts.database
        self._ring = parts.ring
        self._outbox = parts.outbox
        self._tellings = parts.tellings
        self._applicants = parts.applicants
        self._terms_of = parts.terms_of
        self._words = parts.words
        self._deposits = parts.deposits
        self._contracts = parts.contracts

    async def RegisterWaiting(self, request: pb.RegisterWaitingRequest, context: Context) -> pb.RegisterWaitingResponse:
        _check_step(request.step)
        by_nobody(request.step, waiting.workflow_id(request.application_no))
        # Outside of the transaction: a slow casework must not hold the key and a connection.
        applicant = await self._applicants.registered(request.application_no)

        async def record(session: AsyncSession, answer: pb.RegisterWaitingResponse) -> str:
            as_of = instant(request.step, "as_of")
            entry = await store.waiting(session, request.application_no)
            # Fixed on the day of registration, also for a workflow that is started again years later.
            terms = self._terms_of(local_date(as_of if entry is None else entry.registered_at))
            if entry is None:
                entry = _new_entry(request.application_no, applicant, as_of, terms)
                session.add(entry)
                await session.flush()
                await record_facts(session, facts.entered(entry))
            elif entry.closed_at is not None:
                raise Refusal(STEP_REFUSED)
            else:
                # A workflow that was started again finds the household where the record has it.
                await self._on_record(session, entry, answer)
            answer.rank = await store.rank(session, entry)
            answer.terms.CopyFrom(wire.waiting_terms(terms.of_waiting(entry.registered_at)))
            tell.fill_in(request.step, rank=tell.count(answer.rank), expires=tell.day(entry.expires_at))
            return entry.application_no

        return await self._once(request, pb.RegisterWaitingResponse(), record)

    async def TakeOffer(self, request: pb.TakeOfferRequest, context: Context) -> pb.TakeOfferResponse:
        _check_step(request.step)
        workflow_id = waiting.workflow_id(request.application_no)
        by_nobody(request.step, workflow_id)
        async with self._database.statements() as session:
            known = await store.offer(session, request.offer_id)
        if known is None or known.offer.application_no != request.application_no:
            # An alarm, and no refusal: the household's workflow waits on.
            not_said(workflow_id, waiting.OFFER_MADE)
            return pb.TakeOfferResponse()
        if known.offer.state != "open":
            return pb.TakeOfferResponse()

        async def record(session: AsyncSession, answer: pb.TakeOfferResponse) -> str:
            entry = await store.waiting(session, request.application_no)
            assert entry is not None
            answer.offer.CopyFrom(wire.open_offer(known))
            # The household's own calendar decides how long it may think, even when housing's clock is behind it.
            expires = max(known.offer.expires_at, calendar.days_after(instant(request.step, "as_of"), entry.offer_open_days))
            answer.offer.expires_at.FromDatetime(expires)
            await store.take_offer(session, request.offer_id, expires)
            tell.fill_in(request.step, unit=tell.text(answer.offer.unit), expires=tell.day(expires))
            return request.application_no

        return await self._once(request, pb.TakeOfferResponse(), record)

    async def CloseOffer(self, request: pb.CloseOfferRequest, context: Context) -> pb.CloseOfferResponse:
        _check_step(request.step)
        if request.outcome not in OFFER_OUTCOMES:
            raise invalid([wrong("/outcome", "配租结果无效。", f"One of {', '.join(OFFER_OUTCOMES)}.")])

        async def record(session: AsyncSession, answer: pb.CloseOfferResponse) -> str:
            offer = await store.lock_offer(session, request.offer_id)
            if offer is None:
                raise Refusal(NOT_FOUND)
            if offer.state != "open":
                raise Refusal(OFFER_NOT_OPEN)
            await self._answered(session, offer, request)
            closed_at = instant(request.step, "as_of")
            reason, word = UNSERVED if request.unserved else self._sealed(offer.id, request.reason), request.step.word_id
            await store.close_offer(session, offer.id, request.outcome, reason, closed_at, word)
            await record_facts(session, facts.answered(await _entry(session, offer.application_no), offer.id, request.outcome, closed_at))
            if request.outcome == "accepted":
                await store.set_waiting_state(session, offer.application_no, LISTED, "leasing", None)
                answer.lease.CopyFrom(wire.lease(await self._draft(session, offer, closed_at)))
                sign_by = tell.day(utc(answer.lease.sign_by))
                tell.fill_in(request.step, lease=tell.text(answer.lease.no), sign_by=sign_by)
            else:
                await store.set_waiting_state(session, offer.application_no, ("offered",), "waiting", None)
            return offer.application_no

        return await self._once(request, pb.CloseOfferResponse(), record)

    async def CloseWaiting(self, request: pb.CloseWaitingRequest, context: Context) -> pb.CloseWaitingResponse:
        _check_step(request.step)
        if request.outcome not in waiting.MOVES.ends:
            raise invalid([wrong("/outcome", "轮候结果无效。", f"One of {', '.join(sorted(waiting.MOVES.ends))}.")])

        async def record(session: AsyncSession, answer: pb.CloseWaitingResponse) -> str:
            entry = await store.waiting(session, request.application_no)
            if entry is None:
                raise Refusal(NOT_FOUND)
            left = request.outcome == "left"
            await self._said(session, request.step, waiting.workflow_id(entry.application_no), entry.owner, waiting.LEAVE if left else "")
            sources = ("leasing",) if request.outcome == "leased" else LISTED
            closed_at = instant(request.step, "as_of")
            word = request.step.word_id
            if not await store.set_waiting_state(session, request.application_no, sources, request.outcome, closed_at, word):
                raise Refusal(STEP_REFUSED)
            told = [facts.left(entry, request.outcome, closed_at)]
            # An offer made in the moment the household left may never reach its workflow; the home must not stay taken for it.
            for open_ in await store.open_offers(session, request.application_no):
                ended = "declined" if left else "expired"
                await store.close_offer(session, open_.id, ended, self._sealed(open_.id, "已退出轮候"), closed_at, word)
                told.append(facts.answered(entry, open_.id, ended, closed_at))
            await record_facts(session, *told)
            return request.application_no

        return await self._once(request, pb.CloseWaitingResponse(), record)

    async def AdvanceLease(self, request: pb.AdvanceLeaseRequest, context: Context) -> pb.AdvanceLeaseResponse:
        """What became of the deposit its workflow was told; payments says what is so."""
        _check_step(request.step)
        # Outside of the transaction: a slow payments must not hold the lease and a connection.
        deposit = await self._deposits.state(request.lease_no) if request.event in ("activated", "lapsed") else ""

        async def record(session: AsyncSession, answer: pb.AdvanceLeaseResponse) -> str:
            lease = await store.lock_lease(session, request.lease_no)
            if lease is None:
                raise Refusal(NOT_FOUND)
            state = leases.next_state(lease.state, request.event)
            if state is None:
                raise Refusal(STEP_REFUSED)
            if lease.state == "deposit" and lease.deposit_fen > 0 and deposit != _DEPOSIT[request.event]:
                raise not_said(lease_contract.workflow_id(lease.no), lease_contract.BILL_CLOSED)
            signing = request.event == "signed"
            workflow_id = lease_contract.workflow_id(lease.no)
            said = await self._said(session, request.step, workflow_id, lease.owner, lease_contract.SIGN if signing else "")
            as_of = instant(request.step, "as_of")
            if said is not None:
                answer.terms.CopyFrom(await self._signed(session, lease, said, request.step, as_of))
            elif request.event == "activated":
                answer.term.CopyFrom(await _activated(session, lease, request.step, as_of))
            await _move(session, lease, state, as_of)
            leased = await store.lease(session, lease.no)
            assert leased is not None
            answer.lease.CopyFrom(wire.lease(leased))
            return lease.application_no

        return await self._once(request, pb.AdvanceLeaseResponse(), record)

    async def ChargeRent(self, request: pb.ChargeRentRequest, context: Context) -> pb.ChargeRentResponse:
        first_day = day(request.first_day, "/first_day")
        async with self._database.statements() as session:
            leased = await store.lease(session, request.lease_no)
            if leased is None:
                raise Refusal(NOT_FOUND)
            kept = await store.contract(session, leased.lease.contract_id) if leased.lease.contract_id else None
        lease, home = leased
        if lease.starts_on is None or lease.ends_on is None or lease.signed_at is None:
            raise Refusal(STEP_REFUSED)
        terms = self._terms_of(kept.terms_on if kept is not None else local_date(lease.signed_at))
        months = next((each for each in rent.bills(lease.starts_on, lease.ends_on, terms.billing) if each[0].first_day == first_day), None)
        if months is None:
            raise Refusal(STEP_REFUSED)
        return wire.charge(rent.lines(months, _price(lease, home, terms)))

    async def _said(self, session: AsyncSession, step: common_pb2.Step, workflow_id: str, owner: str, *updates: str) -> Said | None:
        """The word of the household which a step carries out; None for a step which nobody has to say (no update). Raises Refusal(NOT_SAID)."""
        if not any(updates):
            by_nobody(step, workflow_id)
            return None
        said = await self._words.carried_out(session, step, workflow_id, *updates)
        if said.kind != "citizen" or owner not in accounts_of(said.sub, said.person):
            raise not_said(workflow_id, *updates)
        return said

    async def _answered(self, session: AsyncSession, offer: Offer, request: pb.CloseOfferRequest) -> None:
        """An offer is accepted by the household's own word, declined by its word or by its leaving the list, and expires by nobody's."""
        workflow_id = waiting.workflow_id(offer.application_no)
        updates = () if request.outcome == "expired" else (waiting.ANSWER_OFFER, waiting.LEAVE)
        said = await self._said(session, request.step, workflow_id, offer.owner, *updates)
        match said.word if said is not None else None:
            case waiting.OfferAnswer(offer_id=answered, accept=accept, reason=reason):
                right = (answered, accept, reason) == (offer.id, request.outcome == "accepted", request.reason)
            case waiting.Leaving():
                right = request.outcome == "declined"
            case _:
                right = True
        if not right:
            raise not_said(workflow_id, *updates)

    async def _once(self, request: Any, answer: M, record: Callable[[AsyncSession, M], Awaitable[str]]) -> M:
        """Records a step and hands on what it tells, in one transaction; a repeat gets the answer it got before. ``record`` fills the answer and gives
        the number of the application the step is about."""
        key = f"{request.step.step_id}:{request.DESCRIPTOR.name.removesuffix('Request')}"
        async with self._database.transaction() as session:
            if await once.find(session, key, request, answer) is not None:
                return answer
            application_no = await record(session, answer)
            self._tellings.hand_on(self._outbox, session, request.step, application_no)
            once.remember(session, Once, key, request, answer)
        return answer

    async def _on_record(self, session: AsyncSession, entry: Waiting, answer: pb.RegisterWaitingResponse) -> None:
        offers = await store.offers_of(session, entry.application_no)
        answer.declines = sum(1 for found in offers if found.offer.state in ("declined", "expired") and found.offer.reason != UNSERVED)
        for found in offers:
            if found.offer.state == "open":
                answer.open_offer.CopyFrom(wire.open_offer(found))
        if entry.state == "leasing":
            drafted = await store.lease_of(session, entry.application_no)
            assert drafted is not None
            answer.lease.CopyFrom(wire.lease(drafted))

    async def _draft(self, session: AsyncSession, offer: Offer, as_of: datetime) -> store.LeasedHome:
        """The lease of an accepted offer. Until it is signed it shows the home's rent and the length of term of the day; signing fixes them."""
        offered = await store.offer(session, offer.id)
        entry = await store.waiting(session, offer.application_no)
        assert offered is not None
        assert entry is not None
        terms, unit, year = self._terms_of(local_date(as_of)), offered.home.unit, local_date(as_of).year
        drafted = Lease(
            no=leases.lease_no(year, await store.next_lease_number(session, year)),
            offer_id=offer.id,
            unit_id=unit.id,
            application_no=offer.application_no,
            owner=offer.owner,
            district=entry.district,
            street=entry.street,
            state="signing",
            released=False,
            term_months=terms.term_months,
            monthly_rent_fen=unit.monthly_rent_fen,
            deposit_fen=unit.deposit_fen,
            drafted_at=as_of,
            sign_by=terms.sign_by(as_of),
        )
        session.add(drafted)
        await session.flush()
        await record_facts(session, facts.leased(entry, drafted, as_of))
        leased = await store.lease_of_offer(session, offer.id)
        assert leased is not None
        return leased

    async def _signed(self, session: AsyncSession, lease: Lease, said: Said, step: common_pb2.Step, as_of: datetime) -> pb.LeaseTerms:
        """The terms of the contract which the household has read and signed (Order 11, article 16)."""
        kept = await store.contract(session, said.id)
        if kept is None or (kept.lease_no, kept.digest) != (lease.no, said.word.digest):
            raise not_said(said.workflow_id, lease_contract.SIGN)
        contract, terms = self._contracts.opened(kept), self._terms_of(kept.terms_on)
        lease.term_months, lease.monthly_rent_fen, lease.deposit_fen = (
            contract.term_months,
            contract.monthly_rent_fen,
            contract.deposit_fen,
        )
        lease.word_id, lease.contract_id, lease.signed_at = said.id, kept.word_id, as_of
        self._outbox.add(session, CONTRACT_FILE, {"lease_no": lease.no})
        tell.fill_in(step, deadline=tell.day(calendar.days_after(as_of, terms.deposit.due_days)))
        return wire.lease_terms(terms.of_lease(lease.monthly_rent_fen, lease.deposit_fen))

    def _sealed(self, offer_id: str, reason: str) -> str:
        """What a household gives as its reason is free text, and may say anything about anybody."""
        if not reason:
            return ""
        return base64.b64encode(self._ring.encrypt(reason[:500].encode(), f"offers|reason|{offer_id}")).decode()


def _price(lease: Lease, home: store.Home, terms: Terms) -> rent.Price:
    """What was signed holds for the term; the standard it came from is named with it where it is still how it comes about."""
    try:
        by_standard = terms.price(home.estate.district, home.unit.grade, home.unit.area_centi_sqm)
    except LookupError:
        by_standard = None
    if by_standard is not None and by_standard.month_fen == lease.monthly_rent_fen:
        return by_standard
    return rent.Price(month_fen=lease.monthly_rent_fen, area_centi_sqm=home.unit.area_centi_sqm)


def _check_step(step: common_pb2.Step) -> None:
    """Every step has a name and a business instant."""
    if not step.step_id:
        raise invalid([missing("/step/step_id")])
    instant(step, "as_of")


def _new_entry(application_no: str, applicant: casework.GetRegisteredApplicantResponse, as_of: datetime, terms: Terms) -> Waiting:
    waiting = terms.of_waiting(as_of)
    return Waiting(
        application_no=application_no,
        owner=applicant.owner,
        masked_name=applicant.masked_name,
        district=applicant.district,
        street=applicant.street,
        household_size=applicant.household_size,
        accepted_on=local_date(utc(applicant.accepted_at)),
        registered_at=as_of,
        expires_at=waiting.expires_at,
        offer_open_days=waiting.offer_open_days,
        state="waiting",
    )


async def _activated(session: AsyncSession, lease: Lease, step: common_pb2.Step, as_of: datetime) -> pb.Term:
    """The term begins on the day the lease takes effect: nobody pays for days without keys."""
    free_from = await store.free_from(session, lease.unit_id)
    leased = await store.lease(session, lease.no)
    assert leased is not None
    starts_on, ends_on = leases.term(local_date(as_of), lease.term_months, free_from)
    lease.starts_on, lease.ends_on = starts_on, ends_on
    tell.fill_in(step, unit=tell.text(wire.unit_name(leased.home)), starts=tell.day(calendar.start_of_day(starts_on)))
    return pb.Term(starts_on=starts_on.isoformat(), ends_on=ends_on.isoformat())


async def _entry(session: AsyncSession, application_no: str) -> Waiting:
    """The place on the list which an offer or a lease refers to."""
    entry = await store.waiting(session, application_no)
    assert entry is not None
    return entry


async def _move(session: AsyncSession, lease: Lease, state: str, as_of: datetime) -> None:
    if state == "ended" and lease.starts_on is not None and lease.ends_on is not None:
        # Ended before its term, the home is free from the next day on; a lease cannot end before it began.
        last = max(lease.starts_on, local_date(as_of))
        lease.vacated_on = last if last < lease.ends_on else None
    lease.state = state
    lease.released = not leases.is_live(state)
    lease.version += 1
    session.add(lease)
    await session.flush()
    await record_facts(session, facts.leased(await _entry(session, lease.application_no), lease, as_of))
    if lease.released:
        await store.release_offer(session, lease.offer_id)
