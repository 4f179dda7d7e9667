"""The counter acts for a household (线下办理): the paper it signs, the visit in which a clerk types in its name, and what it takes home.

What is done in a visit are the household's own operations, with the header Anju-Assistance: there is no second way to apply, correct, answer or sign.
"""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import datetime
from typing import Annotated

from anju.casework.v1 import casework_pb2 as casework
from anju.oversight.v1 import oversight_pb2 as oversight
from chassis import logs
from chassis.errors import Refusal
from pydantic import Field

from web_gateway.api import fields as f
from web_gateway.api.convert import to_model
from web_gateway.api.files import JPEG, PDF, Download, File
from web_gateway.api.layer import Access, Answer, Api, Body, Call, Form, Params
from web_gateway.api.pictures import PHOTOGRAPH, drawn_anew
from web_gateway.api.problems import Kind
from web_gateway.api.subjects.applications import of_dossier
from web_gateway.api.subjects.dossier import Dossier
from web_gateway.api.vocabulary import CodeOf, OneOf

PROBLEMS = (
    Kind(
        "ASSISTANCE_OVER", 409, "这次代办已经结束", "This visit is over",
        "请为这个家庭重新打开代办，再继续办理。填写的内容还在。", "Open another visit for the household and go on; what was typed is kept.",
    ),
    Kind(
        "NO_AUTHORISATION", 409, "还没有授权书", "No authorisation yet",
        "请这户家庭的申请人签一份授权书，登记后再办。", "Have the applicant of the household sign an authorisation, record it, and go on.",
    ),
    Kind(
        "AUTHORISATION_REVOKED", 409, "申请人已收回授权", "The authorisation was taken back",
        "已经办好的仍然有效。要继续代办，请申请人重新签一份授权书。", "What was done stays. To go on, have the applicant sign a new one.",
    ),
    Kind(
        "NOT_THEIR_COUNTER", 403, "不属于您的街道", "Another street's counter",
        "请这个家庭到居住地街道的受理点办理。", "The household goes to the counter of the street it lives in.",
    ),
)  # fmt: skip
_log = logs.get(__name__)
api = Api("counter", "线下办理 Counter", PROBLEMS)
_CLERK = ("street_clerk",)


class TypedForm(Body):
    dossier: Dossier


class NewAuthorisation(Form):
    id_number: Annotated[str, Field(max_length=40, description="Of whom the counter is to act for, as on his card.")]
    name: Annotated[str, Field(max_length=100)]
    document: Annotated[str, Field(max_length=200, description="Which papers were seen.", examples=["身份证原件"])]
    photo: Annotated[File, PHOTOGRAPH]


class Authorisation(Answer):
    id: str
    masked_name: str
    recorded_at: datetime


class OpenVisit(Body):
    """On an authorisation just recorded, or by the number of a case of the household, on the newest its applicant has signed here."""

    authorisation_id: f.Id | None = None
    application_no: f.ApplicationNo | None = None
    purpose: Annotated[str, OneOf("counter_purposes")]


class SignedAuthorisation(Answer):
    id: str
    recorded_at: datetime
    divisions: list[str] = Field(description="Codes of the streets whose counters act on it.")
    revoked_at: datetime | None = Field(description="When it was taken back; null while it is in force.")


class OfAuthorisation(Params):
    id: f.Id


class OfDevice(Params):
    device: str = Field(
        pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$",
        description="A random UUID which the browser keeps.",
        examples=["3f2c9d7e-8a41-4b6e-9c15-6d0f2e7a1b34"],
    )


class DeviceKey(Answer):
    secret = True

    key: str = Field(description="256 bits in base64: of this official on this device, the same whenever he signs on there.")


class Visit(Answer):
    id: str = Field(description="Goes into the header Anju-Assistance of whatever is done in the household's name.")
    masked_name: str
    purpose: Annotated[str, CodeOf("counter_purposes")]
    opened_at: datetime
    ends_at: datetime
    authorisation_id: str
    application_nos: list[str] = Field(description="Applications of the household, the newest first.")


class OfVisit(Params):
    id: f.Id


@api.post("/counter/form", access=Access.STAFF, roles=_CLERK, idempotent=False, gives=(PDF,))
async def print_form(call: Call, body: TypedForm) -> Download:
    """What was typed at the counter as the paper that is read over and signed, with the authorisation on it. Nothing is kept."""
    answer = await of_dossier(call, call.services.casework.PrintForm, casework.PrintFormRequest(dossier=body.dossier.message()))
    return Download.whole("申请表和授权书.pdf", PDF, answer.file)


@api.get("/counter/authorisation.pdf", access=Access.STAFF, roles=_CLERK, gives=(PDF,))
async def print_authorisation(call: Call) -> Download:
    """The authorisation alone, to be filled in by hand: for who has applied already, and for the hour in which nothing can be printed."""
    answer = await call.rpc("casework", call.services.casework.PrintForm, casework.PrintFormRequest())
    return Download.whole("窗口代办授权书.pdf", PDF, answer.file)


