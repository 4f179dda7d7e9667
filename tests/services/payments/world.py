"""A running payments service on a real database, with somebody in the place of Temporal and a bank the test holds in its hand."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Awaitable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from aiohttp import web
from anju.common.v1 import common_pb2 as common
from anju.payments.v1 import payments_pb2 as pb
from anju.payments.v1 import payments_pb2_grpc as rpc
from anju.reads.v1 import reads_pb2 as reads
from anju.reads.v1 import reads_pb2_grpc as reads_rpc
from anju_calendar import add_months
from anju_contracts.base import Accepted, Model, Word
from anju_contracts.rent import Billing, Price, lines, months
from casekit.engine import Standing
from chassis.db import Database
from chassis.errors import Refusal
from chassis.grpc_client import Client
from chassis.identity import Caller
from payments.app import application
from payments.settings import Settings
from sqlalchemy import text

from tests.support.keys import citizen, signer
from tests.support.patience import eventually
from tests.unit.payments.bank_side import Rsa, callback, notice

NOW = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
LEASE, OWNER, DISTRICT = "L-2026-000001", "c-1", "410202"
RENT, DEPOSIT = 35_000, 200_000
KEY = Rsa.generate(1024, seed=11)


@dataclass
class NoteTaker:
    """In the place of Temporal: writes down what workflows are told, as long as they are open."""

    signals: list[tuple[str, str, Model]] = field(default_factory=list)
    down: bool = False
    says: Standing = Standing.OPEN

    async def start(self, name: str, workflow_id: str, given: Model, *, summary: str, memo: Mapping[str, str]) -> None:
        raise AssertionError("payments starts no workflow")

    async def put(self, workflow_id: str, update: str, said: Word, word_id: str) -> Accepted:
        raise AssertionError("payments puts no word to a workflow")

    async def tell(self, workflow_id: str, name: str, said: Model) -> Standing:
        if self.down:
            raise ConnectionError("Temporal is away")
        if self.says is Standing.OPEN:
            self.signals.append((workflow_id, name, said))
        return self.says

    async def standing(self, workflow_id: str) -> Standing:
        return self.says

    def told(self, name: str) -> list[tuple[str, Model]]:
        return [(workflow_id, said) for workflow_id, what, said in self.signals if what == name]


@dataclass
class HandBank:
    """A bank in the test's hand, speaking the protocol; ``paid`` holds the orders the payer has paid, in yuan as text."""

    orders: dict[str, dict[str, str]] = field(default_factory=dict)
    paid: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    answers_500: int = 0
    captures: int = 0
    query_body: bytes | None = None
    order_body: bytes | None = None
    status_code: str = ""
    account_date: str = ""
    silent_seconds: float = 0
    url: str = ""

    def takes(self, order_id: str, yuan: str) -> None:
        """The payer pays, also an order which somebody else gave the bank in our name."""
        self.orders.setdefault(order_id, {"POSID": "100000001", "PAYMENT": yuan})
        self.paid[order_id] = yuan

    async def main(self, request: web.Request) -> web.Response:
        fields = {name: str(value) for name, value in (await request.post()).items()}
        self.asked.append(fields["TXCODE"])
        await asyncio.sleep(self.silent_seconds)
        return self.query(fields) if fields["TXCODE"] == "410408" else self.order(fields)

    def order(self, fields: dict[str, str]) -> web.Response:
        known = self.orders.setdefault(fields["ORDERID"], fields)
        assert known == fields, "the same order with other content"
        if self.captures:
            self.captures -= 1
            self.paid[fields["ORDERID"]] = fields["PAYMENT"]
        if self.answers_500:
            self.answers_500 -= 1
            return web.Response(status=500, text="system error")
        if self.order_body is not None:
            return web.Response(body=self.order_body)
        return web.json_response({"SUCCESS": "true", "PAYURL": f"{self.url}/qr/{fields['ORDERID']}"})

    async def qr(self, request: web.Request) -> web.Response:
        return web.json_response({"SUCCESS": "true", "QRURL": f"{self.url}/pay/{request.match_info['order']}"})

    def query(self, fields: dict[str, str]) -> web.Response:
        if self.query_body is not None:
            return web.Response(body=self.query_body)
        order_id = fields["ORDERID"]
        if order_id not in self.orders:
            return web.Response(text="<DOCUMENT><RETURN_CODE>X1</RETURN_CODE><RETURN_MSG>流水记录不存在</RETURN_MSG></DOCUMENT>")
        order = self.orders[order_id]
        status = self.status_code or ("1" if order_id in self.paid else "0")
        amount = self.paid.get(order_id, order["PAYMENT"])
        record = f"<POSID>{order['POSID']}</POSID><ORDERID>{order_id}</ORDERID><AMOUNT>{amount}</AMOUNT><STATUSCODE>{status}</STATUSCODE>"
        record += f"<ACCDATE>{self.account_date}</ACCDATE>"
        head = '<?xml version="1.0" encoding="GBK"?><DOCUMENT><RETURN_CODE>000000</RETURN_CODE><RETURN_MSG>成功</RETURN_MSG>'
        return web.Response(body=f"{head}<QUERYORDER>{record}</QUERYORDER></DOCUMENT>".encode("gbk"))


