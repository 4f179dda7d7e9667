"""Builders and a stand-in for the engine: verdicts as the real workflow gives them, steps recorded as the real worker records them."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
from anju.casework.v1 import casework_pb2 as pb
from anju.casework.v1 import casework_pb2_grpc as rpc
from anju.common.v1 import common_pb2 as common
from anju.reads.v1 import reads_pb2_grpc as reads_rpc
from anju_contracts import application as contract
from anju_contracts.base import Accepted, Model, Word
from anju_people.index import PersonIndex
from casekit.engine import NOT_STARTED, Standing
from casekit.words import Heard, Words
from casework import reach, tables
from casework.words import KINDS
from chassis.crypto import KeyRing
from chassis.db import Database
from chassis.errors import UNAVAILABLE, Problem, Refusal
from chassis.grpc_client import Client
from chassis.identity import Caller
from chassis.ids import new_id

from tests.support.keys import citizen, staff

DISTRICT, STREET, COMMUNITY = "410202", "410202001", "410202001009"
ELSEWHERE_DISTRICT, ELSEWHERE_STREET = "410203", "410203001"
ALL_REGISTERS = [
    "social_insurance",
    "real_estate",
    "vehicles",
    "marriage",
]
CLERK = staff("street_clerk", STREET, sub="clerk-1")
DISTRICT_REVIEWER = staff("district_reviewer", DISTRICT, sub="district-1")
CITY_REVIEWER = staff("city_reviewer", "4102", sub="city-1")
REVIEWERS = {"street_review": CLERK, "district_review": DISTRICT_REVIEWER, "city_review": CITY_REVIEWER}

_DECIDES = ("DecideTask", "DecideObjection", "RecordConfirmation", "RecordConsentWithdrawal", "RecordAuthorisation", "OpenAssistance")
MOVES = contract.moves(("street", "district", "city"), "district")
_people = itertools.count(1)


def person_number(birth: str = "19900101", sequence: int | None = None) -> str:
    """A number for demonstration nobody else in this run has."""
    index = next(_people) if sequence is None else sequence
    body = f"99{index // 1000:04d}{birth}{index % 1000:03d}"
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    return body + "10X98765432"[sum(int(c) * w for c, w in zip(body, weights, strict=True)) % 11]


def member(relation: str = "applicant", name: str = "张晓明", id_number: str = "") -> pb.Member:
    number = id_number or person_number()
    return pb.Member(
        name=name,
        id_number=number,
        relation=relation,
        birth_date=f"{number[6:10]}-{number[10:12]}-{number[12:14]}",
        annual_income_fen=3_000_000,
        employer="开封市公交公司",
    )


def dossier(*members: pb.Member, **changes: Any) -> pb.Dossier:
    result = pb.Dossier(
        category="local_household",
        members=members or [member()],
        homes=[pb.Home(district=DISTRICT, address="书店街1号", area_centi_sqm=3_500, share_percent=50)],
        vehicles=[pb.Vehicle(plate="豫B12345", value_fen=3_000_000)],
        marital_status="married" if any(m.relation == "spouse" for m in members) else "single",
        district=DISTRICT,
        street=STREET,
        community=COMMUNITY,
        address="北书店街12号院3号楼",
        phone="19999012345",
    )
    result.MergeFrom(pb.Dossier(**changes))
    return result


def consent() -> pb.Consent:
    return pb.Consent(text_version="consent-2026.1", registers=ALL_REGISTERS)


def page(limit: int = 100, cursor: str = "") -> common.PageRequest:
    return common.PageRequest(limit=limit, cursor=cursor)


class Spoken:
    """Writes down what people are to have said, as casework would have, without anybody asking the workflow."""

    def __init__(self, database: Database, keys_dir: Path, engine: Any = None) -> None:
        self.database = database
        self.words = Words(database, tables.Word, tables.Outbox, engine, KeyRing.load_or_create(keys_dir / "field-keys.json"), KINDS)

    async def of(self, no: str, event: str, note: str, objection: str, word_id: str = "", *, state: str = "taken") -> tuple[str, str]:
        """The word and the person behind a step of a person."""
        word_id = word_id or new_id("w")
        async with self.database.transaction() as session:
            case = await session.get(tables.Application, no)
            assert case is not None
            known = await session.get(tables.Word, word_id)
            if known is not None:
                return word_id, known.sub
            update, word, caller, level = _spoken(case, event, note, objection, word_id)
            columns = self.words.columns(word_id, caller, update, Heard(contract.workflow_id(no), word, level))
            session.add(tables.Word(**columns, fingerprint="", state=state))
        return word_id, caller.sub


def _spoken(case: tables.Application, event: str, note: str, objection: str, word_id: str) -> tuple[str, Word, Caller, str]:
    who = next(move.who for move in MOVES.moves if move.event == event)
    owner = citizen(case.owner)
    match event:
        case "withdrawn":
            return contract.WITHDRAW, contract.Withdrawal(actor=owner.sub, reason=note, request_id=word_id), owner, ""
        case "corrected":
            return contract.CORRECT, contract.Correction(actor=owner.sub, round=case.round + 1, request_id=word_id), owner, ""
        case "all_confirmed" | "member_confirmed" | "member_refused":
            adult = someone()
            agrees = event != "member_refused"
            said_so = contract.Confirmation(actor=adult.sub, round=case.round, member=1, agrees=agrees, request_id=word_id)
            return contract.CONFIRM, said_so, adult, ""
        case "consent_withdrawn":
            leaver = someone()
            return (
                contract.WITHDRAW_CONSENT,
                contract.ConsentWithdrawn(actor=leaver.sub, round=case.round, member=1, request_id=word_id),
                leaver,
                "",
            )
        case "objection_raised":
            objector = someone()
            raised = contract.ObjectionRaised(actor=objector.sub, objection_id=objection, request_id=word_id)
            return contract.RAISE_OBJECTION, raised, objector, ""
    reviewer = REVIEWERS[f"{who}_review"]
    if event.startswith(("objection", "one_")):
        answer = contract.ObjectionDecision(
            actor=reviewer.sub, objection_id=objection, upheld=event.endswith("upheld"), answer=note, request_id=word_id
        )
        return contract.DECIDE_OBJECTION, answer, reviewer, "objection"
    decision = {"approved": "approve", "returned": "return", "refused": "refuse"}[event.rpartition("_")[2]]
    said = contract.ReviewDecision(actor=reviewer.sub, level=who, decision=contract.Decision(decision), reason=note, request_id=word_id)
    return contract.DECIDE, said, reviewer, who


class Desk:
    """Speaks to casework as anybody. ``spoken`` puts words behind the steps which the worker records.

    Who hands a dossier in has signed on as its applicant, unless the caller says whom the sign-on has verified."""

    def __init__(self, people: Client, services: dict[str, Client], keys_dir: Path, spoken: Spoken | None = None) -> None:
        self._index = PersonIndex.of_folder(keys_dir)
        self._people = people
        self._services = services
        self.spoken = spoken
        self.stub = rpc.CaseworkServiceStub(people.channel)
        self._steps = itertools.count(1)
        self._households: dict[str, list[pb.Member]] = {}
        # Persons who have declared, or are not to.
        self.declared: set[str] = set()

    async def call(self, caller: Caller, method: str, request: Any, timeout: float = 10.0) -> Any:
        if caller.kind == "system":
            client = self._services[caller.roles[0]]
            return await client.call(getattr(rpc.CaseworkServiceStub(client.channel), method), request, timeout=timeout)
        if method == "DeclareRecusals" or (method in _DECIDES and caller.has_role(*reach.REVIEWERS)):
            await self._declare(caller, method)
        if method in ("SubmitApplication", "CorrectApplication") and not caller.person:
            caller = replace(caller, person=self.verified(request.dossier))
        return await self._people.call(getattr(self.stub, method), request, caller=caller, timeout=timeout)

    async def _declare(self, caller: Caller, method: str) -> None:
        """Who decides has declared before that there is nobody to declare, unless the caller says so himself, or that he has not."""
        if caller.person and caller.person not in self.declared:
            self.declared.add(caller.person)
            if method != "DeclareRecusals":
                await self._people.call(self.stub.DeclareRecusals, pb.DeclareRecusalsRequest(idempotency_key=new_id()), caller=caller)

    async def confirm(self, no: str, who: pb.Member | str, *, agrees: bool = True, key: str = "", caller: Caller | None = None) -> pb.Claim:
        """A member of the household, signed on himself, confirms or says that he does not belong to it."""
        number = who if isinstance(who, str) else who.id_number
        caller = replace(caller or someone(), person=self.index_of(number))
        request = pb.ConfirmRequest(
            idempotency_key=key or new_id(), application_no=no, agrees=agrees, text_version="consent-2026.1" if agrees else ""
        )
        answer: pb.Claim = (await self.call(caller, "Confirm", request)).claim
        return answer

    async def ask_reads(self, caller: Caller, method: str, request: Any) -> Any:
        return await self._people.call(getattr(reads_rpc.ReadsServiceStub(self._people.channel), method), request, caller=caller)

    async def take_back(self, no: str, who: pb.Member, *, key: str = "") -> pb.Claim:
        """A member of the household, signed on himself, takes back what he has agreed to."""
        caller = replace(someone(), person=self.index_of(who.id_number))
        request = pb.WithdrawConsentRequest(idempotency_key=key or new_id(), application_no=no)
        answer: pb.Claim = (await self.call(caller, "WithdrawConsent", request)).claim
        return answer

    def index_of(self, id_number: str) -> str:
        return self._index.of(id_number)

    def verified(self, content: pb.Dossier) -> str:
        return next((self._index.of(each.id_number) for each in content.members if each.relation == "applicant"), "")

    async def submit(self, owner: Caller, content: pb.Dossier | None = None, key: str = "") -> pb.Application:
        request = pb.SubmitApplicationRequest(idempotency_key=key or new_id(), dossier=content or dossier(), consent=consent())
        answer: pb.Application = (await self.call(owner, "SubmitApplication", request)).application
        self._households[answer.no] = list(answer.dossier.members)
        return answer

    async def get(self, caller: Caller, no: str) -> pb.Application:
        answer: pb.Application = (await self.call(caller, "GetApplication", pb.GetApplicationRequest(no=no))).application
        return answer

    async def decide(
        self,
        caller: Caller,
        no: str,
        decision: pb.Decision.ValueType = pb.DECISION_APPROVE,
        reason: str = "",
        key: str = "",
        version: int = 0,
    ) -> pb.Application:
        request = pb.DecideTaskRequest(
            idempotency_key=key or new_id(), application_no=no, decision=decision, reason=reason, if_version=version
        )
        answer: pb.Application = (await self.call(caller, "DecideTask", request)).application
        return answer

    async def advance(
        self,
        no: str,
        event: str,
        stage: str,
        *,
        note: str = "",
        objection: str = "",
        step: str = "",
        word: str = "",
        actor: str = "",
        days: int = 5,
        overdue: bool = False,
        doubts: Sequence[str] = (),
        as_of: datetime | None = None,
    ) -> int:
        """A step as the worker records it; a person's with the word behind it, which is written down when nobody has said it."""
        ended = stage in contract.ENDS
        by_person = any(move.event == event and move.who != "system" for move in MOVES.moves)
        if by_person and not actor:
            assert self.spoken is not None
            word, actor = await self.spoken.of(no, event, note, objection, word)
        request = pb.AdvanceApplicationRequest(
            no=no,
            step=common.Step(
                step_id=step or f"application/{no}/{word or next(self._steps)}/{event}", actor=actor or "system", word_id=word
            ),
            event=event,
            stage=stage,
            waiting_on="nobody" if ended else "street",
            note=note,
            objection_id=objection,
            overdue=overdue,
            doubts=doubts,
        )
        request.step.as_of.FromDatetime(as_of or datetime.now(UTC))
        if not ended:
            request.deadline_at.FromDatetime(datetime.now(UTC) + timedelta(days=days))
        return int((await self.call(worker(), "AdvanceApplication", request)).version)

    async def bring_to(self, no: str, *events: str) -> None:
        """Records these moves, from where the case stands."""
        stage = (await self.get(staff("auditor", sub="auditor-9"), no)).stage
        for event in events:
            if event == "start_verification" and await self.all_confirm(no):
                stage = "verifying"
                continue
            stage = MOVES.next(stage, event)
            await self.advance(no, event, stage, note="理由" if event.endswith(("returned", "refused")) else "")

    async def all_confirm(self, no: str) -> bool:
        """Every adult of a case that has just come in confirms for himself. False when none is awaited."""
        awaited = (await self.call(worker(), "GetStanding", pb.GetStandingRequest(no=no))).awaited
        if awaited:
            await self.advance(no, "confirmation_awaited", "confirming")
        for place in awaited:
            await self.confirm(no, self._households[no][place])
        return bool(awaited)


