"""Complaints, suggestions, reports of misuse and questions: said, followed, dealt with, rated; with an account, or without a name by a code."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from anju.oversight.v1 import complaints_pb2 as complaints
from pydantic import Field

from web_gateway.api import fields as f
from web_gateway.api.convert import to_model
from web_gateway.api.files import JPEG, Download, File
from web_gateway.api.layer import DECISION_SECONDS, Access, Answer, Api, Body, Call, Form, Params
from web_gateway.api.pictures import PHOTOGRAPH, drawn_anew
from web_gateway.api.problems import Kind
from web_gateway.api.vocabulary import CodeOf, OneOf

PROBLEMS = (
    Kind(
        "ALREADY_SAID", 409, "已经反映过", "You have written this before",
        "同样的内容正在办理，请在“我的来信”查看。", "It is being dealt with; see My letters.",
    ),
    Kind(
        "TOO_MANY_OPEN", 409, "还有很多来信在办理", "Many of your letters are open",
        "请等其中一些办结后再写；紧急的事请拨打 12345。", "Wait for some of them; what is urgent call 12345 about.",
    ),
    Kind(
        "REFERENCE_KNOWN", 409, "工单号已登记", "The reference number is known",
        "请在来信列表中按工单号查找。", "Search for the number in the list.",
    ),
    Kind(
        "FOLLOW_UP_UNKNOWN", 404, "编号或查询码不对", "The number or the code is wrong",
        "请核对编号和查询码后再试。", "Check the number and the code, and try again.",
    ),
    Kind(
        "FOLLOW_UP_LATER", 429, "输错次数太多", "Too many wrong codes",
        "请一小时后再试。", "Try again in an hour.",
    ),
    Kind(
        "PHOTOS_FULL", 409, "照片已满", "It has all the photographs it takes",
        "照片已经够了，可以继续办理。", "There are enough of them; go on.",
    ),
    Kind(
        "COMPLAINT_MOVED_ON", 409, "已有新的进展", "It has moved on",
        "请刷新后查看，再决定要不要办理。", "Reload the page and look at it again.",
    ),
    Kind(
        "NO_MORE_ROUNDS", 409, "不能再次重办", "It is not opened again",
        "对结果仍不满意的，可以拨打 12345 或依法申请行政复议。", "Call 12345, or apply for reconsideration.",
    ),
    Kind(
        "HAS_MERGED", 409, "有来信并在这一件里", "Others wait for this answer",
        "请先答复这一件。", "Answer this one first.",
    ),
    Kind(
        "NOT_YOUR_DESK", 403, "不由您的受理台承办", "It is not with your desk",
        "请由承办的受理台办理。", "The desk it is with deals with it.",
    ),
    Kind("ABOUT_YOU", 403, "反映的是您本人", "It is about you", "请交由其他人办理。", "Leave it to others."),
    Kind("OWN_COMPLAINT", 403, "这是您本人反映的", "You wrote it", "请交由其他人办理。", "Leave it to others."),
    Kind(
        "ANOTHER_PERSON", 409, "须由另一个人办理", "Another person does this",
        "请没有写过这份答复的同事办理。", "Ask a colleague who has not written the answer.",
    ),
    Kind(
        "STAYS_AT_CITY", 409, "须由市级办理", "It stays with the city",
        "反映工作人员的来信不转给其所在部门。", "What is about staff is not given to those beside them.",
    ),
    Kind(
        "CANNOT_MERGE", 409, "不能并案", "It cannot be merged",
        "请选择同一类别、还在办理、由同一受理台承办的另一件。", "Choose another of the kind that is open at your desk.",
    ),
)  # fmt: skip
api = Api("complaints", "投诉建议 Complaints", PROBLEMS)
DESKS = ("district_reviewer", "city_reviewer")
CLERKS = ("street_clerk", *DESKS)
READERS = (*CLERKS, "house_manager", "auditor")

ComplaintNo = Annotated[
    str, Field(pattern=r"^[A-Z]{2}-[0-9]{4}-[0-9]{6}$", description="Number of a complaint.", examples=["TS-2026-000123"])
]
MaybeNo = Annotated[str, Field(max_length=40, description="A number, or the one 12345 has given it.")]
Kinds = Annotated[str, OneOf("complaint_kinds")]
KindCode = Annotated[str, CodeOf("complaint_kinds")]
Stage = Annotated[str, CodeOf("complaint_stages")]
MaybeCode = Annotated[str, Field(pattern=r"^[a-z_]{0,30}$")]
Code = Annotated[str, Field(max_length=40, description="Shown once, when it was written; the only way back.")]
Response = Literal["rate", "reopen", "withdraw"]


class Letter(Body):
    kind: Kinds
    text: Annotated[str, Field(max_length=4000)]
    division: Annotated[str, Field(pattern=r"^[0-9]{6,9}$", description="District or street it is about.")]
    about_staff: bool = False
    about_name: Annotated[str, Field(max_length=50)] = ""
    alone: bool = Field(default=False, description="An elderly or frail person is alone in it.")


class SignedLetter(Letter):
    contact: Annotated[str, Field(max_length=100, description="How the writer can be reached; empty for by this account.")] = ""
    channel: Annotated[str, Field(pattern=r"^(counter|hotline)?$", description="By a clerk: where it was said.")] = ""
    reference_no: Annotated[str, Field(max_length=40, description="By a clerk: the number 12345 has given it.")] = ""
    reporter: Annotated[str, Field(max_length=50, description="By a clerk: the name of who speaks, where he gives it.")] = ""


class OfComplaint(Params):
    no: ComplaintNo


class Filed(Answer):
    no: str
    accept_by: datetime


class FiledWithoutName(Answer):
    no: str
    code: str = Field(description="The only way back to it; it is not kept.")
    accept_by: datetime

    secret = True


class ComplaintEvent(Answer):
    at: datetime
    event: Annotated[str, CodeOf("complaint_events")]
    stage: Stage
    waiting_on: f.WaitingOn
    deadline_at: datetime | None
    text: str


class ComplaintPhoto(Answer):
    number: int
    size_bytes: int
    added_at: datetime


class ComplaintRow(Answer):
    no: str
    version: int
    kind: KindCode
    channel: Annotated[str, CodeOf("complaint_channels")]
    reference_no: str
    stage: Stage
    waiting_on: f.WaitingOn
    level: Annotated[str, CodeOf("levels")]
    deadline_at: datetime | None
    overdue: bool
    district: str
    street: str
    about_staff: bool
    flags: list[Annotated[str, CodeOf("complaint_flags")]] = Field(description="Why a person looks at once.")
    received_at: datetime
    answered_at: datetime | None
    score: int = Field(description="1 to 5; 0 for no rating.")
    rounds: int = Field(description="How often it was opened again.")
    merged_into: str
    blocked: bool


class ComplaintView(ComplaintRow):
    text: str
    about_name: str
    contact: str
    reporter: str
    answer: str
    proposed: str = Field(description="An answer that a second person is reading.")
    brief: str = Field(description="What is to be looked at in an investigation.")
    merged: int = Field(description="How many others were merged into it.")
    timeline: list[ComplaintEvent]
    actions: list[str] = Field(description="What the reader can do with it now.")
    photos: list[ComplaintPhoto]
    photos_left: int = Field(description="How many more photographs the reader may add now.")

    secret = True


class NewPhoto(Form):
    photo: Annotated[File, PHOTOGRAPH]


class NewPhotoWithCode(NewPhoto):
    no: ComplaintNo
    code: Code


PhotoNumber = Annotated[int, Field(ge=1, le=99)]


class OfPhoto(OfComplaint):
    number: PhotoNumber


class DeskFilter(f.Sorted):
    sort: str = f.sorting("received", "deadline", "stage", "kind")
    stage: MaybeCode = ""
    kind: MaybeCode = ""
    open: bool = False
    overdue: bool = False
    no: MaybeNo = ""


class WithCode(Body):
    no: ComplaintNo
    code: Code


class PhotoWithCode(WithCode):
    number: PhotoNumber


class Answering(Body):
    action: Response
    score: Annotated[int, Field(ge=0, le=5, description="With rate: 1 (very bad) to 5 (very good).")] = 0
    text: Annotated[str, Field(max_length=1000)] = ""


class AnsweringWithCode(Answering):
    no: ComplaintNo
    code: Code


class Handling(Body):
    action: Literal["accept", "reassign", "answer", "agree", "send_back", "merge"]
    text: Annotated[str, Field(max_length=8000)] = ""
    level: Annotated[str, Field(pattern=r"^(district|city)?$", description="With reassign: the desk it goes to.")] = ""
    division: Annotated[str, Field(pattern=r"^([0-9]{6,9})?$", description="With reassign: where it is in charge.")] = ""
    into: Annotated[str, Field(pattern=r"^([A-Z]{2}-[0-9]{4}-[0-9]{6})?$", description="With merge: the other one.")] = ""
    about: Annotated[str, Field(max_length=100, description="With accept: the account of whom it is about, where it is known.")] = ""
    version: Annotated[int, Field(ge=0, le=10**9, description="The version that was read; 0 for whichever.")] = 0


@api.post("/anonymous-complaints", access=Access.STRANGER, status=201)
async def file_anonymous_complaint(call: Call, body: Letter) -> FiledWithoutName:
    """Something said without a name: who has signed on says it as nobody too. The code in the answer is the only way back to it."""
    request = complaints.FileComplaintRequest(idempotency_key=call.idempotency_key, anonymous=True, **body.model_dump())
    return to_model(FiledWithoutName, await call.rpc("oversight", call.services.complaints.FileComplaint, request))


@api.post("/anonymous-complaints/lookup", access=Access.STRANGER, idempotent=False)
async def follow_complaint(call: Call, body: WithCode) -> ComplaintView:
    """How far it has come, by number and code. A wrong code and a number there is not are answered alike."""
    request = complaints.FollowComplaintRequest(**body.model_dump())
    return _view((await call.rpc("oversight", call.services.complaints.FollowComplaint, request)).complaint)


@api.post("/anonymous-complaints/response", access=Access.STRANGER)
async def respond_with_code(call: Call, body: AnsweringWithCode) -> ComplaintView:
    """Who wrote it without a name rates the answer, has it opened again, or withdraws it."""
    request = complaints.RespondToComplaintRequest(idempotency_key=call.idempotency_key, **body.model_dump())
    return _view((await call.rpc("oversight", call.services.complaints.RespondToComplaint, request, seconds=DECISION_SECONDS)).complaint)


@api.post("/anonymous-complaints/photos", access=Access.STRANGER, status=201)
async def add_photo_with_code(call: Call, body: NewPhotoWithCode) -> ComplaintPhoto:
    """One photograph to a letter without a name, six at most; of it only what is seen is kept, sealed: neither where nor with what it was taken."""
    return await _add_photo(call, body.no, body.photo, body.code)


@api.post("/anonymous-complaints/photo", access=Access.STRANGER, idempotent=False, gives=(JPEG,))
async def get_photo_with_code(call: Call, body: PhotoWithCode) -> Download:
    """One photograph of a letter without a name, by number and code."""
    return await _photo(call, complaints.GetComplaintPhotoRequest(**body.model_dump()))


@api.post("/complaints", status=201)
async def file_complaint(call: Call, body: SignedLetter) -> Filed:
    """Something said by a citizen, or written down by a clerk for who stands at the counter or was sent on by 12345."""
    request = complaints.FileComplaintRequest(idempotency_key=call.idempotency_key, **body.model_dump())
    return to_model(Filed, await call.rpc("oversight", call.services.complaints.FileComplaint, request))


@api.get("/my-complaints", access=Access.CITIZEN)
async def list_my_complaints(call: Call, params: f.Paged) -> f.Page[ComplaintRow]:
    """The citizen's own, newest first."""
    found = await call.rpc("oversight", call.services.complaints.ListMyComplaints, complaints.ListMyComplaintsRequest(page=params.page()))
    return f.Page[ComplaintRow](items=[to_model(ComplaintRow, each) for each in found.complaints], next_cursor=found.page.next_cursor)


