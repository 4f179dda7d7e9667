"""What the departments have in common: signed answers, issued secrets, and the quirks of real register data."""

import hashlib
import json
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from anju_sandbox.departments.crypto import reply_signature, same_signature
from anju_sandbox.exchange import EXCHANGE, Exchange, Hub
from anju_sandbox.faults import Kind
from anju_sandbox.world.facts import Person
from anju_sandbox.world.identity import old_form, same_person

Json = dict[str, Any]
# 人员核验 (assumed schema): whether number and name are of somebody the register knows, with or without an entry about him.
CHECKED, UNCHECKED = "1", "0"
_LIVE_SECRETS = 64
_MAX_REPLAY_BYTES = 65_536


def now_ms() -> int:
    """Milliseconds since the epoch, real time: signatures expire by the real clock even while a demo runs ahead."""
    return time.time_ns() // 1_000_000


class Refused(Exception):
    """The protocol's own refusal: code and message as that protocol spells them."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def check_time(text: str, tolerance_seconds: int) -> bool:
    """Whether a millisecond time stamp is within the tolerated clock difference."""
    return text.isascii() and text.isdigit() and abs(now_ms() - int(text)) <= tolerance_seconds * 1000


class IssuedSecrets:
    """Call secrets handed out by a gateway, valid for a while; the newest few dozen are remembered."""

    def __init__(self, lifetime_seconds: int) -> None:
        self._lifetime_ms = lifetime_seconds * 1000
        self._issued: OrderedDict[str, tuple[str, int]] = OrderedDict()

    def issue(self, name: str = "") -> tuple[str, str]:
        """A fresh (name, secret); the name is a random one unless given."""
        secret = secrets.token_hex(16)
        name = name or secrets.token_hex(16)
        self._issued[f"{name}/{secret}"] = (secret, now_ms() + self._lifetime_ms)
        while len(self._issued) > _LIVE_SECRETS:
            self._issued.popitem(last=False)
        return name, secret

    def live(self) -> list[str]:
        """Secrets still valid, newest first."""
        now = now_ms()
        return [secret for secret, until in reversed(self._issued.values()) if until > now]

    def find(self, expected_signature: Callable[[str], str], signature: str) -> str | None:
        """The live secret under which a signature verifies, or None; ``expected_signature`` maps a secret to one."""
        return next((s for s in self.live() if same_signature(expected_signature(s), signature)), None)

    def expire_all(self) -> None:
        """Key rotation: every call from now on needs a new secret."""
        self._issued.clear()


@dataclass(frozen=True, slots=True)
class Signing:
    """How an answer is sealed: key, prefix of the header names and the request id it answers."""

    key: str
    prefix: str
    request_id: str


class Desk:
    """Seals answers and applies the faults only a signed answer can have."""

    def __init__(self, hub: Hub, server: str, has_record: Callable[[Person], bool]) -> None:
        self.hub = hub
        self._has_record = has_record
        self.server = server
        self._earlier: dict[str, tuple[bytes, dict[str, str]]] = {}
        self._passed: set[tuple[str, str]] = set()

    def exchange(self, request: web.Request) -> Exchange:
        """The exchange of a request."""
        return request[EXCHANGE]

    def seal(self, request: web.Request, payload: Json, signing: Signing) -> web.Response:
        """The signed HTTP answer. Fault kinds of content (inner code, null) are the protocol's own business."""
        exchange = self.exchange(request)
        body = json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()
        rtime = str(now_ms())
        signature = reply_signature(signing.key, signing.request_id, rtime, body)
        if exchange.hit_by(Kind.BAD_SIGNATURE):
            signature = signature[::-1]
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            f"{signing.prefix}_requestid": signing.request_id,
            f"{signing.prefix}_rtime": rtime,
            f"{signing.prefix}_reply_sign": signature,
        }
        if exchange.hit_by(Kind.REPLAY) and exchange.operation in self._earlier:
            body, headers = self._earlier[exchange.operation]
        elif len(body) <= _MAX_REPLAY_BYTES:
            self._earlier[exchange.operation] = (body, headers)
        return web.Response(body=body, headers=headers)

    def quirk(self, person: Person, kind: str, scale: float = 1.0) -> bool:
        """Whether a quirk of this register hits a person: a fixed property of the person, not of the moment."""
        if not person.quirks:
            return False
        text = f"{self.hub.world.population.seed}/{self.server}/{kind}/{person.id_number}"
        drawn = int.from_bytes(hashlib.sha256(text.encode()).digest()[:4]) / 2**32
        return drawn < self.hub.settings.quirk_rate * scale

    def passing_quirk(self, person: Person, kind: str) -> bool:
        """A quirk that hits a person's first query only: asked again, the register answers as it should."""
        if not self.quirk(person, kind) or (kind, person.id_number) in self._passed:
            return False
        self._passed.add((kind, person.id_number))
        return True

    def written_id(self, person: Person) -> str:
        """The ID number as this register wrote it down: sometimes the 15 digit form, sometimes a lower-case x."""
        if self.quirk(person, "old_id", 0.5) and (short := old_form(person.id_number)):
            return short
        return person.id_number.lower() if self.quirk(person, "small_x", 5) else person.id_number

    def find(self, exchange: Exchange, id_number: str, name: str = "") -> Person | None:
        """The person asked for; with a name given, only if the register has exactly this name under the ID number."""
        target = exchange.about(id_number, self._has_record)
        person = self.hub.world.person(target)
        if person and name and same_person(target, id_number) and name != person.name:
            return None
        return person


async def json_body(request: web.Request) -> Json:
    """The JSON object in a request. Raises Refused (code ``bad_request``) for anything else."""
    try:
        body = await request.json()
    except (ValueError, RecursionError):
        raise Refused("bad_request", "请求体不是有效的JSON") from None
    if not isinstance(body, dict):
        raise Refused("bad_request", "请求体须为JSON对象")
    return body


def text_of(body: Json, name: str) -> str:
    """A text field; missing, null or of another type reads as empty."""
    value = body.get(name)
    return value.strip() if isinstance(value, str) else ""


def whole_of(body: Json, name: str, default: int, low: int, high: int) -> int:
    """A whole number given as number or digits, kept within bounds."""
    value = body.get(name, default)
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10:
        value = int(value)
    return min(max(value, low), high) if isinstance(value, int) and not isinstance(value, bool) else default
