"""The bank's HTTP face: ``/CCBIS/ccbMain`` for merchants, the payer's H5 page, and the settlement file."""

import asyncio
import contextlib
from urllib.parse import parse_qsl

from aiohttp import web

from anju_sandbox.bank import protocol
from anju_sandbox.bank.ledger import BankLedger, Order
from anju_sandbox.bank.payments import Payments
from anju_sandbox.bank.protocol import ProtocolError
from anju_sandbox.credentials import BankMerchant
from anju_sandbox.departments.crypto import same_signature
from anju_sandbox.exchange import EXCHANGE, Hub
from anju_sandbox.pages import esc, page
from anju_sandbox.servers import BANK

MAIN_PATH = "/CCBIS/ccbMain"
QR_PATH = "/CCBIS/qr/{token}"
PAY_PATH = "/pay/{token}"
_STATUS_CODES = {"open": ("0", "未支付"), "paid": ("1", "成功")}
_PAGE_ORDERS = 100


class BankServer:
    """Checks merchant, MAC and form, then leaves the work to :class:`Payments`."""

    def __init__(self, hub: Hub, merchant: BankMerchant, payments: Payments) -> None:
        self.hub = hub
        self.merchant = merchant
        self.payments = payments
        self.ledger: BankLedger = payments.ledger

    def add_routes(self, app: web.Application) -> None:
        """Adds the endpoints."""
        app.router.add_route("GET", MAIN_PATH, self.main)
        app.router.add_route("POST", MAIN_PATH, self.main)
        app.router.add_get(QR_PATH, self.qr)
        app.router.add_get(PAY_PATH, self.show)
        app.router.add_post(PAY_PATH, self.decide)

    async def main(self, request: web.Request) -> web.StreamResponse:
        """Every merchant transaction, told apart by TXCODE; fields from the query string or a form (GBK or UTF-8)."""
        raw = await request.read() if request.method == "POST" else request.query_string.encode()
        try:
            fields = dict(parse_qsl(raw.decode("ascii"), keep_blank_values=True, encoding="utf-8", errors="strict"))
        except UnicodeDecodeError:
            with contextlib.suppress(UnicodeDecodeError):
                fields = dict(parse_qsl(raw.decode("gbk"), keep_blank_values=True, encoding="gbk", errors="strict"))
                return await self._transact(request, fields)
            return web.json_response({"SUCCESS": "false", "ERRCODE": "0130Z110C000", "ERRMSG": "字符集错误"})
        return await self._transact(request, fields)

    async def _transact(self, request: web.Request, fields: dict[str, str]) -> web.StreamResponse:
        exchange = request[EXCHANGE]
        exchange.request_id = fields.get("ORDERID", "")
        code = fields.get("TXCODE", "")
        exchange.operation = f"{MAIN_PATH}#{code}" if code.isalnum() else exchange.operation
        try:
            if code == protocol.PAY_TXCODE:
                return await self._order(request, fields)
            if code == protocol.QUERY_TXCODE:
                return self._query(fields)
            if code == protocol.SETTLEMENT_TXCODE:
                return self._settlement(fields)
            raise ProtocolError("0130Z110C009", "交易码不支持")
        except ProtocolError as refused:
            exchange.outcome = "refused"
            if code == protocol.QUERY_TXCODE:
                return _xml(protocol.query_xml(refused.code, refused.message, []))
            return web.json_response({"SUCCESS": "false", "ERRCODE": refused.code, "ERRMSG": refused.message})

    def _check_merchant(self, fields: dict[str, str], signed: str) -> None:
        merchant = self.merchant
        wanted = (merchant.merchant_id, merchant.pos_id, merchant.branch_id)
        if (fields.get("MERCHANTID"), fields.get("POSID"), fields.get("BRANCHID")) != wanted:
            raise ProtocolError("0130Z110A001", "商户不存在")
        if not same_signature(protocol.mac(signed), fields.get("MAC", "")):
            raise ProtocolError("0130Z110A002", "MAC校验失败")

    async def _order(self, request: web.Request, fields: dict[str, str]) -> web.StreamResponse:
        self._check_merchant(fields, protocol.order_string(fields, self.merchant.pub))
        protocol.check_order(fields)
        order = self.payments.open_order({name: value for name, value in fields.items() if name != "MAC"})
        switches = self.payments.switches
        if switches.answer_500_captured > 0:
            switches.answer_500_captured -= 1
            self.payments.pay(order.order_id)
            request[EXCHANGE].outcome = "failed"
            return web.Response(status=500, text="system error")
        if switches.timeout_captured > 0:
            switches.timeout_captured -= 1
            self.payments.pay(order.order_id)
            request[EXCHANGE].outcome = "failed"
            await asyncio.sleep(switches.timeout_seconds)
            if request.transport is not None:
                request.transport.abort()
            return web.Response(status=504)
        url = self._base() + QR_PATH.format(token=order.token)
        return web.json_response({"SUCCESS": "true", "PAYURL": url})

    async def qr(self, request: web.Request) -> web.Response:
        """Second step: the address of the payer's page."""
        order = self._by_token(request)
        if order is None:
            return web.json_response({"SUCCESS": "false", "ERRCODE": "0130Z110C010", "ERRMSG": "订单不存在"})
        return web.json_response({"SUCCESS": "true", "QRURL": self._base() + PAY_PATH.format(token=order.token)})

    def _query(self, fields: dict[str, str]) -> web.Response:
        self._check_merchant(fields, protocol.query_string(fields))
        if not same_signature(fields.get("QUPWD", ""), self.merchant.query_password):
            raise ProtocolError("0130Z110A003", "查询密码错误")
        order_id, day = fields.get("ORDERID", ""), fields.get("ORDERDATE", "")
        if order_id:
            order = self.ledger.order(order_id)
            orders = [order] if order else []
        else:
            orders = [o for o in self.ledger.orders(limit=5000) if o.created_at[:10].replace("-", "") == day]
        # STATUS: 0 failed, 1 paid, 2 uncertain, 3 all.
        if fields.get("STATUS") == "1":
            orders = [order for order in orders if order.status == "paid"]
        if not orders:
            return _xml(protocol.query_xml("0130Z110C011", "流水记录不存在", []))
        pages = (len(orders) + _PAGE_ORDERS - 1) // _PAGE_ORDERS
        number = int(fields["PAGE"]) if fields.get("PAGE", "").isdecimal() and len(fields["PAGE"]) < 6 else 1
        shown = orders[(number - 1) * _PAGE_ORDERS : number * _PAGE_ORDERS]
        return _xml(protocol.query_xml("000000", "", [_query_row(order) for order in shown], pages, number))

    def _settlement(self, fields: dict[str, str]) -> web.Response:
        """The settled payments of one account date: GBK text, one line per payment, sum line first (assumed schema)."""
        self._check_merchant(fields, protocol.query_string(fields, protocol.SETTLEMENT_FIELDS))
        if not same_signature(fields.get("QUPWD", ""), self.merchant.query_password):
            raise ProtocolError("0130Z110A003", "查询密码错误")
        day = fields.get("ACCDATE", "")
        if not (day.isdecimal() and len(day) == 8):
            raise ProtocolError("0130Z110C012", "日期格式错误")
        lines, total, count, after = [], 0, 0, ""
        while batch := self.ledger.orders(account_date=day, after=after, limit=5000):
            for order in batch:
                amount = protocol.amount_text(order.payment_fen)
                paid = (order.paid_at or "")[:19].replace("T", " ")
                remarks = "|".join(order.fields.get(n, "").replace("|", " ") for n in ("REMARK1", "REMARK2"))
                lines.append(f"{order.order_id}|{order.bank_serial}|{paid}|{amount}|0.00|{remarks}|成功")
                total, count = total + order.payment_fen, count + 1
            after = batch[-1].order_id
        head = f"SUM|{day}|{self.merchant.merchant_id}|{count}|{protocol.amount_text(total)}"
        text = "\r\n".join([head, *lines, ""])
        return web.Response(body=text.encode("gbk", "replace"), headers={"Content-Type": "text/plain; charset=gbk"})

    async def show(self, request: web.Request) -> web.Response:
        """The payer's page."""
        order = self._by_token(request)
        if order is None:
            return page("订单不存在", "<div class='card'><p>请返回商户重新发起支付。</p></div>", status=404)
        return self._page_of(order)

    async def decide(self, request: web.Request) -> web.Response:
        """Confirm or cancel; a cancelled order stays open until its time-out, as at the real bank."""
        order = self._by_token(request)
        if order is None:
            return page("订单不存在", "<div class='card'><p>请返回商户重新发起支付。</p></div>", status=404)
        form = await request.post()
        if form.get("action") != "confirm":
            request[EXCHANGE].outcome = "cancelled"
            again = f"<a class='button' href='{esc(request.path)}'>重新支付</a>"
            return page("已取消支付", f"<div class='card'>{_facts(order)}{again}{self._back()}</div>")
        request[EXCHANGE].outcome = self.payments.pay(order.order_id)
        return self._page_of(self.ledger.order(order.order_id) or order)

    def _page_of(self, order: Order) -> web.Response:
        if order.status == "paid":
            done = f"<div class='card' role='status'><p>支付成功</p>{_facts(order)}{self._back()}</div>"
            return page("支付成功", done)
        if order.expired(self.hub.world.now()):
            return page("订单已超时", f"<div class='card'>{_facts(order)}{self._back()}</div>", status=410)
        form = (
            "<form method='post'><button name='action' value='confirm'>确认支付</button>"
            "<button class='plain' name='action' value='cancel'>取消</button></form>"
        )
        return page("建设银行支付（演示）", f"<div class='card'>{_facts(order)}{form}</div>")

    def _by_token(self, request: web.Request) -> Order | None:
        order = self.ledger.order_by_token(request.match_info["token"])
        if order is not None:
            request[EXCHANGE].request_id = order.order_id
        return order

    def _back(self) -> str:
        return f"<a class='button plain' href='{esc(self.hub.settings.web_base_url)}'>返回商户</a>"

    def _base(self) -> str:
        return self.hub.settings.bank_public_url or self.hub.urls[BANK]


def _facts(order: Order) -> str:
    remark = order.fields.get("REMARK1", "")
    return (
        f"<p class='amount'>¥{protocol.amount_text(order.payment_fen)}</p><dl><dt>收款方</dt><dd>公共租赁住房租金专户</dd>"
        f"<dt>订单号</dt><dd>{esc(order.order_id)}</dd>" + (f"<dt>附言</dt><dd>{esc(remark)}</dd>" if remark else "") + "</dl>"
    )


def _query_row(order: Order) -> dict[str, str]:
    code, status = _STATUS_CODES[order.status]
    return {
        "POSID": order.fields["POSID"],
        "ORDERID": order.order_id,
        "ORDERDATE": order.created_at[:19].replace("T", "").replace("-", "").replace(":", ""),
        "ACCDATE": order.account_date or "",
        "AMOUNT": protocol.amount_text(order.payment_fen),
        "STATUSCODE": code,
        "STATUS": status,
        "REFUND": "0.00",
        "_PAID_FEN": str(order.payment_fen if order.status == "paid" else 0),
    }


def _xml(body: bytes) -> web.Response:
    return web.Response(body=body, headers={"Content-Type": "text/xml; charset=UTF-8"})
