"""Errors as problem+json (RFC 9457): every refusal of a service and of the edge, in the reader's language, with a page that explains it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
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


# The edge's own, and what every subject shares; a subject declares its own beside its operations.
SHARED: Final[tuple[Kind, ...]] = (
    Kind(
        "EXPORT_TOO_LARGE", 409, "一次导出的行数太多", "Too many rows for one file",
        "行数超过一个人一次可以导出的数量。请加筛选条件，或者申请由另一位人员批准。", "There are more rows than one person takes away at once. Narrow the list with a filter, or ask a second person to consent.",
    ),
    Kind("BAD_REQUEST", 400, "请求格式不正确", "Bad request", "请检查后重试。", "The request is not well-formed."),
    Kind("MALFORMED_JSON", 400, "内容格式不正确", "Malformed JSON", "提交的内容不是规范的 JSON。", "The body is not strict JSON."),
    Kind("BAD_PARAMETER", 400, "参数不正确", "Bad parameter", "请检查查询参数。", "A query parameter is wrong; see errors."),
    Kind(
        "IDEMPOTENCY_KEY_REQUIRED", 400, "缺少提交编号", "Idempotency-Key required",
        "请在 Idempotency-Key 请求头中给出一个 UUID，重试时保持不变。", "Send an Idempotency-Key header with a UUID, the same one on every retry.",
    ),
    Kind("BAD_VALUE", 400, "内容超出范围", "Value out of range", "请检查提交的内容。", "Check what was sent; a value is outside of what can be dealt with."),
    Kind("BAD_CURSOR", 400, "翻页标记无效", "Bad cursor", "请回到第一页。", "Start from the first page."),
    Kind("UNAUTHENTICATED", 401, "请先登录", "Sign on first", "登录后再办理。", "This needs a sign-on."),
    Kind("NOT_ALLOWED", 403, "没有权限", "Not allowed", "您没有办理这项业务的权限。", "You may not do this."),
    Kind("OUT_OF_DIVISION", 403, "不在您的辖区", "Outside your division", "该件不在您的辖区内。", "This case is outside your division."),
    Kind(
        "CSRF_TOKEN_REQUIRED", 403, "页面已过期", "CSRF token required",
        "请刷新页面后重试。", "Send the csrf_token of GET /api/v1/session in the X-CSRF-Token header.",
    ),
    Kind("NOT_FOUND", 404, "没有找到", "Not found", "没有找到，或您无权查看。", "Not found, or not yours to see."),
    Kind("METHOD_NOT_ALLOWED", 405, "不支持这种操作", "Method not allowed", "请查看接口文档。", "See the Allow header."),
    Kind("REQUEST_TIMEOUT", 408, "提交超时", "Request timeout", "网络较慢，请重试。", "The body took too long to arrive; try again."),
    Kind("CONFLICT", 409, "当前不能办理", "Not possible now", "请刷新后查看。", "Reload and look again."),
    Kind("ALREADY_EXISTS", 409, "已经存在", "Already there", "请刷新后查看。", "Reload and look again."),
    Kind(
        "VERSION_MISMATCH", 412, "内容已被更新", "Changed meanwhile",
        "请刷新后再操作。", "Somebody changed this meanwhile; reload and try again.",
    ),
    Kind("CONTENT_TOO_LARGE", 413, "内容过大", "Content too large", "提交的内容超过 64 KiB。", "The body is larger than 64 KiB."),
    Kind("FILE_TOO_LARGE", 413, "文件过大", "File too large", "请压缩后再上传。", "Make it smaller and send it again."),
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
        "STANDING_UNKNOWN", 503, "暂时无法确认您的岗位", "Your duties cannot be looked up now",
        "岗位信息暂时查不到，请过几分钟再试，已填写的内容不会丢失。", "What you may do cannot be looked up at the moment; try again in a few minutes, nothing is lost.",
    ),
    Kind(
        "BLOCKED", 503, "办理流程故障，正在处理", "Held up by a fault of ours",
        "平台运维人员正在处理，已办理的和已提交的都在；请过些时候再来查看，不用重新提交。",
        "The platform's operators are looking into it. Nothing is lost and nothing has to be handed in again; come back later.",
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


class Catalogue:
    """Every kind of problem the edge may answer with. A reason not listed takes the kind of its status."""

    def __init__(self, kinds: Iterable[Kind]) -> None:
        """Raises TypeError when two kinds share a code."""
        listed = list(kinds)
        self.kinds: Final[Mapping[str, Kind]] = {kind.code: kind for kind in listed}
        if len(self.kinds) != len(listed):
            raise TypeError("two kinds of problem share a code")

    def from_refusal(self, refusal: Refusal) -> ProblemError:
        """A service's refusal as the reader may see it; the text of an internal error stays inside."""
        reason, status = refusal.problem.reason, refusal.problem.status
        fallback = self.kinds[_BY_STATUS.get(status, "INTERNAL")]
        if status is grpc.StatusCode.INVALID_ARGUMENT and refusal.fields:
            fallback = self.kinds["INVALID_FIELDS"]
        # A known reason decides title and page; the status decides unless it names a more exact one of the same class.
        known = self.kinds.get(reason)
        kind = known if known is not None and known.status // 100 == fallback.status // 100 else fallback
        if kind.status == 500:
            return ProblemError(kind)
        headers = {"Retry-After": str(RETRY_SECONDS)} if kind.status in (429, 503) else {}
        return ProblemError(kind, refusal.zh or refusal.problem.zh, refusal.en or refusal.problem.en, reason, refusal.fields, headers)


_SHARED: Final = Catalogue(SHARED)


def problem(
    code: str, *, zh: str = "", en: str = "", fields: Sequence[FieldViolation] = (), headers: dict[str, str] | None = None
) -> ProblemError:
    """One of the shared problems. Raises KeyError for a code that is not among them."""
    return ProblemError(_SHARED.kinds[code], zh, en, code, fields, dict(headers or {}))


def dump(document: Problem) -> bytes:
    return json.dumps(document.model_dump(), ensure_ascii=False).encode()
