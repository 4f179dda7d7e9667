"""A household's application: submit, follow, correct, withdraw; what the registers said about it and who asked them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any, Literal

from anju.casework.v1 import casework_pb2 as casework
from anju.registry.v1 import registry_pb2 as registry
from chassis.errors import Refusal
from pydantic import ConfigDict, Field

from web_gateway.api import fields as f
from web_gateway.api.convert import answered, to_dict, to_model
from web_gateway.api.layer import DECISION_SECONDS, Access, Answer, Api, Body, Call, IfMatch
from web_gateway.api.problems import Kind
from web_gateway.api.subjects.dossier import EXAMPLE, Dossier
from web_gateway.api.titles import REGISTERS, STAGES, title
from web_gateway.api.vocabulary import CodeOf

PROBLEMS = (
    Kind(
        "NOT_VERIFIED", 403, "账号没有实名认证", "The account is not verified",
        "请先在登录的平台完成实名认证，或带身份证到居住地街道办事处窗口办理。", "Have your identity verified where you sign on, or apply at the counter of your street office.",
    ),
    Kind(
        "HOUSEHOLD_HAS_APPLICATION", 409, "家庭已有申请", "The household already has an application",
        "一个家庭同时只能有一件申请；请查看已有的申请，或先撤回再重新申请。", "A household has one application at a time; look at that one, or withdraw it and apply again.",
    ),
    Kind(
        "STEP_REFUSED", 409, "当前阶段不能办理", "Not possible at this stage",
        "请刷新后查看当前阶段，再选择可以办理的事项。", "Reload to see the current stage and what can be done at it.",
    ),
    Kind(
        "ILLEGAL_MOVE", 409, "流程中没有这一步", "No such step in the process",
        "请刷新后查看当前阶段。", "Reload to see the current stage.",
    ),
    Kind(
        "NOT_RETURNED", 409, "当前不需要补正", "Nothing to correct",
        "只有被退回补正的申请才能更正，请刷新后查看当前阶段。", "Only an application returned for correction can be corrected; reload to see its stage.",
    ),
    Kind(
        "ALREADY_ENDED", 409, "已经办结", "Already ended",
        "该事项已有结果，请刷新后查看。", "There is a result already; reload to see it.",
    ),
    Kind(
        "NO_CONSENT", 409, "没有有效授权", "No valid consent",
        "申请人和每位成年家庭成员本人确认后才能继续。", "The applicant and every other adult have to consent first.",
    ),
    Kind(
        "REGISTER_UNAVAILABLE", 503, "部门暂未答复", "A register is silent",
        "系统会自动重试，不影响您的申请，无需操作。", "It is asked again automatically; your application is not affected and there is nothing to do.",
    ),
)  # fmt: skip
api = Api("applications", "资格申请 Applications", PROBLEMS)


# Closed: a person has agreed, has not said anything yet, or says that he does not belong to the household.
ConsentState = Literal["confirmed", "awaited", "refused", "withdrawn"]


class ConsentGiven(Body):
    text_version: Annotated[str, Field(max_length=40, examples=["consent-2026.1"])]
    registers: Annotated[list[f.AskedRegister], Field(max_length=20)]


class SubmitApplication(Body):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "dossier": EXAMPLE,
                    "consent": {
                        "text_version": "consent-2026.1",
                        "registers": ["social_insurance", "real_estate", "vehicles", "marriage"],
                    },
                }
            ]
        }
    )

    dossier: Dossier
    consent: ConsentGiven


class CorrectDossier(Body):
    dossier: Dossier


class Withdraw(Body):
    reason: f.Reason = ""


class ApplicationFilter(f.Sorted):
    sort: str = f.sorting("no", "deadline_at", "updated_at")
    overdue: bool = Field(default=False, description="Only those past their deadline.")
    changed_since: Annotated[
        str,
        Field(
            pattern=r"^([0-9]{4}-[0-9]{2}-[0-9]{2})?$",
            description="Only those that have changed since the beginning of this day in China, YYYY-MM-DD.",
        ),
    ] = ""
    stage: Annotated[str, Field(pattern=r"^[a-z_]{0,30}$", description="Only this stage.", examples=["street_review"])] = ""
    district: f.MaybeDistrict = ""
    typed_by_me: bool = Field(default=False, description="Only those the calling clerk has typed at a counter.")
    blocked: bool = Field(default=False, description="Only cases held up by a fault of ours, which operators have to start again.")


class ConsentView(Answer):
    text_version: str
    registers: list[f.Register]
    given_at: datetime


class TimelineEntry(Answer):
    at: datetime
    event: Annotated[str, CodeOf("events")]
    stage: f.Stage
    stage_title: str
    actor_kind: Annotated[str, CodeOf("actors")]
    note: str
    deadline_at: datetime | None
    assisted: bool = Field(description="A clerk at a counter has typed it in the household's name, on its signed authorisation.")


class Objection(Answer):
    id: str
    raised_at: datetime
    text: str
    state: Annotated[str, CodeOf("objection_states")] = Field(description="Closed: the case ended before it was answered.")
    answer: str


class Remedy(Answer):
    code: Annotated[str, CodeOf("remedies")]
    body: str = Field(description="Who decides on it.")
    where: str = Field(description="The counter at which it is handed in, in writing.")
    until: str = Field(description="Last day, YYYY-MM-DD; empty where the law sets none.")
    online: bool = Field(description="False: the system does not take it; it is handed in in writing.")
    basis: str


class Refused(Answer):
    reason: str
    basis: str
    body: str
    decided_on: str = Field(description="YYYY-MM-DD, in China.")
    remedies: list[Remedy]
    confirmed: bool = Field(description="False: bodies and limits are samples and not the city's own.")


class ApplicationSummary(Answer):
    no: str
    version: int
    stage: f.Stage
    stage_title: str
    waiting_on: f.WaitingOn
    deadline_at: datetime | None
    overdue: bool
    district: str
    street: str
    category: f.Category
    household_size: int
    submitted_at: datetime
    updated_at: datetime
    outcome: str
    reason: str
    masked_name: str
    round: int
    blocked_at: datetime | None = Field(
        description="Since when the case is held up by a fault of ours. Nothing is lost, and nobody but the platform's operators has to do anything."
    )


class MemberConsent(Answer):
    index: int = Field(description="Position in the household, 0 for the applicant.")
    state: ConsentState
    channel: Annotated[str, CodeOf("consent_channels")] = Field(description="How it was given; empty while it is awaited.")
    given_at: datetime | None
    named_elsewhere: bool = Field(description="For reviewers: another open application names the same person.")
    document: str = Field(description="For reviewers: which papers were seen at the counter.")
    withdrawn_at: datetime | None = Field(description="When the member has taken back what he had agreed to.")


class Application(ApplicationSummary):
    # Objections stand beside the dossier.
    secret = True

    dossier: Dossier | None
    consent: ConsentView | None
    timeline: list[TimelineEntry]
    objections: list[Objection]
    refusal: Refused | None = Field(description="Of a case that was refused: by whom, when, on what law, and every remedy.")
    members: list[MemberConsent] = Field(description="Who has agreed to be asked about, in the order of the dossier; empty without it.")
    recusal: Annotated[str, CodeOf("recusals")] = Field(
        description="Why the official who reads it does not act in it, and is shown less of it; empty for nothing."
    )


class Lookup(Answer):
    register_: f.Register = Field(alias="register", serialization_alias="register")
    title: str
    outcome: f.Outcome | None
    summary: str
    tries: int
    last_try_at: datetime | None


class AccessEntry(Answer):
    at: datetime
    register_: f.Register = Field(alias="register", serialization_alias="register")
    endpoint: str
    purpose: Annotated[str, CodeOf("purposes")]
    legal_basis: Annotated[str, CodeOf("legal_bases")]
    operator: str
    outcome: f.Outcome | None
    subject_index: int = Field(description="Position in the household of whom it was about; 0 is the applicant.")
    consent_channel: Annotated[str, CodeOf("consent_channels")] = Field(description="How the person had agreed to be asked about.")
    consent_given_at: datetime = Field(description="When the person had agreed.")


def application(call: Call, message: casework.Application) -> Application:
    """The whole case in the reader's language, and its version as ETag."""
    raw = to_dict(message, call.locale)
    raw["stage_title"] = title(STAGES, raw["stage"], call.locale)
    raw["timeline"] = [{**entry, "stage_title": title(STAGES, entry["stage"], call.locale)} for entry in raw["timeline"]]
    call.version(message.version)
    return answered(Application, raw)


