from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import grpc
import pypdfium2
import pytest
import pytest_asyncio
from aiohttp import web
from anju.casework.v1 import casework_pb2 as casework
from anju.casework.v1 import casework_pb2_grpc as casework_rpc
from anju.common.v1 import common_pb2 as common
from anju.notifications.v1 import notifications_pb2 as pb
from anju.notifications.v1 import notifications_pb2_grpc as rpc
from anju.operators.v1 import operators_pb2 as operators
from anju.operators.v1 import operators_pb2_grpc as operators_rpc
from anju_calendar import local_date, start_of_day
from casekit.tell import day
from casekit.tell import text as text_
from chassis import errors
from chassis.crypto import DecryptionError, KeyRing
from chassis.errors import Refusal
from chassis.grpc_client import Client
from chassis.grpc_server import GrpcServer, serving
from chassis.identity import Caller, Verifier, current_caller, load_key_set
from notifications.app import application
from notifications.channels.sms import sign
from notifications.domain.templates import catalogue
from notifications.settings import Settings
from notifications.store import Sealed
from notifications.tables import MIGRATIONS, InboxMessage
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import create_async_engine

from tests.conftest import MakeDatabase
from tests.support.keys import citizen, signer, staff
from tests.support.patience import eventually

NO = "KF-2026-000123"
PHONE = "19999012345"
STREET = "410202001"
SECRET_REASON = "王小明的收入证明缺少第二页"  # what a reviewer typed
AS_OF = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
# The last second of 7 December in China.
DEADLINE = day(datetime(2026, 12, 7, 15, 59, 59, tzinfo=UTC))


def level(stage: str) -> common.Value:
    return common.Value(term=common.Term(vocabulary="stages", code=stage))


class Casework(casework_rpc.CaseworkServiceServicer):
    """Only what notifications asks: GetContact in its own name, GetApplication in the name of the clerk it serves."""

    def __init__(self) -> None:
        self.asked = 0
        self.down = False
        self.phone = PHONE
        self.looks: list[tuple[str, str]] = []
        self.recusal = ""
        # Of a notice to many: (number, owner, phone) in order; and what happens while a page is asked for.
        self.households: list[tuple[str, str, str]] = []
        self.meanwhile: Callable[[], Awaitable[object]] | None = None

    async def ListAudience(self, request: casework.ListAudienceRequest, context: Any) -> casework.ListAudienceResponse:
        current_caller().require_role("notifications")
        if self.down:
            raise Refusal(errors.UNAVAILABLE)
        if not request.limit:
            return casework.ListAudienceResponse(total=len(self.households))
        if self.meanwhile is not None:
            await self.meanwhile()
        start = int(request.cursor or 0)
        page = self.households[start : start + request.limit]
        Household = casework.ListAudienceResponse.Household
        return casework.ListAudienceResponse(
            households=[
                Household(application_no=no, contact=casework.GetContactResponse(owner=owner, phone=phone, locale="zh-CN", street=STREET))
                for no, owner, phone in page
            ],
            next_cursor=str(start + len(page)) if start + len(page) < len(self.households) else "",
        )

    async def GetApplication(self, request: casework.GetApplicationRequest, context: Any) -> casework.GetApplicationResponse:
        self.looks.append((current_caller().sub, request.no))
        dossier = casework.Dossier(members=[casework.Member(name="欧阳晓明𠮷")], address="书店街1号")
        case = casework.Application(no=request.no, recusal=self.recusal, dossier=None if self.recusal else dossier)
        return casework.GetApplicationResponse(application=case)

    async def GetContact(self, request: casework.GetContactRequest, context: Any) -> casework.GetContactResponse:
        current_caller().require_role("notifications")
        self.asked += 1
        if self.down:
            raise Refusal(errors.UNAVAILABLE)
        if not request.application_no.startswith("KF-"):
            raise Refusal(errors.NOT_FOUND)
        return casework.GetContactResponse(owner=f"owner-of-{request.application_no}", phone=self.phone, locale="zh-CN", street=STREET)


@dataclass
class SmsBook:
    """The in-test SMS gateway: answers ``statuses`` one after another, then takes everything once per id."""

    statuses: list[int] = field(default_factory=list)
    taken: dict[str, dict[str, str]] = field(default_factory=dict)
    tries: int = 0
    lose_answers: int = 0

    async def handle(self, request: web.Request) -> web.Response:
        self.tries += 1
        assert request.headers["Authorization"] == "Bearer sms-key"
        if self.statuses:
            return web.Response(status=self.statuses.pop(0), text="<html>no</html>")
        body = await request.json()
        self.taken.setdefault(body["message_id"], body)
        if self.lose_answers:
            self.lose_answers -= 1
            assert request.transport is not None
            request.transport.abort()
        return web.json_response({"status": "accepted", "message_id": body["message_id"]})