TO_STREET = ("start_verification", "verification_done")
TO_NOTICE = (*TO_STREET, "street_approved", "district_approved", "city_approved")


def worker() -> Caller:
    return Caller(sub="system:worker", kind="system", roles=("worker",))


def system(name: str) -> Caller:
    return Caller(sub=f"system:{name}", kind="system", roles=(name,))


def someone() -> Caller:
    return citizen(new_id("citizen-"))


Verdict = Callable[[str, str, Word], str]


class Engine:
    """Gives the verdict of ``verdict`` and lets the step land a moment later, as the worker would."""

    def __init__(self) -> None:
        self.started: list[contract.ApplicationInput] = []
        self.asked: list[tuple[str, str, Word, str]] = []
        self.desk: Desk | None = None
        self.away = False
        # The workflow is on its way: its start is not delivered yet.
        self.unborn = False
        self.verdict: Verdict | None = None
        self.lands = True
        self._accepted: dict[str, str] = {}
        self._one_at_a_time = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self, name: str, workflow_id: str, given: Model, *, summary: str, memo: Mapping[str, str]) -> None:
        if self.away or self.unborn:
            raise ConnectionError("engine away")
        assert isinstance(given, contract.ApplicationInput)
        self.started.append(given)

    async def put(self, workflow_id: str, update: str, said: Word, word_id: str) -> Accepted:
        no = workflow_id.removeprefix(contract.workflow_id(""))
        self.asked.append((no, update, said, word_id))
        if self.away or self.unborn:
            raise Refusal(UNAVAILABLE if self.away else NOT_STARTED)
        async with self._one_at_a_time:
            await self._judge(no, update, said, word_id)
        return Accepted(stage=self._accepted[word_id])

    async def tell(self, workflow_id: str, signal: str, said: Model) -> Standing:
        raise AssertionError("casework signals nobody")

    async def standing(self, workflow_id: str) -> Standing:
        return Standing.OPEN

    async def _judge(self, no: str, update: str, said: Word, request_id: str) -> None:
        if request_id not in self._accepted:
            assert self.desk is not None
            current = (await self.desk.get(staff("auditor", sub="auditor-9"), no)).stage
            if self.verdict is not None:
                self.verdict(no, update, said)
            event, note, objection = _event(current, said)
            if event == "member_confirmed" and not await self._awaited(no):
                event = "all_confirmed"
            stage = MOVES.next(current, event)
            self._accepted[request_id] = stage
            if self.lands:
                task = asyncio.create_task(self._land(no, event, stage, note, objection, said))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def _awaited(self, no: str) -> list[int]:
        assert self.desk is not None
        answer = await self.desk.call(worker(), "GetStanding", pb.GetStandingRequest(no=no))
        return list(answer.awaited)

    async def _land(self, no: str, event: str, stage: str, note: str, objection: str, said: Word) -> None:
        await asyncio.sleep(0.05)
        assert self.desk is not None
        await self.desk.advance(no, event, stage, note=note, objection=objection, word=said.request_id, actor=said.actor)

    def knows(self, request_id: str, stage: str) -> None:
        """This word it has applied already."""
        self._accepted[request_id] = stage

    def times_asked(self, update: str) -> int:
        return sum(1 for asked in self.asked if asked[1] == update)


