"""Social insurance behind the provincial gateway (protocol 4.2).

Public: token exchange, signatures, request and list fields. Assumed schema: the two service paths, refusal codes, the
``gateway_requestid`` echo and the signature of answers, the meaning of AAC037 (1 paid, 2 owed).
"""

from aiohttp import web
from pydantic import BaseModel

from anju_sandbox.departments.crypto import aes_encrypt, hmac_base64, same_signature
from anju_sandbox.departments.desk import (
    CHECKED,
    UNCHECKED,
    Desk,
    IssuedSecrets,
    Json,
    Refused,
    Signing,
    check_time,
    json_body,
    text_of,
    whole_of,
)
from anju_sandbox.exchange import Hub
from anju_sandbox.faults import Kind
from anju_sandbox.world.facts import Employment, Person
from anju_sandbox.world.maker import add_months, month_of

TOKEN_PATH = "/auth/token"  # noqa: S105
PAYMENTS_PATH = "/api/sbjfmx"  # 缴费明细, one row per month and kind; its name field is spelt AACOO3 with letters O
STATE_PATH = "/api/sbcbzt"  # 参保状态, one row per employer
_KINDS = ("110", "310")  # AAE140: 企业职工基本养老保险, 职工基本医疗保险
_PAYMENT_COLUMNS = ["AAB001", "AAB004", "AAC001", "AAC002", "AACOO3", "AAE140", "AAE041", "AAC037", "AAE180", "AAB301", "SDC_BATCH_NO"]
_STATE_COLUMNS = ["AAB001", "AAB004", "AAC001", "AAC002", "AAC003", "AAE140", "AAE030", "AAE031", "AAC008", "AAB301", "SDC_BATCH_NO"]
_ID_CODES = {PAYMENTS_PATH: "SFZH", STATE_PATH: "SHBZHM"}
_MAX_ROWS = 100


class HenanApp(BaseModel):
    """Access to a service behind the provincial gateway (protocol 4.2)."""

    app_id: str
    app_key: str
    subscribe_id: str
    user_id: str


