"""The desk on a real socket and database, with somebody in the place of the workflows who walks by the same table of moves."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from anju.common.v1 import common_pb2 as common
from anju.oversight.v1 import complaints_pb2 as pb
from anju.oversight.v1 import complaints_pb2_grpc as rpc
from anju_contracts import complaint as contract
from anju_contracts.base import Accepted, Model, Word
from anju_contracts.complaint import MISUSE, MOVES, ComplaintHandled, ComplaintInput
from casekit.engine import Standing
from chassis.errors import Refusal
from chassis.grpc_client import Client
from chassis.identity import Caller
from chassis.ids import new_id
from chassis.wire import stamp
from oversight.app import application
from oversight.settings import Settings
from oversight.tables import MIGRATIONS
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from tests.conftest import MakeDatabase
from tests.support.keys import citizen, signer, staff
from tests.support.patience import eventually
from tests.support.profiles import KAIFENG

DISTRICT, STREET, ELSEWHERE = "410202", "410202001", "410203"
EVERYBODY = Caller(sub="everybody", kind="citizen")
CITIZEN = Caller(sub="citizen-1", kind="citizen", person="index of the citizen")
OFFICER = staff("district_reviewer", DISTRICT, sub="officer-1")
COLLEAGUE = staff("district_reviewer", DISTRICT, sub="officer-2")
CITY = staff("city_reviewer", "4102", sub="city-1")
CITY_SECOND = staff("city_reviewer", "4102", sub="city-2")
CLERK = staff("street_clerk", STREET, sub="clerk-1")
MANAGER = staff("house_manager", DISTRICT, sub="manager-1")
SAID = "我家的水管漏了三个星期，报修没有人来。"
_SENT_BACK = {"handling": "sent_back", "investigating": "investigation_resumed"}


@dataclass
class Walker:
    """In the place of Temporal: every workflow makes its step at once, as the real one does, and has it recorded."""

    keys_dir: Path
    address: str = ""
    given: dict[str, ComplaintInput] = field(default_factory=dict)
    stages: dict[str, str] = field(default_factory=dict)
    levels: dict[str, str] = field(default_factory=dict)
    places: dict[str, tuple[str, str]] = field(default_factory=dict)
    before: dict[str, str] = field(default_factory=dict)
    rounds: dict[str, int] = field(default_factory=dict)
    seen: list[tuple[str, Word]] = field(default_factory=list)
    recorded: list[pb.AdvanceComplaintRequest] = field(default_factory=list)

    async def start(self, name: str, workflow_id: str, given: Model, *, summary: str, memo: Mapping[str, str]) -> None:
        assert isinstance(given, ComplaintInput)
        if workflow_id in self.given:
            return
        self.given[workflow_id] = given
        self.stages[workflow_id], self.levels[workflow_id] = MOVES.start, given.level
        self.places[workflow_id] = given.place.district, given.place.street
        await self.step(workflow_id, "flagged" if given.urgent else "assigned", days=1, tell=("complaint_received",))

    async def step(
        self, workflow_id: str, event: str, said: Word | None = None, days: int = 5, tell: tuple[str, ...] = ()
    ) -> pb.AdvanceComplaintResponse:
        stage = MOVES.next(self.stages[workflow_id], event)
        now = datetime.now(UTC)
        over = stage in MOVES.ends
        request = pb.AdvanceComplaintRequest(
            no=workflow_id.removeprefix("complaint/"),
            step=common.Step(
                step_id=f"{workflow_id}/{said.request_id if said else new_id()}/{event}",
                as_of=stamp(now),
                actor=said.actor if said else "system",
                word_id=said.request_id if said else "",
                tell=[common.Telling(template=each, values={"deadline": common.Value(day=stamp(now))}) for each in tell],
            ),
            event=event,
            stage=stage,
            waiting_on="nobody" if over else "citizen" if stage == "answered" else self.levels[workflow_id],
            level=self.levels[workflow_id],
            district=self.places[workflow_id][0],
            street=self.places[workflow_id][1],
            deadline_at=None if over else stamp(now + timedelta(days=days)),
        )
        self.recorded.append(request)
        answer = await self.advance(request)
        self.stages[workflow_id] = stage
        return answer

    async def advance(self, request: pb.AdvanceComplaintRequest) -> pb.AdvanceComplaintResponse:
        """As the worker."""
        client = Client(self.address, signer(self.keys_dir, "worker"), "oversight")
        try:
            answer: pb.AdvanceComplaintResponse = await client.call(rpc.ComplaintsServiceStub(client.channel).AdvanceComplaint, request)
            return answer
        finally:
            await client.close()

    async def put(self, workflow_id: str, update: str, said: Word, word_id: str) -> Accepted:
        self.seen.append((workflow_id, said))
        stage, action = self.stages[workflow_id], said.action  # type: ignore[attr-defined]  # both kinds of words have one
        event = {"accept": "accepted", "reassign": "reassigned", "propose": "proposed", "merge": "merged", "rate": "rated",
                 "answer": "answered", "agree": "agreed", "withdraw": "withdrawn"}.get(action, "")  # fmt: skip
        if action == "accept" and self.given[workflow_id].kind == MISUSE:
            event = "investigation_opened"
        if action == "propose":
            self.before[workflow_id] = stage
        if action == "send_back":
            event = _SENT_BACK[self.before[workflow_id]]
        if isinstance(said, ComplaintHandled) and said.place is not None:
            self.levels[workflow_id], self.places[workflow_id] = said.level, (said.place.district, said.place.street)
        if action == "reopen":
            again = self.rounds.get(workflow_id, 0)
            event, self.rounds[workflow_id] = "reopened" if again == 0 else "escalated", again + 1
            if again and not self.given[workflow_id].confined:
                self.levels[workflow_id] = contract.other_desk(self.levels[workflow_id])
        tell = ("complaint_answered",) if event in ("answered", "agreed") else ()
        await self.step(workflow_id, event, said, tell=tell)
        return Accepted(stage=self.stages[workflow_id])

    async def tell(self, workflow_id: str, signal: str, said: Model) -> Standing:
        raise AssertionError("oversight tells no workflow anything")

    async def standing(self, workflow_id: str) -> Standing:
        return Standing.OPEN


@dataclass
class Desk:
    edge: Client
    database_url: str
    walker: Walker

    async def ask(self, method: str, request: Any, caller: Caller) -> Any:
        return await self.edge.call(getattr(rpc.ComplaintsServiceStub(self.edge.channel), method), request, caller=caller)

    async def file(self, caller: Caller = CITIZEN, said: str = SAID, **more: Any) -> pb.FileComplaintResponse:
        """One that has come to its desk."""
        given: dict[str, Any] = {"kind": "complaint", "division": STREET, "idempotency_key": new_id(), "text": said}
        answer: pb.FileComplaintResponse = await self.ask("FileComplaint", pb.FileComplaintRequest(**{**given, **more}), caller)
        await eventually(lambda: self.walker.stages.get(f"complaint/{answer.no}", "received") != "received")
        return answer

    async def act(self, no: str, action: str, caller: Caller = OFFICER, said: str = "", **more: Any) -> pb.Complaint:
        request = pb.HandleComplaintRequest(idempotency_key=new_id(), no=no, action=action, text=said, **more)
        answer: pb.HandleComplaintResponse = await self.ask("HandleComplaint", request, caller)
        return answer.complaint

    async def respond(self, no: str, action: str, caller: Caller = CITIZEN, **more: Any) -> pb.Complaint:
        request = pb.RespondToComplaintRequest(idempotency_key=new_id(), no=no, action=action, **more)
        answer: pb.RespondToComplaintResponse = await self.ask("RespondToComplaint", request, caller)
        return answer.complaint

    async def read(self, no: str, caller: Caller = CITIZEN, official: str = "") -> pb.Complaint:
        answer: pb.GetComplaintResponse = await self.ask("GetComplaint", pb.GetComplaintRequest(no=no, official=official), caller)
        return answer.complaint

    async def follow(self, no: str, code: str) -> pb.Complaint:
        answer: pb.FollowComplaintResponse = await self.ask("FollowComplaint", pb.FollowComplaintRequest(no=no, code=code), EVERYBODY)
        return answer.complaint

    async def listed(self, caller: Caller, official: str = "", **more: Any) -> list[str]:
        answer = await self.ask("ListComplaints", pb.ListComplaintsRequest(page={"limit": 100}, official=official, **more), caller)
        return [each.no for each in answer.complaints]

    async def listed_mine(self, caller: Caller = CITIZEN) -> list[str]:
        answer = await self.ask("ListMyComplaints", pb.ListMyComplaintsRequest(), caller)
        return [each.no for each in answer.complaints]

    async def sql(self, statement: str) -> Any:
        engine = create_async_engine(self.database_url)
        try:
            async with engine.begin() as connection:
                found = await connection.execute(text(statement))
                return found.all() if found.returns_rows else None
        finally:
            await engine.dispose()


async def reason(call: Any) -> str:
    """Why it is refused; empty for an answer."""
    try:
        await call
    except Refusal as refusal:
        return refusal.problem.reason
    return ""


@asynccontextmanager
async def desk(make_database: MakeDatabase, keys_dir: Path) -> AsyncIterator[Desk]:
    url = await make_database("oversight", MIGRATIONS)
    walker = Walker(keys_dir)
    settings = Settings(database_url=url, keys_dir=keys_dir, port=0, drain_seconds=0, profile_dir=KAIFENG)
    async with application(settings, engine=walker) as server:
        walker.address = server.address
        edge = Client(server.address, signer(keys_dir, "web-gateway"), "oversight")
        yield Desk(edge, url, walker)
        await edge.close()


OTHER = citizen("citizen-other")
