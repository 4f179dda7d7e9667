"""The real gateway on a real PostgreSQL, in front of the sandbox's departments; casework is a small stand-in speaking its real protocol."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from anju.casework.v1 import casework_pb2 as casework_pb
from anju.casework.v1 import casework_pb2_grpc as casework_rpc
from anju.operations.v1 import operations_pb2 as operations_pb
from anju.operations.v1 import operations_pb2_grpc as operations_rpc
from anju.registry.v1 import registry_pb2 as pb
from anju.registry.v1 import registry_pb2_grpc as rpc
from anju_people.index import PersonIndex
from anju_sandbox.app import Sandbox, sandbox
from anju_sandbox.departments import discover
from anju_sandbox.settings import SandboxSettings
from anju_sandbox.world.facts import Household
from chassis.db import Database
from chassis.errors import NOT_FOUND, Problem, Refusal
from chassis.grpc_client import Client
from chassis.grpc_server import GrpcServer, serving
from chassis.identity import Caller, Verifier, current_caller, load_key_set
from registry_gateway.app import application
from registry_gateway.domain.purposes import ADMISSION
from registry_gateway.errors import NO_CONSENT
from registry_gateway.settings import Settings
from registry_gateway.tables import MIGRATIONS
from sqlalchemy import text

from tests.conftest import MakeDatabase
from tests.support.keys import citizen, signer

AS_OF = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
CONSENTED_AT = datetime(2026, 11, 20, 2, 0, tzinfo=UTC)
ALL = ["social_insurance", "real_estate", "vehicles", "marriage"]


@dataclass
class Case:
    people: list[tuple[str, str, str]]
    owner: str = "citizen-1"
    consented: list[str] = field(default_factory=lambda: list(ALL))
    purpose: str = ADMISSION
    legal_basis: str = "own_consent"
    consented_at: datetime = CONSENTED_AT
    refusal: Problem | None = None
    # Places of those of whose consent casework says nothing.
    silent: frozenset[int] = frozenset()
    # Accounts that do not act in it.
    near: frozenset[str] = frozenset()


class CaseworkStandIn(casework_rpc.CaseworkServiceServicer):
    def __init__(self, people: PersonIndex) -> None:
        self.people = people
        self.cases: dict[str, Case] = {}
        self.asked = 0

    async def GetSubjects(self, request: casework_pb.GetSubjectsRequest, context: Any) -> casework_pb.GetSubjectsResponse:
        current_caller().require_role("registry-gateway")
        self.asked += 1
        case = self.cases[request.application_no]
        if case.refusal is not None:
            raise Refusal(case.refusal)
        if request.register not in case.consented:
            raise Refusal(NO_CONSENT)
        response = casework_pb.GetSubjectsResponse(purpose=case.purpose, legal_basis=case.legal_basis, district="410202")
        for index, (name, id_number, relation) in enumerate(case.people):
            subject = response.subjects.add(
                index=index,
                name=name,
                id_number=id_number,
                relation=relation,
                person=self.people.of(id_number),
            )
            if index not in case.silent:
                subject.consent_id = f"consent-{request.application_no}-{index}"
                subject.consent_channel = "counter" if index else "self"
                subject.consent_text_version = "consent-2026.1"
                subject.consent_given_at.FromDatetime(case.consented_at)
        response.consent.text_version = "consent-2026.1"
        response.consent.registers.extend(case.consented)
        return response

    async def GetApplication(self, request: casework_pb.GetApplicationRequest, context: Any) -> casework_pb.GetApplicationResponse:
        case = self.cases.get(request.no)
        caller = current_caller()
        if case is None or not (caller.sub == case.owner or caller.covers("410202001")):
            raise Refusal(NOT_FOUND)
        recusal = "RELATIVE_CASE" if caller.sub in case.near else ""
        return casework_pb.GetApplicationResponse(application=casework_pb.Application(no=request.no, round=1, recusal=recusal))


@dataclass
class World:
    sandbox: Sandbox
    casework: CaseworkStandIn
    database: Database
    keys_dir: Path
    settings: Settings
    address: str = ""
    stack: AsyncExitStack = field(default_factory=AsyncExitStack)
    clients: dict[str, Client] = field(default_factory=dict)
    numbers: int = 0
    since: int = 0

    def case(self, household: Household | list[tuple[str, str, str]], **more: Any) -> str:
        """Registers a case with casework and returns its number."""
        if isinstance(household, Household):
            household = [(member.name, member.id_number, member.relation) for member in household.declared]
        self.numbers += 1
        no = f"KF-2026-{self.numbers:06d}"
        self.casework.cases[no] = Case(household, **more)
        return no

    def persona(self, key: str) -> Household:
        persona = self.sandbox.population.persona(key)
        assert persona is not None
        return persona.household

    def fault(self, **spec: Any) -> None:
        from anju_sandbox.faults import FaultSpec

        self.sandbox.faults.add(FaultSpec(**spec))

    async def call(self, method: str, request: Any, issuer: str = "worker", caller: Caller | None = None) -> Any:
        if issuer not in self.clients:
            self.clients[issuer] = Client(self.address, signer(self.keys_dir, issuer), "registry-gateway")
        stub = rpc.RegistryGatewayServiceStub(self.clients[issuer].channel)
        return await self.clients[issuer].call(getattr(stub, method), request, timeout=30, caller=caller)

    async def lookup(self, no: str, register: str, round_: int = 1) -> pb.LookupResponse:
        request = pb.LookupRequest(application_no=no, round=round_, register=register)
        request.as_of.FromDatetime(AS_OF)
        return await self.call("Lookup", request)

    async def health(self, caller: Caller) -> operations_pb.GetHealthResponse:
        client = self.clients["web-gateway"]
        stub = operations_rpc.OperationsServiceStub(client.channel)
        answer: operations_pb.GetHealthResponse = await client.call(stub.GetHealth, operations_pb.GetHealthRequest(), caller=caller)
        return answer

    async def facts(self, no: str) -> pb.GetFactsResponse:
        return await self.call("GetFacts", pb.GetFactsRequest(application_no=no, round=1), "eligibility")

    async def states(self, no: str, caller: Caller | None = None) -> dict[str, pb.RegisterState]:
        request = pb.ListLookupsRequest(application_no=no)
        response = await self.call("ListLookups", request, "web-gateway", caller or citizen())
        return {state.register: state for state in response.states}

    def asked(self, server: str) -> int:
        """How many business requests a department has got, by its own book."""
        return sum(1 for row in self.booked() if row["server"] == server)

    def booked(self) -> list[dict[str, object]]:
        """Questions about people which reached a department since the test began."""
        rows = self.sandbox.book.page(after=self.since, limit=5000)
        return [row for row in rows if str(row["request_id"]).startswith("rq_")]

    async def restart(self) -> None:
        """A gateway with the same database and no memory."""
        for client in self.clients.values():
            await client.close()
        self.clients.clear()
        await self.stack.aclose()
        self.stack = AsyncExitStack()
        server = await self.stack.enter_async_context(application(self.settings))
        self.address = server.address


def departments(world: Sandbox) -> dict[str, Any]:
    """What an operator writes into the departments file."""
    return {code: department.handed_over(world.keys, world.urls.__getitem__) for code, department in discover().items()}


@asynccontextmanager
async def running_departments(folder: Path) -> AsyncIterator[Sandbox]:
    """The departments, without the random quirks of register data."""
    async with sandbox(SandboxSettings.on_free_ports(folder, quirk_rate=0.0), only=tuple(discover())) as found:
        yield found


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def outside(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Sandbox]:
    async with running_departments(tmp_path_factory.mktemp("sandbox")) as found:
        yield found


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def database(make_module_database: MakeDatabase) -> AsyncIterator[Database]:
    url = await make_module_database("registry-gateway", MIGRATIONS)
    found = Database(url, application="test")
    yield found
    await found.close()


async def _empty(database: Database) -> None:
    """Starts a test with empty tables; what the triggers forbid is done as the owner of the database."""
    async with database.transaction() as session:
        await session.execute(text("GRANT TRUNCATE ON fact TO CURRENT_USER"))
        for table in ("access_log", "receipt", "lookup", "query_objection", "fact"):
            await session.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))
            await session.execute(text(f"TRUNCATE {table}"))
            await session.execute(text(f"ALTER TABLE {table} ENABLE TRIGGER USER"))
        await session.execute(text("REVOKE TRUNCATE ON fact FROM CURRENT_USER"))


@pytest_asyncio.fixture(loop_scope="session")
async def world(outside: Sandbox, database: Database, keys_dir: Path, tmp_path: Path) -> AsyncIterator[World]:
    await _empty(database)
    outside.faults.clear()
    outside.world.forget_changes()
    async with AsyncExitStack() as stack:
        casework = CaseworkStandIn(PersonIndex.of_folder(keys_dir))
        verifier = Verifier(load_key_set(keys_dir / "callers.jwks"))
        name = casework_pb.DESCRIPTOR.services_by_name["CaseworkService"].full_name
        other = GrpcServer(name, verifier, host="127.0.0.1", port=0, drain_seconds=0)
        casework_rpc.add_CaseworkServiceServicer_to_server(casework, other.server)
        await stack.enter_async_context(serving(other))
        file = tmp_path / "departments.json"
        file.write_text(json.dumps(departments(outside)))
        settings = Settings(
            port=0,
            database_url=database.url,
            keys_dir=keys_dir,
            departments_file=file,
            casework_address=other.address,
            register_try_seconds=0.7,
            drain_seconds=0,
        )
        booked = outside.book.page(limit=5000)
        found = World(outside, casework, database, keys_dir, settings, since=int(str(booked[-1]["seq"])) if booked else 0)
        await found.restart()
        yield found
        for client in found.clients.values():
            await client.close()
        await found.stack.aclose()
