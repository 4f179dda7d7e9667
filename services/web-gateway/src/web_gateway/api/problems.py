"""Errors as problem+json (RFC 9457): every refusal of a service and of the edge, in the reader's language, with a page that explains it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import grpc
from chassis.errors import FieldViolation, Refusal
from pydantic import BaseModel, ConfigDict, Field

from web_gateway.edge.language import Locale

CONTENT_TYPE: Final = "application/problem+json"
MAX_ERRORS: Final = 50


@dataclass(frozen=True)
class Kind:
    """One kind of problem. ``code`` is stable; its page is /problems/<slug>."""

    code: str
    status: int
    zh: str
    en: str
    zh_detail: str = ""
    en_detail: str = ""

    @property
    def slug(self) -> str:
        return self.code.lower().replace("_", "-")

    def title(self, locale: Locale) -> str:
        return self.en if locale == "en" else self.zh

    def detail(self, locale: Locale) -> str:
        return self.en_detail if locale == "en" else self.zh_detail


def _kinds(*kinds: Kind) -> dict[str, Kind]:
    return {kind.code: kind for kind in kinds}


# The edge's own, and the reasons of the services under the titles people read. A reason not listed here takes the kind of its status.
KINDS: Final[Mapping[str, Kind]] = _kinds(
    Kind("BAD_REQUEST", 400, "请求格式不正确", "Bad request", "请检查后重试。", "The request is not well-formed."),
    Kind("MALFORMED_JSON", 400, "内容格式不正确", "Malformed JSON", "提交的内容不是规范的 JSON。", "The body is not strict JSON."),
    Kind("BAD_PARAMETER", 400, "参数不正确", "Bad parameter", "请检查查询参数。", "A query parameter is wrong; see errors."),
    Kind(
        "IDEMPOTENCY_KEY_REQUIRED", 400, "缺少提交编号", "Idempotency-Key required",
        "请在 Idempotency-Key 请求头中给出一个 UUID，重试时保持不变。", "Send an Idempotency-Key header with a UUID, the same one on every retry.",
    ),
    Kind("BAD_CURSOR", 400, "翻页标记无效", "Bad cursor", "请回到第一页。", "Start from the first page."),
    Kind("UNAUTHENTICATED", 401, "请先登录", "Sign on first", "登录后再办理。", "This needs a sign-on."),
    Kind("NOT_ALLOWED", 403, "没有权限", "Not allowed", "您没有办理这项业务的权限。", "You may not do this."),
    Kind("OUT_OF_DIVISION", 403, "不在您的辖区", "Outside your division", "该件不在您的辖区内。", "This case is outside your division."),
    Kind("OWN_CASE", 403, "不能办理本人的申请", "Your own case", "请交由其他工作人员办理。", "Somebody else must decide it."),
    Kind("BAD_SIGNATURE", 403, "签名无效", "Bad signature", "签名校验失败。", "The signature does not verify."),
    Kind(
        "CSRF_TOKEN_REQUIRED", 403, "页面已过期", "CSRF token required",
        "请刷新页面后重试。", "Send the csrf_token of GET /api/v1/session in the X-CSRF-Token header.",
    ),
    Kind("NOT_FOUND", 404, "没有找到", "Not found", "没有找到，或您无权查看。", "Not found, or not yours to see."),
    Kind("NO_ASSESSMENT", 404, "尚无评估结果", "No assessment yet", "核验完成后才有评估结果。", "There is an assessment once the registers have answered."),
    Kind("METHOD_NOT_ALLOWED", 405, "不支持这种操作", "Method not allowed", "请查看接口文档。", "See the Allow header."),
    Kind("REQUEST_TIMEOUT", 408, "提交超时", "Request timeout", "网络较慢，请重试。", "The body took too long to arrive; try again."),
    Kind("CONFLICT", 409, "当前不能办理", "Not possible now", "请刷新后查看。", "Reload and look again."),
    Kind("ALREADY_EXISTS", 409, "已经存在", "Already there", "请刷新后查看。", "Reload and look again."),
    Kind(
        "HOUSEHOLD_HAS_APPLICATION", 409, "家庭已有申请", "The household already has an application",
        "一个家庭同时只能有一件申请；请查看已有的申请，或先撤回再重新申请。", "A household has one application at a time; look at that one, or withdraw it and apply again.",
    ),
    Kind(
        "TASK_NOT_OPEN", 409, "该件不在待办中", "The task is not open",
        "该件已由他人办理或已转到其他层级，请刷新待办列表。", "It was decided already or is at another level; reload the list of tasks.",
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
        "NOT_ON_NOTICE", 409, "不在公示期", "Not on public notice",
        "只能对正在公示的申请提出异议，请查看公示名单。", "Objections are to cases on public notice only; see the list of notices.",
    ),
    Kind(
        "OBJECTION_PENDING", 409, "异议正在复核", "An objection is being examined",
        "请等待答复；答复后如仍有异议，可以再次提出。", "Wait for the answer; you may object again after it.",
    ),
    Kind(
        "NO_CONSENT", 409, "没有有效授权", "No valid consent",
        "申请人同意数据核验授权后才能继续。", "The applicant has to consent to the lookups first.",
    ),
    Kind(
        "OFFER_NOT_OPEN", 409, "配租已结束", "The offer is not open",
        "该配租已答复、已过期或已收回，请刷新后查看最新配租。", "The offer was answered, has expired or was taken back; reload to see the newest one.",
    ),
    Kind(
        "LEASE_NOT_OPEN", 409, "合同当前不能签订", "The lease is not open",
        "合同已签订、已过期或尚未生成，请刷新后查看。", "The lease was signed, has expired or is not drafted yet; reload to see it.",
    ),
    Kind(
        "NOT_ACKNOWLEDGED", 409, "请先阅读并确认", "Read and acknowledge first",
        "签约前请阅读并确认违约责任和应当退回住房的情形。", "Confirm the liability clauses and the return situations before signing.",
    ),
    Kind(
        "UNIT_EXISTS", 409, "房源已存在", "The unit exists",
        "该小区已有相同房号的房源，请核对房号。", "The estate has a home with this number; check the number.",
    ),
    Kind(
        "ESTATE_DIFFERS", 409, "小区信息不一致", "The estate is recorded differently",
        "该小区编号已有记录，请核对名称、区划和地址，或使用新的编号。", "This estate id is on record; check name, district and address, or use a new id.",
    ),
    Kind(
        "BILL_NOT_PAYABLE", 409, "账单当前不能缴纳", "The bill cannot be paid now",
        "账单已缴清或不能再缴，请刷新后查看。", "The bill is paid or can no longer be paid; reload to see it.",
    ),
    Kind(
        "VERSION_MISMATCH", 412, "内容已被更新", "Changed meanwhile",
        "请刷新后再操作。", "Somebody changed this meanwhile; reload and try again.",
    ),
    Kind("CONTENT_TOO_LARGE", 413, "内容过大", "Content too large", "提交的内容超过 64 KiB。", "The body is larger than 64 KiB."),
    Kind("UNSUPPORTED_MEDIA_TYPE", 415, "内容类型不支持", "Unsupported media type", "请使用 application/json。", "Send application/json."),
    Kind("INVALID_FIELDS", 422, "有内容需要修改", "Some fields need correcting", "请按提示更正后再提交。", "See each field's message."),
    Kind(
        "IDEMPOTENCY_KEY_REUSED", 422, "提交编号已用过", "Idempotency key reused",
        "同一个提交编号已用于不同的内容，请刷新页面后重试。", "This Idempotency-Key was used with other content; use a new one.",
    ),
    Kind(
        "IF_MATCH_REQUIRED", 428, "请先刷新页面", "If-Match required",
        "请先查看最新内容再提交。", "Send If-Match with the ETag of the application as you saw it.",
    ),
    Kind("TOO_MANY_REQUESTS", 429, "操作太频繁", "Too many requests", "请稍候再试。", "Wait as long as Retry-After says."),
    Kind("INTERNAL", 500, "系统出了问题", "Something went wrong", "系统出了问题，我们已记录，请稍后再试。", "Something went wrong on our side; please try again."),
    Kind("UNAVAILABLE", 503, "服务暂时繁忙", "Temporarily unavailable", "请稍后再试，已填写的内容不会丢失。", "Try again; nothing is lost."),
    Kind(
        "BLOCKED", 503, "办理流程故障，正在处理", "Held up by a fault of ours",
        "平台运维人员正在处理，已办理的和已提交的都在；请过些时候再来查看，不用重新提交。",
        "The platform's operators are looking into it. Nothing is lost and nothing has to be handed in again; come back later.",
    ),
    Kind(
        "REGISTER_UNAVAILABLE", 503, "部门暂未答复", "A register is silent",
        "系统会自动重试，不影响您的申请，无需操作。", "It is asked again automatically; your application is not affected and there is nothing to do.",
    ),
    Kind(
        "BANK_UNAVAILABLE", 503, "银行暂时无法连接", "The bank cannot be reached",
        "请稍后再试；已缴的款项不会丢失，也不会重复扣款。", "Try again later; money already paid is not lost and is not taken twice.",
    ),
    Kind("DEADLINE_EXCEEDED", 504, "处理超时", "Took too long", "处理超时，请稍后查看结果。", "This took too long; look again in a moment."),
)  # fmt: skip

_BY_STATUS: Final[Mapping[grpc.StatusCode, str]] = {
    grpc.StatusCode.INVALID_ARGUMENT: "BAD_REQUEST",
    grpc.StatusCode.OUT_OF_RANGE: "BAD_REQUEST",
    grpc.StatusCode.UNAUTHENTICATED: "UNAUTHENTICATED",
    grpc.StatusCode.PERMISSION_DENIED: "NOT_ALLOWED",
    grpc.StatusCode.NOT_FOUND: "NOT_FOUND",
    grpc.StatusCode.ALREADY_EXISTS: "ALREADY_EXISTS",
    grpc.StatusCode.FAILED_PRECONDITION: "CONFLICT",
    grpc.StatusCode.ABORTED: "VERSION_MISMATCH",
    grpc.StatusCode.RESOURCE_EXHAUSTED: "TOO_MANY_REQUESTS",
    grpc.StatusCode.UNAVAILABLE: "UNAVAILABLE",
    grpc.StatusCode.DEADLINE_EXCEEDED: "DEADLINE_EXCEEDED",
}
RETRY_SECONDS: Final = 2


class FieldError(BaseModel):
    """``pointer`` is a JSON pointer into the body (RFC 6901), or the name of a query parameter after a question mark."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"pointer": "/dossier/phone", "code": "bad_format", "message": "请填写 11 位手机号。"}]}
    )

    pointer: str
    code: str
    message: str