class SocialInsurance:
    """Token endpoint and the two services."""

    def __init__(self, hub: Hub, server: str, app: HenanApp) -> None:
        self.desk = Desk(hub, server, lambda person: bool(person.employments))
        self.hub = hub
        self.credentials = app
        self.secrets = IssuedSecrets(hub.settings.secret_lifetime_seconds)

    def add_routes(self, app: web.Application) -> None:
        """Adds the endpoints."""
        app.router.add_post(TOKEN_PATH, self.token)
        app.router.add_post(PAYMENTS_PATH, self.payments)
        app.router.add_post(STATE_PATH, self.state)

    async def token(self, request: web.Request) -> web.Response:
        """Issues an access token: the call secret, encrypted under the app key."""
        exchange = self.desk.exchange(request)
        exchange.request_id = request.headers.get("gateway_requestid", "")
        app = self.credentials
        try:
            rtime = self._check_head(request)
            expected = hmac_base64(app.app_key, app.app_id + rtime)
            if not same_signature(expected, request.headers.get("gateway_sig", "")):
                raise Refused("401", "签名校验失败")
        except Refused as refused:
            return self._refuse(request, refused)
        _, secret = self.secrets.issue()
        token = aes_encrypt(app.app_key, secret)
        lifetime = self.hub.settings.secret_lifetime_seconds
        body = {"access_token": token, "expires_in": lifetime}
        return web.json_response({"code": "200", "msg": "成功", "body": body})

    async def payments(self, request: web.Request) -> web.Response:
        """Monthly payments, newest first, paged."""
        return await self._serve(request, PAYMENTS_PATH)

    async def state(self, request: web.Request) -> web.Response:
        """Insured periods, one row per employer."""
        return await self._serve(request, STATE_PATH)

    async def _serve(self, request: web.Request, path: str) -> web.Response:
        exchange = self.desk.exchange(request)
        exchange.request_id = request.headers.get("gateway_requestid", "")
        try:
            secret = self._authenticate(request)
            query = (await json_body(request)).get("req")
            if not isinstance(query, dict):
                raise Refused("400", "缺少req")
            self._check_subscription(query, secret)
            id_number, name = self._params(query, _ID_CODES[path])
        except Refused as refused:
            return self._refuse(request, refused)
        person = self.desk.find(exchange, id_number, name)
        rows = self._rows(person, path) if person else []
        exchange.outcome = "found" if rows else "no_record"
        page = query.get("page") if isinstance(query.get("page"), dict) else {}
        # A few people without a record get null at first, where others get an empty list.
        null = not rows and person is not None and self.desk.passing_quirk(person, "null_data")
        payload = self._payload(request, path, None if null else rows, page or {})
        payload["requestId"] = exchange.request_id
        if payload.get("data"):
            payload["data"]["data"]["ryhy"] = CHECKED if person else UNCHECKED
        return self.desk.seal(request, payload, Signing(secret, "gateway", exchange.request_id))

    def _payload(self, request: web.Request, path: str, rows: list[Json] | None, page: Json) -> Json:
        exchange = self.desk.exchange(request)
        if exchange.hit_by(Kind.INNER_FAILURE):
            return {"code": "500", "msg": "后端服务异常", "data": None}
        if exchange.hit_by(Kind.QUOTA):
            return {"code": "429", "msg": "超出当日调用次数", "data": None}
        if exchange.hit_by(Kind.NULL_DATA) or rows is None:
            return {"code": "200", "msg": "成功", "data": None}
        index = whole_of(page, "index", 1, 1, 100_000)
        size = whole_of(page, "rows", 10, 1, _MAX_ROWS)
        columns = _PAYMENT_COLUMNS if path == PAYMENTS_PATH else _STATE_COLUMNS
        shown = rows[(index - 1) * size : index * size]
        return {
            "code": "200",
            "msg": "成功",
            "data": {"data": {"columns": columns, "total": len(rows), "list": shown}},
        }

    def _check_head(self, request: web.Request) -> str:
        if request.headers.get("gateway_appid", "") != self.credentials.app_id:
            raise Refused("403", "应用未授权")
        rtime = request.headers.get("gateway_rtime", "")
        if not check_time(rtime, self.hub.settings.clock_tolerance_seconds):
            raise Refused("402", "请求时间戳超出允许范围")
        return rtime

    def _authenticate(self, request: web.Request) -> str:
        """The call secret which signed the request."""
        rtime = self._check_head(request)
        app = self.credentials
        found = self.secrets.find(lambda secret: hmac_base64(secret, app.app_id + rtime), request.headers.get("gateway_sig", ""))
        if found is None:
            raise Refused("401", "签名校验失败或secretKey已失效")
        return found

    def _check_subscription(self, query: Json, secret: str) -> None:
        app = self.credentials
        if text_of(query, "token") != aes_encrypt(app.app_key, secret):
            raise Refused("405", "token无效")
        if text_of(query, "subscribeId") != app.subscribe_id or text_of(query, "userId") != app.user_id:
            raise Refused("406", "订阅不存在")

    def _params(self, query: Json, id_code: str) -> tuple[str, str]:
        values: dict[str, str] = {}
        params = query.get("params")
        for param in params if isinstance(params, list) else []:
            if isinstance(param, dict) and text_of(param, "operateCode") in ("EQ", "="):
                values[text_of(param, "fieldCode")] = text_of(param, "parameterValue")
        if not values.get(id_code):
            raise Refused("400", f"缺少查询条件{id_code}")
        return values[id_code], values.get("XM", "")

    def _refuse(self, request: web.Request, refused: Refused) -> web.Response:
        exchange = self.desk.exchange(request)
        exchange.outcome = "refused"
        code = "400" if refused.code == "bad_request" else refused.code
        payload = {"code": code, "msg": refused.message, "data": None, "requestId": exchange.request_id}
        return web.json_response(payload)

    def _batch(self, person: Person) -> str:
        """Month of the latest batch that holds the person: last month, three months older for the stale ones."""
        today = self.hub.world.today()
        return add_months(month_of(today), -4 if self.desk.quirk(person, "stale_batch") else -1)

    def _rows(self, person: Person, path: str) -> list[Json]:
        batch = self._batch(person)
        make = self._payment_rows if path == PAYMENTS_PATH else self._state_rows
        rows = [row for job in person.employments for row in make(person, job, batch)]
        rows.sort(key=lambda row: str(row.get("AAE041") or row.get("AAE030")), reverse=True)
        if rows and self.desk.quirk(person, "duplicate_row"):
            rows.insert(1, dict(rows[0]))
        return rows

    def _common(self, person: Person, job: Employment, batch: str) -> Json:
        return {
            "AAB001": job.employer_no,
            "AAB004": job.employer_name,
            "AAC001": f"99{person.id_number[2:6]}{person.id_number[14:17]}",
            "AAC002": self.desk.written_id(person),
            "AAB301": "410200",
            "SDC_BATCH_NO": f"{batch}28",
        }

    def _payment_rows(self, person: Person, job: Employment, batch: str) -> list[Json]:
        last = min(job.last_month or batch, batch)
        rows, month = [], job.first_month
        while month <= last:
            # A missing month shows in one of two ways: as a row marked owed (even months), or not at all.
            if job.insured(month) or int(month) % 2 == 0:
                state = "1" if job.insured(month) else "2"
                head = self._common(person, job, batch) | {"AACOO3": person.name, "AAE041": month, "AAC037": state}
                base = f"{job.monthly_base_fen / 100:.2f}"
                rows += [head | {"AAE140": kind, "AAE180": base} for kind in _KINDS]
            month = add_months(month, 1)
        return rows

    def _state_rows(self, person: Person, job: Employment, batch: str) -> list[Json]:
        ended = job.last_month is not None and job.last_month <= batch
        row = self._common(person, job, batch) | {
            "AAC003": person.name,
            "AAE140": _KINDS[0],
            "AAE030": job.first_month,
            "AAE031": job.last_month if ended else None,
            "AAC008": "2" if ended else "1",
        }
        return [row]
