"""The service on a real socket and database, with the other services' records at hand: what they have finished, and who rendered it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anju_profile
from anju.casework.v1 import casework_pb2 as casework
from anju.common.v1 import common_pb2 as common
from anju.facts.v1 import facts_pb2 as facts
from anju.oversight.v1 import oversight_pb2 as pb
from anju.oversight.v1 import oversight_pb2_grpc as rpc
from casekit.facts import FACTS_BEGIN_AGAIN
from chassis.crypto import FIELD_KEYS, KeyRing
from chassis.db import Database
from chassis.errors import NOT_FOUND, Refusal
from chassis.grpc_client import Client
from chassis.identity import Caller
from chassis.outbox import Outbox
from chassis.wire import stamp
from oversight import tables
from oversight.app import application
from oversight.evaluations.follow_ups import FollowUps
from oversight.evaluations.following import PAGE, Following
from oversight.settings import Settings
from oversight.tables import MIGRATIONS

from tests.conftest import MakeDatabase
from tests.support.keys import citizen, signer, staff

OWNER, OTHER = citizen("owner"), citizen("other")
OBJECTOR = Caller(sub="objector", kind="citizen", person="index of objector")
DECIDER = staff("district_reviewer", "410202", sub="decider")
COLLEAGUE = staff("district_reviewer", "410202", sub="colleague")
CITY = staff("city_reviewer", sub="city")
CLERK = staff("street_clerk", "410202001", sub="clerk")
AUDITOR = staff("auditor", sub="auditor")
NO = "KF-2026-000001"
STREET = "410202001"
PROFILE = Path("profiles/kaifeng")


def fact(id: str, code: str, no: str = NO, **codes: str) -> facts.Fact:
    return facts.Fact(
        id=id, code=code, application_no=no, subject=no, division=STREET, codes=codes, at=stamp(datetime(2026, 11, 2, tzinfo=UTC))
    )


def decided(number: int = 1, no: str = NO) -> facts.Fact:
    return fact(f"application/{no}/{number}/notice_closed", "application_moved", no, events="notice_closed", stages="registered")


def objection_answered(number: int = 1) -> facts.Fact:
    return fact(f"application/{NO}/{number}/objection_upheld", "application_moved", events="objection_upheld", stages="rejected")


@dataclass
class Records:
    """What the other services have on record; ``away`` are those that do not answer, ``kept`` says of which database their cursors are."""

    told: dict[str, list[facts.Fact]] = field(default_factory=dict)
    away: set[str] = field(default_factory=set)
    kept: str = "first"
    recusals: dict[str, str] = field(default_factory=dict)
    unknown: set[str] = field(default_factory=set)

    async def facts(self, service: str, cursor: str) -> facts.ListFactsResponse:
        if service in self.away:
            raise Refusal(NOT_FOUND)
        kept, _, place = cursor.partition("/")
        if cursor and kept != self.kept:
            raise Refusal(FACTS_BEGIN_AGAIN)
        begin = int(place or 0)
        found = self.told.get(service, [])[begin : begin + PAGE]
        return facts.ListFactsResponse(facts=found, next_cursor=f"{self.kept}/{begin + len(found)}")

    async def served(self, steps: Sequence[casework.ServedStep]) -> casework.GetServedResponse:
        answer = casework.GetServedResponse()
        for step in steps:
            if step.application_no in self.unknown:
                continue
            served = answer.served.add(step=step, household=casework.Somebody(sub=OWNER.sub))
            if step.step_id:
                served.handlers.add(sub=DECIDER.sub, person=DECIDER.person)
                served.objector.CopyFrom(casework.Somebody(sub=OBJECTOR.sub, person=OBJECTOR.person))
        return answer

    async def case_of(self, application_no: str) -> casework.Application:
        if application_no in self.unknown:
            raise Refusal(NOT_FOUND)
        return casework.Application(no=application_no, street=STREET, recusal=self.recusals.get(application_no, ""))


@dataclass
class Heard:
    """Who is told what, as it would be handed to notifications."""

    told: list[tuple[str, common.Telling]] = field(default_factory=list)

    def hand_on(self, outbox: Any, session: Any, step: common.Step, application_no: str) -> None:
        self.told += [(application_no, telling) for telling in step.tell]

    async def deliver(self, payload: dict[str, Any]) -> None:
        """Nobody waits."""

    def templates(self) -> list[str]:
        return [telling.template for _, telling in self.told]


@dataclass
class Desk:
    edge: Client
    database: Database
    keys_dir: Path
    records: Records
    heard: Heard

    async def ask(self, method: str, request: Any, caller: Caller | None = OWNER) -> Any:
        return await self.edge.call(getattr(rpc.OversightServiceStub(self.edge.channel), method), request, caller=caller)

    async def by_edge(self, request: pb.EvaluateVisitRequest) -> pb.EvaluateVisitResponse:
        """Of somebody who has not signed on, as the edge says it in its own name."""
        answer: pb.EvaluateVisitResponse = await self.edge.call(rpc.OversightServiceStub(self.edge.channel).EvaluateVisit, request)
        return answer

    async def read_on(self, **told: list[facts.Fact]) -> None:
        """The other services have recorded this as well, and are read on."""
        for service, more in told.items():
            self.records.told.setdefault(service, []).extend(more)
        await Following(self.database, self.records).round()

    async def mine(self, caller: Caller = OWNER, application_no: str = "") -> list[pb.Service]:
        answer = await self.ask("ListServices", pb.ListServicesRequest(application_no=application_no), caller)
        return list(answer.services)

    async def say(self, service_id: str, level: str, *reasons: str, words: str = "", caller: Caller = OWNER) -> pb.Service:
        request = pb.EvaluateServiceRequest(service_id=service_id, opinion=pb.Opinion(level=level, reasons=reasons, words=words))
        answer: pb.EvaluateServiceResponse = await self.ask("EvaluateService", request, caller)
        return answer.service

    async def bad(self, **more: Any) -> str:
        """A decided application of which its household thought badly."""
        await self.read_on(casework=[decided()])
        (service,) = await self.mine()
        return (await self.say(service.id, "dissatisfied", "slow", words="等了三个月", **more)).id

    async def listed(self, caller: Caller, state: str = "") -> list[pb.Service]:
        return list((await self.ask("ListFollowUps", pb.ListFollowUpsRequest(state=state), caller)).services)

    async def answer(self, id: str, caller: Caller = COLLEAGUE, said: str = "已联系本人说明。", result: str = "explained") -> pb.Service:
        request = pb.AnswerFollowUpRequest(service_id=id, result=result, answer=said)
        answer: pb.AnswerFollowUpResponse = await self.ask("AnswerFollowUp", request, caller)
        return answer.service

    async def told_by(self, now: datetime) -> int:
        """The clock's round at an instant."""
        outbox = Outbox(self.database, tables.Outbox, {})
        ring = KeyRing.load(self.keys_dir / FIELD_KEYS)
        return await FollowUps(self.database, ring, anju_profile.load(PROFILE), outbox, self.heard).round(now)  # type: ignore[arg-type]  # hears


@asynccontextmanager
async def desk(make_database: MakeDatabase, keys_dir: Path) -> AsyncIterator[Desk]:
    url = await make_database("oversight", MIGRATIONS)
    records, heard = Records(), Heard()
    settings = Settings(database_url=url, keys_dir=keys_dir, port=0, drain_seconds=0, profile_dir=PROFILE, follow_seconds=3600)
    database = Database(url)
    async with application(settings, books=records, case_of=records.case_of, tell=heard) as server:  # type: ignore[arg-type]  # hears
        edge = Client(server.address, signer(keys_dir, "web-gateway"), "oversight")
        yield Desk(edge, database, keys_dir, records, heard)
        await edge.close()
    await database.close()