@api.get("/complaints", access=Access.STAFF, roles=READERS)
async def list_complaints(call: Call, params: DeskFilter) -> f.Page[ComplaintRow]:
    """Those the official may read: of his desk, of his part of the city, or what he has written down himself."""
    asked = params.model_dump(include={"stage", "kind", "open", "overdue", "no"})
    request = complaints.ListComplaintsRequest(page=params.page(), official=call.person.name, **asked)
    found = await call.rpc("oversight", call.services.complaints.ListComplaints, request)
    rows = [to_model(ComplaintRow, each) for each in found.complaints]
    return f.Page[ComplaintRow](items=rows, next_cursor=found.page.next_cursor, total=params.total(found.page))


@api.get("/complaints/{no}", etag=True)
async def get_complaint(call: Call, params: OfComplaint) -> ComplaintView:
    """One, as far as it is the reader's business. 404 alike for one there is not and for one that is not."""
    request = complaints.GetComplaintRequest(no=params.no, official=_official(call))
    found = await call.rpc("oversight", call.services.complaints.GetComplaint, request)
    call.version(found.complaint.version)
    return _view(found.complaint)


@api.post("/complaints/{no}/photos", status=201)
async def add_complaint_photo(call: Call, params: OfComplaint, body: NewPhoto) -> ComplaintPhoto:
    """One photograph to a letter of the caller's, or to one he has written down, six at most; of it only what is seen is kept, sealed."""
    return await _add_photo(call, params.no, body.photo)


