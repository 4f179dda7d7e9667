"""gRPC surface of housing, the part people use: proto in, domain, proto out; nothing else. What workflows use is in ``steps``."""

from __future__ import annotations

import asyncio
import hmac
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

import anju_calendar as calendar
from anju.housing.v1 import housing_pb2 as pb
from anju.housing.v1 import housing_pb2_grpc as rpc
from anju_contracts import lease, waiting
from casekit.facts import Fact
from casekit.facts import record as record_facts
from casekit.reads import Reads, of_one
from casekit.words import Heard
from chassis import ids, once
from chassis.errors import NOT_FOUND, Refusal, invalid
from chassis.identity import Caller, caller_if_known, current_caller
from chassis.wire import missing, wrong
from google.protobuf.message import Message
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from housing import facts, reach, store, wire
from housing.contracts import ContractFiles
from housing.domain import matching
from housing.domain.contract import mark_of
from housing.errors import ESTATE_DIFFERS, LEASE_NOT_OPEN, NOT_ACKNOWLEDGED, RENT_NOT_BY_STANDARD, TERMS_CHANGED, UNIT_EXISTS
from housing.requests import check_new_units
from housing.steps import Parts, WorkflowSteps
from housing.tables import LISTED, Estate, Offer, Once, Unit, Waiting

T = TypeVar("T")
M = TypeVar("M", bound=Message)
Context = Any

MAX_OFFERS: Final = 500
_OFFERING_TRIES: Final = 3
# The grade of a home of which nothing else is said.
ORDINARY: Final = "ordinary"


