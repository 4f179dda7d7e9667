"""Every adult confirms for himself: households that name the caller, his word, and what is recorded at a counter."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from anju.casework.v1 import casework_pb2 as casework
from pydantic import Field

from web_gateway.api import fields as f
from web_gateway.api.convert import to_model
from web_gateway.api.layer import DECISION_SECONDS, Access, Answer, Api, Body, Call, Empty
from web_gateway.api.problems import Kind
from web_gateway.api.subjects.applications import Application, ConsentState, application
from web_gateway.api.vocabulary import CodeOf

PROBLEMS = (
    Kind(
        "NOT_AWAITED", 409, "当前不需要确认", "Nothing to confirm",
        "该申请已不在等待这位成员确认，请刷新后查看。", "The application does not wait for this member; reload to see it.",
    ),
    Kind(
        "NO_CONSENT_GIVEN", 409, "没有可以撤回的同意", "No consent to take back",
        "这件申请里没有您可以撤回的同意。申请人请在“我的事项”中撤回申请。", "There is no consent of yours to take back; the applicant withdraws the application.",
    ),
    Kind(
        "CONFIRMED_ELSEWHERE", 409, "已在另一件申请里", "Stands in another application",
        "同一人只能属于一个申请家庭：先撤回那一件，或请申请人去掉这位成员。", "A person belongs to one household only: withdraw the other application first, or be left out of this one.",
    ),
)  # fmt: skip
api = Api("confirmations", "成员确认 Confirmations", PROBLEMS)


class Claim(Answer):
    application_no: str
    applicant: str = Field(description="Who has named the caller, masked.")
    relation: Annotated[str, CodeOf("relations")] = Field(description="What the caller is said to be to the applicant.")
    registers: list[f.Register] = Field(description="What would be asked about the caller.")
    text_version: str
    submitted_at: datetime
    deadline_at: datetime | None
    state: ConsentState
    given_at: datetime | None
    withdrawn_at: datetime | None = Field(description="When the caller has taken back what he had agreed to.")


class Confirm(Body):
    agrees: bool = Field(description="False: the caller does not belong to this household.")
    text_version: Annotated[
        str, Field(max_length=40, description="Of the text which was shown; needed to agree.", examples=["consent-2026.1"])
    ] = ""


class RecordConfirmation(Body):
    channel: Literal["counter", "authorisation", "guardian"]
    document: Annotated[str, Field(min_length=1, max_length=200, description="Which papers were seen.", examples=["身份证原件"])]


class RecordWithdrawal(Body):
    document: Annotated[str, Field(min_length=1, max_length=200, description="Which papers were seen.", examples=["身份证原件"])]


class OfMember(f.OfApplication):
    index: Annotated[int, Field(ge=1, le=50, description="Position in the household; 0 is the applicant.")]


@api.get("/confirmations", access=Access.CITIZEN)
async def list_claims(call: Call) -> f.Listing[Claim]:
    """Households in which another person has named the caller, by the number his sign-on has verified; and what he has said to it."""
    found = await call.rpc("casework", call.services.casework.ListClaims, casework.ListClaimsRequest())
    return f.Listing[Claim](items=[to_model(Claim, claim) for claim in found.claims])


@api.post("/applications/{no}/confirmation", access=Access.CITIZEN)
async def confirm(call: Call, params: f.OfApplication, body: Confirm) -> Claim:
    """The caller confirms that he belongs to the household and agrees to be asked about, or says that he does not.

    No register is asked about anybody of the household before every adult has confirmed. 404 unless the application names the caller.
    """
    request = casework.ConfirmRequest(
        idempotency_key=call.idempotency_key, application_no=params.no, agrees=body.agrees, text_version=body.text_version
    )
    answer = await call.rpc("casework", call.services.casework.Confirm, request, seconds=DECISION_SECONDS)
    return to_model(Claim, answer.claim)


@api.post("/applications/{no}/confirmation/withdrawal", access=Access.CITIZEN)
async def withdraw_consent(call: Call, params: f.OfApplication, body: Empty) -> Claim:
    """The caller takes back what he has agreed to; nothing is asked about him from then on, and what was found before stays valid.

    Before the registers are asked he is awaited again; while they are asked the application is returned to its household.
    """
    request = casework.WithdrawConsentRequest(idempotency_key=call.idempotency_key, application_no=params.no)
    answer = await call.rpc("casework", call.services.casework.WithdrawConsent, request, seconds=DECISION_SECONDS)
    return to_model(Claim, answer.claim)


@api.post("/applications/{no}/members/{index}/confirmation", access=Access.STAFF, roles=("street_clerk",))
async def record_confirmation(call: Call, params: OfMember, body: RecordConfirmation) -> Application:
    """What an adult has said at the counter, in a signed authorisation, or by his guardian; the clerk answers for the papers he has seen."""
    request = casework.RecordConfirmationRequest(
        idempotency_key=call.idempotency_key,
        application_no=params.no,
        member=params.index,
        channel=body.channel,
        document=body.document,
    )
    answer = await call.rpc("casework", call.services.casework.RecordConfirmation, request, seconds=DECISION_SECONDS)
    return application(call, answer.application)


@api.post("/applications/{no}/members/{index}/confirmation/withdrawal", access=Access.STAFF, roles=("street_clerk",))
async def record_consent_withdrawal(call: Call, params: OfMember, body: RecordWithdrawal) -> Application:
    """An adult has come to the counter and takes back what he has agreed to; nothing is asked about him from then on, as after his own word."""
    request = casework.RecordConsentWithdrawalRequest(
        idempotency_key=call.idempotency_key, application_no=params.no, member=params.index, document=body.document
    )
    answer = await call.rpc("casework", call.services.casework.RecordConsentWithdrawal, request, seconds=DECISION_SECONDS)
    return application(call, answer.application)
