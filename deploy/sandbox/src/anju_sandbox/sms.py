"""SMS gateway: accepts messages once per message id, keeps its book, reports what became of each, and lets a tester read a phone's inbox."""

import asyncio
import contextlib
import hashlib
import hmac
import json
import re
import sqlite3
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
from aiohttp import web

from anju_sandbox.db import open_db
from anju_sandbox.departments.crypto import same_signature
from anju_sandbox.departments.desk import Refused, json_body, text_of
from anju_sandbox.exchange import EXCHANGE, Hub
from anju_sandbox.pages import esc, page
from anju_sandbox.world.identity import PHONE

SEND_PATH = "/v1/messages"
_MESSAGE_ID = re.compile(r"[\x21-\x7e]{1,100}")
_MAX_TEXT = 1000
_SHOWN = 50
_RECEIPTS_AT_ONCE = 100
_ATTEMPT_SECONDS = 10.0
_SCHEMA = """
CREATE TABLE IF NOT EXISTS message (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    message_id TEXT NOT NULL UNIQUE,
    phone TEXT NOT NULL,
    template TEXT NOT NULL,
    text TEXT NOT NULL,
    accepted_at TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS message_by_phone ON message (phone, seq);
CREATE TABLE IF NOT EXISTS receipt (
    seq INTEGER PRIMARY KEY REFERENCES message,
    message_id TEXT NOT NULL,
    status TEXT NOT NULL,
    code TEXT NOT NULL,
    at TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS number (phone TEXT PRIMARY KEY, state TEXT NOT NULL);
"""


@dataclass(frozen=True, slots=True)
class Message:
    """An accepted message."""

    seq: int
    message_id: str
    phone: str
    template: str
    text: str
    accepted_at: str


