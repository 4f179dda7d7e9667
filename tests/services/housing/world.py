"""A running housing service on a real database, with somebody in the place of Temporal."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import anju_profile
from anju.casework.v1 import casework_pb2 as casework
from anju.common.v1 import common_pb2 as common
from anju.housing.v1 import housing_pb2 as pb
from anju.housing.v1 import housing_pb2_grpc as rpc
from anju.reads.v1 import reads_pb2 as reads
from anju.reads.v1 import reads_pb2_grpc as reads_rpc
from anju_contracts import lease, waiting
from anju_contracts.base import Accepted, Model, Word
from anju_contracts.rent_cycle import Clocks
from casekit.engine import Engine, Standing
from casekit.words import Heard, Words
from chassis.crypto import KeyRing
from chassis.db import Database
from chassis.errors import NOT_FOUND, Refusal
from chassis.grpc_client import Client
from chassis.identity import Caller
from chassis.ids import new_id
from housing import store, tables
from housing.app import application
from housing.contracts import Contracts, Drawn
from housing.domain.contract import Tenant
from housing.settings import Settings
from housing.terms import Terms, of_profile
from housing.words import KINDS
from sqlalchemy import text

from tests.support.keys import citizen, signer, staff
from tests.support.patience import eventually
from tests.support.profiles import KAIFENG

DISTRICT, STREET = "410202", "410202001"
NOW = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
MANAGER = staff("house_manager", "4102")
BILLS = Clocks(due_days=10, reminder_days=(1, 7), arrears_days=20)
PROFILE = of_profile(anju_profile.load(KAIFENG))(date(2026, 11, 23))
TERMS = Terms(
    waiting_limit_months=60,
    waiting_alarm_months=(48, 54),
    offer_open_days=7,
    max_declines=2,
    sign_days=15,
    term_months=36,
    rent=BILLS,
    deposit=Clocks(due_days=15, arrears_days=0),
    contract=PROFILE.contract,
    billing=PROFILE.billing,
    standard=PROFILE.standard,
)

Hook = Callable[[str, str, Model], Awaitable[None]]


@dataclass
class NoteTaker:
    """In the place of Temporal: writes down what workflows are told; ``on_update`` may act or refuse as a workflow would."""

    signals: list[tuple[str, str, Model]] = field(default_factory=list)
    updates: list[tuple[str, str, Model, str]] = field(default_factory=list)
    on_update: Hook | None = None
    down: bool = False
    says: Standing = Standing.OPEN

    async def start(self, name: str, workflow_id: str, given: Model, *, summary: str, memo: Mapping[str, str]) -> None:
        raise AssertionError("housing starts no workflow")

    async def put(self, workflow_id: str, name: str, said: Word, request_id: str) -> Accepted:
        self.updates.append((workflow_id, name, said, request_id))
        if self.on_update is not None:
            await self.on_update(workflow_id, name, said)
        return Accepted(stage="somewhere")

    async def tell(self, workflow_id: str, name: str, said: Model) -> Standing:
        if self.down:
            raise ConnectionError("Temporal is away")
        if self.says is Standing.OPEN:
            self.signals.append((workflow_id, name, said))
        return self.says

    async def standing(self, workflow_id: str) -> Standing:
        return self.says


@dataclass
class Households:
    """In casework's place: who is registered."""

    known: dict[str, casework.GetRegisteredApplicantResponse] = field(default_factory=dict)
    name: str = "张晓明"

    async def tenant(self, application_no: str) -> Tenant:
        if application_no not in self.known:
            raise Refusal(NOT_FOUND)
        return Tenant(name=self.name, id_number="4102************34")

    async def registered(self, application_no: str) -> casework.GetRegisteredApplicantResponse:
        if application_no not in self.known:
            raise Refusal(NOT_FOUND)
        return self.known[application_no]


@dataclass
class Deposits:
    """In payments' place: what became of deposits; without a word here, what the step says."""

    states: dict[str, str] = field(default_factory=dict)
    usual: str = "paid"

    async def state(self, lease_no: str) -> str:
        return self.states.get(lease_no, self.usual)


@dataclass
class TermsOf:
    """In the profile's place: the terms of every day, which a test may change."""

    now: Terms = TERMS

    def __call__(self, day: date) -> Terms:
        return self.now