def _event(stage: str, said: Word) -> tuple[str, str, str]:
    match said:
        case contract.ReviewDecision():
            verb = {"approve": "approved", "return": "returned", "refuse": "refused", "hand_on": "handed_on"}[said.decision]
            return f"{said.level}_{verb}", "" if verb in ("approved", "handed_on") else said.reason, ""
        case contract.Correction():
            return "corrected_with_new_adult" if said.awaited else "corrected", "", ""
        case contract.Confirmation():
            return "member_confirmed" if said.agrees else "member_refused", "", ""
        case contract.ConsentWithdrawn():
            return "consent_withdrawn", "", ""
        case contract.Withdrawal():
            return "withdrawn", said.reason, ""
        case contract.ObjectionRaised():
            return "objection_raised", "", said.objection_id
        case contract.ObjectionDecision():
            return ("objection_upheld" if said.upheld else "objection_dismissed"), said.answer, said.objection_id
    raise AssertionError(said)


def refusing(reason: str, text: str = "不行。") -> Verdict:
    def verdict(no: str, update: str, said: Word) -> str:
        raise Refusal(Problem(reason, grpc.StatusCode.FAILED_PRECONDITION, text, "no"))

    return verdict


async def reason_of(call: Any) -> str:
    """Reason of the refusal which the call ends with; "" when it succeeds."""
    try:
        await call
    except Refusal as refusal:
        return refusal.problem.reason
    return ""