def _relative_to_body(refusal: Refusal) -> Refusal:
    """Casework points into the dossier; the reader sent it as a part of the body."""
    fields = tuple(
        each if each.pointer.startswith(("/dossier", "/consent")) else replace(each, pointer="/dossier" + each.pointer)
        for each in refusal.fields
    )
    return replace(refusal, fields=fields)


async def of_dossier(call: Call, method: Any, request: Any) -> Any:
    """A call about a dossier, whose faults point into the body it came in. Raises Refusal."""
    try:
        return await call.rpc("casework", method, request, seconds=DECISION_SECONDS)
    except Refusal as refusal:
        raise _relative_to_body(refusal) from None


def _location(no: str) -> str:
    return f"/api/v1/applications/{no}"


@api.post("/applications", access=Access.CITIZEN, status=202, assisted=True)
async def submit_application(call: Call, body: SubmitApplication) -> Application:
    """Hands in an application. The registers are asked when every other adult has confirmed for himself; follow it at the Location.

    The applicant is the person who has signed on (``NOT_ONESELF`` at his number otherwise). Field errors point into this body, for example
    ``/dossier/members/0/id_number``. 409 HOUSEHOLD_HAS_APPLICATION when the applicant already
    stands in an active application.
    """
    consent = casework.Consent(text_version=body.consent.text_version, registers=body.consent.registers)
    request = casework.SubmitApplicationRequest(idempotency_key=call.idempotency_key, dossier=body.dossier.message(), consent=consent)
    answer = await of_dossier(call, call.services.casework.SubmitApplication, request)
    call.location(_location(answer.application.no))
    return application(call, answer.application)