@dataclass
class Clock:
    """The wall clock of the service under test."""

    ahead: timedelta = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@dataclass
class World:
    web: Client
    worker: Client
    notes: NoteTaker
    bank: HandBank
    clock: Clock
    address: str
    database: Database
    steps: Any = field(default_factory=lambda: itertools.count(1))

    def __post_init__(self) -> None:
        self.stub = rpc.PaymentsServiceStub(self.web.channel)
        self.worker_stub = rpc.PaymentsServiceStub(self.worker.channel)

    async def call(self, method: str, request: Any, caller: Caller | None = None) -> Any:
        return await self.web.call(getattr(self.stub, method), request, caller=caller, timeout=50)

    async def looks(self, application_no: str, caller: Caller) -> list[tuple[list[str], str, int]]:
        """Who of the staff has looked, as the caller is told: duties, at what, how often."""
        stub = reads_rpc.ReadsServiceStub(self.web.channel)
        answer = await self.web.call(stub.ListReads, reads.ListReadsRequest(application_no=application_no), caller=caller)
        return [(list(read.roles), read.what, read.times) for read in answer.reads]

    async def step(self, method: str, request: Any) -> Any:
        return await self.worker.call(getattr(self.worker_stub, method), request, timeout=50)

    def next_step(self, step_id: str = "", as_of: datetime = NOW) -> common.Step:
        step = common.Step(step_id=step_id or f"test/{next(self.steps)}", actor="system")
        step.as_of.FromDatetime(as_of)
        return step

    async def issue(
        self,
        period: str = "202612",
        *,
        lease: str = LEASE,
        amount: int = 0,
        owner: str = OWNER,
        district: str = DISTRICT,
        step: common.Step | None = None,
        change: dict[str, Any] | None = None,
    ) -> pb.Bill:
        """A rent of a month, or the deposit without one; ``change`` is of its first line."""
        request = pb.IssueBillRequest(
            bill_id=f"{lease}/{period or 'deposit'}",
            step=step or self.next_step(),
            lease_no=lease,
            application_no="KF-1",
            owner=owner,
            district=district,
            kind="rent" if period else "deposit",
            period=period,
            amount_fen=amount or (RENT if period else DEPOSIT),
        )
        if period or change is not None:
            request.lines.extend(lines_of(period or "202612", request.amount_fen))
            for name, value in (change or {}).items():
                setattr(request.lines[0], name, value)
        request.due_at.FromDatetime(NOW + timedelta(days=10))
        answer: pb.IssueBillResponse = await self.step("IssueBill", request)
        return answer.bill

    async def start(self, bill_id: str, key: str = "", owner: str = OWNER) -> pb.Intent:
        request = pb.StartPaymentRequest(idempotency_key=key or f"tap-{next(self.steps)}", bill_id=bill_id)
        answer: pb.StartPaymentResponse = await self.call("StartPayment", request, citizen(owner))
        return answer.intent

    async def confirm(self, intent_id: str, as_of: datetime = NOW, bill_id: str = "") -> pb.ConfirmPaymentResponse:
        """As the workflow of the order's own bill, or of another one."""
        if not bill_id:
            found = await self.sql("SELECT bill_id FROM intents WHERE id = :id", id=intent_id)
            bill_id = found[0][0] if found else "nobody"
        request = pb.ConfirmPaymentRequest(intent_id=intent_id, bill_id=bill_id)
        request.as_of.FromDatetime(as_of)
        answer: pb.ConfirmPaymentResponse = await self.step("ConfirmPayment", request)
        return answer

    async def mark(self, bill_id: str, state: str, step_id: str = "", as_of: datetime = NOW) -> pb.Bill:
        return (await self.marked(bill_id, state, step_id, as_of)).bill

    async def marked(self, bill_id: str, state: str, step_id: str = "", as_of: datetime = NOW) -> pb.MarkBillResponse:
        request = pb.MarkBillRequest(bill_id=bill_id, step=self.next_step(step_id, as_of), state=state)
        answer: pb.MarkBillResponse = await self.step("MarkBill", request)
        return answer

    async def deliver(self, raw: bytes) -> str:
        answer: pb.HandleCallbackResponse = await self.call("HandleCallback", pb.HandleCallbackRequest(provider="ccb", raw=raw))
        return answer.result

    async def called_back(self, intent: pb.Intent, *, fen: int = 0, **more: str) -> str:
        """The payer has paid (or not, with SUCCESS="N"), the bank knows it and calls."""
        amount = fen or intent.amount_fen
        yuan = f"{amount // 100}.{amount % 100:02d}"
        if more.get("SUCCESS", "Y") == "Y":
            self.bank.takes(intent.id, yuan)
        return await self.deliver(callback(KEY, notice(intent.id, yuan, **more)))

    async def bill(self, bill_id: str) -> pb.Bill:
        answer: pb.GetBillResponse = await self.call("GetBill", pb.GetBillRequest(id=bill_id), citizen(OWNER))
        return answer.bill

    async def sql(self, statement: str, **values: Any) -> list[Any]:
        async with self.database.transaction() as session:
            result = await session.execute(text(statement), values)
            return [tuple(row) for row in result.all()] if result.returns_rows else []  # type: ignore[attr-defined]

    async def balances(self) -> dict[str, int]:
        return dict(await self.sql("SELECT account, sum(amount_fen)::bigint FROM postings GROUP BY account HAVING sum(amount_fen) <> 0"))

    async def transfers(self) -> dict[str, int]:
        return dict(await self.sql("SELECT kind, count(*) FROM transfers GROUP BY kind"))

    async def alarms(self) -> dict[str, int]:
        return dict(await self.sql("SELECT kind, sum(seen)::bigint FROM alarms GROUP BY kind"))

    async def wait_told(self, name: str, count: int) -> list[tuple[str, Model]]:
        return await eventually(lambda: self.notes.told(name), lambda told: len(told) >= count, what=f"{name} told {count} times")