class Messages:
    """The gateway's book in ``sms.sqlite``."""

    def __init__(self, data_dir: Path) -> None:
        self._db: sqlite3.Connection = open_db(data_dir / "sms.sqlite", _SCHEMA, durable=True)

    def accept(self, message_id: str, phone: str, template: str, text: str) -> tuple[str, Message]:
        """Takes a message: accepted, duplicate (same id, same content) or conflict (same id, other content)."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        new = self._db.execute(
            "INSERT INTO message (message_id, phone, template, text, accepted_at) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (message_id) DO NOTHING",
            (message_id, phone, template, text, now),
        ).rowcount
        row = self._db.execute("SELECT * FROM message WHERE message_id = ?", (message_id,)).fetchone()
        message = Message(**dict(row))
        if new:
            reached = self.number(phone) == "reached"
            self._db.execute(
                "INSERT INTO receipt (seq, message_id, status, code, at) VALUES (?, ?, ?, ?, ?)",
                (message.seq, message_id, *(("delivered", "") if reached else ("failed", "unreachable")), now),
            )
            return "accepted", message
        same = (message.phone, message.template, message.text) == (phone, template, text)
        return ("duplicate" if same else "conflict"), message

    def list(self, phone: str = "", after: int = 0, limit: int = 500, *, newest: bool = False) -> list[Message]:
        """Messages in order after a sequence number, of one phone or all."""
        order = "DESC" if newest else "ASC"
        rows = self._db.execute(
            f"SELECT * FROM message WHERE seq > ? AND (? = '' OR phone = ?) ORDER BY seq {order} LIMIT ?",  # noqa: S608
            (after, phone, phone, max(1, min(limit, 5000))),
        )
        return [Message(**dict(row)) for row in rows]

    def number(self, phone: str) -> str:
        """How a number is: reached, silent (taken, and never delivered) or refused."""
        row = self._db.execute("SELECT state FROM number WHERE phone = ?", (phone,)).fetchone()
        return row["state"] if row else "reached"

    def set_number(self, phone: str, state: str) -> None:
        """Lets a number be out of order."""
        self._db.execute("INSERT INTO number VALUES (?, ?) ON CONFLICT (phone) DO UPDATE SET state = excluded.state", (phone, state))

    def receipts(self, limit: int) -> Sequence[sqlite3.Row]:
        """Receipts nobody has taken yet, the oldest first."""
        return self._db.execute("SELECT * FROM receipt ORDER BY seq LIMIT ?", (limit,)).fetchall()

    def receipts_taken(self, last: int) -> None:
        """The receipts up to this one have been taken."""
        self._db.execute("DELETE FROM receipt WHERE seq <= ?", (last,))

    def close(self) -> None:
        """Closes the file."""
        self._db.close()


class SmsServer:
    """``POST /v1/messages`` with a bearer key; ``/`` is the tester's inbox. Assumed schema: no gateway's is public."""

    def __init__(self, hub: Hub, messages: Messages, api_key: str) -> None:
        self.hub = hub
        self.messages = messages
        self._authorization = f"Bearer {api_key}"
        self._key = api_key.encode()
        self._news = asyncio.Event()

    @contextlib.asynccontextmanager
    async def reporting(self) -> AsyncIterator[None]:
        """Posts receipts in the background while the context is open, again until they are taken."""
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_ATTEMPT_SECONDS)) as session:
            task = asyncio.create_task(self._report_for_ever(session))
            try:
                yield
            finally:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task

    async def _report_for_ever(self, session: aiohttp.ClientSession) -> None:
        pause = 0.0
        while True:
            self._news.clear()
            due = self.messages.receipts(_RECEIPTS_AT_ONCE)
            if due and await self._report(session, due):
                self.messages.receipts_taken(due[-1]["seq"])
                pause = 0.0
            elif due:
                pause = min(
                    max(2 * pause, self.hub.settings.callback_first_retry_seconds), self.hub.settings.callback_longest_retry_seconds
                )
                await asyncio.sleep(pause)
            else:
                await self._news.wait()

    async def _report(self, session: aiohttp.ClientSession, due: Sequence[sqlite3.Row]) -> bool:
        lines = [{name: row[name] for name in ("message_id", "status", "code", "at")} for row in due]
        body, timestamp = json.dumps({"receipts": lines}).encode(), str(int(time.time()))
        signature = hmac.new(self._key, f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()
        headers = {"Content-Type": "application/json", "X-Timestamp": timestamp, "X-Signature": signature}
        try:
            async with session.post(self.hub.settings.sms_receipts_url, data=body, headers=headers, allow_redirects=False) as response:
                return response.status == 204
        except (aiohttp.ClientError, TimeoutError):
            return False

    def add_routes(self, app: web.Application) -> None:
        """Adds the endpoints."""
        app.router.add_post(SEND_PATH, self.send)
        app.router.add_get("/", self.inbox)
        app.router.add_post("/", self.inbox)

    async def send(self, request: web.Request) -> web.Response:
        """Accepts ``{message_id, phone, template, text}``; repeating a message id is answered, not sent, again."""
        exchange = request[EXCHANGE]
        if not same_signature(request.headers.get("Authorization", ""), self._authorization):
            return self._refuse(request, 401, "unauthorized", "密钥错误")
        try:
            body = await json_body(request)
        except Refused as refused:
            return self._refuse(request, 400, refused.code, refused.message)
        message_id, phone = text_of(body, "message_id"), text_of(body, "phone")
        template, text = text_of(body, "template"), text_of(body, "text")
        exchange.request_id = message_id
        if not _MESSAGE_ID.fullmatch(message_id) or not template or not text or len(text) > _MAX_TEXT:
            return self._refuse(request, 400, "bad_message", "短信字段缺失或超长")
        if not PHONE.fullmatch(phone):
            # A safety catch: nothing that could be a real person's number may ever reach a sandbox.
            return self._refuse(request, 422, "unreachable_number", "号码不属于演示号段")
        if self.messages.number(phone) == "refused":
            return self._refuse(request, 422, "unreachable_number", "号码已停机")
        verdict, message = self.messages.accept(message_id, phone, template, text)
        if verdict == "conflict":
            return self._refuse(request, 409, "message_id_reused", "短信编号已用于其他内容")
        exchange.outcome = verdict
        self._news.set()
        answer = {"message_id": message_id, "status": "accepted", "duplicate": verdict == "duplicate"}
        return web.json_response(answer | {"gateway_id": f"sms-{message.seq}", "accepted_at": message.accepted_at})

    def _refuse(self, request: web.Request, status: int, code: str, message: str) -> web.Response:
        request[EXCHANGE].outcome = "refused"
        return web.json_response({"status": "refused", "code": code, "message": message}, status=status)

    async def inbox(self, request: web.Request) -> web.Response:
        """The messages of one phone. The number travels in a form body, so that it stands in no address or log."""
        phone = ""
        if request.method == "POST":
            phone = str((await request.post()).get("phone", "")).strip()
        buttons = "".join(
            f"<button class='plain' name='phone' value='{persona.household.applicant.phone}'>"
            f"{esc(persona.household.applicant.name)}（{esc(persona.title)}）</button>"
            for persona in self.hub.world.population.personas()
        )
        ask = (
            f"<form method='post' class='card'><label for='phone'>手机号</label>"
            f"<input id='phone' name='phone' inputmode='numeric' autocomplete='off' value='{esc(phone)}'>"
            f"<button>查看短信</button></form>"
            f"<details class='card'><summary>演示申请人</summary><form method='post'>{buttons}</form></details>"
        )
        found = self.messages.list(phone, limit=_SHOWN, newest=True) if PHONE.fullmatch(phone) else []
        items = "".join(
            f"<div class='card'><p class='note'>{esc(message.accepted_at[:19].replace('T', ' '))} UTC"
            f" · {esc(message.template)}</p><p>{esc(message.text)}</p></div>"
            for message in found
        )
        if phone and not found:
            items = "<div class='card'><p>没有短信。</p></div>"
        return page("短信收件箱（演示）", ask + items)


def shown(message: Message) -> dict[str, object]:
    """For the control API."""
    return asdict(message)
