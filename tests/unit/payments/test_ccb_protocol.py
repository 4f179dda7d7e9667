from __future__ import annotations

import hashlib
import random
from urllib.parse import parse_qsl, quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from payments.providers import ccb_protocol as protocol

from tests.unit.payments.bank_side import Rsa, callback, notice

KEY = Rsa.generate(1024)
# One of the bank's real keys has an odd number of bits.
ODD_KEY = Rsa.generate(1023, seed=91)
PUBLIC = protocol.public_key(KEY.public_hex())


def holds(raw: bytes, key: Rsa = KEY) -> bool:
    return protocol.signature_holds(protocol.public_key(key.public_hex()), protocol.callback_fields(raw))


def test_order_string_and_mac() -> None:
    fields = protocol.pay_fields(
        merchant_id="105410000000001",
        pos_id="100000001",
        branch_id="410000000",
        order_id="P01",
        payment="350.00",
        timeout="20261123123000",
        remark1="L-2026-000001/202612",
    )
    pub = "30819d300d06092a864886f70d0101"
    expected = (
        "MERCHANTID=105410000000001&POSID=100000001&BRANCHID=410000000&ORDERID=P01&PAYMENT=350.00&CURCODE=01&TXCODE=530550"
        "&REMARK1=L-2026-000001/202612&REMARK2=&RETURNTYPE=3&TIMEOUT=20261123123000&PUB=30819d300d06092a864886f70d0101"
    )
    sent = protocol.with_mac(fields, pub)
    assert sent["MAC"] == hashlib.md5(expected.encode()).hexdigest()
    assert "PUB" not in sent
    assert pub not in sent.values()


def test_query_string_and_mac_leave_the_password_out() -> None:
    fields = protocol.query_fields(merchant_id="M", pos_id="P", branch_id="B", order_id="O", order_date="20261123", kind="0")
    expected = (
        "MERCHANTID=M&BRANCHID=B&POSID=P&ORDERDATE=20261123&BEGORDERTIME=00:00:00&ENDORDERTIME=23:59:59&ORDERID=O&QUPWD=&TXCODE=410408"
        "&TYPE=0&KIND=0&STATUS=3&SEL_TYPE=3&PAGE=1&OPERATOR=&CHANNEL="
    )
    assert protocol.with_mac(fields)["MAC"] == hashlib.md5(expected.encode()).hexdigest()


@pytest.mark.parametrize("key", [KEY, ODD_KEY, Rsa.generate(2048, e=65537, seed=7)], ids=["1024", "1023", "2048"])
@pytest.mark.parametrize(
    "more",
    [
        {},
        {"REMARK1": "L-2026-000001/202612"},
        {"USRMSG": "张三的转账 备注", "USRINFO": "开封市"},
        {"TYPE": "1", "REFERER": "https://example.cn/a?b=c&d", "CLIENTIP": "10.0.0.1", "INSTALLNUM": "", "ERRMSG": ""},
    ],
    ids=["plain", "remark", "gbk", "all"],
)
def test_the_banks_signature_is_recognised(key: Rsa, more: dict[str, str]) -> None:
    raw = callback(key, notice("P01", "350.00", **more))
    assert holds(raw, key)
    assert not holds(raw, Rsa.generate(1024, seed=8))


def test_the_order_in_which_fields_are_sent_does_not_matter() -> None:
    pairs = callback(KEY, notice("P01", "350.00", USRMSG="测试")).split(b"&")
    for seed in range(20):
        random.Random(seed).shuffle(pairs)
        assert holds(b"&".join(pairs))


def test_only_optional_fields_that_are_sent_are_signed() -> None:
    raw = callback(KEY, notice("P01", "350.00"))
    assert not holds(raw + b"&USRMSG=")
    assert holds(raw + b"&UTM=anything"), "a field the bank does not sign is none of ours"
    without = b"&".join(pair for pair in raw.split(b"&") if not pair.startswith(b"ACCDATE"))
    assert not holds(without)


def test_any_changed_field_breaks_the_signature() -> None:
    raw = callback(KEY, notice("P01", "350.00"))
    fields = dict(parse_qsl(raw.decode(), keep_blank_values=True))
    for name, value in fields.items():
        changed = "&".join(f"{k}={(v + '1') if k == name else v}" for k, v in fields.items())
        assert not holds(changed.encode()), (name, value)


@settings(max_examples=300)
@given(st.data())
def test_flipped_bytes_are_never_taken(data: st.DataObject) -> None:
    raw = bytearray(callback(KEY, notice("P01", "350.00")))
    place = data.draw(st.integers(0, len(raw) - 1))
    raw[place] ^= data.draw(st.integers(1, 255))
    try:
        fields = protocol.callback_fields(bytes(raw))
    except ValueError:
        return
    if protocol.signature_holds(PUBLIC, fields):
        # Upper and lower case of the signature's hex, or an escape written differently, say the same.
        assert protocol.callback_string(fields) == protocol.callback_string(
            protocol.callback_fields(callback(KEY, notice("P01", "350.00")))
        )