class Problem(BaseModel):
    """RFC 9457. ``code`` is the stable name behind ``type``; ``trace_id`` finds the request in our logs."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    errors: list[FieldError] = Field(default_factory=list)
    trace_id: str


@dataclass
class ProblemError(Exception):
    """Raise it anywhere below the middleware; the reader gets it in his language."""

    kind: Kind
    zh: str = ""
    en: str = ""
    code: str = ""
    fields: Sequence[FieldViolation] = ()
    headers: dict[str, str] = field(default_factory=dict)

    def document(self, locale: Locale, public_url: str, instance: str, trace_id: str) -> Problem:
        detail = (self.en if locale == "en" else self.zh) or self.kind.detail(locale) or self.kind.title(locale)
        return Problem(
            type=f"{public_url}/problems/{self.kind.slug}",
            title=self.kind.title(locale),
            status=self.kind.status,
            detail=detail,
            instance=instance,
            code=self.code or self.kind.code,
            errors=[
                FieldError(pointer=f.pointer, code=f.code, message=(f.en if locale == "en" else f.zh) or f.zh or f.en)
                for f in self.fields[:MAX_ERRORS]
            ],
            trace_id=trace_id,
        )


def problem(
    code: str, *, zh: str = "", en: str = "", fields: Sequence[FieldViolation] = (), headers: dict[str, str] | None = None
) -> ProblemError:
    """A problem of the catalogue. Raises KeyError for a code that is not in it."""
    return ProblemError(KINDS[code], zh, en, code, fields, dict(headers or {}))


def from_refusal(refusal: Refusal) -> ProblemError:
    """A service's refusal as the reader may see it; the text of an internal error stays inside."""
    reason, status = refusal.problem.reason, refusal.problem.status
    fallback = KINDS[_BY_STATUS.get(status, "INTERNAL")]
    if status is grpc.StatusCode.INVALID_ARGUMENT and refusal.fields:
        fallback = KINDS["INVALID_FIELDS"]
    # A known reason decides title and page; the status decides unless it names a more exact one of the same class.
    known = KINDS.get(reason)
    kind = known if known is not None and known.status // 100 == fallback.status // 100 else fallback
    if kind.status == 500:
        return ProblemError(kind)
    headers = {"Retry-After": str(RETRY_SECONDS)} if kind.status in (429, 503) else {}
    return ProblemError(kind, refusal.zh or refusal.problem.zh, refusal.en or refusal.problem.en, reason, refusal.fields, headers)


def dump(document: Problem) -> bytes:
    return json.dumps(document.model_dump(), ensure_ascii=False).encode()
