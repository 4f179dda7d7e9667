"""Lease: from the drafted contract through years of rent (Order 11, articles 16 to 18)."""

from __future__ import annotations

from datetime import date, datetime

from chassis import calendar
from temporalio import workflow

from anju_workflows import calls, deadlines
from anju_workflows.case import Case, refuse
from anju_workflows.contracts import (
    LEASE,
    Accepted,
    ArrearsPaid,
    BillClosed,
    LeaseInput,
    LeaseResult,
    RentCycleInput,
    SignLease,
)
from anju_workflows.transitions import LEASE as MOVES

MONTHS_PER_RUN = 12


@workflow.defn(name=LEASE)
class Lease(Case):
    """A lease.

    Waits for the household to sign (having been told the liability clauses and the return situations) and to pay the deposit, each with a limit;
    then opens one rent cycle a month to the end of the term. Continues as new every twelve months, so that no history grows for years. Ends
    ended, or lapsed when it was not signed or secured in time.
    """

    table = MOVES

    @workflow.init
    def __init__(self, given: LeaseInput) -> None:
        super().__init__(given.application_no)
        self.given = given
        self.stage = given.stage
        self.steps = given.step
        self.place = (given.district, given.street)
        self.starts_on = date.fromisoformat(given.starts_on)
        self.ends_on = date.fromisoformat(given.ends_on)
        self.next_month = given.next_month
        self.open_bills = list(given.open_bills)
        self.arrears_months = given.arrears_months
        self.arrears_paid = list(given.arrears_paid)
        self.heard_paid = {*given.heard_paid, *(paid.bill_id for paid in given.arrears_paid)}
        self.signature: SignLease | None = None
        self.deposit_outcome = ""

    @workflow.run
    async def run(self, given: LeaseInput) -> LeaseResult:
        ended = await self.through(self.course())
        if ended is None:
            workflow.continue_as_new(self.carried())
        return ended

    async def course(self) -> LeaseResult | None:
        """To the end of the lease; None when a year is full and another run goes on."""
        given = self.given
        if self.stage == "signing" and not await self.signed():
            return await self.lapse("sign_expired")
        if self.stage == "deposit" and not await self.deposit_paid():
            return await self.lapse("deposit_expired")
        if given.next_month > 0:
            self.show()
        for month in range(given.next_month, self.months):
            await self.month_started(month)
            await self.bill_month(month)
            if self.next_month % MONTHS_PER_RUN == 0 and self.next_month < self.months:
                await self.finish()
                return None
        return await self.ended()

    @property
    def months(self) -> int:
        """How many months of rent the term has."""
        count = 0
        while deadlines.lease_month(self.starts_on, count) <= self.ends_on:
            count += 1
        return count

    async def signed(self) -> bool:
        self.waiting_on, self.deadline = "citizen", self.given.sign_by
        self.show()
        done = lambda: self.signature is not None  # noqa: E731  # a name for one expression
        reminder = calendar.start_of_day(calendar.local_date(self.given.sign_by))
        if not await self.until(done, reminder, "签约到期提醒"):
            await self.tell("lease_sign_reminder", deadline=deadlines.china_day(self.given.sign_by))
            if not await self.until(done, self.given.sign_by, "签约期限"):
                return False
        assert self.signature is not None
        deadline = deadlines.deposit(workflow.now(), self.given.clocks)
        self.move("signed", waiting_on="citizen", deadline=deadline)
        await self.record("signed", "合同签订", actor=self.signature.actor)
        await self.tell("lease_signed", deadline=deadlines.china_day(deadline))
        return True

    async def deposit_paid(self) -> bool:
        """The deposit is a bill like any other, except that not paying it in time ends the lease before it began."""
        if self.given.deposit_fen > 0:
            await self.open_cycle("deposit", "", self.given.deposit_fen, workflow.now())
            await self.until(lambda: self.deposit_outcome != "", None)
            if self.deposit_outcome != "paid":
                return False
        self.move("deposit_paid", waiting_on="nobody")
        await self.record("activated", "合同生效")
        await self.tell("lease_active", unit=self.given.unit, starts=deadlines.china_day(calendar.start_of_day(self.starts_on)))
        return True

    async def month_started(self, month: int) -> None:
        await self.sleep_until(calendar.start_of_day(deadlines.lease_month(self.starts_on, month)), f"第 {month + 1} 个月账单日")

    async def bill_month(self, month: int) -> None:
        first_day = deadlines.lease_month(self.starts_on, month)
        not_before = max(calendar.start_of_day(first_day), workflow.now())
        await self.open_cycle("rent", f"{first_day:%Y%m}", self.given.monthly_rent_fen, not_before)
        self.next_month = month + 1
        self.show()

    async def open_cycle(self, kind: str, period: str, amount_fen: int, not_before: datetime) -> None:
        bill_id = f"{self.given.lease_no}/{period or 'deposit'}"
        self.open_bills.append(bill_id)
        cycle = RentCycleInput(
            bill_id=bill_id,
            lease_no=self.given.lease_no,
            application_no=self.given.application_no,
            owner=self.given.owner,
            district=self.given.district,
            street=self.given.street,
            kind=kind,
            period=period,
            amount_fen=amount_fen,
            not_before=not_before,
            clocks=self.given.clocks,
            separate_queues=self.given.separate_queues,
        )
        await self.ask(lambda: calls.start_rent_cycle(cycle))

    async def sleep_until(self, instant: datetime, summary: str) -> None:
        """Until then, nothing but telling the household that its late money has come."""
        while await self.until(lambda: bool(self.arrears_paid), instant, summary):
            paid = self.arrears_paid.pop(0)
            template = "arrears_taken_back" if paid.in_time else "arrears_paid"
            await self.tell(template, month=deadlines.china_month(paid.bill_id), amount=deadlines.yuan(paid.amount_fen))

    def carried(self) -> LeaseInput:
        return self.given.model_copy(
            update={
                "stage": self.stage,
                "step": self.steps,
                "next_month": self.next_month,
                "open_bills": tuple(self.open_bills),
                "arrears_months": self.arrears_months,
                "arrears_paid": tuple(self.arrears_paid),
                "heard_paid": tuple(sorted(self.heard_paid)),
            }
        )

    async def ended(self) -> LeaseResult:
        await self.sleep_until(calendar.end_of_day(self.ends_on), "合同期满")
        self.move("term_ended", waiting_on="nobody")
        await self.record("ended", "合同到期")
        await self.ask(lambda: calls.release_household(calls.ReleaseHousehold(no=self.given.application_no)))
        await self.tell("lease_ended")
        await self.finish()
        return LeaseResult(outcome="ended")

    async def lapse(self, event: str) -> LeaseResult:
        self.move(event, waiting_on="nobody")
        await self.record("lapsed", "合同未生效")
        await self.ask(lambda: calls.release_household(calls.ReleaseHousehold(no=self.given.application_no)))
        await self.tell("lease_lapsed")
        await self.finish()
        return LeaseResult(outcome="lapsed")

    async def record(self, event: str, summary: str, actor: str = "system") -> None:
        arg = calls.AdvanceLease.model_validate({"lease_no": self.given.lease_no, "step": self.step(event, actor), "event": event})
        await self.ask(lambda: calls.advance_lease(arg, summary))

    def details(self) -> list[str]:
        lines = super().details()
        lines.append(f"**房源**：{self.given.unit}，月租 {deadlines.yuan(self.given.monthly_rent_fen)}")
        lines.append(f"**租期**：{self.given.starts_on} 至 {self.given.ends_on}，已出账 {self.next_month} 个月")
        if self.open_bills:
            lines.append(f"**未结账单**：{'、'.join(bill.rsplit('/', 1)[-1] for bill in self.open_bills)}")
        if self.arrears_months > 0:
            lines.append(f"**累计欠租**：{self.arrears_months} 个月")
        return lines

    @workflow.signal(name="bill_closed", description="账单已结")
    async def bill_closed(self, said: BillClosed) -> None:
        if said.bill_id not in self.open_bills:
            return
        self.open_bills.remove(said.bill_id)
        if said.bill_id.endswith("/deposit"):
            self.deposit_outcome = said.outcome
        elif said.outcome == "arrears":
            self.arrears_months += 1
        self.show()

    @workflow.signal(name="arrears_paid", description="欠费账单已缴清")
    def money_came_late(self, said: ArrearsPaid) -> None:
        # Payments tells at least once, and may tell again in another year of the lease.
        if said.bill_id not in self.heard_paid:
            self.heard_paid.add(said.bill_id)
            self.arrears_paid.append(said)
            if said.in_time:
                # The bank had the money before the bill was written to arrears: the month never was one.
                self.arrears_months -= 1
                self.show()

    @workflow.update(name="sign", description="承租人签约")
    def sign(self, said: SignLease) -> Accepted:
        self.signature = said
        return Accepted(stage=MOVES.next(self.stage, "signed"))

    @sign.validator
    def _check_sign(self, said: SignLease) -> None:
        if self.stage != "signing" or self.signature is not None:
            raise refuse("LEASE_NOT_OPEN", "该合同当前不能签约，请刷新后查看。")
        if not said.acknowledged:
            raise refuse("NOT_ACKNOWLEDGED", "请先阅读并确认违约责任和应当退回住房的情形。")
