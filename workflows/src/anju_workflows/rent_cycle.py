"""RentCycle: one bill from its issue to paid or written to arrears."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

from anju_workflows import calls, deadlines
from anju_workflows.case import Case
from anju_workflows.contracts import (
    RENT_CYCLE,
    BillClosed,
    PaymentOpened,
    PaymentPosted,
    RentCycleInput,
    RentCycleResult,
    lease_id,
)
from anju_workflows.transitions import RENT_CYCLE as MOVES


@workflow.defn(name=RENT_CYCLE)
class RentCycle(Case):
    """One bill.

    Waits for its business day, then for the tenant's money: the bank's callback arrives as a signal after the ledger has it, and while a payment is
    open the bank is asked as well, because a callback may be lost. After the due date the tenant is reminded, and at last the bill is written to
    arrears, unless the ledger has the money: it decides, not the clock. Ends paid or in arrears; the lease is told either way.
    """

    table = MOVES

    @workflow.init
    def __init__(self, given: RentCycleInput) -> None:
        super().__init__(given.application_no)
        self.given = given
        self.place = (given.district, given.street)
        self.settled = False
        self.intent = ""
        self.asked = 0

    @workflow.run
    async def run(self, given: RentCycleInput) -> RentCycleResult:
        return await self.through(self.course())

    async def course(self) -> RentCycleResult:
        await self.business_day()
        due = await self.issued()
        for event, at in self.ladder(due):
            if await self.paid_by(at):
                return await self.close("paid")
            if event == "written_to_arrears":
                break
            await self.pressed(event)
        return await self.close("paid" if await self.paid_after_all() else "arrears")

    async def business_day(self) -> None:
        early = self.given.not_before - workflow.now()
        if early.total_seconds() > 0:
            await workflow.sleep(early, summary="等待出账日")

    async def issued(self) -> datetime:
        now, clocks = workflow.now(), self.given.clocks
        due = deadlines.deposit(now, clocks) if self.given.kind == "deposit" else deadlines.rent_due(now, clocks)
        self.move("issued", waiting_on="citizen", deadline=due)
        issue = calls.IssueBill(bill=self.given, step=self.step("issued"), due_at=due)
        await self.ask(lambda: calls.issue_bill(issue))
        await self.tell(f"{self.template}_issued", **self.about, due=deadlines.china_day(due))
        return due

    def ladder(self, due: datetime) -> Iterator[tuple[str, datetime]]:
        """What happens to an unpaid bill, and when (催缴): overdue, reminders, arrears. A deposit has no second chance: the home is waited for."""
        yield "became_overdue", due
        if self.given.kind == "deposit":
            yield "written_to_arrears", due
            return
        for at in deadlines.rent_reminders(due, self.given.clocks):
            yield "reminded", at
        yield "written_to_arrears", deadlines.rent_arrears(due, self.given.clocks)

    async def paid_by(self, at: datetime) -> bool:
        """Waits for the money until ``at``; while a payment is open at the bank, the bank is asked every few minutes."""
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
                calls.ConfirmPayment(intent_id=intent, as_of=workflow.now()), own_queue=self.given.separate_queues
            )
        except ActivityError:
            workflow.logger.info("the bank is silent; asking again later")
            return
        if state.bill_settled:
            self.settled = True
        elif state.intent_state != "opened" and self.intent == intent:
            self.intent = ""

    async def pressed(self, event: str) -> None:
        if event == "reminded":
            self.move(event, waiting_on="citizen", deadline=self.deadline, overdue=True)
            assert self.deadline is not None
            until = deadlines.china_day(deadlines.rent_arrears(self.deadline, self.given.clocks))
            month, amount = deadlines.china_month(self.given.bill_id), deadlines.yuan(self.given.amount_fen)
            await self.tell("bill_reminder", month=month, amount=amount, until=until)
            return
        self.move(event, waiting_on="citizen", deadline=self.deadline, overdue=True)
        mark = calls.MarkBill(bill_id=self.given.bill_id, step=self.step(event), state="overdue")
        if (await self.ask(lambda: calls.mark_bill(mark, final=False))).bill_settled:
            self.settled = True

    async def paid_after_all(self) -> bool:
        """The last look. A deposit's order opened in time is waited for to its end at the bank: a home is not taken back while the money may be
        on its way. Then the ledger has the last word; what is posted after it, is posted to a bill in arrears."""
        if self.given.kind == "deposit":
            await self.order_over()
        if self.settled:
            return True
        event = "written_to_arrears"
        mark = calls.MarkBill(bill_id=self.given.bill_id, step=self.step(event), state="arrears")
        if (await self.ask(lambda: calls.mark_bill(mark, final=True))).bill_settled:
            return True
        self.move(event, waiting_on="nobody", overdue=True)
        return False

    async def order_over(self) -> None:
        intent, poll = self.intent, timedelta(seconds=self.given.clocks.payment_poll_seconds)
        while intent and self.intent == intent and not self.settled:
            look = workflow.now() + poll
            if not await self.until(lambda: self.settled or self.intent != intent, look, "等待银行答复已发起的缴款"):
                await self.ask_bank(intent)

    async def close(self, outcome: str) -> RentCycleResult:
        if outcome == "paid":
            self.move("paid", waiting_on="nobody")
        await self.tell(f"{self.template}_{outcome}", **self.about)
        lease = workflow.get_external_workflow_handle(lease_id(self.given.lease_no))
        try:
            await lease.signal("bill_closed", BillClosed(bill_id=self.given.bill_id, outcome=outcome))
        except ApplicationError:
            workflow.logger.info("the lease has ended before its last bill")
        await self.finish()
        return RentCycleResult(outcome=outcome)

    @property
    def template(self) -> str:
        return "deposit" if self.given.kind == "deposit" else "bill"

    @property
    def about(self) -> dict[str, str]:
        amount = deadlines.yuan(self.given.amount_fen)
        return (
            {"amount": amount} if self.given.kind == "deposit" else {"month": deadlines.china_month(self.given.bill_id), "amount": amount}
        )

    def details(self) -> list[str]:
        lines = super().details()
        title = "押金" if self.given.kind == "deposit" else f"{deadlines.china_month(self.given.bill_id)}租金"
        lines.append(f"**账单**：{title} {deadlines.yuan(self.given.amount_fen)}")
        if self.intent:
            lines.append("**缴款**：已在银行发起，等待结果")
        return lines

    @workflow.signal(name="payment_opened", description="承租人已在银行发起缴款")
    def payment_opened(self, said: PaymentOpened) -> None:
        self.intent = said.intent_id

    @workflow.signal(name="payment_posted", description="缴款已入账")
    def payment_posted(self, said: PaymentPosted) -> None:
        if said.intent_id == self.intent:
            self.intent = ""
        self.settled = self.settled or said.settled
