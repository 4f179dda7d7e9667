"""Social insurance behind the provincial gateway.

Public: /auth/token, the gateway_* headers, both signatures, the sealed token, the shape of request and rows. Assumed schema: the path of 缴费明细,
gateway_requestid and the signature of answers.
"""

from __future__ import annotations

from chassis.ids import new_id
from pydantic import Field

from registry_gateway.connectors import Question
from registry_gateway.connectors.access import Access
from registry_gateway.connectors.http import Door, now_ms
from registry_gateway.connectors.paging import collect
from registry_gateway.connectors.secrets import CallSecret, SecretKeeper
from registry_gateway.domain.facts import Answer
from registry_gateway.domain.signing import check_reply, open_secret, sign
from registry_gateway.registers.social_insurance import answers

TOKEN_PATH = "/auth/token"  # noqa: S105  # a path, not a token
PAYMENTS_PATH = "/api/sbjfmx"
ENDPOINT = "social_insurance"
_ROWS = 100
FIELDS = frozenset({"SFZH", "XM"})


class GatewayAccess(Access):
    """A service behind the provincial gateway."""

    app_id: str
    app_key: str = Field(repr=False)
    subscribe_id: str
    user_id: str


class SocialInsuranceConnector:
    endpoints: tuple[str, ...] = (ENDPOINT,)

    def __init__(self, access: GatewayAccess, door: Door) -> None:
        self._access = access
        self._door = door
        self._secrets = SecretKeeper(self._fetch_secret)

    def _headers(self, key: str, request_id: str) -> dict[str, str]:
        rtime = str(now_ms())
        return {
            "gateway_appid": self._access.app_id,
            "gateway_rtime": rtime,
            "gateway_sig": sign(key, self._access.app_id + rtime),
            "gateway_requestid": request_id,
        }

    async def _fetch_secret(self) -> CallSecret:
        headers = self._headers(self._access.app_key, new_id("tk_"))
        reply = await self._door.post(self._access.url(TOKEN_PATH), headers, {})
        token = answers.token(reply.json())
        return CallSecret(open_secret(self._access.app_key, token), token)

    async def ask(self, question: Question) -> Answer:
        replies: list[str] = []

        async def page(index: int) -> answers.Page:
            return await self._secrets.call(lambda secret: self._page(question, index, secret, replies))

        rows, confirmed = await collect(page, _ROWS)
        insurance = answers.facts(rows, question.person, question.on)
        return Answer((insurance,) if insurance else (), tuple(replies), confirmed)

    async def _page(self, question: Question, index: int, secret: CallSecret, replies: list[str]) -> answers.Page:
        person = question.person
        request_id = await question.permit(FIELDS)
        body = {
            "req": {
                "token": secret.token,
                "subscribeId": self._access.subscribe_id,
                "userId": self._access.user_id,
                "params": [
                    {"fieldCode": "SFZH", "operateCode": "EQ", "parameterValue": person.id_number},
                    {"fieldCode": "XM", "operateCode": "EQ", "parameterValue": person.name},
                ],
                "page": {"index": index + 1, "rows": _ROWS},
            }
        }
        reply = await self._door.post(self._access.url(PAYMENTS_PATH), self._headers(secret.secret, request_id), body)
        payload = reply.json()
        # A refusal of the gateway is not signed; it can only make the register unavailable, so it is believed as it is.
        answers.refusal(payload)
        check_reply(reply.headers, "gateway", request_id=request_id, key=secret.secret, body=reply.body, now_ms=now_ms())
        replies.append(reply.sha256)
        return answers.page(payload)
