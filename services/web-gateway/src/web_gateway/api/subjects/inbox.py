"""Messages to the reader."""

from __future__ import annotations

from datetime import datetime

from anju.notifications.v1 import notifications_pb2 as notifications
from pydantic import Field

from web_gateway.api import fields as f
from web_gateway.api.convert import to_model
from web_gateway.api.layer import Answer, Api, Call, Empty, Params

api = Api("inbox", "消息 Inbox")


class Message(Answer):
    id: str
    application_no: str
    template: str
    title: str
    body: str
    at: datetime
    read: bool
    sms_state: str
    leads_to: str = Field(description="Where what it speaks of can be done: case, bills, leases or readers.")
    bill: str = Field(description="The one bill it speaks of: its month as YYYYMM, or deposit; empty for none.")


class Inbox(f.Page[Message]):
    unread: int = Field(description="Messages not read, counted up to 99.")


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
