"""Clients written from the protocol descriptions, sharing no code with the servers they test."""

import base64
import hashlib
import hmac
import json
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from anju_sandbox.app import Sandbox
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes


def operator(world: Sandbox) -> dict[str, str]:
    """The headers of whoever may switch this world."""
    return {"Authorization": f"Bearer {world.control_token}"}


Json = dict[str, Any]


def sign(key: str, text: str) -> str:
    return base64.b64encode(hmac.new(key.encode(), text.encode(), hashlib.sha256).digest()).decode()


def decrypt(app_key: str, token: str) -> str:
    key = hashlib.sha1(hashlib.sha1(app_key.encode()).digest()).digest()[:16]
    decryptor = Cipher(algorithms.AES(key), modes.CBC(b"AESCBCPKCS5Paddi")).decryptor()
    padded = decryptor.update(base64.b64decode(token)) + decryptor.finalize()
    return padded[: -padded[-1]].decode()


@dataclass
class Answer:
    body: Json
    raw: bytes
    headers: dict[str, str]
    key: str = ""

    def signed(self, prefix: str) -> bool:
        """Whether the reply signature verifies."""
        text = self.headers[f"{prefix}_requestid"] + self.headers[f"{prefix}_rtime"]
        return self.headers[f"{prefix}_reply_sign"] == sign(self.key, text + hashlib.sha256(self.raw).hexdigest())


async def _post(http: aiohttp.ClientSession, url: str, key: str, headers: dict[str, str], body: Json) -> Answer:
    async with http.post(url, json=body, headers=headers) as response:
        raw = await response.read()
        return Answer(json.loads(raw), raw, dict(response.headers), key)


@dataclass
class HenanClient:
    """Protocol 4.2."""

    world: Sandbox
    http: aiohttp.ClientSession
    skew_ms: int = 0
    app_key: str = ""
    token: str = ""
    secret: str = ""

    def head(self, key: str) -> dict[str, str]:
        app = self.world.keys["social_insurance"]
        rtime = str(int(time.time() * 1000) + self.skew_ms)
        return {
            "gateway_appid": app.app_id,
            "gateway_rtime": rtime,
            "gateway_sig": sign(key, app.app_id + rtime),
            "gateway_requestid": uuid.uuid4().hex,
        }

    async def sign_in(self) -> Answer:
        app_key = self.app_key or self.world.keys["social_insurance"].app_key
        url = self.world.urls["social_insurance"] + "/auth/token"
        answer = await _post(self.http, url, app_key, self.head(app_key), {})
        if answer.body["code"] == "200":
            self.token = answer.body["body"]["access_token"]
            self.secret = decrypt(app_key, self.token)
        return answer

    async def ask(self, id_number: str, *, path: str = "/api/sbjfmx", index: int = 1, rows: int = 100) -> Answer:
        if not self.secret:
            await self.sign_in()
        app = self.world.keys["social_insurance"]
        code = "SFZH" if path == "/api/sbjfmx" else "SHBZHM"
        req = {
            "token": self.token,
            "subscribeId": app.subscribe_id,
            "userId": app.user_id,
            "params": [{"fieldCode": code, "operateCode": "EQ", "parameterValue": id_number}],
            "page": {"index": index, "rows": rows},
        }
        url = self.world.urls["social_insurance"] + path
        return await _post(self.http, url, self.secret, self.head(self.secret), {"req": req})


