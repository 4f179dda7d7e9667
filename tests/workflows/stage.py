"""A stage for workflows: the real engine with a controlled clock, our real payload encryption and sandbox, and services that only take notes."""

from __future__ import annotations

import asyncio
import uuid
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import anju_calendar as calendar
import anju_profile
from anju_contracts import rent_cycle
from anju_contracts.application import (
    DECIDE,
    NAME,
    ApplicationInput,
    Clocks,
    Decision,
    Level,
    LookupOutcome,
    ReviewDecision,
    Verdict,
    workflow_id,
)
from anju_contracts.base import TASK_QUEUE, Accepted, Place
from anju_contracts.lease import LeaseTerms, Term
from anju_contracts.rent import Billing, Price, Reduction, months
from anju_contracts.rent import lines as rent_lines
from anju_contracts.rent_cycle import RentCycleInput
from anju_contracts.waiting import WaitingTerms
from anju_simclock import SimulatedClock, SimulatedClockInterceptor
from anju_workflows.application import calls as application_calls
from anju_workflows.calling import Step
from anju_workflows.complaint import calls as complaint_calls
from anju_workflows.flows import WORKFLOWS
from anju_workflows.lease import calls as lease_calls
from anju_workflows.rent_cycle import calls as rent_calls
from anju_workflows.telling import NOTIFY, Notify, Telling, day, text
from anju_workflows.waiting import calls as waiting_calls
from anju_workflows.worker import workflow_runner
from chassis.codec import data_converter
from chassis.crypto import KeyRing
from temporalio import activity
from temporalio.client import Client, WorkflowHandle
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError
from temporalio.worker import Worker

from tests.support.patience import eventually

PROFILE = anju_profile.load(Path("profiles/kaifeng"))
MONTHLY_RENT_FEN = 35_000
DEPOSIT_FEN = 200_000
REGISTERS = ("social_insurance", "real_estate", "vehicles", "marriage")
LEVELS = ("street", "district", "city")
REVIEW = tuple(Level(code=code, working_days=days) for code, days in zip(LEVELS, (5, 7, 5), strict=True))
PLACE = Place(district="410202", street="410202001")
CLOCKS = Clocks.model_validate(PROFILE.application.on(date(2026, 11, 25)))
MONTHLY = Billing()
RENT = rent_cycle.Clocks(due_days=10, reminder_days=(1, 7), arrears_days=20, payment_poll_seconds=600)
DEPOSIT = rent_cycle.Clocks(due_days=15, arrears_days=0, payment_poll_seconds=600)


@dataclass
class Housing:
    """On what terms housing has people wait and sign."""

    limit_months: int = 60
    alarm_months: tuple[int, ...] = (48, 54)
    offer_open_days: int = 7
    max_declines: int = 2
    sign_days: int = 15
    term_months: int = 36
    rent: rent_cycle.Clocks = RENT
    deposit: rent_cycle.Clocks = DEPOSIT
    billing: Billing = MONTHLY
    reductions: tuple[Reduction, ...] = ()

    def waiting(self, registered_at: datetime) -> WaitingTerms:
        def after(months: int) -> datetime:
            return calendar.end_of_day(calendar.add_months(calendar.local_date(registered_at), months))

        return WaitingTerms(
            expires_at=after(self.limit_months),
            alarms_at=tuple(after(months) for months in self.alarm_months),
            offer_open_days=self.offer_open_days,
            max_declines=self.max_declines,
        )

    def lease(self) -> LeaseTerms:
        return LeaseTerms(
            monthly_rent_fen=MONTHLY_RENT_FEN, deposit_fen=DEPOSIT_FEN, rent=self.rent, deposit=self.deposit, billing=self.billing
        )

    def term(self, day: date) -> Term:
        return Term(starts_on=day, ends_on=calendar.add_months(day, self.term_months) - timedelta(days=1))


