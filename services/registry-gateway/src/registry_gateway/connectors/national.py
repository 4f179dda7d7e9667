"""The national data-sharing platform, shared by vehicles and marriage.

Public: the gjgxjhpt_* headers, refreshappsecret and both signatures. Assumed schema: the cipher of the secret (as of the provincial gateway),
gjgxjhpt_requestid and the signature of answers.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping

from chassis.ids import new_id
from pydantic import Field

from registry_gateway.connectors import Question
from registry_gateway.connectors.access import Access
from registry_gateway.connectors.http import Door, now_ms
from registry_gateway.connectors.secrets import CallSecret, SecretKeeper
from registry_gateway.domain import national as answers
from registry_gateway.domain.faults import Fault, RegisterFaultError
from registry_gateway.domain.reading import Json, optional_text
from registry_gateway.domain.signing import check_reply, open_secret, sign

REFRESH_PATH = "/sysapi/auth/refreshappsecret"


class NationalAccess(Access):
    """A service on the national data-sharing platform."""

    rid: str
    sid: str
    app_key: str = Field(repr=False)


class NationalPlatform:
    """Calls one service of the platform."""

    def __init__(self, access: NationalAccess, path: str, door: Door) -> None:
        self._access = access
        self._path = path
        self._door = door
        self._secrets = SecretKeeper(self._fetch_secret)

    def _headers(self, key: str, request_id: str) -> dict[str, str]:
        rtime = str(now_ms())
        return {
            "gjgxjhpt_rid": self._access.rid,
            "gjgxjhpt_sid": self._access.sid,
            "gjgxjhpt_rtime": rtime,
            "gjgxjhpt_sign": sign(key, self._access.sid + self._access.rid + rtime),
            "gjgxjhpt_requestid": request_id,
        }

    async def _fetch_secret(self) -> CallSecret:
        reply = await self._door.post(self._access.url(REFRESH_PATH), self._headers(self._access.app_key, new_id("tk_")), {})
        return CallSecret(open_secret(self._access.app_key, answers.secret(reply.json())))

    async def query(self, question: Question, body: Mapping[str, str | int], personal: frozenset[str], replies: list[str]) -> Json:
        """The business part of one answer; its body's hash is added to ``replies``. ``personal`` names the personal fields of ``body``."""
        return await self._secrets.call(lambda secret: self._once(question, body, personal, secret, replies))

    async def _once(
        self, question: Question, body: Mapping[str, str | int], personal: frozenset[str], secret: CallSecret, replies: list[str]
    ) -> Json:
        request_id = await question.permit(personal)
        headers = self._headers(secret.secret, request_id)
        reply = await self._door.post(self._access.url(self._path), headers, body)
        payload = reply.json()
        # A refusal of the platform is not signed; it can only make the register unavailable, so it is believed as it is.
        answers.refusal(payload)
        check_reply(reply.headers, "gjgxjhpt", request_id=request_id, key=secret.secret, body=reply.body, now_ms=now_ms())
        # The platform repeats the signature of the call it answers.
        if not hmac.compare_digest(optional_text(payload, "sign").encode(), headers["gjgxjhpt_sign"].encode()):
            raise RegisterFaultError(Fault.NOT_BOUND)
        replies.append(reply.sha256)
        return answers.biz_data(payload)
