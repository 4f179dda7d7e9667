"""Strings, MACs, signatures and XML of the interface of China Construction Bank (建设银行); pure functions.

A payment order is MACed with the last 30 characters of the merchant's public key, which are never sent. A callback is signed MD5withRSA (PKCS#1
v1.5) over the GBK bytes of its fields, without a leading ``&`` and without escapes: in the documented order, or in the order in which they are sent, as
the bank's own published demonstration has it (SUCCESS before ACC_TYPE). MD5 and the missing escapes are the bank's choice and cannot be changed from
here; what protects the money is that a callback is only ever a reason to ask.
"""

from __future__ import annotations

import codecs
import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import unquote_to_bytes
from xml.parsers import expat

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

PAY_TXCODE: Final = "530550"
QUERY_TXCODE: Final = "410408"
ORDER_ID: Final = re.compile(r"[0-9A-Za-z_-]{1,30}")
MAX_CALLBACK_BYTES: Final = 8 << 10

# The optional fields are in the string only when the callback carries them.
_SIGNED_ALWAYS: Final = ("POSID", "BRANCHID", "ORDERID", "PAYMENT", "CURCODE", "REMARK1", "REMARK2")
_SIGNED_WHEN_SENT: Final = ("ACC_TYPE", "SUCCESS", "TYPE", "REFERER", "CLIENTIP", "ACCDATE", "USRMSG", "INSTALLNUM", "ERRMSG", "USRINFO")
_SIGNED: Final = frozenset({*_SIGNED_ALWAYS, *_SIGNED_WHEN_SENT})
_XML_DECLARATION: Final = re.compile(rb"\s*<\?xml[^>]*\?>")
_XML_ENCODING: Final = re.compile(rb"encoding\s*=\s*[\"']([A-Za-z0-9_-]+)[\"']")
_CHARSETS: Final = ("utf-8", "gbk", "gb2312", "gb18030")


def pay_fields(
    *, merchant_id: str, pos_id: str, branch_id: str, order_id: str, payment: str, timeout: str, remark1: str, remark2: str = ""
) -> dict[str, str]:
    """A payment order without its MAC, in the order of the MAC. ``timeout`` is YYYYMMDDHHMMSS in China."""
    return {
        "MERCHANTID": merchant_id,
        "POSID": pos_id,
        "BRANCHID": branch_id,
        "ORDERID": order_id,
        "PAYMENT": payment,
        "CURCODE": "01",
        "TXCODE": PAY_TXCODE,
        "REMARK1": remark1,
        "REMARK2": remark2,
        "RETURNTYPE": "3",
        "TIMEOUT": timeout,
    }


def query_fields(*, merchant_id: str, pos_id: str, branch_id: str, order_id: str, order_date: str, kind: str) -> dict[str, str]:
    """A query about one order without password and MAC. ``kind`` is 0 for the transactions of today, 1 for those of closed days."""
    return {
        "MERCHANTID": merchant_id,
        "BRANCHID": branch_id,
        "POSID": pos_id,
        "ORDERDATE": order_date,
        "BEGORDERTIME": "00:00:00",
        "ENDORDERTIME": "23:59:59",
        "ORDERID": order_id,
        # Sent, but not under the MAC.
        "QUPWD": "",
        "TXCODE": QUERY_TXCODE,
        "TYPE": "0",
        "KIND": kind,
        "STATUS": "3",
        "SEL_TYPE": "3",
        "PAGE": "1",
        "OPERATOR": "",
        "CHANNEL": "",
    }


def joined(fields: Mapping[str, str]) -> str:
    return "&".join(f"{name}={value}" for name, value in fields.items())


def mac(text: str) -> str:
    """Lower-case hex MD5."""
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def with_mac(fields: Mapping[str, str], pub: str = "") -> dict[str, str]:
    """The fields with their MAC; an order's is over the secret PUB as well, which is not sent."""
    return {**fields, "MAC": mac(joined(fields) + (f"&PUB={pub}" if pub else ""))}


def public_key(hex_der: str) -> rsa.RSAPublicKey:
    """The key as the bank issues it: the hex of its DER. Raises ValueError for anything but an RSA key."""
    key = serialization.load_der_public_key(bytes.fromhex(hex_der))
    if not isinstance(key, rsa.RSAPublicKey):
        raise ValueError("the bank's key must be RSA")
    return key


