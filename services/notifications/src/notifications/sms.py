"""The SMS gateway: one HTTP call a message, known there by our message id, so asking twice sends once."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import aiohttp
from chassis import bounds, logs
from chassis.db import Database

from notifications import store
from notifications.settings import Settings
from notifications.store import Sealed, Sms

_log = logs.get(__name__)

SEND_PATH = "/v1/messages"
TRY_SECONDS = 5.0
MAX_ANSWER_BYTES = 64 << 10
# The gateway understood us and will never take this message: a number out of service, a text it refuses, an id used with another text. 404 is none
# of these: a wrong address in the settings, or a proxy whose gateway is away, and every household's SMS would be given up for it.
_FINAL = frozenset({400, 409, 413, 422})


class SmsUnavailableError(RuntimeError):
    """The gateway did not answer, or refused us rather than the message; asking again may help."""


class SmsGateway:
    """``POST {base}/v1/messages`` with {message_id, phone, template, text} and a bearer key."""

    def __init__(self, session: aiohttp.ClientSession, settings: Settings) -> None:
        self._session = session
        self._url = settings.sms_url.rstrip("/") + SEND_PATH
        self._authorization = f"Bearer {settings.sms_key.get_secret_value()}"

    async def send(self, message_id: str, template: str, sms: Sms) -> bool:
        """True when the gateway has the message, False when it never will. Raises SmsUnavailableError when asking again may help."""
        body = {"message_id": message_id, "phone": sms.phone, "template": template, "text": sms.text}
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
            raise SmsUnavailableError(type(error).__name__) from None
        if status == 200 and _accepted(raw):
            return True
        if status in _FINAL:
            _log.warning("sms_refused", message_id=message_id, template=template, status=status)
            return False
        raise SmsUnavailableError(f"status {status}")


def _accepted(raw: bytes) -> bool:
    """A page of a captive proxy also answers 200: only the gateway's own word counts."""
    try:
        answer = bounds.json_value(raw)
    except ValueError:
        return False
    return isinstance(answer, dict) and answer.get("status") == "accepted"


class SmsDelivery:
    """Outbox handler: sends what is queued and records how it ended."""

    KIND = "sms"

    def __init__(self, database: Database, sealed: Sealed, gateway: SmsGateway, patience_seconds: int) -> None:
        self._database = database
        self._sealed = sealed
        self._gateway = gateway
        self._patience_seconds = patience_seconds

    async def __call__(self, payload: dict[str, Any]) -> None:
        async with self._database.statements() as session:
            message = await store.queued_sms(session, payload["message_id"])
        sms = self._sealed.open_sms(message) if message is not None else None
        if message is None or sms is None:
            return
        try:
            state = "sent" if await self._gateway.send(message.id, message.template, sms) else "failed"
        except SmsUnavailableError:
            if (datetime.now(UTC) - message.created_at).total_seconds() < self._patience_seconds:
                raise
            _log.error("sms_given_up", message_id=message.id, template=message.template)
            state = "failed"
        async with self._database.statements() as session:
            await store.close_sms(session, message.id, state)