@dataclass
class World:
    web: Client
    worker: Client
    notes: NoteTaker
    address: str
    database: Database
    households: Households
    terms: TermsOf
    words: Words
    deposits: Deposits
    ring: KeyRing
    steps: Any = field(default_factory=lambda: itertools.count(1))

    def __post_init__(self) -> None:
        self.contracts = Contracts(self.ring, self.terms)
        self.stub = rpc.HousingServiceStub(self.web.channel)
        self.worker_stub = rpc.HousingServiceStub(self.worker.channel)

    async def call(self, method: str, request: Any, caller: Caller) -> Any:
        return await self.web.call(getattr(self.stub, method), request, caller=caller, timeout=50)

    async def looks(self, application_no: str, caller: Caller) -> list[tuple[list[str], str, int]]:
        """Who of the staff has looked, as the caller is told: duties, at what, how often."""
        stub = reads_rpc.ReadsServiceStub(self.web.channel)
        answer = await self.web.call(stub.ListReads, reads.ListReadsRequest(application_no=application_no), caller=caller)
        return [(list(read.roles), read.what, read.times) for read in answer.reads]

    async def step(self, method: str, request: Any) -> Any:
        return await self.worker.call(getattr(self.worker_stub, method), request, timeout=50)

    def next_step(self, as_of: datetime = NOW, step_id: str = "", word: Word | None = None) -> common.Step:
        """A step of nobody, or the one that carries out a word."""
        actor, word_id = (word.actor, word.request_id) if word is not None else ("system", "")
        step = common.Step(step_id=step_id or f"test/{next(self.steps)}", actor=actor, word_id=word_id)
        step.as_of.FromDatetime(as_of)
        return step

    async def said(self, update: str, workflow_id: str, owner: str, model: type[Word], *, state: str = "taken", **content: Any) -> Word:
        """A word as housing writes it down; the one which the household has just said to this workflow, when it has."""
        async with self.database.transaction() as session:
            fresh = await session.execute(
                text("SELECT id FROM word WHERE workflow_id = :id AND update_name = :update AND step_id = '' AND state = 'said'"),
                {"id": workflow_id, "update": update},
            )
            known = fresh.scalars().first()
            if known is not None:
                return model(actor=owner, request_id=known, **content)
            word = model(actor=owner, request_id=new_id("w"), **content)
            columns = self.words.columns(word.request_id, citizen(owner), update, Heard(workflow_id, word))
            session.add(tables.Word(**columns, fingerprint="", state=state))
        return word

    async def owner_of(self, table: str, key: str, value: str) -> tuple[str, str]:
        """Owner and application; nobody's when there is no such row."""
        found = await self.sql(f"SELECT owner, application_no FROM {table} WHERE {key} = :value", value=value)
        return (found[0][0], found[0][1]) if found else ("nobody", "none")

    async def answered(self, offer_id: str, accept: bool, reason: str = "") -> Word:
        owner, no = await self.owner_of("offers", "id", offer_id)
        content = {"offer_id": offer_id, "accept": accept, "reason": reason}
        return await self.said(waiting.ANSWER_OFFER, waiting.workflow_id(no), owner, waiting.OfferAnswer, **content)

    async def leaving(self, no: str) -> Word:
        owner, _ = await self.owner_of("waiting", "application_no", no)
        return await self.said(waiting.LEAVE, waiting.workflow_id(no), owner, waiting.Leaving)

    async def signature(self, lease_no: str) -> Word:
        owner, _ = await self.owner_of("leases", "no", lease_no)
        workflow_id = lease.workflow_id(lease_no)
        known = await self.sql("SELECT digest FROM contracts WHERE lease_no = :no", no=lease_no)
        drawn = await self.drawn_up(lease_no) if owner != "nobody" and not known else None
        digest = known[-1][0] if known else drawn.contract.digest if drawn else ""
        word = await self.said(lease.SIGN, workflow_id, owner, lease.SignLease, acknowledged=True, digest=digest)
        if drawn is not None:
            async with self.database.transaction() as session:
                self.contracts.keep(session, word.request_id, drawn)
        return word

    async def drawn_up(self, lease_no: str) -> Drawn:
        async with self.database.transaction() as session:
            found = await store.lease(session, lease_no)
            assert found is not None
            return await self.contracts.draw_up(session, found, Tenant(name=self.households.name, id_number="4102************34"))

    async def file(self, lease_no: str, caller: Caller) -> bytes:
        answer: pb.GetContractFileResponse = await self.call("GetContractFile", pb.GetContractFileRequest(lease_no=lease_no), caller)
        return answer.file

    async def sign(self, lease_no: str, caller: Caller, key: str = "", **changes: Any) -> pb.Lease:
        """Reads the contract and signs it."""
        shown = await self.call("GetContract", pb.GetContractRequest(lease_no=lease_no), caller)
        given = {"lease_no": lease_no, "acknowledged": True, "digest": shown.digest, **changes}
        request = pb.SignLeaseRequest(idempotency_key=key or f"sign-{next(self.steps)}", **given)
        answer: pb.SignLeaseResponse = await self.call("SignLease", request, caller)
        return answer.lease

    async def add_units(self, *bedrooms: int, district: str = DISTRICT, estate: str = "E1", first: int = 1) -> list[pb.Unit]:
        units = [
            pb.NewUnit(
                estate_id=f"{estate}-{district}",
                estate_name="金明家园",
                district=district,
                address="金明大道 1 号",
                number=f"1号楼1单元{100 + first + index}",
                bedrooms=rooms,
                area_centi_sqm=5_000,
                monthly_rent_fen=35_000,
                deposit_fen=200_000,
            )
            for index, rooms in enumerate(bedrooms)
        ]
        request = pb.AddUnitsRequest(idempotency_key=f"units-{next(self.steps)}", units=units)
        return list((await self.call("AddUnits", request, MANAGER)).units)

    def expects(
        self, no: str, *, size: int = 2, owner: str = "", accepted: datetime = NOW, district: str = DISTRICT, street: str = ""
    ) -> None:
        """What casework knows of a household."""
        applicant = casework.GetRegisteredApplicantResponse(
            owner=owner or f"c-{no}",
            masked_name="张*明",
            district=district,
            street=street or f"{district}001",
            household_size=size,
            category="local_household",
        )
        applicant.accepted_at.FromDatetime(accepted)
        self.households.known[no] = applicant

    async def register(self, no: str, *, as_of: datetime = NOW, **changes: Any) -> int:
        """``changes`` as in ``expects``."""
        self.expects(no, **changes)
        request = pb.RegisterWaitingRequest(application_no=no, step=self.next_step(as_of))
        return int((await self.step("RegisterWaiting", request)).rank)

    async def register_many(self, count: int) -> None:
        window = asyncio.Semaphore(8)

        async def one(number: int) -> None:
            async with window:
                await self.register(f"KF-{number:03d}")

        await asyncio.gather(*(one(number) for number in range(count)))

    async def offer(self, district: str = DISTRICT, caller: Caller = MANAGER, key: str = "") -> pb.OfferVacantUnitsResponse:
        request = pb.OfferVacantUnitsRequest(idempotency_key=key or f"offers-{next(self.steps)}", district=district)
        answer: pb.OfferVacantUnitsResponse = await self.call("OfferVacantUnits", request, caller)
        return answer

    async def close_offer(
        self, offer_id: str, outcome: str, *, as_of: datetime = NOW, months: int = 36, step_id: str = "", reason: str = ""
    ) -> pb.Lease:
        word = await self.answered(offer_id, outcome == "accepted", reason) if outcome != "expired" else None
        request = pb.CloseOfferRequest(offer_id=offer_id, step=self.next_step(as_of, step_id, word), outcome=outcome, reason=reason)
        self.terms.now = self.terms.now._replace(term_months=months)
        answer: pb.CloseOfferResponse = await self.step("CloseOffer", request)
        return answer.lease

    async def close_waiting(self, no: str, outcome: str, as_of: datetime = NOW) -> None:
        word = await self.leaving(no) if outcome == "left" else None
        await self.step("CloseWaiting", pb.CloseWaitingRequest(application_no=no, step=self.next_step(as_of, word=word), outcome=outcome))

    async def advance(self, lease_no: str, event: str, as_of: datetime = NOW, step_id: str = "") -> pb.Lease:
        word = await self.signature(lease_no) if event == "signed" else None
        self.deposits.usual = "arrears" if event == "lapsed" else "paid"
        request = pb.AdvanceLeaseRequest(lease_no=lease_no, step=self.next_step(as_of, step_id, word), event=event)
        answer: pb.AdvanceLeaseResponse = await self.step("AdvanceLease", request)
        return answer.lease

    async def tenancy(self, no: str, caller: Caller | None = None) -> pb.GetTenancyResponse:
        answer: pb.GetTenancyResponse = await self.call("GetTenancy", pb.GetTenancyRequest(application_no=no), caller or citizen(f"c-{no}"))
        return answer

    async def leased(self, no: str, as_of: datetime = NOW, months: int = 36) -> pb.Lease:
        """A household with an active lease; needs a vacant unit."""
        await self.register(no, as_of=as_of)
        (offer,) = (await self.offer()).offers
        lease = await self.close_offer(offer.id, "accepted", as_of=as_of, months=months)
        await self.close_waiting(no, "leased", as_of)
        await self.advance(lease.no, "signed", as_of)
        return await self.advance(lease.no, "activated", as_of)

    async def sql(self, statement: str, **values: Any) -> list[Any]:
        async with self.database.transaction() as session:
            result = await session.execute(text(statement), values)
            return list(result.all()) if result.returns_rows else []  # type: ignore[attr-defined]

    async def wait_for_signals(self, count: int) -> None:
        await eventually(lambda: len(self.notes.signals) >= count)


@asynccontextmanager
async def housing(url: str, keys_dir: Path, engine: Engine | None = None, **settings: Any) -> AsyncIterator[World]:
    notes, households, terms, deposits = NoteTaker(), Households(), TermsOf(), Deposits()
    given = Settings(port=0, database_url=url, keys_dir=keys_dir, drain_seconds=0.2, **settings)
    async with application(given, engine=engine or notes, applicants=households, terms=terms, deposits=deposits) as server:
        web = Client(server.address, signer(keys_dir, "web-gateway"), "housing")
        worker = Client(server.address, signer(keys_dir, "worker"))
        database = Database(url, pool_size=20)
        ring = KeyRing.load_or_create(keys_dir / "field-keys.json")
        words = Words(database, tables.Word, tables.Outbox, notes, ring, KINDS)
        try:
            yield World(web, worker, notes, server.address, database, households, terms, words, deposits, ring)
        finally:
            for client in (web, worker):
                await client.close()
            await database.close()


async def refused(call: Awaitable[Any]) -> Refusal:
    """The refusal a call must end in."""
    try:
        answer = await call
    except Refusal as refusal:
        return refusal
    raise AssertionError(f"was not refused: {answer}")