def lines_of(period: str, amount_fen: int) -> list[common.RentLine]:
    """A whole month at a rent that was decided otherwise than by the standard."""
    first = date(int(period[:4]), int(period[4:]), 1)
    last = add_months(first, 1) - timedelta(days=1)
    found = lines(months(first, last, Billing()), Price(month_fen=amount_fen, area_centi_sqm=5_000))
    return [common.RentLine(**line.model_dump(mode="json")) for line in found]


@asynccontextmanager
async def hand_bank() -> AsyncIterator[HandBank]:
    bank = HandBank()
    app = web.Application()
    app.router.add_post("/CCBIS/ccbMain", bank.main)
    app.router.add_get("/qr/{order}", bank.qr)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    bank.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield bank
    finally:
        await runner.cleanup()


def account_file(folder: Path, base_url: str, **changes: str) -> Path:
    account = {
        "base_url": base_url,
        "merchant_id": "105410000000001",
        "pos_id": "100000001",
        "branch_id": "410000000",
        "public_key": KEY.public_hex(),
        "query_password": "secret-words",
    }
    path = folder / "ccb.json"
    path.write_text(json.dumps(account | changes))
    return path


@asynccontextmanager
async def payments(
    url: str, keys_dir: Path, ccb_file: Path, bank: HandBank, clock: Clock | None = None, **settings: Any
) -> AsyncIterator[World]:
    notes, clock = NoteTaker(), clock or Clock()
    given = Settings(port=0, database_url=url, keys_dir=keys_dir, ccb_file=ccb_file, drain_seconds=0.2, **settings)
    async with application(given, engine=notes, now=clock) as server:
        edge = Client(server.address, signer(keys_dir, "web-gateway"), "payments")
        worker = Client(server.address, signer(keys_dir, "worker"))
        database = Database(url, pool_size=20)
        try:
            yield World(edge, worker, notes, bank, clock, server.address, database)
        finally:
            for client in (edge, worker):
                await client.close()
            await database.close()


async def refused(call: Awaitable[Any]) -> Refusal:
    """The refusal a call must end in."""
    try:
        answer = await call
    except Refusal as refusal:
        return refusal
    raise AssertionError(f"was not refused: {answer}")