@api.post("/counter/authorisations", access=Access.STAFF, roles=_CLERK, status=201)
async def record_authorisation(call: Call, body: NewAuthorisation) -> Authorisation:
    """The signed paper by which somebody lets the counter act for him. Of the photograph only what is seen is kept, sealed."""
    request = casework.RecordAuthorisationRequest(
        idempotency_key=call.idempotency_key,
        id_number=body.id_number,
        name=body.name,
        document=body.document,
        photo=await drawn_anew(body.photo, "photo"),
    )
    answer = await call.rpc("casework", call.services.casework.RecordAuthorisation, request)
    return to_model(Authorisation, answer.authorisation)


@api.get("/counter/device-key", access=Access.STAFF, roles=_CLERK)
async def get_device_key(call: Call, params: OfDevice) -> DeviceKey:
    """Under which a browser keeps what its clerk has typed and could not send yet (ADR 24). Nobody else is given it, on any device."""
    key = call.edge.sessions.device_key(call.person.sub, call.person.index, params.device)
    return DeviceKey(key=base64.b64encode(key).decode())


@api.post("/counter/visits", access=Access.STAFF, roles=_CLERK, status=201)
async def open_visit(call: Call, body: OpenVisit) -> Visit:
    """Begins a visit of an hour, for one purpose; it is on record with the household's applications before anything of them is shown."""
    request = casework.OpenAssistanceRequest(
        idempotency_key=call.idempotency_key,
        authorisation_id=body.authorisation_id or "",
        application_no=body.application_no or "",
        purpose=body.purpose,
        official=call.person.signs_as,
    )
    answer = await call.rpc("casework", call.services.casework.OpenAssistance, request)
    return to_model(Visit, answer.assistance)


@api.delete("/counter/visits/{id}", access=Access.STAFF, roles=_CLERK)
async def close_visit(call: Call, params: OfVisit) -> None:
    """Ends a visit of the caller's before its time: the next household starts from a clean slate."""
    await call.rpc("casework", call.services.casework.CloseAssistance, casework.CloseAssistanceRequest(id=params.id))


@api.get("/myself/authorisations", access=Access.CITIZEN, assisted=True)
async def list_authorisations(call: Call) -> f.Listing[SignedAuthorisation]:
    """Papers by which the caller lets counters act for him, the newest first."""
    found = await call.rpc("casework", call.services.casework.ListAuthorisations, casework.ListAuthorisationsRequest())
    return f.Listing[SignedAuthorisation](items=[to_model(SignedAuthorisation, each) for each in found.authorisations])


@api.delete("/myself/authorisations/{id}", access=Access.CITIZEN, assisted=True)
async def revoke_authorisation(call: Call, params: OfAuthorisation) -> None:
    """Takes an authorisation back. No counter acts on it any more; what was done stays."""
    await call.rpc("casework", call.services.casework.RevokeAuthorisation, casework.RevokeAuthorisationRequest(id=params.id))


@api.get("/applications/{no}/receipt.pdf", gives=(PDF,), assisted=True)
async def get_receipt(call: Call, params: f.OfApplication) -> Download:
    """The receipt of an application (受理回执), PDF/A, with a code that leads to its progress; for its household and for who reviews it.

    Printed by a clerk, it has a second code, by which whoever holds it says what he thought of the counter.
    """
    request = casework.GetReceiptRequest(application_no=params.no, visit_code=await _visit_code(call, params.no))
    answer = await call.rpc("casework", call.services.casework.GetReceipt, request)
    return Download.whole(f"受理回执-{params.no}.pdf", PDF, answer.file)


@api.get(
    "/applications/{no}/authorisation.jpg",
    access=Access.STAFF,
    roles=("street_clerk", "district_reviewer", "city_reviewer"),
    gives=(JPEG,),
)
async def get_authorisation_photo(call: Call, params: f.OfApplication) -> Download:
    """The photograph of the paper by which a household has let the counter act for it; the look is on record. 404 where none has."""
    request = casework.GetAuthorisationPhotoRequest(application_no=params.no)
    answer = await call.rpc("casework", call.services.casework.GetAuthorisationPhoto, request)
    return Download.whole(f"授权书-{params.no}.jpg", JPEG, answer.photo)


async def _visit_code(call: Call, no: str) -> str:
    """By which whoever holds the receipt says what he thought of the counter, where a clerk prints it; a receipt is not kept back for it."""
    clerk = call.clerk or call.person
    if "street_clerk" not in clerk.roles:
        return ""
    try:
        request = oversight.OpenCounterVisitRequest(application_no=no)
        return str((await replace(call, person=clerk).rpc("oversight", call.services.oversight.OpenCounterVisit, request)).code)
    except Refusal as refusal:
        _log.warning("receipt_without_code", reason=refusal.problem.reason)
        return ""