@dataclass
class World:
    stub: rpc.NotificationsServiceStub
    client: Client
    worker: Client
    casework: Casework
    sms: SmsBook
    database_url: str
    keys_dir: Path
    address: str

    async def notify(self, template: str, key: str, no: str = NO, as_of: datetime = AS_OF, **facts: common.Value) -> str:
        return await self.tell(common.Telling(template=template, values=facts), key, no, as_of)

    async def notify_staff(self, template: str, key: str, role: str, division: str, **facts: common.Value) -> str:
        return await self.tell(common.Telling(template=template, values=facts, role=role, division=division), key)

    async def tell(self, telling: common.Telling, key: str, no: str = NO, as_of: datetime = AS_OF) -> str:
        request = pb.NotifyRequest(key=key, application_no=no, telling=telling)
        request.as_of.FromDatetime(as_of)
        return str((await self.worker.call(self.stub_of(self.worker).Notify, request)).message_id)

    async def inbox(self, caller: Caller, *, limit: int = 100, cursor: str = "", locale: str = "zh-CN") -> pb.ListInboxResponse:
        request = pb.ListInboxRequest(page=common.PageRequest(limit=limit, cursor=cursor), locale=locale)
        answer: pb.ListInboxResponse = await self.client.call(self.stub.ListInbox, request, caller=caller)
        return answer

    async def ways(self, caller: Caller | None = None) -> list[dict[str, str]]:
        """By which channel each message went and how, the newest first."""
        found = (await self.inbox(caller or citizen(f"owner-of-{NO}"))).messages
        return [{each.channel: each.state for each in message.deliveries} for message in found]

    async def sent_first(self) -> bool:
        return (await self.ways())[0] == {"sms": "sent"}

    async def letters(self, many: int) -> bool:
        return await self.rows("SELECT count(*) FROM letter") == [(many,)]

    async def reach(self) -> pb.GetReachResponse:
        answer: pb.GetReachResponse = await self.client.call(self.stub.GetReach, pb.GetReachRequest(), caller=citizen(f"owner-of-{NO}"))
        return answer

    async def receipts(self, *lines: dict[str, str], key: bytes = b"sms-key", age: float = 0) -> int:
        body, at = json.dumps({"receipts": lines}).encode(), str(int(datetime.now(UTC).timestamp() - age))
        request = pb.HandleReceiptsRequest(channel="sms", body=body, timestamp=at, signature=sign(key, at, body))
        return int((await self.client.call(self.stub.HandleReceipts, request)).taken)

    def stub_of(self, client: Client) -> rpc.NotificationsServiceStub:
        return rpc.NotificationsServiceStub(client.channel)

    async def change(self, statement: str) -> None:
        engine = create_async_engine(self.database_url)
        async with engine.begin() as connection:
            await connection.execute(text(statement))
        await engine.dispose()

    async def rows(self, query: str) -> list[Any]:
        engine = create_async_engine(self.database_url)
        async with engine.connect() as connection:
            rows = list((await connection.execute(text(query))).all())
        await engine.dispose()
        return rows


@asynccontextmanager
async def casework_server(keys_dir: Path, servicer: Casework) -> AsyncIterator[str]:
    verifier = Verifier(load_key_set(keys_dir / "callers.jwks"))
    server = GrpcServer("anju.casework.v1.CaseworkService", verifier, host="127.0.0.1", port=0, drain_seconds=0)
    casework_rpc.add_CaseworkServiceServicer_to_server(servicer, server.server)
    async with serving(server):
        yield server.address


