"""What a household's account at its lease shows, and its receipts, as messages and on paper."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

from anju.payments.v1 import payments_pb2 as pb
from anju_calendar import SHANGHAI
from casekit.reads import Reads
from chassis.crypto import KeyRing
from chassis.db import Database
from chassis.errors import NOT_FOUND, Refusal, invalid
from chassis.identity import current_caller
from chassis.wire import stamp, wrong

from payments import paper, reach, store
from payments.domain import statement
from payments.domain.statement import Statement
from payments.tables import Bill, Transfer

_MARK_CHARS = 16


class Accounts:
    """``public_url`` is the address people see, ``now`` the wall clock."""

    def __init__(self, database: Database, ring: KeyRing, reads: Reads, public_url: str, now: Callable[[], datetime]) -> None:
        self._database = database
        self._ring = ring
        self._reads = reads
        self._public_url = public_url.rstrip("/")
        self._now = now

    async def statement(self, request: pb.GetStatementRequest) -> pb.GetStatementResponse:
        found, bill, on = await self._of(request.lease_no, request.on)
        return pb.GetStatementResponse(
            lease_no=bill.lease_no,
            application_no=bill.application_no,
            on=on.isoformat(),
            lines=[_line(line) for line in found.lines],
            charged_fen=found.charged_fen,
            received_fen=found.received_fen,
            owed_fen=found.owed_fen,
            credit_fen=found.credit_fen,
            deposit_fen=found.deposit_fen,
        )

    async def statement_file(self, request: pb.GetStatementFileRequest) -> bytes:
        found, bill, on = await self._of(request.lease_no, request.on)
        return await asyncio.to_thread(paper.account, found, bill.lease_no, bill.application_no, on, self._now())

    async def receipt_file(self, request: pb.GetReceiptFileRequest) -> bytes:
        async with self._database.statements() as session:
            number = statement.entry_number(request.receipt_no)
            found = await store.receipt(session, number) if number is not None else None
        if found is None or found[1].lease_no != request.lease_no:
            raise Refusal(NOT_FOUND)
        transfer, bill = found[0], reach.see(found[1])
        await self._reads.note(current_caller(), "payment_receipt", [bill.application_no])
        url = f"{self._public_url}/payment-receipts/{request.receipt_no}/{self._mark(transfer)}"
        # Dated when the money was booked: the same receipt is the same file.
        return await asyncio.to_thread(paper.receipt, request.receipt_no, transfer, bill, transfer.as_of, url)

    async def check(self, request: pb.CheckReceiptRequest) -> pb.CheckReceiptResponse:
        async with self._database.statements() as session:
            number = statement.entry_number(request.receipt_no)
            found = await store.receipt(session, number) if number is not None else None
        if found is None or not hmac.compare_digest(self._mark(found[0]).encode(), request.mark.encode()):
            return pb.CheckReceiptResponse()
        transfer, bill = found
        return pb.CheckReceiptResponse(
            matches=True, at=stamp(transfer.as_of), amount_fen=transfer.amount_fen, bill_kind=bill.kind, period=bill.period
        )

    def _mark(self, transfer: Transfer) -> str:
        """What stands on the paper can be guessed; this cannot."""
        return self._ring.blind_index(f"{transfer.id}/{transfer.key}/{transfer.amount_fen}", "receipt mark")[:_MARK_CHARS]

    async def _of(self, lease_no: str, day: str) -> tuple[Statement, Bill, date]:
        try:
            on = date.fromisoformat(day) if day else None
            before = datetime(on.year, on.month, on.day, tzinfo=SHANGHAI) + timedelta(days=1) if on else datetime.max.replace(tzinfo=UTC)
        except (ValueError, OverflowError):
            raise invalid([wrong("/on", "日期应为“年-月-日”。", "A day is YYYY-MM-DD.")]) from None
        async with self._database.snapshot() as session:
            bill = reach.see(await store.a_bill_of_lease(session, lease_no))
            found = statement.statement(await store.entries_of_lease(session, bill.lease_no, before))
        await self._reads.note(current_caller(), "statement", [bill.application_no])
        last = max([self._now(), *(line.entry.at for line in found.lines)])
        return found, bill, on or last.astimezone(SHANGHAI).date()


def _line(line: statement.Line) -> pb.StatementLine:
    entry = line.entry
    return pb.StatementLine(
        at=stamp(entry.at),
        kind=entry.kind,
        bill_id=entry.bill_id,
        bill_kind=entry.bill_kind,
        period=entry.period,
        charged_fen=line.charged_fen,
        received_fen=line.received_fen,
        settled_fen=line.settled_fen,
        owed_fen=line.owed_fen,
        credit_fen=line.credit_fen,
        receipt_no=line.receipt_no,
    )