@dataclass
class Notes:
    """What the services were told, and how they answer."""

    advances: list[application_calls.Advance] = field(default_factory=list)
    steps: set[str] = field(default_factory=set)
    told: list[Telling] = field(default_factory=list)
    leases: list[str] = field(default_factory=list)
    released: list[str] = field(default_factory=list)
    # Where casework says that a case stands.
    standing: application_calls.Standing | None = None
    # And payments: the bills of a lease, and one bill.
    bills_on_record: list[lease_calls.BillOnRecord] = field(default_factory=list)
    bill_standing: rent_calls.Standing | None = None
    bills: dict[str, str] = field(default_factory=dict)
    offers: dict[str, str] = field(default_factory=dict)
    drafted: list[str] = field(default_factory=list)
    housing: Housing = field(default_factory=Housing)
    on_record: dict[str, Any] = field(default_factory=dict)
    held: str = ""
    let_go: asyncio.Event = field(default_factory=asyncio.Event)
    paid_at_last: set[str] = field(default_factory=set)
    orders_open: set[str] = field(default_factory=set)
    # Offers which housing has not made, or which are over.
    no_offers: set[str] = field(default_factory=set)
    # Bills of which payments has no money, whatever their workflows are told.
    unpaid: set[str] = field(default_factory=set)
    waiting: dict[str, str] = field(default_factory=dict)
    silent_tries: dict[str, int] = field(default_factory=dict)
    tries: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    bank_says: Callable[[str], rent_calls.BillState] = lambda _: rent_calls.BillState(intent_state="opened", settled=False)
    bank_asked: int = 0
    # By the name of the call: awaited before it is answered; what it raises is the answer.
    trouble: dict[str, Callable[[], Awaitable[Any]]] = field(default_factory=dict)
    client: Client | None = None
    complaints: list[complaint_calls.AdvanceComplaint] = field(default_factory=list)

    async def hear(self, step_id: str, *said: Telling) -> None:
        """What a step tells is told once, however often the step is made."""
        if any(each.template == self.held for each in said):
            # The worker is busy: what is said meanwhile reaches the workflow all at once.
            await self.let_go.wait()
        if step_id not in self.steps:
            self.steps.add(step_id)
            self.told.extend(said)

    async def hear_step(self, step: Step) -> None:
        await self.hear(step.step_id, *step.tell)

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
        @activity.defn(name=application_calls.ADVANCE_APPLICATION)
        async def advance(arg: application_calls.Advance) -> int:
            if all(a.step.step_id != arg.step.step_id for a in self.advances):
                self.advances.append(arg)
            await self.hear_step(arg.step)
            return len(self.advances)

        @activity.defn(name=application_calls.CASE_STANDING)
        async def case_standing(arg: application_calls.CaseStanding) -> application_calls.Standing:
            await self.before(application_calls.CASE_STANDING)
            assert self.standing is not None
            return self.standing

        @activity.defn(name=application_calls.LOOKUP_REGISTER)
        async def lookup(arg: application_calls.Lookup) -> application_calls.LookupAnswer:
            await self.before(application_calls.LOOKUP_REGISTER)
            self.tries[arg.register_code] += 1
            if self.tries[arg.register_code] <= self.silent_tries.get(arg.register_code, 0):
                raise ApplicationError("register is away", type="REGISTER_UNAVAILABLE")
            return application_calls.LookupAnswer(outcome=LookupOutcome.FOUND, summary="已核验")

        @activity.defn(name=application_calls.ASSESS)
        async def assess(arg: application_calls.Assess) -> application_calls.AssessAnswer:
            await self.before(application_calls.ASSESS)
            return application_calls.AssessAnswer(verdict=Verdict.MET, rule_set=PROFILE.version)

        @activity.defn(name=NOTIFY)
        async def notify(arg: Notify) -> str:
            await self.hear(arg.key, arg.telling)
            return arg.key

        @activity.defn(name=waiting_calls.REGISTER_WAITING)
        async def register_waiting(arg: waiting_calls.RegisterWaiting) -> waiting_calls.Registration:
            await self.before(waiting_calls.REGISTER_WAITING)
            self.waiting[arg.no] = "waiting"
            await self.hear_step(arg.step)
            return waiting_calls.Registration(rank=7, terms=self.housing.waiting(arg.step.as_of), **self.on_record)

        @activity.defn(name=waiting_calls.TAKE_OFFER)
        async def take_offer(arg: waiting_calls.TakeOffer) -> waiting_calls.TakenOffer:
            if arg.offer.offer_id in self.no_offers:
                return waiting_calls.TakenOffer()
            expires = max(arg.offer.expires_at, calendar.days_after(arg.step.as_of, self.housing.offer_open_days))
            facts = {"unit": text(arg.offer.unit), "expires": day(expires)}
            await self.hear(arg.step.step_id, *(each.model_copy(update={"values": facts}) for each in arg.step.tell))
            return waiting_calls.TakenOffer(offer=arg.offer.model_copy(update={"expires_at": expires}))

        @activity.defn(name=waiting_calls.CLOSE_OFFER)
        async def close_offer(arg: waiting_calls.CloseOffer) -> waiting_calls.DraftedLease:
            self.offers[arg.offer_id] = arg.outcome
            await self.hear_step(arg.step)
            if arg.outcome != "accepted":
                return waiting_calls.DraftedLease()
            no = f"L-{uuid.uuid4().hex[:8]}"
            self.drafted.append(no)
            return waiting_calls.DraftedLease(
                lease_no=no, sign_by=calendar.days_after(arg.step.as_of, self.housing.sign_days), unit="金明小区 3号楼2单元501"
            )

        @activity.defn(name=waiting_calls.CLOSE_WAITING)
        async def close_waiting(arg: waiting_calls.CloseWaiting) -> str:
            self.waiting[arg.no] = arg.outcome
            await self.hear_step(arg.step)
            return arg.outcome

        @activity.defn(name=lease_calls.ADVANCE_LEASE)
        async def advance_lease(arg: lease_calls.AdvanceLease) -> lease_calls.LeaseOnRecord:
            await self.before(lease_calls.ADVANCE_LEASE)
            self.leases.append(arg.event)
            await self.hear_step(arg.step)
            return lease_calls.LeaseOnRecord(
                terms=self.housing.lease() if arg.event == "signed" else None,
                term=self.housing.term(calendar.local_date(arg.step.as_of)) if arg.event == "activated" else None,
            )

        @activity.defn(name=application_calls.RELEASE_HOUSEHOLD)
        async def release_household(arg: application_calls.ReleaseHousehold) -> str:
            self.released.append(arg.no)
            return arg.no

        async def start(arg: RentCycleInput) -> str:
            assert self.client is not None
            await self.client.start_workflow("RentCycle", arg, id=rent_cycle.workflow_id(arg.bill_id), task_queue=TASK_QUEUE)
            return arg.bill_id

        @activity.defn(name=lease_calls.OPEN_RENT)
        async def open_rent(arg: lease_calls.OpenRent) -> bool:
            """As housing works it out: of whole months, which is all these leases have."""
            price = Price(month_fen=MONTHLY_RENT_FEN, area_centi_sqm=5_000, fen_per_sqm_month=700)
            last_day = calendar.add_months(arg.first_day, self.housing.billing.months_per_bill) - timedelta(days=1)
            lines = rent_lines(months(arg.first_day, last_day, self.housing.billing), price, self.housing.reductions)
            amount_fen = sum(line.amount_fen for line in lines)
            if amount_fen:
                await start(arg.cycle.model_copy(update={"amount_fen": amount_fen, "lines": lines}))
            return amount_fen > 0

        @activity.defn(name=lease_calls.START_RENT_CYCLE)
        async def start_rent_cycle(arg: RentCycleInput) -> str:
            return await start(arg)

        @activity.defn(name=lease_calls.BILLS_OF_LEASE)
        async def bills_of_lease(arg: lease_calls.BillsOfLease) -> lease_calls.Bills:
            await self.before(lease_calls.BILLS_OF_LEASE)
            return lease_calls.Bills(bills=tuple(self.bills_on_record))

        @activity.defn(name=rent_calls.BILL_STANDING)
        async def bill_standing(arg: rent_calls.BillStanding) -> rent_calls.Standing:
            assert self.bill_standing is not None
            return self.bill_standing

        @activity.defn(name=rent_calls.ISSUE_BILL)
        async def issue_bill(arg: rent_calls.IssueBill) -> str:
            self.bills[arg.bill.bill_id] = "open"
            await self.hear_step(arg.step)
            return "open"

        @activity.defn(name=rent_calls.MARK_BILL)
        async def mark_bill(arg: rent_calls.MarkBill) -> rent_calls.BillState:
            if arg.state == "paid":
                if arg.bill_id not in self.unpaid:
                    self.bills[arg.bill_id] = "paid"
                    await self.hear_step(arg.step)
                return rent_calls.BillState(settled=arg.bill_id not in self.unpaid)
            if arg.state == "arrears" and arg.bill_id in self.paid_at_last:
                self.bills[arg.bill_id] = "paid"
                return rent_calls.BillState(settled=True)
            if arg.state == "arrears" and arg.bill_id in self.orders_open:
                return rent_calls.BillState(settled=False, order_open=True)
            self.bills[arg.bill_id] = arg.state
            await self.hear_step(arg.step)
            return rent_calls.BillState(settled=False)

        @activity.defn(name=rent_calls.CONFIRM_PAYMENT)
        async def confirm_payment(arg: rent_calls.ConfirmPayment) -> rent_calls.BillState:
            self.bank_asked += 1
            return self.bank_says(arg.intent_id)

        @activity.defn(name=complaint_calls.ADVANCE_COMPLAINT)
        async def advance_complaint(arg: complaint_calls.AdvanceComplaint) -> int:
            await self.before(complaint_calls.ADVANCE_COMPLAINT)
            if all(each.step.step_id != arg.step.step_id for each in self.complaints):
                self.complaints.append(arg)
            await self.hear_step(arg.step)
            return len(self.complaints)

        return [
            advance_complaint,
            advance,
            case_standing,
            lookup,
            assess,
            notify,
            register_waiting,
            take_offer,
            close_offer,
            close_waiting,
            release_household,
            advance_lease,
            open_rent,
            start_rent_cycle,
            bills_of_lease,
            bill_standing,
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
            "place": PLACE,
            "registers": REGISTERS,
            "levels": REVIEW,
            "objection_level": "district",
            "clocks": CLOCKS,
        }
        return ApplicationInput(**{**values, **changes})

    async def apply(self, **changes: Any) -> WorkflowHandle[Any, Any]:
        given = self.given(**changes)
        return await self.client.start_workflow(NAME, given, id=workflow_id(given.no), task_queue=TASK_QUEUE)

    async def taken_up(self, stage: str, waiting_on: str, deadline: datetime | None, **changes: Any) -> WorkflowHandle[Any, Any]:
        """An application whose first workflow is gone, started again where its record stands."""
        self.notes.standing = application_calls.Standing(
            **{"stage": stage, "waiting_on": waiting_on, "deadline": deadline, "round": 1, **changes}
        )
        return await self.apply(generation=1)

    async def decide(
        self, handle: WorkflowHandle[Any, Any], level: str, decision: Decision = Decision.APPROVE, reason: str = "理由"
    ) -> Accepted:
        said = ReviewDecision(level=level, decision=decision, reason=reason, actor=f"s-{level}", request_id=uuid.uuid4().hex)
        answer: Accepted = await handle.execute_update(DECIDE, said, id=said.request_id, result_type=Accepted)
        return answer

    async def approved(self, **changes: Any) -> WorkflowHandle[Any, Any]:
        """An application that is on public notice."""
        handle = await self.apply(**changes)
        for level in LEVELS:
            await self.reached(lambda level=level: bool(self.notes.events) and self.notes.advances[-1].waiting_on == level)
            await self.decide(handle, level)
        await self.reached(lambda: self.notes.events[-1] == "city_approved")
        return handle

    async def reached(self, condition: Callable[[], bool]) -> None:
        await eventually(condition)

    async def days(self, handle: WorkflowHandle[Any, Any], days: float) -> None:
        await self.clock.advance(handle.id, timedelta(days=days))

    async def sweep(self) -> None:
        """Ends what the test left running, so the next one's services hear only its own workflows."""
        seen_empty = 0
        while seen_empty < 3:
            left = [each.id async for each in self.client.list_workflows('ExecutionStatus="Running"')]
            seen_empty = 0 if left else seen_empty + 1
            for found in left:
                with suppress(RPCError):
                    await self.client.get_workflow_handle(found).terminate("the test is over")
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
