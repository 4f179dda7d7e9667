"""The service on a real socket and database, with the people of a small office."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import anju_calendar as calendar
from anju.organisation.v1 import organisation_pb2 as pb
from anju.organisation.v1 import organisation_pb2_grpc as rpc
from chassis.grpc_client import Client
from chassis.identity import Caller
from organisation.app import application
from organisation.settings import Settings
from organisation.tables import MIGRATIONS
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from tests.conftest import MakeDatabase
from tests.support.keys import signer
from tests.support.profiles import KAIFENG

STREET, ANOTHER, DISTRICT, CITY = "410202001", "410202002", "410202", "4102"


def on(days: int = 0) -> str:
    """So many days from today."""
    return (calendar.local_date(datetime.now(UTC)) + timedelta(days=days)).isoformat()


def who(account: str, *roles: str, person: str = "") -> Caller:
    return Caller(sub=account, kind="staff", roles=roles, person=person or f"person of {account}")


def somebody(account: str, *duties: tuple[str, str], since: int = -30, until: int | None = None, person: str = "") -> pb.ImportedPerson:
    return pb.ImportedPerson(
        account=account,
        name=f"姓名{account}",
        person=person or f"person of {account}",
        duties=[
            pb.ImportedDuty(duty=duty, unit=unit, from_on=on(since), until_on="" if until is None else on(until)) for duty, unit in duties
        ],
    )


PEOPLE = (
    somebody("clerk", ("street_clerk", STREET)),
    somebody("colleague", ("street_clerk", STREET)),
    somebody("elsewhere", ("street_clerk", ANOTHER)),
    somebody("both", ("street_clerk", STREET), ("finance", CITY)),
    somebody("gone", ("street_clerk", STREET), until=-1),
    somebody("later", ("street_clerk", STREET), since=1),
    somebody("users", ("user_admin", CITY)),
    somebody("audit", ("audit_admin", CITY)),
    somebody("auditor", ("auditor", CITY)),
)


@dataclass
class Office:
    edge: Client
    operations: Client
    database_url: str

    async def ask(self, method: str, request: Any, caller: Caller) -> Any:
        return await self.edge.call(getattr(rpc.OrganisationServiceStub(self.edge.channel), method), request, caller=caller)

    async def bring(self, *people: pb.ImportedPerson) -> int:
        stub = rpc.OrganisationServiceStub(self.operations.channel)
        answer: pb.ImportPeopleResponse = await self.operations.call(stub.ImportPeople, pb.ImportPeopleRequest(people=people))
        return answer.added

    async def standing(self, account: str, person: str = "") -> list[tuple[str, tuple[str, ...], tuple[str, ...]]]:
        """For whom, which duties, where."""
        answer = await self.ask("GetStanding", pb.GetStandingRequest(), who(account, person=person))
        return [(each.acting_for, tuple(each.duties), tuple(each.divisions)) for each in answer.capacities]

    async def version(self) -> int:
        return int((await self.ask("GetVersion", pb.GetVersionRequest(), who("clerk"))).version)

    async def sql(self, statement: str) -> Any:
        engine = create_async_engine(self.database_url)
        try:
            async with engine.begin() as connection:
                found = await connection.execute(text(statement))
                return found.all() if found.returns_rows else None
        finally:
            await engine.dispose()


@asynccontextmanager
async def office(
    make_database: MakeDatabase, keys_dir: Path, profile_dir: Path = KAIFENG, *more: pb.ImportedPerson
) -> AsyncIterator[Office]:
    url = await make_database("organisation", MIGRATIONS)
    settings = Settings(database_url=url, keys_dir=keys_dir, profile_dir=profile_dir, port=0, drain_seconds=0)
    async with application(settings) as server:
        edge = Client(server.address, signer(keys_dir, "web-gateway"), "organisation")
        operations = Client(server.address, signer(keys_dir, "operations"), "organisation")
        running = Office(edge, operations, url)
        await running.bring(*PEOPLE, *more)
        yield running
        for client in (edge, operations):
            await client.close()
