"""Bills, their payment, and the balances of the ledger."""

from __future__ import annotations

import asyncio
from datetime import date, datetime
from typing import Annotated

from anju.common.v1 import common_pb2 as common
from anju.payments.v1 import payments_pb2 as payments
from anju_terms import terms
from pydantic import Field

from web_gateway.api import fields as f
from web_gateway.api.convert import to_model
from web_gateway.api.files import PDF, Download
from web_gateway.api.layer import DECISION_SECONDS, Access, Answer, Api, Body, Call, Empty, Params
from web_gateway.api.problems import Kind
from web_gateway.api.vocabulary import CodeOf

PROBLEMS = (
    Kind(
        "BILL_NOT_PAYABLE", 409, "账单当前不能缴纳", "The bill cannot be paid now",
        "账单已缴清或不能再缴，请刷新后查看。", "The bill is paid or can no longer be paid; reload to see it.",
    ),
    Kind(
        "BANK_UNAVAILABLE", 503, "银行暂时无法连接", "The bank cannot be reached",
        "请稍后再试；已缴的款项不会丢失，也不会重复扣款。", "Try again later; money already paid is not lost and is not taken twice.",
    ),
    Kind(
        "TOOK_IT_HIMSELF", 409, "应当由另一位同事清点", "Somebody else has to count",
        "这些现金里有您自己收的。", "You took some of this cash yourself.",
    ),
    Kind("NO_CASH", 409, "没有待清点的现金", "No cash to be counted", "这个收款点没有待清点的现金。", "There is no cash to be counted at this counter."),
    Kind(
        "ALREADY_DEPOSITED", 409, "已经缴存", "Deposited already",
        "这次清点的现金已经缴存银行，请刷新后查看。", "What was counted has been brought to the bank; reload to see it.",
    ),
    Kind("SLIP_USED", 409, "缴存单已经用过", "Slip used before", "请核对缴存单编号。", "Check the number of the slip."),
    Kind("BAD_SIGNATURE", 403, "签名无效", "Bad signature", "签名校验失败。", "The signature does not verify."),
)  # fmt: skip
api = Api("bills", "账单与缴费 Bills and payments", PROBLEMS)
ledger = Api("ledger", "账务 Ledger")
Age = Annotated[f.State, CodeOf("arrears_ages")]
Period = Annotated[str, Field(pattern=r"^([0-9]{6}|deposit)$", description="yyyymm, or deposit.", examples=["202612"])]


class RentLine(Answer):
    """Some days of one month: its rent × days ÷ days of the month, less the reduction, rounded half up to the fen."""

    first_day: date
    last_day: date
    days: int
    month_days: int
    area_centi_sqm: int
    fen_per_sqm_month: int = Field(description="The rent standard; 0 when the rent was decided otherwise.")
    month_fen: int = Field(description="Rent of the whole month.")
    reduction: Annotated[str, CodeOf("rent_reductions")]
    reduced_permille: int
    amount_fen: int


class Bill(Answer):
    id: str
    lease_no: str
    application_no: str
    kind: Annotated[str, CodeOf("bill_kinds")]
    period: str
    amount_fen: int
    paid_fen: int
    credit_fen: int = Field(description="How much of what is paid was credit: money paid over before.")
    state: Annotated[str, CodeOf("bill_states")]
    issued_at: datetime
    due_at: datetime
    paid_at: datetime | None
    district: str
    lines: list[RentLine] = Field(description="How a rent comes to its amount; none for a deposit.")


class Intent(Answer):
    id: str
    bill_id: str
    amount_fen: int
    state: str = Field(description="opened, paid, failed or expired.")
    pay_url: str


class StatementLine(Answer):
    """One entry of the ledger, as far as it is the household's."""

    at: datetime
    kind: Annotated[str, CodeOf("statement_lines")]
    bill_id: str
    bill_kind: Annotated[str, CodeOf("bill_kinds")]
    period: str
    charged_fen: int = Field(description="Asked for from now on; negative when it is asked for no more.")
    received_fen: int = Field(description="Money that came.")
    settled_fen: int = Field(description="What of the bill it settled, by money or by what was paid over before.")
    owed_fen: int = Field(description="Owed after this line.")
    credit_fen: int = Field(description="Paid over, after this line.")
    receipt_no: str = Field(description="Of a payment.")


class Statement(Answer):
    lease_no: str
    application_no: str
    on: date = Field(description="Up to the end of this day.")
    lines: list[StatementLine]
    charged_fen: int
    received_fen: int
    owed_fen: int
    credit_fen: int = Field(description="Paid over: it settles the next rents.")
    deposit_fen: int = Field(description="Of the deposit, what has been paid.")


class ReceiptCheck(Answer):
    matches: bool = Field(description="False: no such receipt was given here; all else is empty then.")
    at: datetime | None
    amount_fen: int
    bill_kind: Annotated[str, CodeOf("bill_kinds")]
    period: str


