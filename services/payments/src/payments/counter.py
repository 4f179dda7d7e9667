"""Cash at a counter: one person takes it and gives a receipt, which posts it; another counts it; what was counted is brought to the bank.

A till is a district's. What lies in it is a balance of the ledger, and each till is empty after what was counted there has been brought to the bank: what is
short or over stands in suspense, with somebody who follows it up.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final

from anju.payments.v1 import payments_pb2 as pb
from casekit.facts import record
from casekit.reads import Reads
from chassis import ids, once
from chassis.db import Database
from chassis.errors import NOT_FOUND, Refusal, invalid
from chassis.identity import Caller, current_caller
from chassis.wire import missing, stamp, wrong
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from payments import facts, reach, store, wire
from payments.cashier import Cashier
from payments.domain import bills, ledger, statement
from payments.errors import ALREADY_DEPOSITED, BILL_NOT_PAYABLE, NO_CASH, SLIP_USED, TOOK_IT_HIMSELF
from payments.tables import CashCount, CashTaken, Once

# No household carries more to a counter at once, and a slip of a finger does not become a fortune.
_MOST_FEN: Final = 10_000_000
_SLIP_CHARS: Final = 40
_COUNTS_SHOWN: Final = 50


class Counter:
    """``now`` is the wall clock."""

    def __init__(self, database: Database, cashier: Cashier, reads: Reads, now: Callable[[], datetime]) -> None:
        self._database = database
        self._cashier = cashier
        self._reads = reads
        self._now = now

    async def take(self, request: pb.TakeCashRequest) -> pb.TakeCashResponse:
        caller = current_caller()
        if not 0 < request.amount_fen <= _MOST_FEN:
            raise invalid(
                [wrong("/amount_fen", "金额应大于零，一次不超过十万元。", "The amount must be positive, and at most 100,000 yuan at once.")]
            )
        key = once.request_key(caller, request)
        async with self._database.transaction() as session:
            known = await once.find(session, key, request, pb.TakeCashResponse())
            if known is not None:
                return known
            bill = reach.see(await store.lock_bill(session, request.bill_id))
            owed = bill.amount_fen - bill.paid_fen
            if not bills.takes_money(bill.kind, bill.state) or (bill.kind == bills.DEPOSIT and request.amount_fen > owed):
                raise Refusal(BILL_NOT_PAYABLE)
            at = max(self._now() + bill.ahead, bill.issued_at)
            entry = ledger.cash_taken(bill.district, bill.lease_no, request.amount_fen, owed)
            written = f"cash/{ids.new_id('T')}"
            await store.post(session, written, entry, at, bill_id=bill.id)
            await record(session, facts.booked(written, entry, at, bill, bill.id))
            number = await store.entry_number(session, written)
            session.add(
                CashTaken(
                    transfer_id=number,
                    bill_id=bill.id,
                    point=bill.district,
                    amount_fen=request.amount_fen,
                    taken_by=caller.sub,
                    taken_by_person=caller.person,
                    taken_at=self._now(),
                )
            )
            settles = min(owed, request.amount_fen)
            await self._cashier.settled(session, bill, settles, at, at)
            answer = pb.TakeCashResponse(
                receipt_no=statement.receipt_no(number), bill=wire.bill(bill), credit_fen=request.amount_fen - settles
            )
            once.remember(session, Once, key, request, answer)
        await self._reads.note(caller, "bill", [bill.application_no])
        return answer

    async def count(self, request: pb.CountCashRequest) -> pb.CountCashResponse:
        caller = _of_place(request.point)
        if not 0 <= request.counted_fen <= 100 * _MOST_FEN:
            raise invalid([wrong("/counted_fen", "金额不能小于零。", "An amount is not below nought.")])
        key = once.request_key(caller, request)
        async with self._database.transaction() as session:
            known = await once.find(session, key, request, pb.CountCashResponse())
            if known is not None:
                return known
            taken = await store.uncounted_cash(session, request.point)
            if not taken:
                raise Refusal(NO_CASH)
            if any(_took(caller, each) for each in taken):
                raise Refusal(TOOK_IT_HIMSELF)
            expected, now = sum(each.amount_fen for each in taken), self._now()
            over = request.counted_fen - expected
            count = CashCount(
                id=ids.new_id("C"),
                point=request.point,
                expected_fen=expected,
                counted_fen=request.counted_fen,
                receipts=len(taken),
                counted_by=caller.sub,
                counted_by_person=caller.person,
                counted_at=now,
                owner=caller.sub if over else "",
            )
            session.add(count)
            await session.flush()
            for each in taken:
                each.count_id = count.id
            if over:
                await _post(session, f"count/{count.id}", ledger.cash_counted(request.point, over), now)
            answer = pb.CountCashResponse(count=_count(count))
            once.remember(session, Once, key, request, answer)
        return answer

    async def deposit(self, request: pb.DepositCashRequest) -> pb.DepositCashResponse:
        slip = request.slip_no.strip()
        if not slip or len(slip) > _SLIP_CHARS:
            raise invalid([missing("/slip_no")])
        if not 0 <= request.slip_fen <= 100 * _MOST_FEN:
            raise invalid([wrong("/slip_fen", "金额不能小于零。", "An amount is not below nought.")])
        caller = current_caller()
        key = once.request_key(caller, request)
        try:
            async with self._database.transaction() as session:
                known = await once.find(session, key, request, pb.DepositCashResponse())
                if known is not None:
                    return known
                count = await store.lock_cash_count(session, request.count_id)
                if count is None or not caller.covers(count.point):
                    raise Refusal(NOT_FOUND)
                if count.slip_no is not None:
                    raise Refusal(ALREADY_DEPOSITED)
                now = self._now()
                count.slip_no, count.slip_fen, count.deposited_by, count.deposited_at = slip, request.slip_fen, caller.sub, now
                if request.slip_fen != count.counted_fen:
                    count.owner = count.owner or caller.sub
                if count.counted_fen or request.slip_fen:
                    await _post(
                        session, f"deposit/{count.id}", ledger.cash_deposited(count.point, count.counted_fen, request.slip_fen), now
                    )
                await session.flush()
                answer = pb.DepositCashResponse(count=_count(count))
                once.remember(session, Once, key, request, answer)
        except IntegrityError:
            raise Refusal(SLIP_USED) from None
        return answer

    async def desk(self) -> pb.GetCashDeskResponse:
        caller = current_caller()
        async with self._database.statements() as session:
            taken = await store.cash_of_places(session, caller.divisions)
            counts = await store.cash_counts(session, caller.divisions, _COUNTS_SHOWN)
        return pb.GetCashDeskResponse(
            taken=[
                pb.CashTaken(
                    receipt_no=statement.receipt_no(each.transfer_id),
                    bill_id=each.bill_id,
                    point=each.point,
                    amount_fen=each.amount_fen,
                    taken_by=each.taken_by,
                    taken_at=stamp(each.taken_at),
                )
                for each in taken
            ],
            counts=[_count(each) for each in counts],
        )


def _took(caller: Caller, taken: CashTaken) -> bool:
    return taken.taken_by == caller.sub or (bool(caller.person) and taken.taken_by_person == caller.person)


def _of_place(point: str) -> Caller:
    """Raises Refusal(NOT_FOUND) for a till which is not of the caller's places."""
    caller = current_caller()
    if len(point) != 6 or not caller.covers(point):
        raise Refusal(NOT_FOUND)
    return caller


async def _post(session: AsyncSession, key: str, entry: ledger.Entry, at: datetime) -> None:
    await store.post(session, key, entry, at)
    await record(session, facts.booked(key, entry, at, None, key))


def _count(found: CashCount) -> pb.CashCount:
    return pb.CashCount(
        id=found.id,
        point=found.point,
        expected_fen=found.expected_fen,
        counted_fen=found.counted_fen,
        counted_by=found.counted_by,
        counted_at=stamp(found.counted_at),
        receipts=found.receipts,
        slip_no=found.slip_no or "",
        slip_fen=found.slip_fen or 0,
        deposited_by=found.deposited_by or "",
        deposited_at=stamp(found.deposited_at),
        owner=found.owner,
    )
