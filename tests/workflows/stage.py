"""A stage for workflows: the real engine with a controlled clock, our real payload encryption and sandbox, and services that only take notes."""

from __future__ import annotations

import asyncio
import uuid
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import anju_profile
from anju_workflows import calls
from anju_workflows.contracts import (
    APPLICATION,
    TASK_QUEUE,
    Accepted,
    ApplicationInput,
    Decision,
    Level,
    LookupOutcome,
    Register,
    RentCycleInput,
    ReviewDecision,
    Verdict,
    application_id,
    rent_cycle_id,
)
from anju_workflows.worker import WORKFLOWS, workflow_runner
from chassis.codec import data_converter
from chassis.crypto import KeyRing
from chassis.simclock import SimulatedClock, SimulatedClockInterceptor
from temporalio import activity
from temporalio.client import Client, WorkflowHandle
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError
from temporalio.worker import Worker

PROFILE = anju_profile.load(Path("profiles/kaifeng"))
MONTHLY_RENT_FEN = 35_000
DEPOSIT_FEN = 200_000


@dataclass
class Notes:
    """What the services were told, and how they answer."""

    advances: list[calls.Advance] = field(default_factory=list)
    told: list[calls.Notify] = field(default_factory=list)
    leases: list[str] = field(default_factory=list)
    released: list[str] = field(default_factory=list)
    bills: dict[str, str] = field(default_factory=dict)
    offers: dict[str, str] = field(default_factory=dict)
    terms: dict[str, int] = field(default_factory=dict)
    held: str = ""
    let_go: asyncio.Event = field(default_factory=asyncio.Event)
    paid_at_last: set[str] = field(default_factory=set)
    waiting: dict[str, str] = field(default_factory=dict)
    silent_tries: dict[Register, int] = field(default_factory=dict)
    tries: dict[Register, int] = field(default_factory=lambda: defaultdict(int))
    bank_says: Callable[[str], calls.PaymentState] = lambda _: calls.PaymentState(intent_state="opened", bill_settled=False)
    bank_asked: int = 0
    # By the name of the call: awaited before it is answered; what it raises is the answer.
    trouble: dict[str, Callable[[], Awaitable[Any]]] = field(default_factory=dict)
    client: Client | None = None

    async def before(self, call: str) -> None:
        trouble = self.trouble.get(call)
        if trouble is not None:
            await trouble()

    @property
    def events(self) -> list[str]:
        return [a.event for a in self.advances]

    def templates(self, role: str = "") -> list[str]:
        return [t.template for t in self.told if bool(t.role) == bool(role)]

    def activities(self) -> list[Callable[..., Any]]:
        @activity.defn(name=calls.ADVANCE_APPLICATION)
        async def advance(arg: calls.Advance) -> int:
            if all(a.step.step_id != arg.step.step_id for a in self.advances):
                self.advances.append(arg)
            return len(self.advances)

        @activity.defn(name=calls.LOOKUP_REGISTER)
        async def lookup(arg: calls.Lookup) -> calls.LookupAnswer:
            await self.before(calls.LOOKUP_REGISTER)
            self.tries[arg.which] += 1
            if self.tries[arg.which] <= self.silent_tries.get(arg.which, 0):
                raise ApplicationError("register is away", type="REGISTER_UNAVAILABLE")
            return calls.LookupAnswer(outcome=LookupOutcome.FOUND, summary="已核验")

        @activity.defn(name=calls.ASSESS)
        async def assess(arg: calls.Assess) -> calls.AssessAnswer:
            await self.before(calls.ASSESS)
            return calls.AssessAnswer(verdict=Verdict.MET, rule_set=PROFILE.version)

        @activity.defn(name=calls.NOTIFY)
        async def notify(arg: calls.Notify) -> str:
            if arg.template == self.held:
                # The worker is busy: what is said meanwhile reaches the workflow all at once.
                await self.let_go.wait()
            self.told.append(arg)
            return arg.key

        @activity.defn(name=calls.REGISTER_WAITING)
        async def register_waiting(arg: calls.RegisterWaiting) -> int:
            await self.before(calls.REGISTER_WAITING)
            self.waiting[arg.application.no] = "waiting"
            return 7

        @activity.defn(name=calls.CLOSE_OFFER)
        async def close_offer(arg: calls.CloseOffer) -> calls.DraftedLease:
            self.offers[arg.offer_id] = arg.outcome
            if arg.outcome != "accepted":
                return calls.DraftedLease()
            self.terms[arg.offer_id] = arg.term_months
            starts = arg.step.as_of.date()
            ends = starts + timedelta(days=arg.term_months * 31)
            no = f"L-{uuid.uuid4().hex[:8]}"
            return calls.DraftedLease(
                lease_no=no, starts_on=str(starts), ends_on=str(ends), monthly_rent_fen=MONTHLY_RENT_FEN, deposit_fen=DEPOSIT_FEN
            )

        @activity.defn(name=calls.CLOSE_WAITING)
        async def close_waiting(arg: calls.CloseWaiting) -> str:
            self.waiting[arg.no] = arg.outcome
            return arg.outcome

        @activity.defn(name=calls.ADVANCE_LEASE)
        async def advance_lease(arg: calls.AdvanceLease) -> str:
            self.leases.append(arg.event)
            return arg.event

        @activity.defn(name=calls.RELEASE_HOUSEHOLD)
        async def release_household(arg: calls.ReleaseHousehold) -> str:
            self.released.append(arg.no)
            return arg.no

        @activity.defn(name=calls.START_RENT_CYCLE)
        async def start_rent_cycle(arg: RentCycleInput) -> str:
            assert self.client is not None
            await self.client.start_workflow("RentCycle", arg, id=rent_cycle_id(arg.bill_id), task_queue=TASK_QUEUE)
            return arg.bill_id

        @activity.defn(name=calls.ISSUE_BILL)
        async def issue_bill(arg: calls.IssueBill) -> str:
            self.bills[arg.bill.bill_id] = "open"
            return "open"

        @activity.defn(name=calls.MARK_BILL)
        async def mark_bill(arg: calls.MarkBill) -> calls.PaymentState:
            if arg.state == "arrears" and arg.bill_id in self.paid_at_last:
                self.bills[arg.bill_id] = "paid"
                return calls.PaymentState(intent_state="", bill_settled=True)
            self.bills[arg.bill_id] = arg.state
            return calls.PaymentState(intent_state="", bill_settled=False)

        @activity.defn(name=calls.CONFIRM_PAYMENT)
        async def confirm_payment(arg: calls.ConfirmPayment) -> calls.PaymentState:
            self.bank_asked += 1
            return self.bank_says(arg.intent_id)

        return [
            advance,
            lookup,
            assess,
            notify,
            register_waiting,
            close_offer,
            close_waiting,
            release_household,
            advance_lease,
            start_rent_cycle,
            issue_bill,
            mark_bill,
            confirm_payment,
        ]