class CashReceived(Answer):
    receipt_no: str
    bill: Bill
    credit_fen: int = Field(description="What of it the bill did not need: paid over.")


class CashTaken(Answer):
    receipt_no: str
    bill_id: str
    point: str
    amount_fen: int
    taken_by: str
    taken_at: datetime


class CashCount(Answer):
    id: str
    point: str
    expected_fen: int = Field(description="What the receipts come to.")
    counted_fen: int
    counted_by: str
    counted_at: datetime
    receipts: int
    slip_no: str = Field(description="Of the bank; empty until it was brought there.")
    slip_fen: int
    deposited_by: str
    deposited_at: datetime | None
    owner: str = Field(description="Who follows up what is short or over; empty when nothing is.")


class CashDesk(Answer):
    taken: list[CashTaken] = Field(description="Not counted yet, oldest first.")
    counts: list[CashCount] = Field(description="Newest first.")


class TakeCash(Body):
    amount_fen: Annotated[int, Field(gt=0, le=10_000_000, description="Fen (1/100 yuan).")]


class CountCash(Body):
    point: f.DistrictCode
    counted_fen: f.Fen


class DepositCash(Body):
    slip_no: Annotated[str, Field(min_length=1, max_length=40, description="Number of the bank's deposit slip.")]
    slip_fen: f.Fen


class AccountBalance(Answer):
    account: str
    title: str
    debit_fen: int
    credit_fen: int


class BillsOfLease(f.Sorted):
    sort: str = f.sorting("period", "due_at", "owed_fen", "id")
    no: f.Id


class OfBill(Params):
    no: f.Id
    period: Period

    def bill_id(self) -> str:
        return f"{self.no}/{self.period}"


class StatementOn(Params):
    no: f.Id
    on: f.MaybeDay = Field(default="", description="As it was at the end of this day; empty: all.")


ReceiptNo = Annotated[str, Field(pattern=r"^R[0-9]{8,18}$", description="Number of a receipt.", examples=["R00000123"])]


class OfReceipt(Params):
    no: f.Id
    receipt_no: ReceiptNo


class OnReceipt(Params):
    receipt_no: ReceiptNo
    mark: str = Field(pattern=r"^[0-9a-f]{16}$", description="As the code on the paper carries it.")


class OfCount(Params):
    id: f.Id


class ArrearsAge(Answer):
    age: Annotated[str, CodeOf("arrears_ages")]
    bills: int = Field(description="Counted up to 10,000 and one more.")


class BillFilter(f.Sorted):
    sort: str = f.sorting("period", "due_at", "owed_fen", "id")
    state: f.State = ""
    failed_payment: bool = Field(default=False, description="Only unpaid bills on which a payment was opened and came to nothing.")
    age: Age = Field(default="", description="Only unpaid rents past their due day for so long.")


@api.get("/leases/{no}/bills", assisted=True)
async def list_lease_bills(call: Call, params: BillsOfLease) -> f.Page[Bill]:
    """Bills of one lease, newest period first."""
    return await _bills(call, params, payments.ListBillsRequest(page=params.page(), lease_no=params.no))


@api.get("/bills")
async def list_bills(call: Call, params: BillFilter) -> f.Page[Bill]:
    """Bills in the reader's reach, newest period first."""
    request = payments.ListBillsRequest(page=params.page(), state=params.state, failed_payment=params.failed_payment, age=params.age)
    return await _bills(call, params, request)


async def _bills(call: Call, params: f.Sorted, request: payments.ListBillsRequest) -> f.Page[Bill]:
    found = await call.rpc("payments", call.services.payments.ListBills, request)
    items = [to_model(Bill, item) for item in found.bills]
    return f.Page[Bill](items=items, next_cursor=found.page.next_cursor, total=params.total(found.page))


@api.get("/arrears-ages", access=Access.STAFF, roles=("finance", "house_manager"))
async def list_arrears_ages(call: Call) -> f.Listing[ArrearsAge]:
    """How many rents in the reader's reach are owed for how long after their due day, the youngest first."""

    async def many(age: str) -> ArrearsAge:
        request = payments.ListBillsRequest(page=common.PageRequest(count=True, only_count=True), age=age)
        return ArrearsAge(age=age, bills=(await call.rpc("payments", call.services.payments.ListBills, request)).page.total)

    return f.Listing[ArrearsAge](items=await asyncio.gather(*(many(age) for age in terms("arrears_ages"))))


@api.get("/leases/{no}/bills/{period}")
async def get_bill(call: Call, params: OfBill) -> Bill:
    """One bill; its id is ``{lease}/{period}``."""
    answer = await call.rpc("payments", call.services.payments.GetBill, payments.GetBillRequest(id=params.bill_id()))
    return to_model(Bill, answer.bill)


