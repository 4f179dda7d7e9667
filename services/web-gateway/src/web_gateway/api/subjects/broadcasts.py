"""What people are told: the texts, with examples in their blanks; and notices to many households at once, written by one official, released by another."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from anju.notifications.v1 import notifications_pb2 as notifications
from pydantic import Field

from web_gateway.api import fields as f
from web_gateway.api.convert import to_model
from web_gateway.api.layer import Access, Answer, Api, Body, Call, Params
from web_gateway.api.problems import Kind
from web_gateway.api.vocabulary import CodeOf, OneOf

PROBLEMS = (
    Kind(
        "BROADCAST_ELSEWHERE", 409, "群发通知已不在这一步", "The broadcast is at another step",
        "刷新页面，看它现在到了哪一步。", "Reload the page for where it is now.",
    ),
    Kind(
        "SECOND_SENDER", 403, "须由另一个人发出", "Another person releases it",
        "请没有起草它的同事核对后发出。", "Ask a colleague who has not written it.",
    ),
)  # fmt: skip
api = Api("broadcasts", "群发通知 Broadcasts", PROBLEMS)
SENDERS = ("city_reviewer",)
READERS = (*SENDERS, "auditor")

Headline = Annotated[str, Field(max_length=60)]
Message = Annotated[str, Field(max_length=1000)]


class TemplateWords(Answer):
    title: str
    body: str
    sms: str = Field(description="What a phone shows; empty for what stands among the messages only.")


class MessageTemplate(Answer):
    id: str
    audience: Literal["citizen", "staff"]
    version: str = Field(description="Which text it is, as it stands on every message sent.")
    starts_clock: bool = Field(description="Its day begins a time the law gives the household.")
    zh: TemplateWords
    en: TemplateWords


class NewBroadcast(Body):
    audience: Annotated[str, OneOf("broadcast_audiences")]
    division: Annotated[str, Field(pattern=r"^[0-9]{4,9}$", description="City, district or street whose households are told.")]
    must_arrive: bool = Field(
        default=False, description="By text message, else by letter; otherwise it stands among the messages on the page only."
    )
    title_zh: Headline
    body_zh: Message
    title_en: Headline
    body_en: Message


class BroadcastId(Answer):
    id: str


class BroadcastRow(Answer):
    id: str
    audience: Annotated[str, CodeOf("broadcast_audiences")]
    division: str
    must_arrive: bool
    title_zh: str
    body_zh: str
    title_en: str
    body_en: str
    state: Annotated[str, CodeOf("broadcast_states")]
    households: int = Field(description="For how many it was when it was released.")
    told: int
    under_way: int = Field(description="Text messages and letters whose receipt has not come.")
    arrived: int
    failed: int = Field(description="Neither text message nor letter reached them; it stands among their messages.")
    written_at: datetime
    released_at: datetime | None
    ended_at: datetime | None
    expected_at: datetime | None = Field(description="While it is sent: when everybody will have been told.")
    own: bool = Field(description="The reader has written it: another person releases it.")


class BroadcastView(BroadcastRow):
    sms_zh: str = Field(description="What a phone shows of it.")
    sms_en: str


class BroadcastFilter(f.Sorted):
    sort: str = f.sorting("written")
    state: Annotated[str, Field(pattern=r"^[a-z_]{0,30}$")] = ""


class OfBroadcast(Params):
    id: f.Id


class BroadcastStep(Body):
    step: Literal["release", "pause", "resume", "stop"]


@api.get("/message-templates", access=Access.STAFF, roles=(*READERS, "operator"))
async def list_message_templates(call: Call) -> f.Listing[MessageTemplate]:
    """Every text people may be told, its blanks filled by examples."""
    found = await call.rpc("notifications", call.services.notifications.ListTemplates, notifications.ListTemplatesRequest())
    return f.Listing[MessageTemplate](items=[to_model(MessageTemplate, each) for each in found.templates])


@api.get("/broadcasts", access=Access.STAFF, roles=READERS)
async def list_broadcasts(call: Call, params: BroadcastFilter) -> f.Page[BroadcastRow]:
    """Those to parts of the city the official acts for."""
    request = notifications.ListBroadcastsRequest(page=params.page(), state=params.state)
    found = await call.rpc("notifications", call.services.notifications.ListBroadcasts, request)
    return f.Page[BroadcastRow](
        items=[to_model(BroadcastRow, item) for item in found.broadcasts],
        next_cursor=found.page.next_cursor,
        total=params.total(found.page),
    )


@api.post("/broadcasts", access=Access.STAFF, roles=SENDERS, status=201)
async def write_broadcast(call: Call, body: NewBroadcast) -> BroadcastId:
    """Writes one down. Nothing is sent before another person has released it."""
    request = notifications.WriteBroadcastRequest(idempotency_key=call.idempotency_key, **body.model_dump())
    return to_model(BroadcastId, await call.rpc("notifications", call.services.notifications.WriteBroadcast, request))


@api.get("/broadcasts/{id}", access=Access.STAFF, roles=READERS)
async def get_broadcast(call: Call, params: OfBroadcast) -> BroadcastView:
    """One with its texts and how far it has come."""
    found = await call.rpc("notifications", call.services.notifications.GetBroadcast, notifications.GetBroadcastRequest(id=params.id))
    return to_model(BroadcastView, found.broadcast, sms_zh=found.sms_zh, sms_en=found.sms_en)


@api.post("/broadcasts/{id}/step", access=Access.STAFF, roles=SENDERS, idempotent=False)
async def step_broadcast(call: Call, params: OfBroadcast, body: BroadcastStep) -> BroadcastRow:
    """Releases, pauses, resumes or stops it. The same step again changes nothing, so it needs no Idempotency-Key."""
    request = notifications.StepBroadcastRequest(id=params.id, step=body.step)
    found = await call.rpc("notifications", call.services.notifications.StepBroadcast, request)
    return to_model(BroadcastRow, found.broadcast)