@dataclass
class Stage:
    client: Client
    clock: SimulatedClock
    notes: Notes

    def given(self, **changes: Any) -> ApplicationInput:
        no = f"KF-2026-{uuid.uuid4().int % 1_000_000:06d}"
        values: dict[str, Any] = {
            "no": no,
            "owner": "c-somebody",
            "masked_name": "张*明",
            "district": "410202",
            "street": "410202001",
            "category": "local_household",
            "household_size": 3,
            "submitted_at": datetime.now(UTC),
            "profile_version": PROFILE.version,
            "consented": tuple(Register),
            "clocks": PROFILE.case_clocks,
        }
        return ApplicationInput(**{**values, **changes})

    async def apply(self, **changes: Any) -> WorkflowHandle[Any, Any]:
        given = self.given(**changes)
        return await self.client.start_workflow(APPLICATION, given, id=application_id(given.no), task_queue=TASK_QUEUE)

    async def decide(
        self, handle: WorkflowHandle[Any, Any], level: Level, decision: Decision = Decision.APPROVE, reason: str = "理由"
    ) -> Accepted:
        said = ReviewDecision(level=level, decision=decision, reason=reason, actor=f"s-{level}", request_id=uuid.uuid4().hex)
        answer: Accepted = await handle.execute_update("decide", said, id=said.request_id, result_type=Accepted)
        return answer

    async def approved(self, **changes: Any) -> WorkflowHandle[Any, Any]:
        """An application that is on public notice."""
        handle = await self.apply(**changes)
        for level in Level:
            await self.reached(lambda level=level: bool(self.notes.events) and self.notes.advances[-1].waiting_on == level)
            await self.decide(handle, level)
        await self.reached(lambda: self.notes.events[-1] == "city_approved")
        return handle

    async def reached(self, condition: Callable[[], bool], seconds: float = 10) -> None:
        async with asyncio.timeout(seconds):
            while not condition():
                await asyncio.sleep(0.02)

    async def days(self, handle: WorkflowHandle[Any, Any], days: float) -> None:
        await self.clock.advance(handle.id, timedelta(days=days))

    async def sweep(self) -> None:
        """Ends what the test left running, so the next one's services hear only its own workflows."""
        seen_empty = 0
        while seen_empty < 3:
            left = [each.id async for each in self.client.list_workflows('ExecutionStatus="Running"')]
            seen_empty = 0 if left else seen_empty + 1
            for workflow_id in left:
                with suppress(RPCError):
                    await self.client.get_workflow_handle(workflow_id).terminate("the test is over")
            # Visibility follows the engine by some milliseconds.
            await asyncio.sleep(0.05)


@asynccontextmanager
async def stage(address: str, keys: KeyRing | None) -> AsyncIterator[Stage]:
    """``keys`` None leaves payloads in the clear: for recording histories that people can review."""
    converter = data_converter(keys) if keys is not None else pydantic_data_converter
    client = await Client.connect(address, data_converter=converter, interceptors=[SimulatedClockInterceptor()])
    notes = Notes(client=client)
    async with Worker(client, task_queue=TASK_QUEUE, workflows=WORKFLOWS, activities=notes.activities(), workflow_runner=workflow_runner()):
        made = Stage(client, SimulatedClock(client), notes)
        yield made
        await made.sweep()
