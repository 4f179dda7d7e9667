"""The bank: orders, the payer's page, signed callbacks until accepted, queries and the settlement file."""

import asyncio
import hashlib
import re
import time
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qsl
from xml.etree import ElementTree as ET

import aiohttp
import pytest
from anju_sandbox.app import Sandbox, sandbox
from anju_sandbox.settings import SandboxSettings
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tests.support.patience import eventually
from tests.unit.sandbox.conftest import CallbackTarget
from tests.unit.sandbox.support import Json, Merchant, operator

DOCUMENTED_ORDER = ["POSID", "BRANCHID", "ORDERID", "PAYMENT", "CURCODE", "REMARK1", "REMARK2", "ACC_TYPE", "SUCCESS", "ACCDATE"]


async def pay(world: Sandbox, http: aiohttp.ClientSession, order_id: str) -> Json:
    async with http.post(world.urls["control"] + "/bank/pay", json={"order_id": order_id}, headers=operator(world)) as response:
        return dict(await response.json())


async def switch(world: Sandbox, http: aiohttp.ClientSession, **switches: float) -> None:
    async with http.put(world.urls["control"] + "/bank/switches", json=switches, headers=operator(world)) as response:
        assert response.status == 200


def verify(world: Sandbox, body: bytes) -> dict[str, str]:
    fields = dict(parse_qsl(body.decode("ascii"), keep_blank_values=True, encoding="gbk", strict_parsing=True))
    key = serialization.load_der_public_key(bytes.fromhex(world.credentials.bank.public_key))
    assert isinstance(key, rsa.RSAPublicKey)
    text = "&".join(f"{name}={fields[name]}" for name in DOCUMENTED_ORDER).encode("gbk")
    key.verify(bytes.fromhex(fields["SIGN"]), text, padding.PKCS1v15(), hashes.MD5())
    with pytest.raises(InvalidSignature):
        key.verify(bytes.fromhex(fields["SIGN"]), text + b"0", padding.PKCS1v15(), hashes.MD5())
    return fields


async def test_from_order_to_callback_by_the_page(world: Sandbox, http: aiohttp.ClientSession, target: CallbackTarget) -> None:
    url = await Merchant(world, http).pay_page(Merchant(world, http).order("page-1"))
    async with http.get(url) as response:
        text = await response.text()
        assert "¥128.50" in text
        assert "page-1" in text
        assert "确认支付" in text
        assert "form-action" in response.headers["Content-Security-Policy"]
    async with http.post(url, data={"action": "cancel"}) as response:
        assert "已取消支付" in await response.text()
    assert target.received == []
    async with http.post(url, data={"action": "confirm"}) as response:
        assert "支付成功" in await response.text()
    await eventually(lambda: bool(target.received))
    fields = verify(world, target.received[0])
    assert (fields["ORDERID"], fields["PAYMENT"], fields["SUCCESS"], fields["REMARK1"]) == (
        "page-1", "128.50", "Y", "租金",
    )  # fmt: skip


async def test_callback_is_repeated_until_accepted(world: Sandbox, http: aiohttp.ClientSession, target: CallbackTarget) -> None:
    target.answers = [(500, "boom"), (200, "fail"), (200, "SUCCESS")]
    await Merchant(world, http).post(Merchant(world, http).order("retry-1"))
    assert (await pay(world, http, "retry-1"))["result"] == "paid"
    assert (await pay(world, http, "retry-1"))["result"] == "already_paid"
    await eventually(lambda: [d.state for d in world.payments.ledger.callbacks(order_id="retry-1")] == ["delivered"])
    await asyncio.sleep(0.1)
    assert len(target.received) == 3
    assert len(set(target.received)) == 1
    [delivery] = world.payments.ledger.callbacks(order_id="retry-1")
    assert delivery.attempts == 3


async def test_undelivered_callback_survives_a_restart(
    fresh_dir: Path, http: aiohttp.ClientSession, callbacks: tuple[str, CallbackTarget]
) -> None:
    nobody = "http://127.0.0.1:9/callbacks/ccb"
    settings = SandboxSettings.on_free_ports(fresh_dir, bank_notify_url=nobody, callback_first_retry_seconds=0.05)
    async with sandbox(settings) as world:
        await Merchant(world, http).post(Merchant(world, http).order("restart-1"))
        await pay(world, http, "restart-1")
        await eventually(lambda: world.payments.ledger.callbacks()[0].attempts > 0)
    callbacks[1].received.clear()
    async with sandbox(settings.model_copy(update={"bank_notify_url": callbacks[0]})) as world:
        await eventually(lambda: bool(callbacks[1].received))
        verify(world, callbacks[1].received[0])