def callback_fields(raw: bytes) -> dict[str, bytes]:
    """The fields of a query string or form body, as the bytes that were signed. Raises ValueError when a field is there twice: which of the two was
    meant is not for us to guess."""
    if len(raw) > MAX_CALLBACK_BYTES:
        raise ValueError("too long")
    fields: dict[str, bytes] = {}
    for pair in raw.split(b"&"):
        name, _, value = pair.partition(b"=")
        text = unquote_to_bytes(name.replace(b"+", b" ")).decode("ascii")
        if text in fields:
            raise ValueError("a field twice")
        fields[text] = unquote_to_bytes(value.replace(b"+", b" "))
    return fields


def callback_string(fields: Mapping[str, bytes]) -> bytes:
    """The bytes a callback's signature covers."""
    pairs = [(name, fields.get(name, b"")) for name in _SIGNED_ALWAYS]
    pairs += [(name, fields[name]) for name in _SIGNED_WHEN_SENT if name in fields]
    return b"&".join(name.encode() + b"=" + value for name, value in pairs)


def string_as_sent(fields: Mapping[str, bytes]) -> bytes:
    """The same in the order in which the fields came."""
    return b"&".join(name.encode() + b"=" + value for name, value in fields.items() if name in _SIGNED)


def signature_holds(key: rsa.RSAPublicKey, fields: Mapping[str, bytes]) -> bool:
    try:
        signature = bytes.fromhex(fields.get("SIGN", b"").decode("ascii"))
    except ValueError:
        return False
    return any(_verifies(key, signature, signed) for signed in (callback_string(fields), string_as_sent(fields)))


def _verifies(key: rsa.RSAPublicKey, signature: bytes, signed: bytes) -> bool:
    try:
        # MD5 is what the bank signs with; see above.
        key.verify(signature, signed, padding.PKCS1v15(), hashes.MD5())  # noqa: S303
    except (InvalidSignature, ValueError):
        return False
    return True


def with_separator(fields: Mapping[str, bytes]) -> list[str]:
    """The signed fields whose value holds what separates fields: the line that was signed can be cut in more than one way."""
    return [name for name, value in fields.items() if name in _SIGNED and b"&" in value]


def parse_query(body: bytes) -> tuple[dict[str, str], list[dict[str, str]]]:
    """The head fields and the QUERYORDER records of an answer. Raises ValueError for anything that is not such a document.

    A document type is refused, and with it every entity, before it can be expanded: no bank needs one, only an attacker does.
    """
    head: dict[str, str] = {}
    orders: list[dict[str, str]] = []
    path: list[str] = []
    text: list[str] = []

    def start(name: str, _: Any) -> None:
        path.append(name)
        text.clear()
        if path == ["DOCUMENT", "QUERYORDER"]:
            orders.append({})

    def end(name: str) -> None:
        value = "".join(text).strip()
        if len(path) == 3 and path[1] == "QUERYORDER":
            orders[-1][name] = value
        elif len(path) == 2 and name != "QUERYORDER":
            head[name] = value
        path.pop()
        text.clear()

    def refuse(*_: Any) -> int:
        raise ValueError("a document type is refused")

    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, text.append
    parser.StartDoctypeDeclHandler = parser.ExternalEntityRefHandler = refuse
    try:
        parser.Parse(_decoded(body), True)
    except expat.ExpatError as error:
        raise ValueError("not XML") from error
    if "RETURN_CODE" not in head:
        raise ValueError("not an answer to a query")
    return head, orders


def _decoded(body: bytes) -> str:
    """The document as text: expat itself reads no Chinese charset. Raises ValueError."""
    body = body.removeprefix(codecs.BOM_UTF8)
    declaration = _XML_DECLARATION.match(body)
    if declaration is None:
        return body.decode("utf-8")
    named = _XML_ENCODING.search(declaration[0])
    charset = named[1].decode().lower() if named else "utf-8"
    if charset not in _CHARSETS:
        raise ValueError("unknown charset")
    return body[declaration.end() :].decode(charset)


def only(orders: Iterable[Mapping[str, str]], order_id: str) -> Mapping[str, str] | None:
    """The record of one order; the bank may answer with more than was asked. Raises ValueError when there are two."""
    found = [order for order in orders if order.get("ORDERID") == order_id]
    if len(found) > 1:
        raise ValueError("an order twice")
    return found[0] if found else None
