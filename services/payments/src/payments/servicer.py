"""gRPC surface of payments, the part people and the bank use: proto in, domain, proto out; nothing else. What workflows use is in ``steps``."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from anju.common.v1 import common_pb2 as common
from anju.payments.v1 import payments_pb2 as pb
from anju.payments.v1 import payments_pb2_grpc as rpc
from casekit.reads import Reads, of_list, of_one
from casekit.tell import Tellings
from chassis import once
from chassis.db import Database
from chassis.errors import Refusal, invalid
from chassis.identity import current_caller
from chassis.outbox import Outbox
from chassis.wire import missing, wrong

from payments import reach, store, wire
from payments.accounts import Accounts
from payments.cashier import Cashier
from payments.counter import Counter
from payments.domain import bills, ledger
from payments.errors import BAD_CALLBACK, BAD_SIGNATURE, WRONG_MERCHANT
from payments.providers import BadCallbackError, Bank, ForgedCallbackError
from payments.steps import WorkflowSteps
from payments.tables import Once

Context = Any


class PaymentsServicer(WorkflowSteps, rpc.PaymentsServiceServicer):
    def __init__(
        self,
        database: Database,
        cashier: Cashier,
        outbox: Outbox,
        tellings: Tellings,
        bank: Bank,
        now: Callable[[], datetime],
        reads: Reads,
        accounts: Accounts,
        counter: Counter,
    ) -> None:
        super().__init__(database, cashier, outbox, tellings, now)
        self._accounts = accounts
        self._counter = counter
        self._bank = bank
        self._reads = reads

    async def ListBills(self, request: pb.ListBillsRequest, context: Context) -> pb.ListBillsResponse:
        if request.state and request.state not in bills.STATES:
            raise invalid([wrong("/state", "没有这种账单状态。", "There is no such state of a bill.")])
        if request.age and request.age not in bills.AGES:
            raise invalid([wrong("/age", "没有这种逾期时长。", "There is no such age.")])
        if request.lease_no:
            of_one(request.page)
        in_reach = reach.bills()
        async with self._database.transaction() as session:
            found, info = await store.bills(
                session,
                in_reach,
                request.lease_no,
                request.state,
                request.page,
                failed_payment=request.failed_payment,
                age=request.age,
                now=self._now(),
            )
        if not request.page.only_count:
            await self._reads.note_page(current_caller(), "bills", request, [bill.application_no for bill in found])
        return pb.ListBillsResponse(bills=[wire.bill(bill) for bill in found], page=info)

    async def GetBill(self, request: pb.GetBillRequest, context: Context) -> pb.GetBillResponse:
        async with self._database.transaction() as session:
            found = reach.see(await store.bill(session, request.id))
        await self._reads.note(current_caller(), "bill", [found.application_no])
        return pb.GetBillResponse(bill=wire.bill(found))

    async def GetStatement(self, request: pb.GetStatementRequest, context: Context) -> pb.GetStatementResponse:
        return await self._accounts.statement(request)

    async def GetStatementFile(self, request: pb.GetStatementFileRequest, context: Context) -> pb.GetStatementFileResponse:
        return pb.GetStatementFileResponse(file=await self._accounts.statement_file(request))

    async def GetReceiptFile(self, request: pb.GetReceiptFileRequest, context: Context) -> pb.GetReceiptFileResponse:
        return pb.GetReceiptFileResponse(file=await self._accounts.receipt_file(request))

    async def CheckReceipt(self, request: pb.CheckReceiptRequest, context: Context) -> pb.CheckReceiptResponse:
        return await self._accounts.check(request)

    async def TakeCash(self, request: pb.TakeCashRequest, context: Context) -> pb.TakeCashResponse:
        return await self._counter.take(request)

    async def CountCash(self, request: pb.CountCashRequest, context: Context) -> pb.CountCashResponse:
        return await self._counter.count(request)

    async def DepositCash(self, request: pb.DepositCashRequest, context: Context) -> pb.DepositCashResponse:
        return await self._counter.deposit(request)

    async def GetCashDesk(self, request: pb.GetCashDeskRequest, context: Context) -> pb.GetCashDeskResponse:
        return await self._counter.desk()

    async def StartPayment(self, request: pb.StartPaymentRequest, context: Context) -> pb.StartPaymentResponse:
        caller = current_caller()
        if not request.idempotency_key:
            raise invalid([missing("/idempotency_key")])
        key = f"{caller.sub}:StartPayment:{request.idempotency_key}"
        async with self._database.transaction() as session:
            known = await once.find(session, key, request, pb.StartPaymentResponse())
            if known is not None:
                return known
        # No transaction is open while the bank is asked; the order is known by its bill, not by this key.
        answer = pb.StartPaymentResponse(intent=wire.intent(await self._cashier.open(request.bill_id, caller.accounts)))
        async with self._database.transaction() as session:
            known = await once.find(session, key, request, pb.StartPaymentResponse())
            if known is not None:
                return known
            once.remember(session, Once, key, request, answer)
        return answer

    async def HandleCallback(self, request: pb.HandleCallbackRequest, context: Context) -> pb.HandleCallbackResponse:
        if request.provider != self._bank.name:
            raise invalid([wrong("/provider", "没有这个支付渠道。", "There is no such provider.")])
        try:
            hint = self._bank.callback(request.raw)
        except ForgedCallbackError:
            # Anybody can send these: all of them are one line that counts up.
            await self._alarm("bad_signature", "", b"")
            raise Refusal(BAD_SIGNATURE) from None
        except BadCallbackError as error:
            await self._alarm(error.kind, error.order_id, request.raw)
            raise Refusal(WRONG_MERCHANT if error.kind == "wrong_merchant" else BAD_CALLBACK) from None
        return pb.HandleCallbackResponse(result=await self._cashier.heard(hint))

    async def _alarm(self, kind: str, order_id: str, raw: bytes) -> None:
        async with self._database.transaction() as session:
            await self._cashier.alarm(session, kind, order_id, raw)

    async def GetTrialBalance(self, request: pb.GetTrialBalanceRequest, context: Context) -> pb.GetTrialBalanceResponse:
        async with self._database.snapshot() as session:
            sums = await store.balances(session)
        await self._reads.note(current_caller(), of_list("ledger", common.PageRequest(purpose=request.purpose)), [])
        return pb.GetTrialBalanceResponse(accounts=[wire.balance(balance) for balance in ledger.trial_balance(sums)])