@api.get("/applications", assisted=True)
async def list_applications(call: Call, params: ApplicationFilter) -> f.Page[ApplicationSummary]:
    """A citizen's own applications, or an official's division's, newest first and masked."""
    request = casework.ListApplicationsRequest(
        page=params.page(),
        stage=params.stage,
        district=params.district,
        blocked=params.blocked,
        overdue=params.overdue,
        changed_since=params.changed_since,
        typed_by_me=params.typed_by_me,
    )
    found = await call.rpc("casework", call.services.casework.ListApplications, request)
    items = [to_model(ApplicationSummary, item, stage_title=title(STAGES, item.stage, call.locale)) for item in found.applications]
    return f.Page[ApplicationSummary](items=items, next_cursor=found.page.next_cursor, total=params.total(found.page))


@api.get("/applications/{no}", etag=True, assisted=True)
async def get_application(call: Call, params: f.OfApplication) -> Application:
    """The whole case for the household and its reviewers. Poll it with If-None-Match, or listen to its events."""
    answer = await call.rpc("casework", call.services.casework.GetApplication, casework.GetApplicationRequest(no=params.no))
    return application(call, answer.application)


@api.get("/applications/{no}/lookups")
async def list_lookups(call: Call, params: f.OfApplication) -> f.Listing[Lookup]:
    """What the registers have said so far. ``outcome`` is null while a register has not been asked; silence is never a refusal."""
    found = await call.rpc("registry-gateway", call.services.registry.ListLookups, registry.ListLookupsRequest(application_no=params.no))
    items = [to_model(Lookup, state, call.locale, title=title(REGISTERS, state.register, call.locale)) for state in found.states]
    return f.Listing[Lookup](items=items)


@api.get("/applications/{no}/access-log")
async def list_access(call: Call, params: f.OfApplicationPaged) -> f.Page[AccessEntry]:
    """Who asked which register about this case, when and why (Personal Information Protection Law, articles 44 to 50)."""
    request = registry.ListAccessRequest(application_no=params.no, page=params.page())
    found = await call.rpc("registry-gateway", call.services.registry.ListAccess, request)
    return f.Page[AccessEntry](items=[to_model(AccessEntry, entry) for entry in found.entries], next_cursor=found.page.next_cursor)


@api.put("/applications/{no}/dossier", access=Access.CITIZEN, status=202, if_match=IfMatch.REQUIRED, assisted=True)
async def correct_dossier(call: Call, params: f.OfApplication, body: CorrectDossier) -> Application:
    """The household's answer to a return for correction: the whole dossier again, and verification starts over."""
    request = casework.CorrectApplicationRequest(
        idempotency_key=call.idempotency_key, no=params.no, dossier=body.dossier.message(), if_version=call.if_version
    )
    answer = await of_dossier(call, call.services.casework.CorrectApplication, request)
    call.location(_location(params.no))
    return application(call, answer.application)


@api.post("/applications/{no}/withdrawal", access=Access.CITIZEN, assisted=True)
async def withdraw_application(call: Call, params: f.OfApplication, body: Withdraw) -> Application:
    """Withdraws the application, at any moment before registration."""
    request = casework.WithdrawApplicationRequest(idempotency_key=call.idempotency_key, no=params.no, reason=body.reason)
    answer = await call.rpc("casework", call.services.casework.WithdrawApplication, request, seconds=DECISION_SECONDS)
    return application(call, answer.application)
