"""China Construction Bank (建设银行) as a provider: aggregated QR payment (530550), query (410408), signed callbacks."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

import aiohttp
from anju_calendar import SHANGHAI
from chassis import bounds, logs
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from payments.domain import money
from payments.providers import BadCallbackError, BankRefusedError, BankUnavailableError, ForgedCallbackError, Hint, Notice, Order
from payments.providers import ccb_protocol as protocol

_log = logs.get(__name__)

_PATH: Final = "/CCBIS/ccbMain?CCB_IBSVersion=V6"
_MAX_ANSWER_BYTES: Final = 256 << 10
_PUB_LENGTH: Final = 30
_OK: Final = "000000"
# Assumed from the bank's manual as published by merchants: 1 paid, 3 and 4 partly and wholly refunded (the money was taken), 2 and 5 to be confirmed by
# the bank, 0 not paid.
_PAID: Final = frozenset({"1", "3", "4"})
_PENDING: Final = frozenset({"2", "5"})
_UNPAID: Final = frozenset({"0"})


class CcbAccount(BaseModel):
    """The merchant at the bank, from the file ``ccb_file``. ``public_key`` is the hex DER the bank issues."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    base_url: str = Field(pattern=r"^https?://")
    merchant_id: str = Field(min_length=1)
    pos_id: str = Field(min_length=1)
    branch_id: str = Field(min_length=1)
    public_key: SecretStr
    query_password: SecretStr

    @classmethod
    def load(cls, path: Path) -> CcbAccount:
        """Raises RuntimeError which says what to do when the file is not there or not complete."""
        try:
            account = cls.model_validate_json(path.read_text(encoding="utf-8"))
            protocol.public_key(account.public_key.get_secret_value())
        except (OSError, ValueError) as error:
            raise RuntimeError(f"the bank account file {path} (ANJU_CCB_FILE) cannot be used: {type(error).__name__}") from None
        return account


class CcbBank:
    name = "ccb"

    def __init__(self, account: CcbAccount, session: aiohttp.ClientSession) -> None:
        self._account = account
        self._session = session
        key = account.public_key.get_secret_value()
        self._key = protocol.public_key(key)
        self._pub = key[-_PUB_LENGTH:]
        self._url = account.base_url.rstrip("/") + _PATH
        self._merchant = {"merchant_id": account.merchant_id, "pos_id": account.pos_id, "branch_id": account.branch_id}

    async def open(self, order: Order) -> str:
        fields = protocol.pay_fields(
            **self._merchant,
            order_id=order.id,
            payment=money.yuan(order.amount_fen),
            timeout=_china(order.expires_at, "%Y%m%d%H%M%S"),
            remark1=order.remark,
        )
        pay_url = _field(await self._ask("POST", self._url, protocol.with_mac(fields, self._pub)), "PAYURL", order.id)
        return _field(await self._ask("GET", pay_url), "QRURL", order.id)

    async def query(self, order: Order) -> Notice:
        found = await self._query(order, kind="0")
        if found is None and _china(order.opened_at, "%Y%m%d") != _china(datetime.now(SHANGHAI), "%Y%m%d"):
            # Yesterday's orders have moved to the closed days.
            found = await self._query(order, kind="1")
        return found or Notice(order.id, order.amount_fen, paid=False)

    async def _query(self, order: Order, *, kind: str) -> Notice | None:
        """None when the bank has no record of the order."""
        day = _china(order.opened_at, "%Y%m%d")
        fields = protocol.with_mac(protocol.query_fields(**self._merchant, order_id=order.id, order_date=day, kind=kind))
        fields["QUPWD"] = self._account.query_password.get_secret_value()
        try:
            head, records = protocol.parse_query(await self._ask("POST", self._url, fields))
            record = protocol.only(records, order.id)
            if record is None:
                _check_nothing(head, order.id)
                return None
            if head["RETURN_CODE"] != _OK or record["POSID"] != self._account.pos_id:
                raise ValueError("an answer that does not fit the question")
            status = record["STATUSCODE"]
            if status not in _PAID | _PENDING | _UNPAID:
                raise ValueError("an unknown state of an order")
            amount, ended = money.fen(record["AMOUNT"]), _day_ended(record.get("ACCDATE", ""))
            return Notice(order.id, amount, paid=status in _PAID, pending=status in _PENDING, day_ended_at=ended)
        except (ValueError, KeyError) as error:
            _log.warning("bank_answer_unreadable", order_id=order.id, error=str(error)[:200])
            raise BankUnavailableError from error

    def callback(self, raw: bytes) -> Hint:
        try:
            fields = protocol.callback_fields(raw)
        except ValueError as error:
            raise ForgedCallbackError from error
        if not protocol.signature_holds(self._key, fields):
            raise ForgedCallbackError
        said = {
            name: fields.get(name, b"").decode("gbk", "replace")
            for name in ("POSID", "BRANCHID", "ORDERID", "PAYMENT", "CURCODE", "SUCCESS", "ACCDATE")
        }
        doubtful = "signed_separator" if protocol.with_separator(fields) else ""
        if not protocol.ORDER_ID.fullmatch(said["ORDERID"]):
            raise BadCallbackError("malformed")
        if (said["POSID"], said["BRANCHID"], said["CURCODE"]) != (self._account.pos_id, self._account.branch_id, "01"):
            raise BadCallbackError("wrong_merchant", said["ORDERID"])
        try:
            amount = money.fen(said["PAYMENT"])
        except ValueError:
            raise BadCallbackError("malformed", said["ORDERID"]) from None
        return Hint(said["ORDERID"], amount, said["SUCCESS"] == "Y", doubtful, _day_ended(said["ACCDATE"]))

    async def _ask(self, method: str, url: str, fields: dict[str, str] | None = None) -> bytes:
        """One try. Raises BankUnavailableError for silence, an error status and an answer beyond all measure."""
        try:
            async with self._session.request(method, url, data=fields, allow_redirects=False) as answer:
                if answer.status != 200:
                    raise BankUnavailableError(f"status {answer.status}")
                return await _body(answer.content)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise BankUnavailableError(type(error).__name__) from error


