"""gRPC surface of payments, the part workflows use."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from anju.payments.v1 import payments_pb2 as pb
from anju_contracts import rent_cycle
from anju_contracts.rent import Line
from anju_contracts.rent import wrong as wrong_lines
from casekit.facts import record
from casekit.tell import Tellings, fen, fill_in
from chassis import logs, once
from chassis.db import Database
from chassis.errors import NOT_FOUND, Refusal, invalid
from chassis.outbox import Outbox
from chassis.wire import instant, missing, to_model, wrong
from sqlalchemy.ext.asyncio import AsyncSession

from payments import facts, store, wire
from payments.cashier import Cashier
from payments.domain import bills, ledger, orders
from payments.errors import EXISTS_WITH_DIFFERENT_AMOUNT, STEP_REFUSED
from payments.tables import Bill, Once

Context = Any
_log = logs.get(__name__)


class WorkflowSteps:
    """``now`` is the wall clock."""

    def __init__(self, database: Database, cashier: Cashier, outbox: Outbox, tellings: Tellings, now: Callable[[], datetime]) -> None:
        self._database = database
        self._cashier = cashier
        self._outbox = outbox
        self._tellings = tellings
        self._now = now

    async def IssueBill(self, request: pb.IssueBillRequest, context: Context) -> pb.IssueBillResponse:
        new = _new_bill(request)
        new.ahead = orders.ahead(new.ahead, new.issued_at, self._now())
        async with self._database.transaction() as session:
            await _by_credit(session, new)
            if await store.add_bill(session, new):
                issued = ledger.issued(new.kind, new.lease_no, new.amount_fen)
                await store.post(session, f"issue/{new.id}", issued, new.issued_at, bill_id=new.id)
                await record(session, facts.booked(f"issue/{new.id}", issued, new.issued_at, new, new.id))
                if new.credit_fen:
                    await self._credit_used(session, new)
                # What credit has paid whole asks nothing of the household: that it is settled it is told by the bill's workflow.
                if new.state != "paid":
                    if new.kind == bills.RENT:
                        fill_in(request.step, owed=fen(new.amount_fen - new.paid_fen))
                    self._tellings.hand_on(self._outbox, session, request.step, new.application_no)
                found: Bill | None = new
            else:
                found = await store.bill(session, new.id)
        # Of days that are on another bill none is made.
        if found is None or any(
            getattr(found, name) != getattr(new, name) for name in ("amount_fen", "application_no", "owner", "district", "lines")
        ):
            raise Refusal(EXISTS_WITH_DIFFERENT_AMOUNT)
        return pb.IssueBillResponse(bill=wire.bill(found))

    async def _credit_used(self, session: AsyncSession, bill: Bill) -> None:
        used, key = ledger.credit_used(bill.lease_no, bill.credit_fen), f"credit/{bill.id}"
        await store.post(session, key, used, bill.issued_at, bill_id=bill.id)
        await record(session, facts.booked(key, used, bill.issued_at, bill, bill.id))
        if bill.state == "paid":
            await record(session, facts.paid(bill, bill.issued_at))
            said = {"bill_id": bill.id, "intent_id": "", "settled": True}
            self._outbox.add(session, rent_cycle.PAYMENT_POSTED, {"to": rent_cycle.workflow_id(bill.id), "said": said})

    async def ConfirmPayment(self, request: pb.ConfirmPaymentRequest, context: Context) -> pb.ConfirmPaymentResponse:
        if not request.bill_id:
            raise invalid([missing("/bill_id")])
        intent, bill = await self._cashier.confirm(request.intent_id, instant(request, "as_of"), request.bill_id)
        return pb.ConfirmPaymentResponse(intent=wire.intent(intent), bill=wire.bill(bill))

    async def GetBillStanding(self, request: pb.GetBillStandingRequest, context: Context) -> pb.GetBillStandingResponse:
        async with self._database.statements() as session:
            bill = await store.bill(session, request.bill_id)
            order = await store.open_intent(session, request.bill_id)
        if bill is None:
            raise Refusal(NOT_FOUND)
        return pb.GetBillStandingResponse(bill=wire.bill(bill), intent_id=order.id if order is not None else "")

    async def ListLeaseBills(self, request: pb.ListLeaseBillsRequest, context: Context) -> pb.ListLeaseBillsResponse:
        async with self._database.statements() as session:
            found = await store.bills_of_lease(session, request.lease_no)
        return pb.ListLeaseBillsResponse(bills=[pb.LeaseBill(bill=wire.bill(bill), counted=_counted(bill)) for bill in found])

    async def MarkBill(self, request: pb.MarkBillRequest, context: Context) -> pb.MarkBillResponse:
        """A bill that has been paid meanwhile stays paid, and the answer says so: money decides, not the clock that was asked earlier. Nor is a bill
        written to arrears while the bank may be taking the money. That it is paid the ledger says, whoever told its workflow so: ``paid`` only hands on
        what the household is told."""
        if not request.step.step_id:
            raise invalid([missing("/step/step_id")])
        as_of = instant(request.step, "as_of")
        key = f"{request.step.step_id}:MarkBill"
        async with self._database.transaction() as session:
            known = await once.find(session, key, request, pb.MarkBillResponse())
            if known is not None:
                return known
            bill = await store.lock_bill(session, request.bill_id)
            if bill is None:
                raise Refusal(NOT_FOUND)
            bill.ahead = orders.ahead(bill.ahead, as_of, self._now())
            if request.state == "paid" and bill.state != "paid":
                # Nothing has been done: the same step may be made again once it is.
                _log.error("payment_nobody_made", bill_id=bill.id)
                return pb.MarkBillResponse(bill=wire.bill(bill))
            if request.state == "paid":
                self._tellings.hand_on(self._outbox, session, request.step, bill.application_no)
            elif bill.state != "paid":
                state = bills.marked(bill.state, request.state)
                if state is None:
                    raise Refusal(STEP_REFUSED)
                if state == "arrears":
                    if await self._order_open(session, bill):
                        # Nothing has been done: the same step may be made again.
                        return pb.MarkBillResponse(bill=wire.bill(bill), order_open=True)
                    bill.arrears_at = as_of
                    fill_in(request.step, amount=fen(bill.amount_fen - bill.paid_fen))
                bill.state = state
                told = [facts.marked(bill, as_of)]
                if not bills.takes_money(bill.kind, state):
                    withdrawn = ledger.claim_withdrawn(bill.lease_no, bill.amount_fen - bill.paid_fen)
                    await store.post(session, f"withdraw/{bill.id}", withdrawn, as_of, bill_id=bill.id)
                    told.append(facts.booked(f"withdraw/{bill.id}", withdrawn, as_of, bill, bill.id))
                await record(session, *told)
                self._tellings.hand_on(self._outbox, session, request.step, bill.application_no)
            answer = pb.MarkBillResponse(bill=wire.bill(bill))
            once.remember(session, Once, key, request, answer)
        return answer

    async def _order_open(self, session: AsyncSession, bill: Bill) -> bool:
        """A rent is waited for as long as the bank takes money for its order: should the bank stay silent longer, the arrears can be taken back. A
        lapsed deposit cannot, its home goes to another: it is waited for until the bank has answered."""
        order = await store.open_intent(session, bill.id)
        if order is None:
            return False
        return bill.kind == bills.DEPOSIT or not orders.over(order.expires_at, bill.ahead - order.ahead, self._now(), orders.GRACE)


async def _by_credit(session: AsyncSession, new: Bill) -> None:
    """A rent is paid from the tenant's credit first, as far as it goes. A deposit is not: whose money it is differs."""
    if new.kind != bills.RENT:
        return
    new.credit_fen = new.paid_fen = min(await store.held_credit(session, ledger.credit(new.lease_no)), new.amount_fen)
    if new.paid_fen == new.amount_fen:
        new.state, new.paid_at = "paid", new.issued_at


