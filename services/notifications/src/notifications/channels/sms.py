"""The SMS gateway: one HTTP call a message, known there by the parcel's id; receipts come back signed with the same key."""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import aiohttp
from chassis import bounds, logs
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, SecretStr, ValidationError

from notifications.channels import Parcel, Receipt, RefusedError, UnavailableError

_log = logs.get(__name__)

SEND_PATH: Final = "/v1/messages"
TRY_SECONDS: Final = 5.0
MAX_ANSWER_BYTES: Final = 64 << 10
# The gateway understood us and will never take this message: a number out of service, a text it refuses, an id used with another text. 404 is none
# of these: a wrong address in the settings, or a proxy whose gateway is away, and every household's SMS would be given up for it.
_FINAL: Final = frozenset({400, 409, 413, 422})
# Of these the one that is about the number.
_NUMBER: Final = 422
MAX_RECEIPTS: Final = 500
# A receipt that was recorded and is sent again later is no news; nor is one from tomorrow.
RECEIPT_AGE: Final = timedelta(minutes=5)


class ForgedReceiptsError(ValueError):
    """Not signed by the gateway, or too long ago."""


class BadReceiptsError(ValueError):
    """Signed by the gateway, and not what was agreed."""


class SmsGateway:
    """``POST {base}/v1/messages`` with {message_id, phone, template, text} and a bearer key."""

    def __init__(self, session: aiohttp.ClientSession, url: str, key: SecretStr) -> None:
        self._session = session
        self._url = url.rstrip("/") + SEND_PATH
        self._authorization = f"Bearer {key.get_secret_value()}"

    async def send(self, parcel: Parcel) -> None:
        body = {"message_id": parcel.id, "phone": parcel.address, "template": parcel.template, "text": parcel.text}
        try:
            async with self._session.post(
                self._url,
                json=body,
                headers={"Authorization": self._authorization},
                timeout=aiohttp.ClientTimeout(total=TRY_SECONDS),
                allow_redirects=False,
            ) as response:
                raw = await response.content.read(MAX_ANSWER_BYTES)
                status = response.status
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            # The error's own text may hold the address; its kind says enough.
            raise UnavailableError(type(error).__name__) from None
        if status == 200 and _accepted(raw):
            return
        if status in _FINAL:
            _log.warning("sms_refused", message_id=parcel.id, template=parcel.template, status=status)
            raise RefusedError(address=status == _NUMBER)
        raise UnavailableError(f"status {status}")


def _accepted(raw: bytes) -> bool:
    """A page of a captive proxy also answers 200: only the gateway's own word counts."""
    try:
        answer = bounds.json_value(raw)
    except ValueError:
        return False
    return isinstance(answer, dict) and answer.get("status") == "accepted"


class _Line(BaseModel):
    model_config = ConfigDict(extra="ignore")

    message_id: str = Field(min_length=1, max_length=100)
    status: str = Field(pattern="^(delivered|failed)$")
    # unreachable: no such number, or out of service; anything else is the message's own misfortune.
    code: str = Field(default="", max_length=40)
    at: AwareDatetime


class _Receipts(BaseModel):
    receipts: list[_Line] = Field(max_length=MAX_RECEIPTS)


class SmsReceipts:
    """Receipts as the gateway posts them: {"receipts": [{message_id, status, code, at}]}, with the headers X-Timestamp (Unix seconds) and X-Signature, the
    HMAC-SHA256 of ``timestamp.body`` under the gateway's key, in hex."""

    def __init__(self, key: SecretStr) -> None:
        self._key = key.get_secret_value().encode()

    def read(self, body: bytes, timestamp: str, signature: str, now: datetime) -> list[Receipt]:
        """Raises ForgedReceiptsError, BadReceiptsError."""
        right = sign(self._key, timestamp, body)
        if not self._key or not hmac.compare_digest(right.encode(), signature.encode("utf-8", "surrogateescape")):
            raise ForgedReceiptsError("signature")
        if not timestamp.isascii() or not timestamp.isdecimal() or len(timestamp) > 12:
            raise ForgedReceiptsError("timestamp")
        if abs(now - datetime.fromtimestamp(int(timestamp), UTC)) > RECEIPT_AGE:
            raise ForgedReceiptsError("age")
        try:
            value: Any = bounds.json_value(body)
            lines = _Receipts.model_validate(value).receipts
        except (ValueError, ValidationError):
            raise BadReceiptsError("receipts") from None
        return [Receipt(line.message_id, line.status == "delivered", line.code == "unreachable", line.at.astimezone(UTC)) for line in lines]


def sign(key: bytes, timestamp: str, body: bytes) -> str:
    return hmac.new(key, timestamp.encode("utf-8", "surrogateescape") + b"." + body, hashlib.sha256).hexdigest()
