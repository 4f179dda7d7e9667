"""Letters to households whom no text message reaches."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal

from anju.notifications.v1 import notifications_pb2 as notifications
from pydantic import Field

from web_gateway.api import fields as f
from web_gateway.api.convert import to_model
from web_gateway.api.files import PDF, Download
from web_gateway.api.layer import Access, Answer, Api, Body, Call, Params
from web_gateway.api.problems import Kind
from web_gateway.api.vocabulary import CodeOf

PROBLEMS = (
    Kind(
        "LETTER_IS_ELSEWHERE", 409, "信函已不在这一步", "The letter is at another step",
        "刷新列表，看它现在到了哪一步。", "Look at the list again for where it is now.",
    ),
    Kind(
        "LETTER_NOT_YOURS", 409, "其中有应当回避的家庭", "One of them is left to others",
        "去掉这一封再打印，由同事打印它。", "Leave it out and print again; a colleague prints that one.",
    ),
)  # fmt: skip
api = Api("letters", "信函 Letters", PROBLEMS)


class QueuedLetter(Answer):
    id: str
    application_no: str
    state: Annotated[str, CodeOf("letter_states")]
    at: datetime = Field(description="Since when it waits to be printed.")
    printed_at: datetime | None
    posted_on: str = Field(description="YYYY-MM-DD; empty until then.")
    ended_on: str = Field(description="When it was delivered or came back, YYYY-MM-DD; empty until then.")
    tracking_no: str


class LetterFilter(f.Sorted):
    sort: str = f.sorting("at")
    state: str = Field(default="", max_length=40)


class ToPrint(Body):
    ids: Annotated[list[f.Id], Field(min_length=1, max_length=50)]


class Step(Body):
    step: Literal["posted", "delivered", "returned"]
    on: date = Field(strict=False, description="The day, as the post office's paper says.")
    tracking_no: Annotated[str, Field(max_length=40, description="Of the registered letter, when it is posted.")] = ""


class OfLetter(Params):
    id: f.Id


@api.get("/letters", access=Access.STAFF, roles=("street_clerk",))
async def list_letters(call: Call, params: LetterFilter) -> f.Page[QueuedLetter]:
    """Letters of the clerk's streets: numbers of cases and days, and nothing of a household."""
    request = notifications.ListLettersRequest(page=params.page(), state=params.state)
    found = await call.rpc("notifications", call.services.notifications.ListLetters, request)
    return f.Page[QueuedLetter](
        items=[to_model(QueuedLetter, item) for item in found.letters], next_cursor=found.page.next_cursor, total=params.total(found.page)
    )


@api.post("/letters/print", access=Access.STAFF, roles=("street_clerk",), idempotent=False, gives=(PDF,))
async def print_letters(call: Call, body: ToPrint) -> Download:
    """The letters as one file to print, PDF/A. Each is a look at its case. They may be printed again until they are posted, so it needs no Idempotency-Key."""
    answer = await call.rpc("notifications", call.services.notifications.PrintLetters, notifications.PrintLettersRequest(ids=body.ids))
    return Download.whole("信函.pdf", PDF, answer.file)


@api.post("/letters/{id}/step", access=Access.STAFF, roles=("street_clerk",), idempotent=False)
async def mark_letter(call: Call, params: OfLetter, body: Step) -> QueuedLetter:
    """What became of a printed letter. The same step again changes nothing, so it needs no Idempotency-Key."""
    request = notifications.MarkLetterRequest(id=params.id, state=body.step, on=body.on.isoformat(), tracking_no=body.tracking_no)
    answer = await call.rpc("notifications", call.services.notifications.MarkLetter, request)
    return to_model(QueuedLetter, answer.letter)