@api.get("/complaints/{no}/photos/{number}", gives=(JPEG,))
async def get_complaint_photo(call: Call, params: OfPhoto) -> Download:
    """One photograph, for whoever may read what was written; a look of staff is on record."""
    return await _photo(call, complaints.GetComplaintPhotoRequest(no=params.no, number=params.number, official=_official(call)))


@api.post("/complaints/{no}/response", access=Access.CITIZEN)
async def respond_to_complaint(call: Call, params: OfComplaint, body: Answering) -> ComplaintView:
    """The citizen rates the answer, has it opened again (once here, once at the other level), or withdraws it."""
    request = complaints.RespondToComplaintRequest(idempotency_key=call.idempotency_key, no=params.no, **body.model_dump())
    return _view((await call.rpc("oversight", call.services.complaints.RespondToComplaint, request, seconds=DECISION_SECONDS)).complaint)


@api.post("/complaints/{no}/handling", access=Access.STAFF, roles=CLERKS)
async def handle_complaint(call: Call, params: OfComplaint, body: Handling) -> ComplaintView:
    """The desk accepts, reassigns, answers, reads over, or merges. What is about staff is answered by two persons, and never by whom it is about."""
    request = complaints.HandleComplaintRequest(
        idempotency_key=call.idempotency_key, no=params.no, official=call.person.name, **body.model_dump()
    )
    return _view((await call.rpc("oversight", call.services.complaints.HandleComplaint, request, seconds=DECISION_SECONDS)).complaint)


async def _add_photo(call: Call, no: str, photo: File, code: str = "") -> ComplaintPhoto:
    drawn = await drawn_anew(photo, "photo")
    request = complaints.AddComplaintPhotoRequest(idempotency_key=call.idempotency_key, no=no, code=code, photo=drawn)
    return to_model(ComplaintPhoto, (await call.rpc("oversight", call.services.complaints.AddComplaintPhoto, request)).photo)


async def _photo(call: Call, request: complaints.GetComplaintPhotoRequest) -> Download:
    found = await call.rpc("oversight", call.services.complaints.GetComplaintPhoto, request)
    return Download.whole(f"照片-{request.no}-{request.number}.jpg", JPEG, found.photo)


def _official(call: Call) -> str:
    return call.person.name if call.person.kind == "staff" else ""


def _view(found: complaints.Complaint) -> ComplaintView:
    return to_model(ComplaintView, found)
