"""Where money meets the ledger: one way for a payment to be posted, however we learn of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final, Literal
from weakref import WeakValueDictionary

from anju_contracts import lease, rent_cycle
from casekit.facts import record
from chassis import ids, logs
from chassis.db import Database
from chassis.errors import NOT_FOUND, Refusal
from chassis.outbox import Outbox
from sqlalchemy.ext.asyncio import AsyncSession

from payments import facts, store
from payments.domain import bills, ledger, orders
from payments.errors import BANK_UNAVAILABLE, BILL_NOT_PAYABLE
from payments.providers import Bank, BankRefusedError, BankUnavailableError, Hint, Notice, Order
from payments.tables import Bill, Intent

_log = logs.get(__name__)

Result = Literal["posted", "repeated"]
Heard = Literal["posted", "repeated", "ignored"]

_ROUNDS: Final = 3
# Orders asked about in one round: enough for a city's day, and a silent bank holds nobody up for long.
_OLD_ORDERS: Final = 50


class Cashier:
    """``now`` is the wall clock, by which an order's time-out runs at the bank; an order is over when it is over there or by the clock of its bill."""

    def __init__(self, database: Database, outbox: Outbox, bank: Bank, window: timedelta, now: Callable[[], datetime]) -> None:
        self._database = database
        self._outbox = outbox
        self._bank = bank
        self._window = window
        self._now = now
        self._bills_at_the_bank: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    # --- opening an order ---------------------------------------------------------------------------------------------------------------

    async def open(self, bill_id: str, accounts: Sequence[str]) -> Intent:
        """The open order of the bill, with the address to pay at; opens one when there is none.

        Taps that come together are answered one after another with the same order. An order whose way to the bank is unknown (no answer last time)
        is first asked about: the bank may have taken the money. Raises Refusal NOT_FOUND, BILL_NOT_PAYABLE, BANK_UNAVAILABLE.
        """
        lock = self._bills_at_the_bank.setdefault(bill_id, asyncio.Lock())
        async with lock:
            for _ in range(_ROUNDS):
                intent, moved, is_new = await self._intent(bill_id, accounts)
                if intent.pay_url and not orders.over(intent.expires_at, moved, self._now()):
                    return intent
                if not is_new:
                    intent, _ = await self.confirm(intent.id)
                    if intent.state != "opened":
                        # Paid or over: the next round finds the bill as it is now.
                        continue
                    if orders.over(intent.expires_at, moved, self._now()):
                        # Over by our clock, not yet certainly by the bank's, or the bank does not know yet.
                        break
                return await self._at_the_bank(intent)
        raise Refusal(BANK_UNAVAILABLE)

    async def _intent(self, bill_id: str, accounts: Sequence[str]) -> tuple[Intent, timedelta, bool]:
        """The bill's open order, how far the bill's clock has been moved since, and whether it was opened just now.

        The word to the bill's workflow is written before the bank is asked, so that the bank's answer may be lost and the workflow still asks for it."""
        async with self._database.transaction() as session:
            bill = await store.lock_bill(session, bill_id)
            if bill is None or bill.owner not in accounts:
                raise Refusal(NOT_FOUND)
            known = await store.open_intent(session, bill_id)
            if known is not None:
                return known, bill.ahead - known.ahead, False
            if not bills.takes_money(bill.kind, bill.state):
                raise Refusal(BILL_NOT_PAYABLE)
            now = self._now().replace(microsecond=0)
            intent = Intent(
                id=ids.new_id("P"),
                bill_id=bill.id,
                provider=self._bank.name,
                amount_fen=bill.amount_fen - bill.paid_fen,
                state="opened",
                opened_at=now,
                expires_at=now + self._window,
                ahead=bill.ahead,
            )
            session.add(intent)
            self._outbox.add(session, rent_cycle.PAYMENT_OPENED, {"to": rent_cycle.workflow_id(bill.id), "said": {"intent_id": intent.id}})
        return intent, timedelta(), True

    async def _at_the_bank(self, intent: Intent) -> Intent:
        try:
            pay_url = await self._bank.open(order_of(intent))
        except BankUnavailableError:
            raise Refusal(BANK_UNAVAILABLE) from None
        except BankRefusedError:
            await self._refused(intent)
            raise Refusal(BANK_UNAVAILABLE) from None
        async with self._database.transaction() as session:
            await store.set_pay_url(session, intent.id, pay_url)
        intent.pay_url = pay_url
        return intent

    async def _refused(self, intent: Intent) -> None:
        """An order the bank will not take is given up, unless it has been paid: then it was taken before."""
        found, _ = await self.confirm(intent.id)
        if found.state == "opened":
            async with self._database.transaction() as session:
                await store.close_intent(session, intent.id, "failed")

    # --- learning of money --------------------------------------------------------------------------------------------------------------

    async def confirm(self, intent_id: str, as_of: datetime | None = None, bill_id: str = "") -> tuple[Intent, Bill]:
        """Asks the bank about an open order: posts it when it is paid, ends it when it is over. ``as_of`` is the business time when the bill's workflow
        asks, ``bill_id`` the bill it asks for: it may have been told anything. Raises Refusal NOT_FOUND, BANK_UNAVAILABLE."""
        asked_at = self._now()
        async with self._database.transaction() as session:
            found = await store.order(session, intent_id)
            if found is None or found[1].id != (bill_id or found[1].id):
                raise Refusal(NOT_FOUND)
            intent, bill = found
            if as_of is not None:
                bill.ahead = orders.ahead(bill.ahead, as_of, asked_at)
        if intent.state != "opened":
            return intent, bill
        try:
            notice = await self._bank.query(order_of(intent))
        except BankUnavailableError:
            raise Refusal(BANK_UNAVAILABLE) from None
        if notice.paid:
            await self.settle(notice, as_of)
        elif notice.pending or not orders.over(intent.expires_at, bill.ahead - intent.ahead, asked_at, orders.GRACE):
            return intent, bill
        async with self._database.transaction() as session:
            if not notice.paid:
                await store.close_intent(session, intent_id, "expired")
            found = await store.order(session, intent_id)
        assert found is not None
        return found

    async def ask_about_old_orders(self) -> None:
        """Orders whose time is over and of which nothing was heard. Their callback may be lost, and the workflow that would have asked may be gone:
        a bill in arrears and the deposit of a lapsed lease have none any more, and both may have been paid."""
        async with self._database.transaction() as session:
            old = await store.orders_over(session, self._now() - orders.GRACE, _OLD_ORDERS)
        for intent_id in old:
            try:
                await self.confirm(intent_id)
            except Refusal as refusal:
                _log.info("old_order_unanswered", order_id=intent_id, reason=refusal.problem.reason)

    async def heard(self, hint: Hint) -> Heard:
        """A callback came: the bank is asked, and what it answers is posted. What is in the books already needs no question.

        Raises Refusal BANK_UNAVAILABLE when the bank does not answer, or does not (yet) confirm what its callback said: it calls again.
        """
        async with self._database.transaction() as session:
            source = store.Source(self._bank.name, hint.order_id)
            written, found = await store.posted_amount(session, source), await store.order(session, hint.order_id)
            if hint.doubtful:
                await self.alarm(session, hint.doubtful, hint.order_id, b"")
            elif written is not None:
                return await self._repeated(session, Notice(hint.order_id, hint.amount_fen, hint.paid), written) if hint.paid else "ignored"
            elif not hint.paid:
                # Nothing to post; whether it stays so, the order's own end will ask.
                return "ignored"
        try:
            notice = await self._bank.query(order_of(found[0]) if found is not None else self._unknown(hint))
        except BankUnavailableError:
            raise Refusal(BANK_UNAVAILABLE) from None
        if notice.paid:
            if not hint.doubtful and notice.amount_fen != hint.amount_fen:
                async with self._database.transaction() as session:
                    await self.alarm(session, "callback_differs", hint.order_id, str(hint.amount_fen).encode())
            return await self.settle(notice)
        if hint.doubtful:
            return "ignored"
        _log.warning("callback_not_confirmed", order_id=hint.order_id)
        raise Refusal(BANK_UNAVAILABLE)

    def _unknown(self, hint: Hint) -> Order:
        """An order of the bank's that is none of ours, to be asked about on the day on which it was booked."""
        day = hint.day_ended_at - timedelta(seconds=1) if hint.day_ended_at is not None else self._now()
        return Order(hint.order_id, hint.amount_fen, day, day, remark="")

    async def settle(self, notice: Notice, as_of: datetime | None = None) -> Result:
        """Posts the money of a paid order once, for ever: however often and in whatever order its answers come. ``as_of`` is the
        business time when the bill's workflow has asked."""
        async with self._database.transaction() as session:
            return await self._settle(session, notice, as_of)

    async def _settle(self, session: AsyncSession, notice: Notice, as_of: datetime | None) -> Result:
        source = store.Source(self._bank.name, notice.order_id)
        found = await store.lock_order(session, source)
        written = found[2] if found is not None else await store.posted_amount(session, source)
        if written is not None:
            return await self._repeated(session, notice, written)
        if found is None:
            return await self._unexplained(session, notice, as_of or self._now(), "unknown_order")
        intent, bill, _ = found
        # Clocks of machines differ; no money comes before its bill.
        learned_at = max(as_of or self._now() + bill.ahead, bill.issued_at)
        if notice.amount_fen != intent.amount_fen:
            await store.close_intent(session, intent.id, "failed")
            return await self._unexplained(session, notice, learned_at, "amount_differs")
        return await self._post(session, notice, intent, bill, learned_at)

    async def _post(self, session: AsyncSession, notice: Notice, intent: Intent, bill: Bill, learned_at: datetime) -> Result:
        """The bill is locked. What it still owes is settled, the rest is the tenant's credit (M4)."""
        lapsed = bill.state == "arrears"
        owed = bill.amount_fen - bill.paid_fen if bills.takes_money(bill.kind, bill.state) else 0
        entry = ledger.paid(self._bank.name, bill.lease_no, notice.amount_fen, owed)
        if not await self._write(session, notice, entry, learned_at, bill):
            # Another notice of the same money was faster.
            written = await store.posted_amount(session, store.Source(self._bank.name, notice.order_id))
            return "repeated" if written is None else await self._repeated(session, notice, written)
        had_by = orders.had_by(learned_at - intent.ahead, intent.opened_at, intent.expires_at, notice.day_ended_at)
        await self.settled(session, bill, min(owed, notice.amount_fen), had_by + intent.ahead, learned_at, intent.id)
        await store.set_paid(session, intent.id)
        if notice.amount_fen > owed:
            # Nobody owes this money any more: people have to give it back or set it off.
            kind = "deposit_after_lapse" if lapsed and bill.kind == bills.DEPOSIT else "paid_again"
            await self.alarm(session, kind, notice.order_id, str(notice.amount_fen).encode())
        return "posted"

    async def settled(
        self, session: AsyncSession, bill: Bill, settles_fen: int, had_at: datetime, learned_at: datetime, intent_id: str = ""
    ) -> None:
        """What of money that came belongs to the bill, which is locked; ``had_at`` is when the bank, or the counter, had it."""
        arrears_at = bill.arrears_at if bill.state == "arrears" else None
        bill.paid_fen += settles_fen
        if settles_fen and bill.paid_fen == bill.amount_fen:
            bill.state, bill.paid_at = "paid", had_at
            in_time = arrears_at is not None and had_at < arrears_at
            await record(session, facts.paid(bill, had_at), *([facts.taken_back(bill, learned_at)] if in_time else []))
        said = {"bill_id": bill.id, "intent_id": intent_id, "settled": bill.state == "paid"}
        self._outbox.add(session, rent_cycle.PAYMENT_POSTED, {"to": rent_cycle.workflow_id(bill.id), "said": said})
        if arrears_at is not None and bill.paid_at is not None:
            # The bill's workflow ended with the arrears; the lease's goes on, and tells the household that the money has come. The time the bank had
            # it decides, not the time we heard of it.
            said = {"bill_id": bill.id, "amount_fen": bill.amount_fen, "in_time": bill.paid_at < arrears_at}
            self._outbox.add(session, lease.ARREARS_PAID, {"to": lease.workflow_id(bill.lease_no), "said": said})

    async def _unexplained(self, session: AsyncSession, notice: Notice, as_of: datetime, kind: str) -> Result:
        """The bank has the money and says so; it is in the books from now on, and people find out whose it is."""
        if not await self._write(session, notice, ledger.unexplained(self._bank.name, notice.amount_fen), as_of, None):
            return "repeated"
        await self.alarm(session, kind, notice.order_id, str(notice.amount_fen).encode())
        return "posted"

    async def _repeated(self, session: AsyncSession, notice: Notice, written_fen: int) -> Result:
        if written_fen != notice.amount_fen:
            await self.alarm(session, "repeated_with_other_amount", notice.order_id, str(notice.amount_fen).encode())
        return "repeated"

    async def _write(self, session: AsyncSession, notice: Notice, entry: ledger.Entry, as_of: datetime, bill: Bill | None) -> bool:
        source = store.Source(self._bank.name, notice.order_id)
        key = f"{source.provider}/{source.txn}"
        if not await store.post(session, key, entry, as_of, bill_id=bill.id if bill is not None else None, source=source):
            return False
        await record(session, facts.booked(key, entry, as_of, bill, bill.id if bill is not None else source.txn))
        return True

    async def alarm(self, session: AsyncSession, kind: str, order_id: str, about: bytes) -> None:
        _log.error("payment_alarm", kind=kind, provider=self._bank.name, order_id=order_id)
        await store.raise_alarm(session, kind, self._bank.name, order_id, order_id.encode() + b"\x1f" + about)


def order_of(intent: Intent) -> Order:
    return Order(intent.id, intent.amount_fen, intent.opened_at, intent.expires_at, remark=intent.bill_id)
