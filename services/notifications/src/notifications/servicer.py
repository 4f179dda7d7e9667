"""gRPC surface of notifications: proto in, domain, proto out; nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from anju.casework.v1 import casework_pb2 as casework
from anju.casework.v1 import casework_pb2_grpc as casework_rpc
from anju.common.v1 import common_pb2 as common
from anju.notifications.v1 import notifications_pb2 as pb
from anju.notifications.v1 import notifications_pb2_grpc as rpc
from chassis import ids, once, paging
from chassis.crypto import KeyRing
from chassis.db import Database
from chassis.errors import NOT_FOUND, FieldViolation, Refusal, invalid
from chassis.grpc_client import Client
from chassis.identity import current_caller
from chassis.outbox import Outbox as OutboxRunner
from chassis.wire import missing, utc
from google.protobuf.timestamp_pb2 import Timestamp
from sqlalchemy.ext.asyncio import AsyncSession

from notifications import store
from notifications.domain.templates import Audience, Template, catalogue
from notifications.domain.values import Fact, is_month, is_term
from notifications.errors import NO_TEMPLATE
from notifications.sms import SmsDelivery
from notifications.store import Sealed, Sms
from notifications.tables import InboxMessage, Once

CONTACT_SECONDS = 3.0


class NotificationsServicer(rpc.NotificationsServiceServicer):
    def __init__(self, database: Database, ring: KeyRing, casework_client: Client, outbox: OutboxRunner, *, sms: bool) -> None:
        self._database = database
        self._sealed = Sealed(ring)
        self._client = casework_client
        self._casework = casework_rpc.CaseworkServiceStub(casework_client.channel)
        self._outbox = outbox
        self._sms = sms

    async def Notify(self, request: pb.NotifyRequest, context: Any) -> pb.NotifyResponse:
        telling = request.telling
        template, facts = _checked(request, "staff" if telling.role else "citizen")
        key, seen = f"{request.key}:Notify", _without_instant(request)
        contact: casework.GetContactResponse | None = None
        if not telling.role:
            # Outside of the transaction: a slow casework must not hold the key and a connection.
            contact = await self._client.call(
                self._casework.GetContact, casework.GetContactRequest(application_no=request.application_no), timeout=CONTACT_SECONDS
            )
        async with self._database.transaction() as session:
            answered = await once.find(session, key, seen, pb.NotifyResponse())
            if answered is not None:
                return answered
            message = self._message(request, template, facts)
            message.role, message.division = telling.role, telling.division
            if contact is not None:
                message.owner = contact.owner
                self._queue_sms(session, message, template, facts, contact)
            session.add(message)
            answer = pb.NotifyResponse(message_id=message.id)
            once.remember(session, Once, key, seen, answer)
        return answer

    async def ListInbox(self, request: pb.ListInboxRequest, context: Any) -> pb.ListInboxResponse:
        caller = current_caller()
        size = paging.limit(request.page.limit)
        before = _position(request.page.cursor)
        async with self._database.snapshot() as session:
            rows = await store.inbox(session, caller, size, before)
            unread = await store.unread(session, caller)
        page, cursor = paging.cut(rows, size, lambda entry: (entry.message.at.astimezone(UTC), entry.message.id))
        return pb.ListInboxResponse(
            messages=[self._to_proto(entry, request.locale or caller.locale) for entry in page],
            page=common.PageInfo(next_cursor=cursor),
            unread=unread,
        )

    async def MarkRead(self, request: pb.MarkReadRequest, context: Any) -> pb.MarkReadResponse:
        caller = current_caller()
        async with self._database.transaction() as session:
            if not await store.mark_read(session, caller, request.message_id):
                raise Refusal(NOT_FOUND)
        return pb.MarkReadResponse()

    def _message(self, request: pb.NotifyRequest, template: Template, facts: Mapping[str, Fact]) -> InboxMessage:
        id = ids.new_id("m-")
        at = request.as_of.ToDatetime(UTC) if request.HasField("as_of") else datetime.now(UTC)
        return InboxMessage(
            id=id,
            application_no=request.application_no,
            template=template.id,
            bill=template.bill(facts),
            content=self._sealed.content(id, template.render(facts)),
            at=at,
        )

    def _queue_sms(
        self,
        session: AsyncSession,
        message: InboxMessage,
        template: Template,
        facts: Mapping[str, Fact],
        contact: casework.GetContactResponse,
    ) -> None:
        if not (self._sms and template.sms and contact.phone):
            return
        text = template.render(facts).by_locale(contact.locale).sms
        message.sms_state = "queued"
        message.sms = self._sealed.sms(message.id, Sms(contact.phone, text))
        self._outbox.add(session, SmsDelivery.KIND, {"message_id": message.id})

    def _to_proto(self, entry: store.Entry, locale: str) -> pb.Message:
        text = self._sealed.open_content(entry.message).by_locale(locale)
        at = Timestamp()
        at.FromDatetime(entry.message.at)
        return pb.Message(
            id=entry.message.id,
            application_no=entry.message.application_no,
            template=entry.message.template,
            title=text.title,
            body=text.body,
            at=at,
            read=entry.read,
            sms_state=entry.message.sms_state,
            leads_to=_leads_to(entry.message.template),
            bill=entry.message.bill,
        )


def _leads_to(template: str) -> str:
    """Of a text that is not in the catalogue any more, the case."""
    known = catalogue().get(template)
    return known.leads_to if known is not None else "case"


def _checked(request: pb.NotifyRequest, audience: Audience) -> tuple[Template, dict[str, Fact]]:
    telling = request.telling
    template = catalogue().get(telling.template)
    if template is None or template.audience != audience:
        raise Refusal(NO_TEMPLATE)
    facts = {"no": Fact("text", request.application_no)}
    for name, value in telling.values.items():
        fact = _fact(value)
        if fact is not None:
            facts[name] = fact
    violations = [
        FieldViolation(f"/telling/values/{name}", "REQUIRED", "通知缺少内容。", "A blank has no fact, or one of another kind.")
        for name in template.unfilled(facts)
    ]
    if not request.key:
        violations.append(missing("/key"))
    if telling.role and not telling.division:
        violations.append(missing("/telling/division"))
    if violations:
        raise invalid(violations)
    return template, facts


def _fact(value: common.Value) -> Fact | None:
    """None for what nobody can word: an empty value, a code of no vocabulary, a month that is none."""
    match value.WhichOneof("kind"):
        case "text":
            return Fact("text", value.text)
        case "day":
            return Fact("day", utc(value.day))
        case "month" if is_month(value.month):
            return Fact("month", value.month)
        case "fen":
            return Fact("fen", value.fen)
        case "count":
            return Fact("count", value.count)
        case "term" if is_term(value.term.vocabulary, value.term.code):
            return Fact("term", (value.term.vocabulary, value.term.code))
        case "list":
            items = tuple((item.term.vocabulary, item.term.code) for item in value.list.items)
            return Fact("list", items) if items and all(is_term(*item) for item in items) else None
    return None


def _without_instant(request: Any) -> Any:
    """What tells one step from another: a step asked again after a crash carries a later instant and is the same step."""
    copy = type(request)()
    copy.CopyFrom(request)
    copy.ClearField("as_of")
    return copy


def _position(cursor: str) -> tuple[datetime, str] | None:
    key = paging.decode(cursor, datetime, str)
    return (key[0], key[1]) if key else None
