"""Lease: from the drafted contract through years of rent (Order 11, articles 16 to 18)."""

from __future__ import annotations

from datetime import date, datetime

import anju_calendar as calendar
from anju_contracts import rent, rent_cycle
from anju_contracts.base import Accepted, Outcome
from anju_contracts.lease import (
    ARREARS_PAID,
    BILL_CLOSED,
    MOVES,
    NAME,
    SIGN,
    ArrearsPaid,
    BillClosed,
    LeaseInput,
    LeaseTerms,
    SignLease,
    Term,
)
from temporalio import workflow

from anju_workflows import deadlines
from anju_workflows.application.calls import release_household
from anju_workflows.case import Case, NotSaidError, refuse
from anju_workflows.lease import calls
from anju_workflows.telling import Telling, day, fen, household, month

BILLS_PER_RUN = 12


@workflow.defn(name=NAME)
class Lease(Case):
    """A lease.

    Waits for the household to sign (having been told the liability clauses and the return situations) and to pay the deposit, each with a limit;
    then opens one rent cycle for each bill of the term, as housing works it out on that day. Rent, deposit and clocks are those of the day of signing, the term begins on the day
    the lease takes effect. Continues as new every twelve bills, so that no history grows for years. Ends ended, or lapsed when it was not signed
    or secured in time.

    One that was started again is given its stage, terms and term by housing, whose record that is, and asks payments what became of its bills.
    """

    @workflow.init
    def __init__(self, given: LeaseInput) -> None:
        super().__init__(MOVES, given.application_no, given.place, generation=given.generation)
        self.given = given
        # The attributes it was started with say where it is.
        self.placed = True
        self.stage = given.stage
        self.steps = given.step
        self.terms = given.terms
        self.term = given.term
        self.next_month = given.next_month
        self.open_bills = list(given.open_bills)
        self.arrears_bills = list(given.arrears_bills)
        self.late_money = list(given.late_money)
        self.heard = {*given.heard, *(paid.bill_id for paid in given.late_money)}
        self.signature: SignLease | None = None
        self.deposit_outcome = ""
        self.standing_known = not given.again
        # Told to one that was started again, before it knew which bills it waits for.
        self.closed_early: list[BillClosed] = []

    @workflow.run
    async def run(self, given: LeaseInput) -> Outcome:
        ended = await self.through(self.course())
        if ended is None:
            workflow.continue_as_new(self.carried())
        return ended

    async def course(self) -> Outcome | None:
        """To the end of the lease; None when a year is full and another run goes on."""
        if self.given.again:
            await self.no_earlier_than_recorded(self.given.not_before)
            await self.taken_up()
        if self.stage == "signing":
            self.terms = await self.signed()
            if self.terms is None:
                return await self.lapse("sign_expired")
        assert self.terms is not None
        if self.stage == "deposit":
            self.term = await self.secured(self.terms)
            if self.term is None:
                return Outcome(outcome="lapsed")
        else:
            self.show()
        assert self.term is not None
        return await self.rented(self.terms, self.term)

    async def taken_up(self) -> None:
        found = (await self.ask(lambda: calls.bills_of_lease(self.given.lease_no))).bills
        deposit = rent_cycle.bill_id(self.given.lease_no, "")
        rents = [bill for bill in found if bill.bill_id != deposit]
        secured = next((bill for bill in found if bill.bill_id == deposit), None)
        self.open_bills = [bill.bill_id for bill in found if bill.state in ("open", "overdue")]
        self.deposit_outcome = secured.state if secured is not None and secured.state in rent_cycle.MOVES.ends else ""
        taken_back = {paid.bill_id for paid in self.late_money if paid.in_time}
        self.arrears_bills = [bill.bill_id for bill in rents if bill.counted and bill.bill_id not in taken_back]
        self.next_month = self.months_billed({bill.period for bill in rents})
        waiting_on = "nobody" if self.stage == "active" else "citizen"
        deadline = {"signing": self.given.sign_by, "deposit": secured.due if secured is not None else None}.get(self.stage)
        self.take_up(stage=self.stage, waiting_on=waiting_on, deadline=deadline)
        for said in self.closed_early:
            self.note_closed(said)

    def months_billed(self, periods: set[str]) -> int:
        if self.term is None:
            return 0
        assert self.terms is not None
        bills = rent.bills(self.term.starts_on, self.term.ends_on, self.terms.billing)
        return max((number for number, of_bill in enumerate(bills, 1) if _month(of_bill[0].first_day) in periods), default=0)

    async def signed(self) -> LeaseTerms | None:
        """Waits for the signature; the terms of its day, None when it did not come in time."""
        self.waiting_on, self.deadline = "citizen", self.given.sign_by
        self.show()
        done = lambda: self.signature is not None  # noqa: E731  # a name for one expression
        terms: list[LeaseTerms] = []

        async def take() -> bool:
            said = self.signature
            assert said is not None
            try:
                found = await self.record("signed", "合同签订", said, household("lease_signed"))
            except NotSaidError:
                self.signature = None
                self.not_said("signed")
                return False
            assert found.terms is not None
            terms.append(found.terms)
            self.move("signed", waiting_on="citizen", deadline=deadlines.bill_due(workflow.now(), found.terms.deposit))
            return True

        reminder = calendar.start_of_day(calendar.local_date(self.given.sign_by))
        if not await self.listen(done, take, reminder, "签约到期提醒"):
            await self.remind(household("lease_sign_reminder", deadline=day(self.given.sign_by)))
            if not await self.listen(done, take, self.given.sign_by, "签约期限"):
                return None
        return terms[0]

    async def deposit_paid(self, terms: LeaseTerms) -> bool:
        """The deposit is a bill like any other, except that not paying it in time ends the lease before it began."""
        on_record = rent_cycle.bill_id(self.given.lease_no, "") in self.open_bills or self.deposit_outcome != ""
        if terms.deposit_fen > 0 and not on_record:
            cycle = self.cycle(rent_cycle.DEPOSIT, "", terms.deposit_fen, workflow.now(), terms.deposit)
            await self.ask(lambda: calls.start_rent_cycle(cycle))
        if terms.deposit_fen > 0:
            await self.until(lambda: self.deposit_outcome != "", None)
        return terms.deposit_fen == 0 or self.deposit_outcome == "paid"

    async def secured(self, terms: LeaseTerms) -> Term | None:
        """The term, whose first day is that on which the lease takes effect; None when it lapsed without its deposit.

        What is signalled of the bill is a hint: housing asks payments before it records either, and a word which nobody has said is dropped."""
        while True:
            paid = await self.deposit_paid(terms)
            try:
                if paid:
                    found = await self.record("activated", "合同生效", None, household("lease_active"), hinted=True)
                else:
                    await self.record("lapsed", "合同未生效", None, household("lease_lapsed"), hinted=True)
            except NotSaidError:
                self.not_said("bill_closed")
                await self.deposit_looked_up()
                continue
            if paid:
                assert found.term is not None
                self.move("deposit_paid", waiting_on="nobody")
                return found.term
            self.move("deposit_expired", waiting_on="nobody")
            await self.over()
            return None

    async def deposit_looked_up(self) -> None:
        """What payments says has become of the deposit's bill: it is waited for as long as it is open."""
        deposit = rent_cycle.bill_id(self.given.lease_no, "")
        found = (await self.ask(lambda: calls.bills_of_lease(self.given.lease_no))).bills
        state = next((bill.state for bill in found if bill.bill_id == deposit), "")
        self.deposit_outcome = state if state in rent_cycle.MOVES.ends else ""
        if not self.deposit_outcome and deposit not in self.open_bills:
            self.open_bills.append(deposit)
        self.show()

    async def rented(self, terms: LeaseTerms, term: Term) -> Outcome | None:
        bills = rent.bills(term.starts_on, term.ends_on, terms.billing)
        for number, months in list(enumerate(bills, 1))[self.next_month :]:
            await self.sleep_until(calendar.start_of_day(months[0].first_day), f"第 {number} 期账单日")
            await self.bill_rent(months[0].first_day, terms)
            self.next_month = number
            self.show()
            if number % BILLS_PER_RUN == 0 and number < len(bills):
                await self.finish()
                return None
        await self.sleep_until(calendar.end_of_day(term.ends_on), "合同期满")
        return await self.end("term_ended", "ended", "合同到期", household("lease_ended"))

    async def bill_rent(self, first_day: date, terms: LeaseTerms) -> None:
        """Housing says what is owed for these days, as it stands on record now."""
        not_before = max(calendar.start_of_day(first_day), workflow.now())
        cycle = self.cycle(rent_cycle.RENT, _month(first_day), terms.monthly_rent_fen, not_before, terms.rent)
        if (
            not await self.ask(lambda: calls.open_rent(calls.OpenRent(cycle=cycle, first_day=first_day)))
            and cycle.bill_id in self.open_bills
        ):
            self.open_bills.remove(cycle.bill_id)

    def cycle(self, kind: str, period: str, amount_fen: int, not_before: datetime, clocks: rent_cycle.Clocks) -> rent_cycle.RentCycleInput:
        """What a bill's own workflow is started with; from now on the bill is waited for."""
        bill_id = rent_cycle.bill_id(self.given.lease_no, period)
        self.open_bills.append(bill_id)
        return rent_cycle.RentCycleInput(
            bill_id=bill_id,
            lease_no=self.given.lease_no,
            application_no=self.given.application_no,
            owner=self.given.owner,
            place=self.given.place,
            kind=kind,
            period=period,
            amount_fen=amount_fen,
            not_before=not_before,
            clocks=clocks,
            separate_queues=self.given.separate_queues,
        )

    async def sleep_until(self, instant: datetime, summary: str) -> None:
        """Until then, nothing but telling the household that its late money has come."""
        while await self.until(lambda: bool(self.late_money), instant, summary):
            paid = self.late_money.pop(0)
            template = "arrears_taken_back" if paid.in_time else "arrears_paid"
            await self.remind(household(template, month=month(_period(paid.bill_id)), amount=fen(paid.amount_fen)))

    def carried(self) -> LeaseInput:
        return self.given.model_copy(
            update={
                "stage": self.stage,
                "step": self.steps,
                "terms": self.terms,
                "term": self.term,
                "next_month": self.next_month,
                "open_bills": tuple(self.open_bills),
                "arrears_bills": tuple(self.arrears_bills),
                "late_money": tuple(self.late_money),
                "heard": tuple(sorted(self.heard)),
                "again": False,
            }
        )

    async def lapse(self, event: str) -> Outcome:
        return await self.end(event, "lapsed", "合同未生效", household("lease_lapsed"))

    async def end(self, event: str, outcome: str, summary: str, tell: Telling) -> Outcome:
        self.move(event, waiting_on="nobody")
        await self.record(outcome, summary, None, tell)
        await self.over()
        return Outcome(outcome=outcome)

    async def over(self) -> None:
        await self.ask(lambda: release_household(self.given.application_no))
        await self.finish()

    async def record(
        self, event: str, summary: str, said: SignLease | None = None, *tell: Telling, hinted: bool = False
    ) -> calls.LeaseOnRecord:
        """Housing fills in what it alone knows of the telling: the first day, the day the deposit is due. Raises NotSaidError for a step by a word
        nobody has said, or by a hint (``hinted``) which is not so."""
        step = self.step(event, said.actor, said.request_id, tell) if said is not None else self.step(event, tell=tell)
        arg = calls.AdvanceLease.model_validate({"lease_no": self.given.lease_no, "step": step, "event": event})
        return await self.ask(lambda: calls.advance_lease(arg, summary), by_word=hinted or said is not None)

    def months_in_arrears(self) -> int:
        """In all, not in a row (Order 11, article 29): a bill of a quarter is three months."""
        if self.terms is None or self.term is None:
            return len(self.arrears_bills)
        bills = rent.bills(self.term.starts_on, self.term.ends_on, self.terms.billing)
        months = {_month(of_bill[0].first_day): len(of_bill) for of_bill in bills}
        return sum(months.get(_period(bill_id), 1) for bill_id in self.arrears_bills)

    def details(self) -> list[str]:
        lines = super().details()
        rent = f"，月租 {deadlines.yuan(self.terms.monthly_rent_fen)}" if self.terms is not None else ""
        lines.append(f"**房源**：{self.given.unit}{rent}")
        if self.term is not None:
            lines.append(f"**租期**：{self.term.starts_on} 至 {self.term.ends_on}，已出账 {self.next_month} 期")
        if self.open_bills:
            lines.append(f"**未结账单**：{'、'.join(_period(bill) for bill in self.open_bills)}")
        if self.arrears_bills:
            lines.append(f"**累计欠租**：{self.months_in_arrears()} 个月")
        return lines

    def state_details(self) -> dict[str, str]:
        return {
            "next_month": str(self.next_month),
            "arrears_months": str(self.months_in_arrears()),
            "open_bills": ",".join(self.open_bills),
        }

    @workflow.signal(name=BILL_CLOSED, description="账单已结")
    async def bill_closed(self, said: BillClosed) -> None:
        if self.standing_known:
            self.note_closed(said)
        else:
            self.closed_early.append(said)

    def note_closed(self, said: BillClosed) -> None:
        if said.bill_id not in self.open_bills:
            return
        self.open_bills.remove(said.bill_id)
        if said.bill_id == rent_cycle.bill_id(self.given.lease_no, ""):
            self.deposit_outcome = said.outcome
        elif said.outcome == "arrears":
            self.arrears_bills.append(said.bill_id)
        self.show()

    @workflow.signal(name=ARREARS_PAID, description="欠费账单已缴清")
    def money_came_late(self, said: ArrearsPaid) -> None:
        # Payments tells at least once, and may tell again in another year of the lease.
        if said.bill_id not in self.heard:
            self.heard.add(said.bill_id)
            self.late_money.append(said)
            if said.in_time and said.bill_id in self.arrears_bills:
                # The bank had the money before the bill was written to arrears: the month never was one.
                self.arrears_bills.remove(said.bill_id)
                self.show()

    @workflow.update(name=SIGN, description="承租人签约")
    def sign(self, said: SignLease) -> Accepted:
        self.signature = said
        return Accepted(stage=MOVES.next(self.stage, "signed"))

    @sign.validator
    def _check_sign(self, said: SignLease) -> None:
        self.require_standing()
        if self.stage != "signing" or self.signature is not None or not self.new(said):
            raise refuse("LEASE_NOT_OPEN", "该合同当前不能签约，请刷新后查看。")
        if not said.acknowledged:
            raise refuse("NOT_ACKNOWLEDGED", "请先阅读并确认违约责任和应当退回住房的情形。")


def _period(bill_id: str) -> str:
    """L-2026-000001/202612 -> 202612."""
    return bill_id.rsplit("/", 1)[-1]


def _month(first_day: date) -> str:
    """yyyymm of a bill."""
    return f"{first_day:%Y%m}"
