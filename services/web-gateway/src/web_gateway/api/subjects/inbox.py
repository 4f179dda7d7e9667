"""Messages to the reader."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from anju.notifications.v1 import notifications_pb2 as notifications
from chassis.wire import utc
from pydantic import Field

from web_gateway.api import fields as f
from web_gateway.api.convert import to_model
from web_gateway.api.layer import Access, Answer, Api, Body, Call, Empty, Params
from web_gateway.api.vocabulary import CodeOf

api = Api("inbox", "消息 Inbox")


class Delivery(Answer):
    channel: Annotated[str, CodeOf("channels")]
    state: Annotated[str, CodeOf("delivery_states")]
    at: datetime = Field(description="Since when.")


class Message(Answer):
    id: str
    application_no: str
    template: str
    title: str
    body: str
    at: datetime
    read: bool
    deliveries: list[Delivery] = Field(
        description="By which channels beside the inbox, in the order in which they were tried; of one's own messages."
    )
    leads_to: str = Field(description="Where what it speaks of can be done: case, bills, leases, readers or complaints.")
    bill: str = Field(description="The one bill it speaks of: its month as YYYYMM, or deposit; empty for none.")


class Inbox(f.Page[Message]):
    unread: int = Field(description="Messages not read, counted up to 99.")


class Reach(Answer):
    sms: bool = Field(description="Text messages to the phone of the application are wanted.")
    quiet: bool = Field(description="Nothing but what starts a legal time comes in the city's quiet hours.")
    quiet_from: str = Field(description="The city's quiet hours, HH:MM in Asia/Shanghai; empty for none.")
    quiet_until: str
    unreachable_since: datetime | None = Field(
        description="Since when the number of the application takes no text messages; null when it does."
    )


class Wishes(Body):
    sms: bool
    quiet: bool


class OfMessage(Params):
    id: f.Id


@api.get("/inbox")
async def list_inbox(call: Call, params: f.Paged) -> Inbox:
    """The reader's messages, newest first: a citizen's own, or those for an official's role and division."""
    request = notifications.ListInboxRequest(page=params.page(), locale=call.locale)
    found = await call.rpc("notifications", call.services.notifications.ListInbox, request)
    return Inbox(items=[to_model(Message, item) for item in found.messages], next_cursor=found.page.next_cursor, unread=found.unread)


@api.post("/inbox/{id}/read", status=204, idempotent=False)
async def mark_message_read(call: Call, params: OfMessage, body: Empty) -> None:
    """Marks a message as read, for this reader only. Doing it twice changes nothing, so it needs no Idempotency-Key."""
    await call.rpc("notifications", call.services.notifications.MarkRead, notifications.MarkReadRequest(message_id=params.id))


@api.get("/myself/reach", access=Access.CITIZEN)
async def get_reach(call: Call) -> Reach:
    """How the reader is told, and whether the number of his application takes text messages."""
    return await _reach(call)


async def _reach(call: Call) -> Reach:
    found = await call.rpc("notifications", call.services.notifications.GetReach, notifications.GetReachRequest())
    return Reach(
        sms=found.reach.sms,
        quiet=found.reach.quiet,
        quiet_from=found.quiet_from,
        quiet_until=found.quiet_until,
        unreachable_since=utc(found.unreachable_since) if found.HasField("unreachable_since") else None,
    )


@api.put("/myself/reach", access=Access.CITIZEN, idempotent=False)
async def set_reach(call: Call, body: Wishes) -> Reach:
    """How the reader wants to be told. The inbox always has everything. Doing it twice changes nothing, so it needs no Idempotency-Key."""
    wishes = notifications.Reach(sms=body.sms, quiet=body.quiet)
    await call.rpc("notifications", call.services.notifications.SetReach, notifications.SetReachRequest(reach=wishes))
    return await _reach(call)