async def test_wrong_mac_merchant_and_forms_are_refused(world: Sandbox, http: aiohttp.ClientSession) -> None:
    merchant = Merchant(world, http)
    good = merchant.order("refused-1")
    assert (await merchant.post(good | {"PAYMENT": "0.01"}))["ERRCODE"] == "0130Z110A002"
    assert (await merchant.post(good | {"MERCHANTID": "105000000000001"}))["ERRCODE"] == "0130Z110A001"
    for bad in ("0", "0.00", "-1.00", "1.001", "1e3", "１.00", "", "99999999999.00"):
        assert (await merchant.post(merchant.order("refused-2", bad)))["ERRCODE"] == "0130Z110C005"
    assert (await merchant.post(merchant.order("x" * 31)))["ERRCODE"] == "0130Z110C001"
    late = merchant.order("refused-3", TIMEOUT="20200101000000")
    assert (await merchant.post(late))["ERRCODE"] == "0130Z110C007"
    assert world.payments.ledger.order("refused-1") is None


async def test_same_order_again_is_the_same_page_and_another_content_is_refused(world: Sandbox, http: aiohttp.ClientSession) -> None:
    merchant = Merchant(world, http)
    first = await merchant.post(merchant.order("same-1"))
    assert await merchant.post(merchant.order("same-1")) == first
    assert (await merchant.post(merchant.order("same-1", "1.00")))["ERRCODE"] == "0130Z110C008"


async def test_expired_orders_cannot_be_paid(world: Sandbox, http: aiohttp.ClientSession) -> None:
    merchant = Merchant(world, http)
    url = await merchant.pay_page(merchant.order("late-1", TIMEOUT="20991231235959"))
    async with http.put(world.urls["control"] + "/world/clock", json={"now": "2100-01-01T00:00:00+08:00"}):
        pass
    async with http.post(url, data={"action": "confirm"}) as response:
        assert response.status == 410
    assert (await pay(world, http, "late-1"))["result"] == "expired"


async def test_time_passes_for_the_open_orders_of_one_bill(world: Sandbox, http: aiohttp.ClientSession) -> None:
    merchant = Merchant(world, http)
    timeout = f"{world.payments.hub.world.now() + timedelta(minutes=30):%Y%m%d%H%M%S}"
    for order_id, remark in (("moved-1", "L-1/202612"), ("moved-2", "L-2/202612")):
        await merchant.post(merchant.order(order_id, TIMEOUT=timeout, REMARK1=remark))
    control = world.urls["control"] + "/bank/pass-time"
    for minutes, result in ((20, "open"), (11, "over")):
        async with http.post(control, json={"remark": "L-1/202612", "seconds": minutes * 60}) as response:
            assert await response.json() == {"orders": 1}
        order = world.payments.ledger.order("moved-1")
        assert order is not None
        assert order.expired(world.payments.hub.world.now()) == (result == "over")
    assert (await pay(world, http, "moved-1"))["result"] == "expired"
    assert await merchant.post(merchant.order("moved-1", TIMEOUT=timeout, REMARK1="L-1/202612")), (
        "the same order sent again is the same order"
    )
    assert (await pay(world, http, "moved-2"))["result"] == "paid"


async def test_query_knows_what_was_paid(world: Sandbox, http: aiohttp.ClientSession) -> None:
    merchant = Merchant(world, http)
    await merchant.post(merchant.order("query-1", "12.30"))
    root = ET.fromstring(await merchant.query("query-1"))
    assert (root.findtext("RETURN_CODE"), root.findtext("QUERYORDER/STATUSCODE")) == ("000000", "0")
    await pay(world, http, "query-1")
    root = ET.fromstring(await merchant.query("query-1"))
    assert root.findtext("QUERYORDER/AMOUNT") == root.findtext("PAYAMOUNT") == "12.30"
    assert (root.findtext("QUERYORDER/STATUSCODE"), root.findtext("QUERYORDER/STATUS")) == ("1", "成功")
    assert ET.fromstring(await merchant.query("query-none")).findtext("RETURN_CODE") == "0130Z110C011"
    forged = await merchant.query("query-1", MERCHANTID="1")
    assert ET.fromstring(forged).findtext("RETURN_CODE") == "0130Z110A001"


