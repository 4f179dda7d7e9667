"""Strings, MACs and signatures of the bank's interface (protocol 4.4); pure functions."""

import hashlib
import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from xml.etree import ElementTree as ET

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

PAY_TXCODE = "530550"
QUERY_TXCODE = "410408"
SETTLEMENT_TXCODE = "5W1005"
PAY_FIELDS = ("MERCHANTID", "POSID", "BRANCHID", "ORDERID", "PAYMENT", "CURCODE", "TXCODE", "REMARK1", "REMARK2", "RETURNTYPE", "TIMEOUT")
QUERY_FIELDS = (
    "MERCHANTID",
    "BRANCHID",
    "POSID",
    "ORDERDATE",
    "BEGORDERTIME",
    "ENDORDERTIME",
    "ORDERID",
    "QUPWD",
    "TXCODE",
    "TYPE",
    "KIND",
    "STATUS",
    "SEL_TYPE",
    "PAGE",
    "OPERATOR",
    "CHANNEL",
)
# Assumed schema: the settlement file's request is signed like a query.
SETTLEMENT_FIELDS = ("MERCHANTID", "BRANCHID", "POSID", "ACCDATE", "QUPWD", "TXCODE")
# Required fields are always in the signed string; optional ones only when the callback carries them, in this order.
CALLBACK_REQUIRED = ("POSID", "BRANCHID", "ORDERID", "PAYMENT", "CURCODE", "REMARK1", "REMARK2")
CALLBACK_OPTIONAL = ("ACC_TYPE", "SUCCESS", "TYPE", "REFERER", "CLIENTIP", "ACCDATE", "USRMSG", "INSTALLNUM", "ERRMSG", "USRINFO")
_AMOUNT = re.compile(r"(0|[1-9]\d{0,9})(\.\d{1,2})?")
_ORDER_ID = re.compile(r"[0-9A-Za-z_-]{1,30}")


class ProtocolError(Exception):
    """A request the bank refuses, with its error code and message."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def order_string(fields: Mapping[str, str], pub: str) -> str:
    """The string under the MAC of a payment order; SUB_MERCHANTID, if sent, stands after BRANCHID. PUB is never sent."""
    names = list(PAY_FIELDS)
    if "SUB_MERCHANTID" in fields:
        names.insert(names.index("BRANCHID") + 1, "SUB_MERCHANTID")
    return "&".join(f"{name}={fields.get(name, '')}" for name in names) + f"&PUB={pub}"


def query_string(fields: Mapping[str, str], names: tuple[str, ...] = QUERY_FIELDS) -> str:
    """The string under the MAC of a query: the password is sent, but signed as empty."""
    return "&".join(f"{name}={'' if name == 'QUPWD' else fields.get(name, '')}" for name in names)


def callback_string(fields: Mapping[str, str]) -> str:
    """The string a callback's signature covers, without a leading ``&``."""
    pairs = [(name, fields.get(name, "")) for name in CALLBACK_REQUIRED]
    pairs += [(name, fields[name]) for name in CALLBACK_OPTIONAL if name in fields]
    return "&".join(f"{name}={value}" for name, value in pairs)


def mac(text: str) -> str:
    """Lower-case hex MD5, as the bank wants it."""
    return hashlib.md5(text.encode("utf-8"), usedforsecurity=False).hexdigest()


def load_private_key(pem: str) -> rsa.RSAPrivateKey:
    """The bank's signing key. Raises ValueError if the file holds another kind of key."""
    key = serialization.load_pem_private_key(pem.encode(), password=None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise ValueError("the bank's key must be RSA")
    return key


def sign_callback(key: rsa.RSAPrivateKey, fields: Mapping[str, str]) -> str:
    """SIGN of a callback: hex of MD5withRSA, PKCS#1 v1.5, over the GBK bytes of the string."""
    text = callback_string(fields).encode("gbk")
    return key.sign(text, padding.PKCS1v15(), hashes.MD5()).hex()  # noqa: S303


def amount_fen(text: str) -> int:
    """Fen of an amount like ``12.30``. Raises ProtocolError for anything else, zero and below included."""
    try:
        fen = int(Decimal(text) * 100) if _AMOUNT.fullmatch(text) else 0
    except InvalidOperation:
        fen = 0
    if fen <= 0:
        raise ProtocolError("0130Z110C005", "金额格式错误")
    return fen


def amount_text(fen: int) -> str:
    """``12.30`` of 1230 fen."""
    return f"{fen // 100}.{fen % 100:02d}"


def check_order(fields: Mapping[str, str]) -> None:
    """Form of a payment order. Raises ProtocolError."""
    if not _ORDER_ID.fullmatch(fields.get("ORDERID", "")):
        raise ProtocolError("0130Z110C001", "订单号格式错误")
    if fields.get("CURCODE") != "01":
        raise ProtocolError("0130Z110C002", "币种不支持")
    if fields.get("RETURNTYPE") != "3":
        raise ProtocolError("0130Z110C003", "返回类型不支持")
    timeout = fields.get("TIMEOUT", "")
    if timeout:
        try:
            datetime.strptime(timeout, "%Y%m%d%H%M%S")  # noqa: DTZ007
        except ValueError:
            raise ProtocolError("0130Z110C004", "超时时间格式错误") from None
    amount_fen(fields.get("PAYMENT", ""))
    for name in ("REMARK1", "REMARK2"):
        try:
            fields.get(name, "").encode("gbk")
        except UnicodeEncodeError:
            raise ProtocolError("0130Z110C006", f"{name}含有不支持的字符") from None


def query_xml(code: str, message: str, orders: list[dict[str, str]], pages: int = 1, page: int = 1) -> bytes:
    """The XML answer of a query: RETURN_CODE, counts and one QUERYORDER per order."""
    root = ET.Element("DOCUMENT")
    paid = sum(int(order["_PAID_FEN"]) for order in orders)
    head = {
        "RETURN_CODE": code,
        "RETURN_MSG": message,
        "CURPAGE": str(page),
        "PAGECOUNT": str(pages),
        "TOTAL": str(len(orders)),
        "PAYAMOUNT": amount_text(paid),
        "REFUNDAMOUNT": "0.00",
    }
    for name, text in head.items():
        ET.SubElement(root, name).text = text
    for order in orders:
        node = ET.SubElement(root, "QUERYORDER")
        for name, text in order.items():
            if not name.startswith("_"):
                ET.SubElement(node, name).text = text
    return bytes(ET.tostring(root, encoding="UTF-8", xml_declaration=True))