def _counted(bill: Bill) -> bool:
    """A month of arrears (Order 11, article 29): the time the bank had the money decides, not the time we heard of it."""
    late = bill.paid_at is not None and bill.arrears_at is not None and bill.paid_at >= bill.arrears_at
    return bill.kind == bills.RENT and (bill.state == "arrears" or late)


def _new_bill(request: pb.IssueBillRequest) -> Bill:
    """Raises Refusal(INVALID_FIELDS)."""
    empty = [name for name in ("lease_no", "application_no", "owner", "district") if not getattr(request, name)]
    if empty:
        raise invalid([missing(f"/{name}") for name in empty])
    try:
        expected = bills.bill_id(request.lease_no, request.kind, request.period)
    except ValueError:
        expected = ""
    if not expected or request.bill_id != expected:
        zh = "账单编号应为“合同编号/年月”或“合同编号/deposit”。"
        raise invalid([wrong("/bill_id", zh, "A bill id is {lease}/{yyyymm} or {lease}/deposit.")])
    if not 0 < request.amount_fen <= 100_000_000:
        raise invalid([wrong("/amount_fen", "金额应大于零。", "The amount must be positive.")])
    lines = _lines(request)
    return Bill(
        id=request.bill_id,
        lease_no=request.lease_no,
        application_no=request.application_no,
        owner=request.owner,
        district=request.district,
        kind=request.kind,
        period=request.period,
        amount_fen=request.amount_fen,
        state="open",
        issued_at=instant(request.step, "as_of"),
        due_at=instant(request, "due_at"),
        arrears_at=instant(request, "arrears_at") if request.HasField("arrears_at") else None,
        street=request.street,
        reminder_days=list(request.reminder_days),
        payment_poll_seconds=request.payment_poll_seconds or 600,
        first_day=lines[0].first_day if lines else None,
        last_day=lines[-1].last_day if lines else None,
        lines=[line.model_dump(mode="json") for line in lines],
    )


def _lines(request: pb.IssueBillRequest) -> list[Line]:
    """How a rent comes to its amount. Raises Refusal(INVALID_FIELDS) when a figure does not follow from the others, or the days are not of its month."""
    try:
        lines = [to_model(Line, line) for line in request.lines]
        why = wrong_lines(lines, request.amount_fen) if lines else ""
    except ValueError:
        lines, why = [], "a line is not complete"
    if not why and request.kind == bills.RENT and (not lines or f"{lines[0].first_day:%Y%m}" != request.period):
        why = "a rent has lines, and begins in its month"
    if not why and request.kind != bills.RENT and lines:
        why = "only a rent has lines"
    if why:
        raise invalid([wrong("/lines", "账单明细与金额不符。", f"The lines do not make the bill: {why}.")])
    return lines