async def test_captured_though_the_answer_says_otherwise(world: Sandbox, http: aiohttp.ClientSession, target: CallbackTarget) -> None:
    merchant = Merchant(world, http)
    await switch(world, http, answer_500_captured=1, timeout_captured=1, timeout_seconds=0.05)
    url = world.urls["bank"] + "/CCBIS/ccbMain"
    async with http.post(url, data=merchant.order("captured-1")) as response:
        assert response.status == 500
    with pytest.raises(aiohttp.ClientError):
        await http.post(url, data=merchant.order("captured-2"))
    for order_id in ("captured-1", "captured-2"):
        assert ET.fromstring(await merchant.query(order_id)).findtext("QUERYORDER/STATUSCODE") == "1"
    await eventually(lambda: len(target.received) == 2)
    assert (await merchant.post(merchant.order("captured-3")))["SUCCESS"] == "true"


async def test_dropped_duplicated_and_delayed_callbacks(world: Sandbox, http: aiohttp.ClientSession, target: CallbackTarget) -> None:
    merchant = Merchant(world, http)
    for number in range(3):
        await merchant.post(merchant.order(f"drop-{number}"))
    await switch(world, http, drop_callbacks=1)
    await pay(world, http, "drop-0")
    await asyncio.sleep(0.1)
    assert target.received == []
    await switch(world, http, duplicate_callbacks=3)
    await pay(world, http, "drop-1")
    await eventually(lambda: len(target.received) == 4)
    target.received.clear()
    await switch(world, http, delay_callback_seconds=0.3)
    before = time.monotonic()
    await pay(world, http, "drop-2")
    await eventually(lambda: len(target.received) == 1)
    assert time.monotonic() - before >= 0.3
    async with http.post(world.urls["control"] + "/bank/callbacks/retry", json={"order_id": "drop-0"}, headers=operator(world)) as response:
        assert (await response.json())["due"] == 1
    await eventually(lambda: len(target.received) == 2)
    assert verify(world, target.received[1])["ORDERID"] == "drop-0"


async def test_fifty_payers_at_once_pay_once(world: Sandbox, http: aiohttp.ClientSession) -> None:
    await Merchant(world, http).post(Merchant(world, http).order("race-1"))
    results = await asyncio.gather(*(pay(world, http, "race-1") for _ in range(50)))
    assert sorted(result["result"] for result in results).count("paid") == 1


async def test_settlement_file_sums_up(fresh_dir: Path, http: aiohttp.ClientSession) -> None:
    settings = SandboxSettings.on_free_ports(fresh_dir, bank_notify_url="http://127.0.0.1:9/")
    async with sandbox(settings) as world:
        merchant, bank = Merchant(world, http), world.credentials.bank
        for number, amount in enumerate(("0.01", "128.50", "3.00")):
            await merchant.post(merchant.order(f"settle-{number}", amount))
        await pay(world, http, "settle-0")
        await pay(world, http, "settle-1")
        day = f"{world.world.today():%Y%m%d}"
        fields = {"MERCHANTID": bank.merchant_id, "BRANCHID": bank.branch_id, "POSID": bank.pos_id, "ACCDATE": day}
        text = "&".join(f"{n}={v}" for n, v in fields.items()) + "&QUPWD=&TXCODE=5W1005"
        sent = fields | {"QUPWD": bank.query_password, "TXCODE": "5W1005", "MAC": _md5(text)}
        async with http.post(world.urls["bank"] + "/CCBIS/ccbMain", data=sent) as response:
            lines = (await response.read()).decode("gbk").split("\r\n")
        assert lines[0] == f"SUM|{day}|{bank.merchant_id}|2|128.51"
        assert [line.split("|")[0] for line in lines[1:-1]] == ["settle-0", "settle-1"]
        assert all(re.fullmatch(r"\d{8}99\d{10}", line.split("|")[1]) for line in lines[1:-1])


def _md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()