@asynccontextmanager
async def sms_server(book: SmsBook) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_post("/v1/messages", book.handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    yield f"http://{host}:{port}"
    await runner.cleanup()


@pytest_asyncio.fixture(loop_scope="session")
async def world(make_database: MakeDatabase, keys_dir: Path) -> AsyncIterator[World]:
    async with running(await make_database("notifications", MIGRATIONS), keys_dir, quiet_hours=False) as world:
        yield world


@pytest_asyncio.fixture(loop_scope="session")
async def night(make_database: MakeDatabase, keys_dir: Path, tmp_path: Path) -> AsyncIterator[World]:
    """A city whose quiet hours began an hour ago and last twelve more."""
    now = datetime.now(ZoneInfo("Asia/Shanghai"))
    hours = {"quiet_from": f"{now - timedelta(hours=1):%H:%M}", "quiet_until": f"{now + timedelta(hours=12):%H:%M}"}
    (tmp_path / "messages.yaml").write_text(json.dumps(hours))
    async with running(await make_database("notifications", MIGRATIONS), keys_dir, profile_dir=tmp_path) as world:
        yield world


@asynccontextmanager
async def running(url: str, keys_dir: Path, **more: Any) -> AsyncIterator[World]:
    servicer, book = Casework(), SmsBook()  # type: ignore[abstract]  # the one method asked for
    async with casework_server(keys_dir, servicer) as address, sms_server(book) as sms_url:
        settings = Settings(
            port=0,
            database_url=url,
            keys_dir=keys_dir,
            casework_address=address,
            sms_url=sms_url,
            sms_key=SecretStr("sms-key"),
            drain_seconds=0,
            **more,
        )
        async with application(settings) as server:
            client, worker = Client(server.address, signer(keys_dir, "web-gateway")), Client(server.address, signer(keys_dir, "worker"))
            yield World(rpc.NotificationsServiceStub(client.channel), client, worker, servicer, book, url, keys_dir, server.address)
            await client.close()
            await worker.close()


async def test_a_household_is_told_in_its_inbox_and_by_sms(world: World) -> None:
    id = await world.notify("returned_for_correction", "application/1/7", reason=text_(SECRET_REASON), deadline=DEADLINE)
    owner = citizen(f"owner-of-{NO}")
    page = await world.inbox(owner)
    assert [(m.id, m.template, m.application_no, m.read) for m in page.messages] == [(id, "returned_for_correction", NO, False)]
    message = page.messages[0]
    assert SECRET_REASON in message.body
    assert "2026年12月7日" in message.body
    assert message.at.ToDatetime(UTC) == AS_OF
    assert page.unread == 1

    async def sent() -> bool:
        return (await world.ways(owner))[0] == {"sms": "sent"}

    await eventually(sent)
    sms = world.sms.taken[f"{id}.sms"]
    assert sms["phone"] == PHONE
    assert SECRET_REASON not in sms["text"]
    assert "2026年12月7日" in sms["text"]
    english = (await world.inbox(owner, locale="en")).messages[0]
    assert english.title == "Please correct your application"
    assert "7 December 2026" in english.body


async def test_nothing_personal_stands_in_a_table(world: World) -> None:
    world.sms.statuses = [503] * 100  # the SMS stays queued, which is when a phone number is stored at all
    await world.notify("returned_for_correction", "application/1/8", reason=text_(SECRET_REASON), deadline=DEADLINE)
    dumped = b""
    for (table,) in await world.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"):
        for (row,) in await world.rows(f"SELECT to_jsonb(t)::text FROM {table} t"):
            dumped += row.encode()
            for value in json.loads(row).values():
                if isinstance(value, str) and value.startswith("\\x"):
                    dumped += bytes.fromhex(value[2:])
    assert b"returned_for_correction" in dumped
    for secret in (PHONE, SECRET_REASON):
        assert secret.encode() not in dumped
        assert json.dumps(secret).strip('"').encode() not in dumped


async def test_a_step_asked_again_tells_once(world: World) -> None:
    first = await world.notify("withdrawn", "application/2/1")
    later = await world.notify("withdrawn", "application/2/1", as_of=AS_OF + timedelta(minutes=3))
    assert first == later
    many = await asyncio.gather(*(world.notify("lapsed", "application/2/2") for _ in range(20)))
    assert len(set(many)) == 1
    owner = citizen(f"owner-of-{NO}")
    assert len((await world.inbox(owner)).messages) == 2

    async def one_sms() -> bool:
        return len(world.sms.taken) == 1

    await eventually(one_sms)
    with pytest.raises(Refusal) as refused:
        await world.notify("lapsed", "application/2/1")
    assert refused.value.problem.reason == "IDEMPOTENCY_KEY_REUSED"


async def test_an_sms_is_sent_once_although_the_gateway_fails_first(world: World) -> None:
    world.sms.statuses = [503, 401, 200]  # 200 with a page instead of the gateway's word is not an answer either
    world.sms.lose_answers = 1
    id = await world.notify("lapsed", "application/3/1")

    async def sent() -> bool:
        return (await world.ways())[0] == {"sms": "sent"}

    await eventually(sent)
    assert world.sms.tries == 5
    assert list(world.sms.taken) == [f"{id}.sms"]
    assert await world.rows("SELECT address FROM delivery") == [(None,)]


async def test_an_address_where_no_gateway_answers_gives_up_no_sms(world: World) -> None:
    """A proxy whose gateway is away, or a wrong setting: nothing is wrong with the message."""
    world.sms.statuses = [404, 404]
    id = await world.notify("lapsed", "application/4/0")

    async def sent() -> bool:
        return (await world.ways())[0] == {"sms": "sent"}

    await eventually(sent)
    assert list(world.sms.taken) == [f"{id}.sms"]


async def test_an_operator_has_an_sms_sent_at_once_and_says_why(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chassis.outbox._wait", lambda attempts, error: 3600.0)
    world.sms.statuses = [503]
    id = await world.notify("lapsed", "application/4/1")
    client = Client(world.address, signer(world.keys_dir, "web-gateway"), "notifications")
    stub, operator = operators_rpc.OperatorsServiceStub(client.channel), staff("operator", "4102", sub="operator-1")

    async def undelivered() -> list[operators.Undelivered]:
        return list((await client.call(stub.ListUndelivered, operators.ListUndeliveredRequest(), caller=operator)).undelivered)

    (found,) = await eventually(undelivered, lambda entries: len(entries) == 1)
    assert (found.kind, found.attempts, found.given_up, PHONE in found.error) == ("deliver", 1, False, False)
    assert found.next_try_at.ToDatetime(UTC) - datetime.now(UTC) > timedelta(minutes=50)

    async def again(key: str, reason: str = "短信平台已恢复", entry: int = found.entry) -> str:
        try:
            request = operators.SendAgainRequest(entry=entry, reason=reason, idempotency_key=key)
            await client.call(stub.SendAgain, request, caller=operator)
        except Refusal as refusal:
            return refusal.problem.reason
        return ""

    assert await again("k-0", " ") == "INVALID_FIELDS"
    assert await again("k-0", entry=found.entry + 1) == "NOT_FOUND"
    assert await again("k-1") == ""
    await eventually(undelivered, lambda entries: not entries)
    assert await again("k-1") == "", "the same act"
    assert await again("k-1", "另一个原因") == "IDEMPOTENCY_KEY_REUSED"
    assert await again("k-2") == "ALREADY_DELIVERED"
    assert (list(world.sms.taken), world.sms.tries) == ([f"{id}.sms"], 2)

    steps = (await client.call(stub.ListSteps, operators.ListStepsRequest(), caller=staff("auditor", "4102"))).steps
    acts = [(step.kind, step.subject, step.actor, step.reason, step.service) for step in steps]
    assert acts == [("send_again", f"outbox/deliver/{found.entry}", "operator-1", "短信平台已恢复", "notifications")]
    await client.close()


async def test_a_number_the_gateway_refuses_is_told_to_household_and_clerk_and_a_letter_takes_over(world: World) -> None:
    world.sms.statuses = [422]
    await world.notify("lapsed", "application/4/1")

    async def failed() -> bool:
        return (await world.ways())[0] == {"sms": "refused", "letter": "sent"}

    await eventually(failed)
    assert world.sms.tries == 1
    assert await world.rows("SELECT address FROM delivery") == [(None,), (None,)]

    # The household sees it, and its clerks are told once, whatever else is sent to the number.
    assert (await world.reach()).HasField("unreachable_since")
    world.sms.statuses = [422]
    await world.notify("lapsed", "application/4/2")

    async def again() -> bool:
        return (await world.ways())[0] == {"sms": "refused", "letter": "sent"}

    await eventually(again)
    clerk = (await world.inbox(staff("street_clerk", STREET))).messages
    assert [(message.template, message.application_no) for message in clerk] == [("number_refused", NO)]
    assert PHONE not in clerk[0].body
    # Another number, or the same one put right: nothing is shown any more once a message is delivered.
    id = await world.notify("lapsed", "application/4/3")
    await eventually(world.sent_first)
    await world.receipts({"message_id": f"{id}.sms", "status": "delivered", "at": "2026-12-01T09:00:00+08:00"})
    assert not (await world.reach()).HasField("unreachable_since")


async def test_another_number_is_not_the_one_that_was_refused(world: World) -> None:
    world.sms.statuses = [422]
    await world.notify("lapsed", "application/4/1")
    await eventually(lambda: world.letters(1))
    world.casework.phone, world.sms.statuses = "19999054321", [422]
    await world.notify("lapsed", "application/4/2")
    await eventually(lambda: world.letters(2))
    assert len((await world.inbox(staff("street_clerk", STREET))).messages) == 2


async def test_who_has_no_phone_gets_letters_for_what_must_arrive(world: World) -> None:
    world.casework.phone = ""
    await world.notify("lapsed", "application/4/1")
    await world.notify("verification_done", "application/4/2")
    await eventually(lambda: world.letters(1))
    assert await world.ways() == [{}, {"letter": "sent"}]


async def test_a_receipt_says_what_became_of_a_message_and_a_forged_one_says_nothing(world: World) -> None:
    id = await world.notify("lapsed", "application/7/1")
    await eventually(world.sent_first)
    line = {"message_id": f"{id}.sms", "status": "delivered", "at": "2026-12-01T09:00:00+08:00"}
    for forged in ({"key": b"other"}, {"key": b""}, {"age": 3600.0}, {"age": -3600.0}):
        with pytest.raises(Refusal) as refused:
            await world.receipts(line, **forged)  # type: ignore[arg-type]
        assert refused.value.problem.reason == "BAD_RECEIPT_SIGNATURE"
    for nonsense in ({}, {**line, "status": "read"}, {**line, "at": "yesterday"}, {**line, "at": "2026-12-01T09:00:00"}):
        with pytest.raises(Refusal) as refused:
            await world.receipts(nonsense)
        assert refused.value.problem.reason == "BAD_RECEIPTS"
    assert await world.ways() == [{"sms": "sent"}]
    assert [await world.receipts(line, {**line, "message_id": "m-nobody.sms"}) for _ in range(2)] == [1, 0]
    delivery = (await world.inbox(citizen(f"owner-of-{NO}"))).messages[0].deliveries[0]
    assert (delivery.state, delivery.at.ToDatetime(UTC)) == ("delivered", datetime(2026, 12, 1, 1, tzinfo=UTC))
    # What has arrived has arrived, whatever is said of it later.
    assert await world.receipts({**line, "status": "failed", "code": "unreachable"}) == 0


async def test_a_message_that_never_arrived_goes_by_letter(world: World) -> None:
    id = await world.notify("lapsed", "application/7/1")
    await eventually(world.sent_first)
    line = {"message_id": f"{id}.sms", "status": "failed", "code": "unreachable", "at": "2026-12-01T09:00:00+08:00"}
    assert [await world.receipts(line) for _ in range(2)] == [1, 0]
    await eventually(lambda: world.letters(1))
    assert await world.ways() == [{"sms": "refused", "letter": "sent"}]
    assert (await world.reach()).unreachable_since.ToDatetime(UTC) == datetime(2026, 12, 1, 1, tzinfo=UTC)
    assert await world.rows("SELECT id FROM letter") == [(f"{id}.letter",)]


async def test_what_starts_a_legal_time_is_not_left_at_silence(world: World) -> None:
    id = await world.notify("returned_for_correction", "application/7/1", reason=text_(SECRET_REASON), deadline=DEADLINE)
    await world.notify("lapsed", "application/7/2", as_of=AS_OF - timedelta(1))

    async def both_sent() -> bool:
        return await world.ways() == [{"sms": "sent"}, {"sms": "sent"}]

    await eventually(both_sent)
    waits = "SELECT payload->>'delivery_id', next_try_at - now() > interval '23 hours' FROM outbox WHERE done_at IS NULL"
    assert await world.rows(waits) == [(f"{id}.sms", True)], "what begins no legal time is left where it is"
    await world.change("UPDATE outbox SET next_try_at = now() WHERE done_at IS NULL")
    await eventually(lambda: world.letters(1))
    assert await world.ways() == [{"sms": "sent", "letter": "sent"}, {"sms": "sent"}]
    # Both receipts may still come, and none of them begins anything anew.
    late = {"status": "failed", "code": "unreachable", "at": "2026-12-01T09:00:00+08:00"}
    assert await world.receipts(*({"message_id": f"{each}.sms", **late} for each in (id, id))) == 1
    assert await world.ways() == [{"sms": "refused", "letter": "sent"}, {"sms": "sent"}]
    assert await world.rows("SELECT id FROM letter") == [(f"{id}.letter",)]


async def test_what_has_arrived_in_time_goes_by_no_letter(world: World) -> None:
    id = await world.notify("returned_for_correction", "application/7/1", reason=text_(SECRET_REASON), deadline=DEADLINE)
    await eventually(world.sent_first)
    await world.receipts({"message_id": f"{id}.sms", "status": "delivered", "at": "2026-12-01T09:00:00+08:00"})
    await world.change("UPDATE outbox SET next_try_at = now() WHERE done_at IS NULL")

    async def looked() -> bool:
        return await world.rows("SELECT count(*) FROM outbox WHERE done_at IS NULL") == [(0,)]

    await eventually(looked)
    assert await world.ways() == [{"sms": "delivered"}]


async def test_who_wants_no_text_messages_gets_none(world: World) -> None:
    wishes = pb.SetReachRequest(reach=pb.Reach(sms=False, quiet=True))
    for _ in range(2):
        await world.client.call(world.stub.SetReach, wishes, caller=citizen(f"owner-of-{NO}"))
    await world.notify("lapsed", "application/8/1")
    await eventually(lambda: world.letters(1))
    assert world.sms.tries == 0
    assert not (await world.reach()).reach.sms


async def test_in_the_quiet_hours_only_what_starts_a_legal_time_is_sent(night: World) -> None:
    await night.notify("lapsed", "application/9/1")
    await night.notify("returned_for_correction", "application/9/2", as_of=AS_OF + timedelta(1), reason=text_("x"), deadline=DEADLINE)
    await eventually(night.sent_first)
    assert await night.ways() == [{"sms": "sent"}, {"sms": "queued"}]
    [due] = [row[0] for row in await night.rows("SELECT due_at FROM delivery WHERE state = 'queued'")]
    assert timedelta(hours=11) < due - datetime.now(UTC) <= timedelta(hours=12)
    assert await night.rows(
        "SELECT count(*) FROM outbox WHERE kind = 'deliver' AND done_at IS NULL AND next_try_at > now() + interval '11 hours'"
    ) == [(1,)]


async def test_who_does_not_mind_the_hour_is_told_at_once(night: World) -> None:
    wishes = pb.SetReachRequest(reach=pb.Reach(sms=True, quiet=False))
    await night.client.call(night.stub.SetReach, wishes, caller=citizen(f"owner-of-{NO}"))
    await night.notify("lapsed", "application/9/1")
    await eventually(night.sent_first)


async def test_a_message_has_the_version_of_its_text(world: World) -> None:
    await world.notify("lapsed", "application/9/1")
    assert await world.rows("SELECT template_version FROM inbox_message") == [(catalogue()["lapsed"].version,)]


async def letter(world: World, key: str) -> str:
    """A letter that waits, of the household of NO."""
    before = await world.rows("SELECT id FROM letter")
    id = await world.notify("returned_for_correction", key, reason=text_(SECRET_REASON), deadline=DEADLINE)
    await eventually(lambda: world.letters(len(before) + 1))
    return f"{id}.letter"


def texts_of(file: bytes) -> list[str]:
    """What stands on each page, without the spaces between digits and characters."""
    document = pypdfium2.PdfDocument(file)
    return ["".join(document[number].get_textpage().get_text_range().split()) for number in range(len(document))]


CLERK = staff("street_clerk", STREET, sub="s-clerk")
TODAY = local_date(datetime.now(UTC)).isoformat()


async def test_letters_are_printed_in_a_batch_posted_and_delivered(world: World) -> None:
    world.casework.phone = ""
    ids = [await letter(world, f"application/10/{number}") for number in range(3)]
    shown = await world.client.call(world.stub.ListLetters, pb.ListLettersRequest(), caller=CLERK)
    assert [(each.id, each.state, each.application_no) for each in shown.letters] == [(id, "waiting", NO) for id in ids]
    file = (await world.client.call(world.stub.PrintLetters, pb.PrintLettersRequest(ids=ids), caller=CLERK)).file
    pages = texts_of(file)
    assert len(pages) == 3
    for part in ("书店街1号", "欧阳晓明", "U+20BB7", SECRET_REASON, NO, "2026年11月23日"):
        assert part in pages[0], part
    assert world.casework.looks == [("s-clerk", NO)] * 3
    # Printed again until it is posted, and nothing skips a step.
    again = (await world.client.call(world.stub.PrintLetters, pb.PrintLettersRequest(ids=ids[:1]), caller=CLERK)).file
    assert len(texts_of(again)) == 1

    async def mark(id: str, state: str, on: str = TODAY, number: str = "") -> str:
        request = pb.MarkLetterRequest(id=id, state=state, on=on, tracking_no=number)
        try:
            return str((await world.client.call(world.stub.MarkLetter, request, caller=CLERK)).letter.state)
        except Refusal as refusal:
            return refusal.problem.reason

    assert await mark(ids[0], "delivered") == "LETTER_IS_ELSEWHERE"
    for wrong in (("posted", "2020-01-01"), ("posted", "2999-01-01"), ("posted", "today"), ("lost", TODAY), ("delivered", TODAY, "XA1")):
        assert await mark(ids[0], *wrong) == "INVALID_FIELDS", wrong
    assert [await mark(ids[0], "posted", TODAY, "XA123") for _ in range(2)] == ["posted", "posted"]
    with pytest.raises(Refusal) as refused:
        await world.client.call(world.stub.PrintLetters, pb.PrintLettersRequest(ids=ids[:1]), caller=CLERK)
    assert refused.value.problem.reason == "LETTER_IS_ELSEWHERE"
    assert [await mark(ids[0], "delivered"), await mark(ids[0], "delivered"), await mark(ids[0], "returned")] == [
        "delivered",
        "delivered",
        "LETTER_IS_ELSEWHERE",
    ]
    assert [await mark(ids[1], "posted"), await mark(ids[1], "returned")] == ["posted", "returned"]
    ended = {id: (state, at.astimezone(UTC)) for id, state, at in await world.rows("SELECT id, state, state_at FROM delivery")}
    assert ended[ids[0]] == ("delivered", start_of_day(date.fromisoformat(TODAY)))
    assert [ended[id][0] for id in ids] == ["delivered", "refused", "sent"]
    only = await world.client.call(world.stub.ListLetters, pb.ListLettersRequest(state="delivered"), caller=CLERK)
    assert [(each.id, each.posted_on, each.ended_on, each.tracking_no) for each in only.letters] == [(ids[0], TODAY, TODAY, "XA123")]


async def test_a_letter_is_of_its_streets_clerks_and_of_who_may_see_the_household(world: World) -> None:
    world.casework.phone = ""
    id = await letter(world, "application/11/1")
    elsewhere = staff("street_clerk", "410202002")
    assert not (await world.client.call(world.stub.ListLetters, pb.ListLettersRequest(), caller=elsewhere)).letters
    for caller in (elsewhere, Caller("x", "staff", ("street_clerk",), ("",))):
        for request in (pb.PrintLettersRequest(ids=[id]), pb.PrintLettersRequest(ids=["m-none.letter"])):
            with pytest.raises(Refusal) as refused:
                await world.client.call(world.stub.PrintLetters, request, caller=caller)
            assert refused.value.problem.reason == "NOT_FOUND"
        with pytest.raises(Refusal) as refused:
            await world.client.call(world.stub.MarkLetter, pb.MarkLetterRequest(id=id, state="posted", on=TODAY), caller=caller)
        assert refused.value.problem.reason == "NOT_FOUND"
    assert world.casework.looks == []
    world.casework.recusal = "relative"
    with pytest.raises(Refusal) as refused:
        await world.client.call(world.stub.PrintLetters, pb.PrintLettersRequest(ids=[id]), caller=CLERK)
    assert refused.value.problem.reason == "LETTER_NOT_YOURS"
    assert await world.rows("SELECT state FROM letter") == [("waiting",)]
    for ids in ([], [id, id], [f"m-{number}.letter" for number in range(51)]):
        with pytest.raises(Refusal) as refused:
            await world.client.call(world.stub.PrintLetters, pb.PrintLettersRequest(ids=ids), caller=CLERK)
        assert refused.value.problem.reason == "INVALID_FIELDS"


async def test_while_casework_is_away_the_worker_is_asked_to_come_again(world: World) -> None:
    world.casework.down = True
    with pytest.raises(Refusal) as refused:
        await world.notify("lapsed", "application/5/1")
    assert refused.value.problem.status is grpc.StatusCode.UNAVAILABLE
    world.casework.down = False
    await world.notify("lapsed", "application/5/1")


@pytest.mark.parametrize(
    ("template", "params", "reason"),
    [
        ("no_such_text", {}, "NO_TEMPLATE"),
        ("task_opened", {"level": common.Value(text="x"), "deadline": DEADLINE}, "NO_TEMPLATE"),  # a text for officials
        ("refused", {}, "INVALID_FIELDS"),
        ("refused", {"reason": common.Value()}, "INVALID_FIELDS"),
        # A fact of another kind than the blank's is no fact: nobody words a day out of a text.
        ("correction_expiring", {"deadline": common.Value(text="2026年12月7日")}, "INVALID_FIELDS"),
        (
            "review_started",
            {"level": common.Value(term=common.Term(vocabulary="stages", code="lottery")), "deadline": DEADLINE},
            "INVALID_FIELDS",
        ),
        ("bill_paid", {"month": common.Value(month="202613"), "amount": common.Value(fen=1)}, "INVALID_FIELDS"),
    ],
)
async def test_wrong_notifications_are_refused(world: World, template: str, params: dict[str, common.Value], reason: str) -> None:
    with pytest.raises(Refusal) as refused:
        await world.notify(template, "application/6/1", NO, AS_OF, **params)
    assert refused.value.problem.reason == reason


async def test_officials_are_told_by_role_and_division(world: World) -> None:
    await world.notify_staff("task_opened", "s/1", "street_clerk", "410202001", level=level("street_review"), deadline=DEADLINE)
    await world.notify_staff(
        "task_escalated", "s/2", "district_reviewer", "410202", level=level("district_review"), days=common.Value(count=3)
    )
    seen = {
        "clerk": staff("street_clerk", "410202001"),
        "clerk elsewhere": staff("street_clerk", "410202002"),
        "reviewer": staff("district_reviewer", "410202"),
        "reviewer elsewhere": staff("district_reviewer", "410203"),
        "city": staff("city_reviewer", "4102"),
        "clerk with no division": Caller("x", "staff", ("street_clerk",)),
        "clerk with an empty division": Caller("x", "staff", ("street_clerk",), ("",)),
        "citizen": citizen("owner"),
    }
    found = {name: [m.template for m in (await world.inbox(caller)).messages] for name, caller in seen.items()}
    assert found == {
        "clerk": ["task_opened"],
        "clerk elsewhere": [],
        "reviewer": ["task_escalated"],
        "reviewer elsewhere": [],
        "city": [],
        "clerk with no division": [],
        "clerk with an empty division": [],
        "citizen": [],
    }
    with pytest.raises(Refusal):
        await world.notify_staff("task_opened", "s/3", "street_clerk", "", level=level("street_review"), deadline=DEADLINE)


async def test_reading_is_personal_and_only_within_reach(world: World) -> None:
    id = await world.notify_staff("task_reminder", "s/1", "street_clerk", "410202001", deadline=DEADLINE)
    first, second = staff("street_clerk", "410202001", sub="s-1"), staff("street_clerk", "410202001", sub="s-2")
    for _ in range(2):
        await world.client.call(world.stub.MarkRead, pb.MarkReadRequest(message_id=id), caller=first)
    assert (await world.inbox(first)).messages[0].read
    assert (await world.inbox(first)).unread == 0
    assert not (await world.inbox(second)).messages[0].read
    for stranger in (citizen("somebody"), staff("street_clerk", "410203001")):
        for wanted in (id, "m-none"):
            with pytest.raises(Refusal) as refused:
                await world.client.call(world.stub.MarkRead, pb.MarkReadRequest(message_id=wanted), caller=stranger)
            assert refused.value.problem.status is grpc.StatusCode.NOT_FOUND


async def test_only_the_worker_tells_and_only_people_read(world: World) -> None:
    request = pb.NotifyRequest(key="k", application_no=NO, telling=common.Telling(template="lapsed"))
    for caller in (citizen(), staff("operator")):
        with pytest.raises(Refusal) as refused:
            await world.client.call(world.stub.Notify, request, caller=caller)
        assert refused.value.problem.status is grpc.StatusCode.PERMISSION_DENIED
    # Nor does a process of ours that neither runs the workflows nor records their steps.
    for process in ("registry-gateway", "eligibility", "web-gateway"):
        stranger = Client(world.address, signer(world.keys_dir, process))
        with pytest.raises(Refusal) as refused:
            await stranger.call(world.stub_of(stranger).Notify, request)
        await stranger.close()
        assert refused.value.problem.status is grpc.StatusCode.PERMISSION_DENIED, process
    housing = Client(world.address, signer(world.keys_dir, "housing"))
    assert (await housing.call(world.stub_of(housing).Notify, request)).message_id
    await housing.close()
    with pytest.raises(Refusal) as refused:
        await world.worker.call(world.stub_of(world.worker).ListInbox, pb.ListInboxRequest())
    assert refused.value.problem.status is grpc.StatusCode.PERMISSION_DENIED


async def test_the_inbox_is_paged_newest_first(world: World) -> None:
    for number in range(25):
        await world.notify("withdrawn", f"p/{number}", as_of=AS_OF + timedelta(hours=number // 3))
    owner, seen, cursor = citizen(f"owner-of-{NO}"), [], ""
    for _ in range(4):
        page = await world.inbox(owner, limit=10, cursor=cursor)
        seen += [(m.at.ToDatetime(UTC), m.id) for m in page.messages]
        cursor = page.page.next_cursor
        if not cursor:
            break
    assert len(seen) == len(set(seen)) == 25
    assert seen == sorted(seen, reverse=True)
    for bad in ("x", "WyIxIiwiMiJd", "WzFd"):
        with pytest.raises(Refusal) as refused:
            await world.inbox(owner, cursor=bad)
        assert refused.value.problem.reason == "BAD_CURSOR"


async def test_the_database_keeps_one_audience_and_no_phone_after_delivery(world: World) -> None:
    engine = create_async_engine(world.database_url)
    message = "INSERT INTO inbox_message (id, owner, role, division, application_no, template, content, at, created_at) VALUES"
    delivery = "INSERT INTO delivery (id, message_id, channel, state, address, address_index, due_at, state_at) VALUES"
    async with engine.begin() as connection:
        await connection.execute(text(f"{message} ('a','o','','','','t','',now(),now())"))
        await connection.execute(text(f"{delivery} ('a.sms','a','sms','queued','x','',now(),now())"))
    for wrong in (
        f"{message} ('b','o','r','','','t','',now(),now())",
        f"{delivery} ('a.letter','a','letter','sent','x','',now(),now())",
        f"{delivery} ('a.again','a','sms','sent',NULL,'',now(),now())",
        f"{delivery} ('a.letter','a','letter','queued',NULL,'',now(),now())",
    ):
        with pytest.raises(IntegrityError):
            async with engine.begin() as connection:
                await connection.execute(text(wrong))
    await engine.dispose()


def test_a_text_copied_to_another_entry_does_not_open() -> None:
    sealed = Sealed(KeyRing.generate())
    content = sealed.content("m-1", catalogue()["lapsed"].render({}))
    message = InboxMessage(id="m-2", application_no=NO, template="lapsed", content=content, at=AS_OF)
    with pytest.raises(DecryptionError):
        sealed.open_content(message)