class HousingServicer(WorkflowSteps, rpc.HousingServiceServicer):
    def __init__(self, parts: Parts, files: ContractFiles, reads: Reads) -> None:
        super().__init__(parts)
        self._files = files
        self._reads = reads
        # One process waits for a district's lock with one connection, not with its whole pool.
        self._offering = asyncio.Lock()

    # --- homes --------------------------------------------------------------------------------------------------------------------------

    async def ListEstates(self, request: pb.ListEstatesRequest, context: Context) -> pb.ListEstatesResponse:
        async with self._database.transaction() as session:
            found = await store.estates(session, request.district)
        return pb.ListEstatesResponse(estates=[wire.estate(stock) for stock in found])

    async def AddUnits(self, request: pb.AddUnitsRequest, context: Context) -> pb.AddUnitsResponse:
        check_new_units(request)
        caller = reach.house_manager(*{new.district for new in request.units})
        key = once.request_key(caller, request)
        async with self._database.transaction() as session:
            known = await once.find(session, key, request, pb.AddUnitsResponse())
            if known is not None:
                return known
            answer = pb.AddUnitsResponse(units=[wire.unit(await self._add_unit(session, new)) for new in request.units])
            once.remember(session, Once, key, request, answer)
        return answer

    async def _add_unit(self, session: AsyncSession, new: pb.NewUnit) -> store.Home:
        """A home, at the rent of its place and grade."""
        given = Estate(id=new.estate_id, name=new.estate_name, district=new.district, address=new.address)
        estate = await store.put_estate(session, given)
        if estate.model_dump() != given.model_dump():
            raise Refusal(ESTATE_DIFFERS)
        grade = new.grade or ORDINARY
        month_fen = self._terms_of(calendar.local_date(datetime.now(UTC))).price(new.district, grade, new.area_centi_sqm).month_fen
        if new.monthly_rent_fen not in (0, month_fen):
            raise Refusal(RENT_NOT_BY_STANDARD, metadata={"number": new.number})
        unit = Unit(
            id=ids.new_id("un"),
            estate_id=estate.id,
            number=new.number,
            bedrooms=new.bedrooms,
            area_centi_sqm=new.area_centi_sqm,
            monthly_rent_fen=month_fen,
            deposit_fen=new.deposit_fen,
            grade=grade,
        )
        if not await store.add_unit(session, unit):
            raise Refusal(UNIT_EXISTS, metadata={"estate_id": new.estate_id, "number": new.number})
        return store.Home(unit, estate, "vacant")

    async def OfferVacantUnits(self, request: pb.OfferVacantUnitsRequest, context: Context) -> pb.OfferVacantUnitsResponse:
        if not request.district:
            raise invalid([missing("/district")])
        caller = reach.house_manager(request.district)
        key = once.request_key(caller, request)
        async with self._offering:
            for left in reversed(range(_OFFERING_TRIES)):
                try:
                    return await self._offer_once(caller, request, key)
                except DBAPIError as error:
                    # Another district has just offered a home to one of ours, who is on both lists: the next look passes him over.
                    if left == 0 or store.sqlstate(error) not in store.LOST_RACES:
                        raise
        raise AssertionError("the loop returns or raises")

    async def _offer_once(self, caller: Caller, request: pb.OfferVacantUnitsRequest, key: str) -> pb.OfferVacantUnitsResponse:
        """Who asks again under the same key is shown what he has been shown: the same look."""
        async with self._database.transaction() as session:
            known = await once.find(session, key, request, pb.OfferVacantUnitsResponse())
            if known is not None:
                return known
            answer = await self._offer(session, request.district)
            await self._reads.note(caller, "offers", [offer.application_no for offer in answer.offers], session)
            once.remember(session, Once, key, request, answer)
        return answer

    async def _offer(self, session: AsyncSession, district: str) -> pb.OfferVacantUnitsResponse:
        """Matches vacant homes and waiting households of the district; the facts and the word to each household's workflow are one transaction."""
        await store.lock_district(session, district)
        homes = {home.unit.id: home for home in await store.vacant_units(session, district)}
        if not homes:
            return pb.OfferVacantUnitsResponse(still_waiting=await store.count_offerable(session, district))
        entries = {entry.application_no: entry for entry in await store.offerable(session, district)}
        pairs = matching.match(
            [matching.Home(h.unit.id, h.estate.id, h.unit.number, h.unit.bedrooms) for h in homes.values()],
            [matching.Household(e.application_no, e.owner, e.household_size, e.accepted_on) for e in entries.values()],
        )[:MAX_OFFERS]
        known = await store.last_known(session, [household.application_no for _, household in pairs])
        now = datetime.now(UTC)
        answer = pb.OfferVacantUnitsResponse(still_waiting=len(entries) - len(pairs), still_vacant=len(homes) - len(pairs))
        told: list[Fact] = []
        for home, household in pairs:
            entry = entries[household.application_no]
            # A household's calendar may be ahead of our clock; nothing is offered before what is on record of it has happened.
            made_at = max(now, known[entry.application_no])
            made = Offer(
                id=ids.new_id("of"),
                unit_id=home.id,
                application_no=entry.application_no,
                owner=entry.owner,
                state="open",
                released=False,
                made_at=made_at,
                expires_at=calendar.days_after(made_at, entry.offer_open_days),
            )
            session.add(made)
            entry.state = "offered"
            told.append(facts.offered(entry, made, homes[home.id].unit))
            offered = store.OfferedHome(made, homes[home.id]._replace(state="offered"))
            said = waiting.OfferMade(offer_id=made.id, unit=wire.unit_name(offered.home), expires_at=made.expires_at)
            payload = {"application_no": entry.application_no, "said": said.model_dump(mode="json")}
            self._outbox.add(session, waiting.OFFER_MADE, payload)
            answer.offers.append(wire.offer(offered))
        await session.flush()
        await record_facts(session, *told)
        return answer

    # --- the list and a household's place on it -----------------------------------------------------------------------------------------

    async def ListWaiting(self, request: pb.ListWaitingRequest, context: Context) -> pb.ListWaitingResponse:
        if request.state and request.state not in LISTED:
            raise invalid([wrong("/state", "名单上没有这种状态。", "Nobody on the list is in such a state.")])
        async with self._database.transaction() as session:
            found, info = await store.waiting_list(session, request.district, request.state, request.page)
        if not request.page.only_count:
            await self._reads.note_page(caller_if_known(), "waiting", request, [ranked.entry.application_no for ranked in found])
        return pb.ListWaitingResponse(entries=[wire.waiting_entry(ranked) for ranked in found], page=info)

    async def GetTenancy(self, request: pb.GetTenancyRequest, context: Context) -> pb.GetTenancyResponse:
        async with self._database.snapshot() as session:
            entry = await store.waiting(session, request.application_no)
            if entry is None:
                raise Refusal(NOT_FOUND)
            reach.see_household(entry.owner, entry.street)
            ranked = store.Ranked(entry, await store.rank(session, entry))
            offers = await store.offers_of(session, entry.application_no)
            leased = await store.lease_of(session, entry.application_no)
        await self._reads.note(current_caller(), "tenancy", [entry.application_no])
        return pb.GetTenancyResponse(
            waiting=wire.waiting_entry(ranked),
            offers=[wire.offer(offered) for offered in offers],
            lease=wire.lease(leased) if leased else None,
        )

    async def ListLeases(self, request: pb.ListLeasesRequest, context: Context) -> pb.ListLeasesResponse:
        if request.state and request.state not in wire.LEASE_STATES:
            raise invalid([wrong("/state", "没有这种合同状态。", "There is no such state of a lease.")])
        if request.no:
            of_one(request.page)
        in_reach = reach.leases()
        async with self._database.transaction() as session:
            page, info = await store.leases(session, in_reach, request.state, request.district, request.page, no=request.no)
        if not request.page.only_count:
            await self._reads.note_page(current_caller(), "leases", request, [leased.lease.application_no for leased in page])
        return pb.ListLeasesResponse(leases=[wire.lease(leased) for leased in page], page=info)

    # --- what a household says ----------------------------------------------------------------------------------------------------------

    async def AnswerOffer(self, request: pb.AnswerOfferRequest, context: Context) -> pb.AnswerOfferResponse:
        caller = current_caller()

        async def read(session: AsyncSession) -> store.OfferedHome:
            found = await store.offer(session, request.offer_id)
            return _own(caller, found, found.offer.owner if found else "")

        async def prepare(session: AsyncSession, word_id: str) -> Heard:
            offer = (await read(session)).offer
            said = waiting.OfferAnswer(
                offer_id=offer.id, accept=request.accept, reason=request.reason[:500], actor=caller.sub, request_id=word_id
            )
            return Heard(waiting.workflow_id(offer.application_no), said)

        await self._words.say(caller, request, waiting.ANSWER_OFFER, prepare)
        async with self._database.statements() as session:
            return pb.AnswerOfferResponse(offer=wire.offer(await read(session)))

    async def LeaveWaitingList(self, request: pb.LeaveWaitingListRequest, context: Context) -> pb.LeaveWaitingListResponse:
        caller = current_caller()

        async def read(session: AsyncSession) -> Waiting:
            entry = await store.waiting(session, request.application_no)
            return _own(caller, entry, entry.owner if entry else "")

        async def prepare(session: AsyncSession, word_id: str) -> Heard:
            entry = await read(session)
            return Heard(waiting.workflow_id(entry.application_no), waiting.Leaving(actor=caller.sub, request_id=word_id))

        await self._words.say(caller, request, waiting.LEAVE, prepare)
        async with self._database.snapshot() as session:
            entry = await read(session)
            ranked = store.Ranked(entry, await store.rank(session, entry))
        return pb.LeaveWaitingListResponse(waiting=wire.waiting_entry(ranked))

    async def GetContract(self, request: pb.GetContractRequest, context: Context) -> pb.GetContractResponse:
        caller = current_caller()
        async with self._database.statements() as session:
            found = await store.lease(session, request.lease_no)
            leased = _own(caller, found, found.lease.owner if found else "")
            kept = await store.contract(session, leased.lease.contract_id) if leased.lease.contract_id else None
        if kept is not None:
            return wire.contract(self._contracts.opened(kept), leased.lease.signed_at)
        if leased.lease.state != "signing":
            raise Refusal(LEASE_NOT_OPEN)
        tenant = await self._applicants.tenant(leased.lease.application_no)
        async with self._database.statements() as session:
            return wire.contract((await self._contracts.draw_up(session, leased, tenant)).contract, None)

    async def GetContractFile(self, request: pb.GetContractFileRequest, context: Context) -> pb.GetContractFileResponse:
        async with self._database.statements() as session:
            found = await store.lease(session, request.lease_no)
        if found is None:
            raise Refusal(NOT_FOUND)
        reach.see_household(found.lease.owner, found.lease.street)
        file = await self._files.of_lease(found.lease.no)
        await self._reads.note(current_caller(), "contract", [found.lease.application_no])
        return pb.GetContractFileResponse(file=file)

    async def CheckContract(self, request: pb.CheckContractRequest, context: Context) -> pb.CheckContractResponse:
        async with self._database.statements() as session:
            found = await store.lease(session, request.lease_no)
            kept = await store.contract(session, found.lease.contract_id) if found and found.lease.contract_id else None
        if found is None or kept is None or not hmac.compare_digest(mark_of(kept.digest), request.mark.encode("ascii", "replace").decode()):
            return pb.CheckContractResponse()
        return wire.checked(found.lease)

    async def SignLease(self, request: pb.SignLeaseRequest, context: Context) -> pb.SignLeaseResponse:
        caller = current_caller()

        async def read(session: AsyncSession) -> store.LeasedHome:
            found = await store.lease(session, request.lease_no)
            return _own(caller, found, found.lease.owner if found else "")

        async with self._database.statements() as session:
            application_no = (await read(session)).lease.application_no
        if not request.acknowledged:
            raise Refusal(NOT_ACKNOWLEDGED)
        # Outside of the transaction: a slow casework must not hold the lease and a connection.
        tenant = await self._applicants.tenant(application_no)

        async def prepare(session: AsyncSession, word_id: str) -> Heard:
            found = await read(session)
            if found.lease.state != "signing":
                raise Refusal(LEASE_NOT_OPEN)
            drawn = await self._contracts.draw_up(session, found, tenant)
            if drawn.contract.digest != request.digest:
                raise Refusal(TERMS_CHANGED)
            kept = self._contracts.keep(session, word_id, drawn)
            said = lease.SignLease(actor=caller.sub, acknowledged=True, digest=kept.digest, request_id=word_id)
            return Heard(lease.workflow_id(found.lease.no), said)

        await self._words.say(caller, request, lease.SIGN, prepare)
        async with self._database.statements() as session:
            return pb.SignLeaseResponse(lease=wire.lease(await read(session)))


def _own(caller: Caller, found: T | None, owner: str) -> T:
    """The caller's own record. Raises Refusal(NOT_FOUND) for everything else, so that nobody learns what exists."""
    if found is None or owner not in caller.accounts:
        raise Refusal(NOT_FOUND)
    return found