async def _body(stream: aiohttp.StreamReader) -> bytes:
    parts = bytearray()
    async for part in stream.iter_any():
        parts += part
        if len(parts) > _MAX_ANSWER_BYTES:
            raise BankUnavailableError("an answer beyond all measure")
    return bytes(parts)


def _china(instant: datetime, form: str) -> str:
    return instant.astimezone(SHANGHAI).strftime(form)


def _day_ended(day: str) -> datetime | None:
    """The end of an ACCDATE (yyyymmdd): all the interface says of when a payer paid. It may be the next day after a late evening, never the day before."""
    try:
        return datetime.strptime(day, "%Y%m%d").replace(tzinfo=SHANGHAI) + timedelta(days=1)
    except (ValueError, OverflowError):
        return None


def _field(body: bytes, name: str, order_id: str) -> str:
    """An address in a JSON answer. Raises BankRefusedError, BankUnavailableError."""
    try:
        answer: Any = bounds.json_value(body)
        accepted = str(answer["SUCCESS"]).lower() == "true"
    except (ValueError, KeyError, TypeError) as error:
        raise BankUnavailableError("unreadable") from error
    if not accepted:
        code = str(answer.get("ERRCODE", ""))[:20]
        _log.warning("bank_refused_order", order_id=order_id, code=code)
        raise BankRefusedError(code)
    url = str(answer.get(name, ""))
    # The bank sends some addresses percent-encoded as a whole.
    url = url if "://" in url else unquote(url)
    if not url.startswith(("https://", "http://")):
        raise BankUnavailableError("unreadable")
    return url


def _check_nothing(head: dict[str, str], order_id: str) -> None:
    """No record of the order is an answer only when the bank says so; any other error is not. Raises BankUnavailableError."""
    if head["RETURN_CODE"] != _OK and "不存在" not in head.get("RETURN_MSG", ""):
        _log.warning("bank_query_failed", order_id=order_id, code=head["RETURN_CODE"][:20])
        raise BankUnavailableError(head["RETURN_CODE"])