@dataclass
class NationalClient:
    """Protocol 4.1."""

    world: Sandbox
    http: aiohttp.ClientSession
    server: str
    secret: str = ""
    skew_ms: int = 0
    changed: dict[str, str] = field(default_factory=dict)

    def head(self, key: str) -> dict[str, str]:
        app = self.world.keys[self.server]
        rtime = str(int(time.time() * 1000) + self.skew_ms)
        return {
            "gjgxjhpt_rid": app.rid,
            "gjgxjhpt_sid": app.sid,
            "gjgxjhpt_rtime": rtime,
            "gjgxjhpt_sign": sign(key, app.sid + app.rid + rtime),
            "gjgxjhpt_requestid": uuid.uuid4().hex,
        } | self.changed

    async def refresh(self) -> Answer:
        app_key = self.world.keys[self.server].app_key
        url = self.world.urls[self.server] + "/sysapi/auth/refreshappsecret"
        answer = await _post(self.http, url, app_key, self.head(app_key), {})
        if answer.body["code"] == "200":
            self.secret = decrypt(app_key, answer.body["data"]["secret"])
        return answer

    async def ask(self, body: Json) -> Answer:
        if not self.secret:
            await self.refresh()
        path = "/api/jdc/query" if self.server == "vehicles" else "/api/hydj/query"
        return await _post(self.http, self.world.urls[self.server] + path, self.secret, self.head(self.secret), body)


async def ask_real_estate(world: Sandbox, http: aiohttp.ClientSession, district: str, id_number: str, name: str, **changed: str) -> Answer:
    """Protocol 4.3, one county."""
    login = world.keys[f"real_estate_{district}"]
    body = {"QLRMC": name, "QLRZJHM": id_number, "QLRZJZL": "1", "BDCQZH": "", "BDCDYH": ""}
    body |= {"YHM": login.yhm, "MM": login.mm, "LSH": uuid.uuid4().hex} | changed
    url = world.urls[f"real_estate_{district}"] + "/bdc/gxcx/query"
    return await _post(http, url, login.reply_key, {}, body)


@dataclass
class Merchant:
    """Protocol 4.4, the merchant's side."""

    world: Sandbox
    http: aiohttp.ClientSession

    def order(self, order_id: str, payment: str = "128.50", **more: str) -> dict[str, str]:
        bank = self.world.credentials.bank
        fields = {
            "MERCHANTID": bank.merchant_id,
            "POSID": bank.pos_id,
            "BRANCHID": bank.branch_id,
            "ORDERID": order_id,
            "PAYMENT": payment,
            "CURCODE": "01",
            "TXCODE": "530550",
            "REMARK1": "租金",
            "REMARK2": "",
            "RETURNTYPE": "3",
            "TIMEOUT": "",
        } | more
        text = "&".join(f"{name}={value}" for name, value in fields.items()) + f"&PUB={bank.pub}"
        return fields | {"MAC": hashlib.md5(text.encode()).hexdigest()}

    async def post(self, fields: dict[str, str]) -> Json:
        url = self.world.urls["bank"] + "/CCBIS/ccbMain?CCB_IBSVersion=V6"
        async with self.http.post(url, data=fields) as response:
            assert response.status == 200
            return dict(await response.json())

    async def pay_page(self, fields: dict[str, str]) -> str:
        first = await self.post(fields)
        async with self.http.get(first["PAYURL"]) as response:
            return str((await response.json())["QRURL"])

    async def query(self, order_id: str, **more: str) -> str:
        bank = self.world.credentials.bank
        fields = {
            "MERCHANTID": bank.merchant_id,
            "BRANCHID": bank.branch_id,
            "POSID": bank.pos_id,
            "ORDERDATE": "",
            "BEGORDERTIME": "00:00:00",
            "ENDORDERTIME": "23:59:59",
            "ORDERID": order_id,
            "QUPWD": "",
            "TXCODE": "410408",
            "TYPE": "0",
            "KIND": "0",
            "STATUS": "3",
            "SEL_TYPE": "3",
            "PAGE": "1",
            "OPERATOR": "",
            "CHANNEL": "",
        } | more
        mac = hashlib.md5("&".join(f"{name}={value}" for name, value in fields.items()).encode()).hexdigest()
        sent = fields | {"QUPWD": bank.query_password, "MAC": mac}
        async with self.http.get(self.world.urls["bank"] + "/CCBIS/ccbMain", params=sent) as response:
            return await response.text()
