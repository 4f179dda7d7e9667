"""RentCycle: one bill from its issue to paid or written to arrears."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from anju_contracts import lease
from anju_contracts.base import Outcome
from anju_contracts.rent_cycle import (
    DEPOSIT,
    MOVES,
    NAME,
    PAYMENT_OPENED,
    PAYMENT_POSTED,
    PaymentOpened,
    PaymentPosted,
    RentCycleInput,
)
from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

from anju_workflows import calling, deadlines
from anju_workflows.case import Case
from anju_workflows.rent_cycle import calls
from anju_workflows.telling import Value, day, fen, household, month


@workflow.defn(name=NAME)
class RentCycle(Case):
    """One bill.

    Waits for its business day, then for the tenant's money: the bank's callback arrives as a signal after the ledger has it, and while a payment is
    open the bank is asked as well, because a callback may be lost. After the due date the tenant is reminded, and at last the bill is written to
    arrears, unless the ledger has the money: it decides, not the clock. Ends paid or in arrears; the lease is told either way.

    One that was started again goes on where payments has the bill; what the tenant was reminded of before is over.
    """

    @workflow.init
    def __init__(self, given: RentCycleInput) -> None:
        super().__init__(MOVES, given.application_no, given.place, generation=given.generation)
        self.given = given
        self.settled = False
        self.intent = ""

    @workflow.run
    async def run(self, given: RentCycleInput) -> Outcome:
        return await self.through(self.course())

    async def course(self) -> Outcome:
        if self.generation:
            due = await self.taken_up()
            if self.stage in MOVES.ends:
                if self.stage == "paid":
                    await self.on_record()
                return await self.close(self.stage)
        else:
            await self.business_day()
            due = await self.issued()
        for event, at in self.rungs_left(due):
            if await self.paid_by(at):
                return await self.close("paid")
            if event == "written_to_arrears":
                break
            await self.pressed(event)
        return await self.close("paid" if await self.paid_after_all() else "arrears")

    async def taken_up(self) -> datetime:
        found = await self.ask(lambda: calls.standing(self.given.bill_id))
        # What is signalled before this is known is newer than the record.
        self.intent = self.intent or found.intent
        awaited = "nobody" if found.state in MOVES.ends else "citizen"
        self.take_up(stage=found.state, waiting_on=awaited, deadline=found.due, overdue=found.state in ("overdue", "arrears"))
        return found.due

    def rungs_left(self, due: datetime) -> Iterator[tuple[str, datetime]]:
        """All; of a bill that goes on, those which are not on record and were not due before."""
        now, stage = workflow.now(), self.stage
        for event, at in self.ladder(due):
            past = (event == "became_overdue" and stage == "overdue") or (event == "reminded" and at <= now)
            if not (self.generation and past):
                yield event, at

    async def business_day(self) -> None:
        early = self.given.not_before - workflow.now()
        if early.total_seconds() > 0:
            await workflow.sleep(early, summary="等待出账日")

    async def issued(self) -> datetime:
        now, clocks = workflow.now(), self.given.clocks
        due = deadlines.bill_due(now, clocks)
        self.move("issued", waiting_on="citizen", deadline=due)
        step = self.step("issued", tell=[household(f"{self.template}_issued", **self.about, due=day(due))])
        issue = calls.IssueBill(bill=self.given, step=step, due_at=due, arrears_at=deadlines.bill_arrears(due, clocks))
        await self.ask(lambda: calls.issue_bill(issue))
        return due

    def ladder(self, due: datetime) -> Iterator[tuple[str, datetime]]:
        """What happens to an unpaid bill, and when (催缴): overdue, reminders, arrears. A deposit has no second chance, which its clocks say: the
        home is waited for."""
        yield "became_overdue", due
        for at in deadlines.bill_reminders(due, self.given.clocks):
            yield "reminded", at
        yield "written_to_arrears", deadlines.bill_arrears(due, self.given.clocks)

    async def paid_by(self, at: datetime) -> bool:
        """Waits for the money until ``at``. What says that it is there is a hint: payments' own record decides."""
        while await self.told_paid_by(at):
            if await self.on_record():
                return True
        return False

    async def on_record(self) -> bool:
        """Payments has the money, and tells the tenant so. False when it has not: nobody who could know has said it."""
        # The same step whichever run makes it: the tenant is told once.
        step = self.step("paid", tell=[household(f"{self.template}_paid", **self.about)], number="once")
        mark = calls.MarkBill(bill_id=self.given.bill_id, step=step, state="paid")
        if (await self.ask(lambda: calls.mark_bill(mark, final=False))).settled:
            return True
        self.settled = False
        self.not_said("paid")
        return False

    async def told_paid_by(self, at: datetime) -> bool:
        """While a payment is open at the bank, the bank is asked every few minutes."""
        poll = timedelta(seconds=self.given.clocks.payment_poll_seconds)
        while not self.settled and workflow.now() < at:
            intent = self.intent
            look = min(at, workflow.now() + poll) if intent else at
            if await self.until(lambda: self.settled or self.intent != intent, look, "等待缴款" if not intent else "向银行查询前等待"):  # noqa: B023
                continue
            if intent:
                await self.ask_bank(intent)
        return self.settled

    async def ask_bank(self, intent: str) -> None:
        try:
            state = await calls.confirm_payment(
                calls.ConfirmPayment(bill_id=self.given.bill_id, intent_id=intent, as_of=workflow.now()),
                own_queue=self.given.separate_queues,
            )
        except ActivityError as error:
            if calling.refused(error) is not None and self.intent == intent:
                # No order of this bill: somebody made it up.
                self.intent = ""
                self.not_said("payment_opened")
            workflow.logger.info("the bank is silent; asking again later")
            return
        if state.settled:
            self.settled = True
        elif state.intent_state != "opened" and self.intent == intent:
            self.intent = ""

    async def pressed(self, event: str) -> None:
        self.move(event, waiting_on="citizen", deadline=self.deadline, overdue=True)
        if event == "reminded":
            assert self.deadline is not None
            until = deadlines.bill_arrears(self.deadline, self.given.clocks)
            await self.remind(household("bill_reminder", **self.about, until=day(until)))
            return
        mark = calls.MarkBill(bill_id=self.given.bill_id, step=self.step(event), state="overdue")
        if (await self.ask(lambda: calls.mark_bill(mark, final=False))).settled:
            self.settled = True

    async def paid_after_all(self) -> bool:
        """The last look. Payments has the last word: it has the money, or writes the bill to arrears, or says that an order opened in time is still
        open at the bank. Then the bank is asked and the same step made again: nothing is held against a household whose money may be on its way."""
        event, poll = "written_to_arrears", timedelta(seconds=self.given.clocks.payment_poll_seconds)
        step = self.step(event, tell=[household(f"{self.template}_arrears", **self.about)])
        while True:
            mark = calls.MarkBill(bill_id=self.given.bill_id, step=step.model_copy(update={"as_of": workflow.now()}), state="arrears")
            found = await self.ask(lambda: calls.mark_bill(mark, final=True))  # noqa: B023  # asked before the next round
            if found.settled:
                return await self.on_record()
            if not found.order_open:
                self.move(event, waiting_on="nobody", overdue=True)
                return False
            self.settled = False
            if not await self.until(lambda: self.settled, workflow.now() + poll, "等待银行答复已发起的缴款") and self.intent:
                await self.ask_bank(self.intent)
            if self.settled and await self.on_record():
                return True

    async def close(self, outcome: str) -> Outcome:
        if outcome == "paid" and self.stage != "paid":
            self.move("paid", waiting_on="nobody")
        handle = workflow.get_external_workflow_handle(lease.workflow_id(self.given.lease_no))
        try:
            await handle.signal(lease.BILL_CLOSED, lease.BillClosed(bill_id=self.given.bill_id, outcome=outcome))
        except ApplicationError:
            workflow.logger.info("the lease has ended before its last bill")
        await self.finish()
        return Outcome(outcome=outcome)

    @property
    def template(self) -> str:
        return "deposit" if self.given.kind == DEPOSIT else "bill"

    @property
    def about(self) -> dict[str, Value]:
        amount = fen(self.given.amount_fen)
        return {"amount": amount} if self.given.kind == DEPOSIT else {"month": month(self.given.period), "amount": amount}

    def details(self) -> list[str]:
        lines = super().details()
        title = "押金" if self.given.kind == DEPOSIT else f"{deadlines.china_month(self.given.period)}租金"
        lines.append(f"**账单**：{title} {deadlines.yuan(self.given.amount_fen)}")
        if self.intent:
            lines.append("**缴款**：已在银行发起，等待结果")
        return lines

    @workflow.signal(name=PAYMENT_OPENED, description="承租人已在银行发起缴款")
    def payment_opened(self, said: PaymentOpened) -> None:
        self.intent = said.intent_id

    @workflow.signal(name=PAYMENT_POSTED, description="缴款已入账")
    def payment_posted(self, said: PaymentPosted) -> None:
        if said.intent_id == self.intent:
            self.intent = ""
        self.settled = self.settled or said.settled
