"""The national data-sharing platform (protocol 4.1): two-step secrets, signed calls, two nested result codes.

Public: headers, both signatures, refreshappsecret, response shapes. Assumed schema: cipher mode of the secret (as in
protocol 4.2), refusal numbers inside the public families, ``gjgxjhpt_requestid`` and the signature of answers.
"""

import secrets
from abc import ABC, abstractmethod

from aiohttp import web
from pydantic import BaseModel

from anju_sandbox.departments.crypto import aes_encrypt, hmac_base64, same_signature
from anju_sandbox.departments.desk import Desk, IssuedSecrets, Json, Refused, Signing, check_time, json_body, text_of
from anju_sandbox.exchange import Hub
from anju_sandbox.faults import Kind
from anju_sandbox.world.facts import Person

REFRESH_PATH = "/sysapi/auth/refreshappsecret"
NO_MATCH = "匹配不成功"


class NationalApp(BaseModel):
    """Access to a service on the national data-sharing platform (protocol 4.1)."""

    rid: str
    sid: str
    app_key: str


def new_app(sid: str) -> NationalApp:
    """Access to the service ``sid``, as the platform would grant it."""
    return NationalApp(rid=f"9902{secrets.randbelow(10**8):08d}", sid=sid, app_key=secrets.token_hex(16))


class NationalService(ABC):
    """One service of the platform on its own server; the registers differ only in path and answer."""

    path: str

    def __init__(self, hub: Hub, server: str, app: NationalApp) -> None:
        self.desk = Desk(hub, server, self.has_record)
        self.hub = hub
        self.credentials = app
        self.secrets = IssuedSecrets(hub.settings.secret_lifetime_seconds)

    def add_routes(self, app: web.Application) -> None:
        """Adds the endpoints."""
        app.router.add_post(REFRESH_PATH, self.refresh)
        app.router.add_post(self.path, self.query)

    async def refresh(self, request: web.Request) -> web.Response:
        """Issues the call secret (appSecret), encrypted under the app key."""
        exchange = self.desk.exchange(request)
        exchange.request_id = request.headers.get("gjgxjhpt_requestid", "")
        try:
            signed = self._check_head(request)
            signature = request.headers.get("gjgxjhpt_sign", "")
            if not same_signature(hmac_base64(self.credentials.app_key, signed), signature):
                raise Refused("api-403", "签名校验失败")
        except Refused as refused:
            return self._refuse(request, refused)
        _, secret = self.secrets.issue()
        data = {"secret": aes_encrypt(self.credentials.app_key, secret)}
        return web.json_response({"code": "200", "message": "成功", "data": data})

    async def query(self, request: web.Request) -> web.Response:
        """The business call."""
        exchange = self.desk.exchange(request)
        exchange.request_id = request.headers.get("gjgxjhpt_requestid", "")
        try:
            signed = self._check_head(request)
            secret = self.secrets.find(lambda candidate: hmac_base64(candidate, signed), request.headers.get("gjgxjhpt_sign", ""))
            if secret is None:
                raise Refused("api-410", "签名校验失败或appSecret已过期")
            body = await json_body(request)
            biz_data = self.answer(request, body)
        except Refused as refused:
            return self._refuse(request, refused)
        payload = self._payload(request, biz_data)
        # The answer repeats the signature of the call it answers, so it cannot be taken for another call's.
        payload |= {"sign": hmac_base64(secret, signed), "request_id": exchange.request_id}
        return self.desk.seal(request, payload, Signing(secret, "gjgxjhpt", exchange.request_id))

    @abstractmethod
    def has_record(self, person: Person) -> bool:
        """Whether the register has an entry for a person."""

    @abstractmethod
    def answer(self, request: web.Request, body: Json) -> Json:
        """The register's ``biz_data``; sets the exchange's outcome. Raises Refused on a bad query."""

    def _payload(self, request: web.Request, biz_data: Json) -> Json:
        exchange = self.desk.exchange(request)
        if exchange.hit_by(Kind.INNER_FAILURE):
            return {"code": "1", "msg": "调用成功", "biz_data": {"code": "500", "status": "fail", "result": None}}
        if exchange.hit_by(Kind.NULL_DATA):
            return {"code": "1", "msg": "调用成功", "biz_data": None}
        if exchange.hit_by(Kind.QUOTA):
            return {"code": "300", "message": "res-429 超出服务调用配额", "data": None}
        return {"code": "1", "msg": "调用成功", "biz_data": biz_data | {"code": "0", "status": "success"}}

    def _check_head(self, request: web.Request) -> str:
        """The signed text sid + rid + rtime of a request."""
        rid, sid, rtime = (request.headers.get(f"gjgxjhpt_{name}", "") for name in ("rid", "sid", "rtime"))
        if rid != self.credentials.rid or sid != self.credentials.sid:
            raise Refused("catalog-404", "请求者或服务未登记")
        if not check_time(rtime, self.hub.settings.clock_tolerance_seconds):
            raise Refused("api-408", "请求时间戳超出允许范围")
        return sid + rid + rtime

    def _refuse(self, request: web.Request, refused: Refused) -> web.Response:
        self.desk.exchange(request).outcome = "refused"
        code = "api-400" if refused.code == "bad_request" else refused.code
        return web.json_response({"code": "300", "message": f"{code} {refused.message}", "data": None})


def required(body: Json, name: str) -> str:
    """A text field which must be there. Raises Refused."""
    value = text_of(body, name)
    if not value:
        raise Refused("api-400", f"缺少参数{name}")
    return value