@api.post("/leases/{no}/bills/{period}/payments", access=Access.CITIZEN, status=202, assisted=True)
async def start_payment(call: Call, params: OfBill, body: Empty) -> Intent:
    """Opens a payment at the bank for what is still owed, or returns the open one. Send the payer to ``pay_url`` and poll the bill."""
    request = payments.StartPaymentRequest(idempotency_key=call.idempotency_key, bill_id=params.bill_id())
    answer = await call.rpc("payments", call.services.payments.StartPayment, request, seconds=DECISION_SECONDS)
    call.location(f"/api/v1/leases/{params.no}/bills/{params.period}")
    return to_model(Intent, answer.intent)


@api.get("/leases/{no}/statement")
async def get_statement(call: Call, params: StatementOn) -> Statement:
    """The household's account at its lease: every bill and every payment, and what is owed or paid over after each. A look of staff is on record."""
    request = payments.GetStatementRequest(lease_no=params.no, on=params.on)
    return to_model(Statement, await call.rpc("payments", call.services.payments.GetStatement, request))


@api.get("/leases/{no}/statement.pdf", gives=(PDF,))
async def get_statement_file(call: Call, params: StatementOn) -> Download:
    """The same account as a file, PDF/A."""
    request = payments.GetStatementFileRequest(lease_no=params.no, on=params.on)
    answer = await call.rpc("payments", call.services.payments.GetStatementFile, request)
    return Download.whole(f"对账单-{params.no}.pdf", PDF, answer.file)


@api.get("/leases/{no}/receipts/{receipt_no}.pdf", gives=(PDF,))
async def get_payment_receipt(call: Call, params: OfReceipt) -> Download:
    """The receipt of one payment, PDF/A, in the manner of a non-tax receipt and marked as a sample. A look of staff is on record."""
    request = payments.GetReceiptFileRequest(lease_no=params.no, receipt_no=params.receipt_no)
    answer = await call.rpc("payments", call.services.payments.GetReceiptFile, request)
    return Download.whole(f"收据-{params.receipt_no}.pdf", PDF, answer.file)


@api.get("/payment-receipts/{receipt_no}/{mark}", access=Access.PUBLIC)
async def check_payment_receipt(call: Call, params: OnReceipt) -> ReceiptCheck:
    """Whether a receipt was given here, for what and how much; nothing of persons."""
    request = payments.CheckReceiptRequest(receipt_no=params.receipt_no, mark=params.mark)
    return to_model(ReceiptCheck, await call.rpc("payments", call.services.payments.CheckReceipt, request))


@api.post("/leases/{no}/bills/{period}/cash", access=Access.STAFF, roles=("finance", "house_manager"), status=201)
async def take_cash(call: Call, params: OfBill, body: TakeCash) -> CashReceived:
    """Cash was taken at the counter: it is in the books with the receipt. What is over what the bill owes settles the next rents."""
    request = payments.TakeCashRequest(idempotency_key=call.idempotency_key, bill_id=params.bill_id(), amount_fen=body.amount_fen)
    return to_model(CashReceived, await call.rpc("payments", call.services.payments.TakeCash, request, seconds=DECISION_SECONDS))


@api.get("/cash-desk", access=Access.STAFF, roles=("finance", "house_manager", "auditor"))
async def get_cash_desk(call: Call) -> CashDesk:
    """What lies in the tills of the reader's places, and the newest counts."""
    return to_model(CashDesk, await call.rpc("payments", call.services.payments.GetCashDesk, payments.GetCashDeskRequest()))


@api.post("/cash-counts", access=Access.STAFF, roles=("finance", "house_manager"), status=201)
async def count_cash(call: Call, body: CountCash) -> CashCount:
    """Counts all that was taken at a counter since the count before. 409 TOOK_IT_HIMSELF for somebody who took some of it."""
    request = payments.CountCashRequest(idempotency_key=call.idempotency_key, point=body.point, counted_fen=body.counted_fen)
    return to_model(CashCount, (await call.rpc("payments", call.services.payments.CountCash, request, seconds=DECISION_SECONDS)).count)


@api.post("/cash-counts/{id}/deposit", access=Access.STAFF, roles=("finance", "house_manager"))
async def deposit_cash(call: Call, params: OfCount, body: DepositCash) -> CashCount:
    """Matches a count to the bank's deposit slip; what the slip says differently is held in suspense."""
    request = payments.DepositCashRequest(
        idempotency_key=call.idempotency_key, count_id=params.id, slip_no=body.slip_no, slip_fen=body.slip_fen
    )
    return to_model(CashCount, (await call.rpc("payments", call.services.payments.DepositCash, request, seconds=DECISION_SECONDS)).count)


@ledger.get("/ledger/trial-balance", access=Access.STAFF, roles=("finance", "auditor"))
async def get_trial_balance(call: Call) -> f.Listing[AccountBalance]:
    """Balances of the chart of accounts; debits and credits are equal."""
    found = await call.rpc("payments", call.services.payments.GetTrialBalance, payments.GetTrialBalanceRequest())
    return f.Listing[AccountBalance](items=[to_model(AccountBalance, item) for item in found.accounts])
