"""gRPC surface of notifications: proto in, domain, proto out; nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from anju.casework.v1 import casework_pb2 as casework
from anju.common.v1 import common_pb2 as common
from anju.notifications.v1 import notifications_pb2 as pb
from anju.notifications.v1 import notifications_pb2_grpc as rpc
from anju_profile.messages import Messages
from chassis import ids, logs, once, paging
from chassis.db import Database
from chassis.errors import NOT_FOUND, FieldViolation, Refusal, invalid
from chassis.identity import current_caller
from chassis.wire import missing, stamp, utc
from google.protobuf.timestamp_pb2 import Timestamp

from notifications import store
from notifications.broadcasts import Broadcasts
from notifications.channels.sms import BadReceiptsError, ForgedReceiptsError, SmsReceipts
from notifications.delivery import Contacts, Deliveries
from notifications.domain.templates import Audience, Template, catalogue
from notifications.domain.values import BLANKS, EXAMPLES, Fact, is_month, is_term
from notifications.errors import BAD_RECEIPT_SIGNATURE, BAD_RECEIPTS, NO_TEMPLATE
from notifications.letters import Letters
from notifications.store import Sealed
from notifications.tables import Delivery, InboxMessage, Once

_log = logs.get(__name__)


class NotificationsServicer(rpc.NotificationsServiceServicer):
    def __init__(
        self,
        database: Database,
        sealed: Sealed,
        contacts: Contacts,
        deliveries: Deliveries,
        city: Messages,
        receipts: SmsReceipts,
        letters: Letters,
        broadcasts: Broadcasts,
    ) -> None:
        self._database = database
        self._sealed = sealed
        self._contacts = contacts
        self._deliveries = deliveries
        self._city = city
        self._receipts = receipts
        self._letters = letters
        self._broadcasts = broadcasts

    async def Notify(self, request: pb.NotifyRequest, context: Any) -> pb.NotifyResponse:
        telling = request.telling
        template, facts = _checked(request, "staff" if telling.role else "citizen")
        key, seen = f"{request.key}:Notify", _without_instant(request)
        contact: casework.GetContactResponse | None = None
        if not (telling.role or request.owner):
            # Outside of the transaction: a slow casework must not hold the key and a connection.
            contact = await self._contacts.of(request.application_no)
        async with self._database.transaction() as session:
            answered = await once.find(session, key, seen, pb.NotifyResponse())
            if answered is not None:
                return answered
            message = self._message(request, template, facts)
            message.role, message.division, message.owner = telling.role, telling.division, request.owner
            if contact is not None:
                message.owner, message.division = contact.owner, contact.street
            session.add(message)
            if contact is not None:
                await self._deliveries.begin(session, template, [(message, contact)])
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
            deliveries = await store.tried(session, [entry.message.id for entry in rows]) if caller.kind == "citizen" else {}
        page, cursor = paging.cut(rows, size, lambda entry: (entry.message.at.astimezone(UTC), entry.message.id))
        return pb.ListInboxResponse(
            messages=[self._to_proto(entry, deliveries.get(entry.message.id, ()), request.locale or caller.locale) for entry in page],
            page=common.PageInfo(next_cursor=cursor),
            unread=unread,
        )

    async def MarkRead(self, request: pb.MarkReadRequest, context: Any) -> pb.MarkReadResponse:
        caller = current_caller()
        async with self._database.transaction() as session:
            if not await store.mark_read(session, caller, request.message_id):
                raise Refusal(NOT_FOUND)
        return pb.MarkReadResponse()

    async def GetReach(self, request: pb.GetReachRequest, context: Any) -> pb.GetReachResponse:
        async with self._database.statements() as session:
            reach = await store.reach(session, current_caller().sub)
        city = self._city
        return pb.GetReachResponse(
            reach=pb.Reach(sms=reach.sms, quiet=reach.quiet),
            quiet_from=f"{city.quiet_from:%H:%M}" if city.quiet_from else "",
            quiet_until=f"{city.quiet_until:%H:%M}" if city.quiet_until else "",
            unreachable_since=stamp(reach.refused_at),
        )

    async def SetReach(self, request: pb.SetReachRequest, context: Any) -> pb.SetReachResponse:
        async with self._database.transaction() as session:
            await store.want(session, current_caller().sub, sms=request.reach.sms, quiet=request.reach.quiet)
        return pb.SetReachResponse()

    async def ListLetters(self, request: pb.ListLettersRequest, context: Any) -> pb.ListLettersResponse:
        return await self._letters.list(request)

    async def PrintLetters(self, request: pb.PrintLettersRequest, context: Any) -> pb.PrintLettersResponse:
        return pb.PrintLettersResponse(file=await self._letters.print(request.ids))

    async def MarkLetter(self, request: pb.MarkLetterRequest, context: Any) -> pb.MarkLetterResponse:
        return pb.MarkLetterResponse(letter=await self._letters.mark(request))

    async def ListTemplates(self, request: pb.ListTemplatesRequest, context: Any) -> pb.ListTemplatesResponse:
        return pb.ListTemplatesResponse(templates=[_preview(each) for each in catalogue().values()])

    async def ListBroadcasts(self, request: pb.ListBroadcastsRequest, context: Any) -> pb.ListBroadcastsResponse:
        return await self._broadcasts.list(request)

    async def GetBroadcast(self, request: pb.GetBroadcastRequest, context: Any) -> pb.GetBroadcastResponse:
        return await self._broadcasts.get(request.id)

    async def WriteBroadcast(self, request: pb.WriteBroadcastRequest, context: Any) -> pb.WriteBroadcastResponse:
        return await self._broadcasts.write(request)

    async def StepBroadcast(self, request: pb.StepBroadcastRequest, context: Any) -> pb.StepBroadcastResponse:
        return await self._broadcasts.step(request)

    async def HandleReceipts(self, request: pb.HandleReceiptsRequest, context: Any) -> pb.HandleReceiptsResponse:
        try:
            receipts = self._receipts.read(request.body, request.timestamp, request.signature, datetime.now(UTC))
        except ForgedReceiptsError as error:
            _log.warning("receipts_forged", channel=request.channel, what=str(error))
            raise Refusal(BAD_RECEIPT_SIGNATURE) from None
        except BadReceiptsError:
            _log.error("receipts_not_understood", channel=request.channel)
            raise Refusal(BAD_RECEIPTS) from None
        taken = [await self._deliveries.received(receipt) for receipt in receipts]
        return pb.HandleReceiptsResponse(taken=sum(taken))

    def _message(self, request: pb.NotifyRequest, template: Template, facts: Mapping[str, Fact]) -> InboxMessage:
        id = ids.new_id("m-")
        at = request.as_of.ToDatetime(UTC) if request.HasField("as_of") else datetime.now(UTC)
        return InboxMessage(
            id=id,
            application_no=request.application_no,
            template=template.id,
            template_version=template.version,
            bill=template.bill(facts),
            content=self._sealed.content(id, template.render(facts)),
            at=at,
        )

    def _to_proto(self, entry: store.Entry, deliveries: Sequence[Delivery], locale: str) -> pb.Message:
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
            deliveries=[pb.Delivery(channel=each.channel, state=each.state, at=stamp(each.state_at)) for each in deliveries],
            leads_to=_leads_to(entry.message.template),
            bill=entry.message.bill,
        )


def _preview(template: Template) -> pb.MessageTemplate:
    shown = template.render({name: EXAMPLES[BLANKS[name]] for name in template.blanks})
    words = [
        pb.MessageTemplate.Words(title=each.title, body=each.body, sms=each.sms if template.sms else "") for each in (shown.zh, shown.en)
    ]
    return pb.MessageTemplate(
        id=template.id, audience=template.audience, version=template.version, starts_clock=template.starts_clock, zh=words[0], en=words[1]
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