@settings(max_examples=300)
@given(st.binary(max_size=400))
def test_noise_is_refused_without_a_crash(raw: bytes) -> None:
    try:
        fields = protocol.callback_fields(raw)
    except ValueError:
        return
    assert not protocol.signature_holds(PUBLIC, fields)


def test_a_field_twice_and_a_flood_are_refused() -> None:
    raw = callback(KEY, notice("P01", "350.00"))
    with pytest.raises(ValueError, match="twice"):
        protocol.callback_fields(raw + b"&PAYMENT=0.01")
    with pytest.raises(ValueError, match="long"):
        protocol.callback_fields(raw + b"&X=" + b"a" * protocol.MAX_CALLBACK_BYTES)


XML = (
    '<?xml version="1.0" encoding="{charset}" standalone="yes"?><DOCUMENT><RETURN_CODE>000000</RETURN_CODE><RETURN_MSG>成功</RETURN_MSG>'
    "<QUERYORDER><ORDERID>P01</ORDERID><AMOUNT>350.00</AMOUNT><STATUS>成功</STATUS><STATUSCODE>1</STATUSCODE></QUERYORDER>"
    "<QUERYORDER><ORDERID>P02</ORDERID></QUERYORDER></DOCUMENT>"
)


@pytest.mark.parametrize("charset", ["UTF-8", "GBK", "GB18030", "gb2312"])
def test_query_answers_in_the_banks_charsets(charset: str) -> None:
    head, orders = protocol.parse_query(XML.format(charset=charset).encode(charset))
    assert head == {"RETURN_CODE": "000000", "RETURN_MSG": "成功"}
    assert orders[0] == {"ORDERID": "P01", "AMOUNT": "350.00", "STATUS": "成功", "STATUSCODE": "1"}
    assert protocol.only(orders, "P02") == {"ORDERID": "P02"}
    assert protocol.only(orders, "P03") is None
    with pytest.raises(ValueError, match="twice"):
        protocol.only([*orders, *orders], "P01")


def test_a_document_without_declaration_and_with_a_byte_order_mark() -> None:
    body = b"\xef\xbb\xbf<DOCUMENT><RETURN_CODE>1</RETURN_CODE></DOCUMENT>"
    assert protocol.parse_query(body) == ({"RETURN_CODE": "1"}, [])


BOMB = '<!DOCTYPE d [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><DOCUMENT><RETURN_CODE>&b;</RETURN_CODE></DOCUMENT>'
OUTSIDE = '<!DOCTYPE d SYSTEM "file:///etc/passwd"><DOCUMENT><RETURN_CODE>1</RETURN_CODE></DOCUMENT>'


@pytest.mark.parametrize(
    "body",
    [
        BOMB.encode(),
        OUTSIDE.encode(),
        b"",
        b"<DOCUMENT>",
        b"<html><body>login</body></html>",
        b"<DOCUMENT></DOCUMENT>",
        b'<?xml version="1.0" encoding="ebcdic"?><DOCUMENT><RETURN_CODE>1</RETURN_CODE></DOCUMENT>',
        "<DOCUMENT><RETURN_CODE>成功</RETURN_CODE></DOCUMENT>".encode("gbk"),
        b"{}",
        b"\x00" * 100,
    ],
)
def test_what_is_no_answer(body: bytes) -> None:
    with pytest.raises(ValueError):
        protocol.parse_query(body)


@settings(max_examples=200)
@given(st.binary(max_size=200))
def test_garbage_is_a_value_error_and_nothing_else(body: bytes) -> None:
    with pytest.raises(ValueError):
        protocol.parse_query(body)


def sent_as(pairs: list[tuple[str, str]]) -> bytes:
    """Signed in the order in which it is sent, as the bank's own published demonstration does it."""
    line = "&".join(f"{name}={value}" for name, value in pairs)
    return "&".join(
        [*(f"{name}={quote(value.encode('gbk'), safe='')}" for name, value in pairs), f"SIGN={KEY.sign(line.encode('gbk'))}"]
    ).encode()


def test_a_signature_over_the_fields_as_they_came_is_the_banks_too() -> None:
    fields = notice("P01", "350.00")
    order = ["POSID", "BRANCHID", "ORDERID", "PAYMENT", "CURCODE", "REMARK1", "REMARK2", "SUCCESS", "ACC_TYPE"]
    pairs = [(name, (fields | {"ACC_TYPE": "12"})[name]) for name in order]
    raw = sent_as(pairs)
    assert holds(raw)
    assert not holds(raw.replace(b"SUCCESS=Y", b"SUCCESS=N"))
    assert not holds(b"&".join(reversed(raw.split(b"&")))), "neither as it came nor as it is documented"


@pytest.mark.parametrize(
    ("name", "value", "doubtful"), [("USRMSG", "a&b", ["USRMSG"]), ("USRMSG", "a=b", []), ("UTM", "a&b", []), ("REMARK1", "&", ["REMARK1"])]
)
def test_a_separator_in_a_signed_value_is_seen(name: str, value: str, doubtful: list[str]) -> None:
    fields = protocol.callback_fields(callback(KEY, notice("P01", "350.00", **{name: value})))
    assert protocol.with_separator(fields) == doubtful
