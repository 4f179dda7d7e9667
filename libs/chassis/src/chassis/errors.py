"""One catalogue of refusals: what the code raises, what gRPC carries, and what may be retried.

A ``Problem`` is declared once, next to the service that refuses; ``Refusal`` is the exception that carries it. The server interceptor turns a
refusal into a gRPC status with ErrorInfo, LocalizedMessage (zh-CN and en) and BadRequest; whoever is at the other end reads it back with
``from_rpc_error``. Anything that is not a Refusal is a bug or an outage and leaves the service as INTERNAL without its text.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta

import grpc
from google.protobuf import any_pb2
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status
from temporalio.exceptions import ApplicationError

DOMAIN = "anju"


@dataclass(frozen=True)
class Problem:
    """One kind of refusal. ``reason`` is stable and machine-readable, the texts say in plain words what to do."""

    reason: str
    status: grpc.StatusCode
    zh: str
    en: str


@dataclass(frozen=True)
class FieldViolation:
    """``pointer`` is a JSON pointer into the request, for example /members/0/id_number."""

    pointer: str
    code: str
    zh: str
    en: str


@dataclass
class Refusal(Exception):
    problem: Problem
    fields: tuple[FieldViolation, ...] = ()
    zh: str = ""
    en: str = ""
    metadata: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.problem.reason}: {self.en or self.problem.en}"


INVALID_FIELDS = Problem(
    "INVALID_FIELDS",
    grpc.StatusCode.INVALID_ARGUMENT,
    "有内容需要修改，请按提示更正后再提交。",
    "Some fields need correcting; see each field's hint.",
)
BAD_REQUEST = Problem(
    "BAD_REQUEST",
    grpc.StatusCode.INVALID_ARGUMENT,
    "请求内容无法识别，请确认双方的接口版本一致。",
    "The request cannot be read; check that both sides use the same version of the interface.",
)
BAD_VALUE = Problem(
    "BAD_VALUE",
    grpc.StatusCode.INVALID_ARGUMENT,
    "有内容超出可以办理的范围，请检查后再提交。",
    "A value is outside of what can be dealt with; check what was sent.",
)
UNAUTHENTICATED = Problem("UNAUTHENTICATED", grpc.StatusCode.UNAUTHENTICATED, "请先登录。", "Please sign on first.")
NOT_ALLOWED = Problem("NOT_ALLOWED", grpc.StatusCode.PERMISSION_DENIED, "您没有办理这项业务的权限。", "You are not allowed to do this.")
OUT_OF_DIVISION = Problem(
    "OUT_OF_DIVISION", grpc.StatusCode.PERMISSION_DENIED, "该件不在您的辖区内。", "This case is outside your division."
)
NOT_FOUND = Problem("NOT_FOUND", grpc.StatusCode.NOT_FOUND, "没有找到，或您无权查看。", "Not found, or not yours to see.")
IDEMPOTENCY_KEY_REUSED = Problem(
    "IDEMPOTENCY_KEY_REUSED",
    grpc.StatusCode.ALREADY_EXISTS,
    "同一个提交编号已用于不同的内容，请刷新页面后重试。",
    "This idempotency key was used with other content.",
)
VERSION_MISMATCH = Problem(
    "VERSION_MISMATCH",
    grpc.StatusCode.ABORTED,
    "内容已被更新，请刷新后再操作。",
    "Somebody changed this meanwhile; reload and try again.",
)
BAD_CURSOR = Problem(
    "BAD_CURSOR",
    grpc.StatusCode.INVALID_ARGUMENT,
    "翻页标记无效，请回到第一页。",
    "The page cursor is not valid; start from the first page.",
)
UNAVAILABLE = Problem(
    "UNAVAILABLE",
    grpc.StatusCode.UNAVAILABLE,
    "服务暂时繁忙，请稍后再试，已填写的内容不会丢失。",
    "Temporarily unavailable; try again, nothing is lost.",
)
INTERNAL = Problem(
    "INTERNAL",
    grpc.StatusCode.INTERNAL,
    "系统出了问题，我们已记录，请稍后再试。",
    "Something went wrong on our side; please try again.",
)
DEADLINE = Problem(
    "DEADLINE_EXCEEDED",
    grpc.StatusCode.DEADLINE_EXCEEDED,
    "处理超时，请稍后查看结果。",
    "This took too long; please look again in a moment.",
)

# Asked again later, the same request may succeed. Everything else is an answer.
RETRYABLE = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.ABORTED,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.UNKNOWN,
        grpc.StatusCode.CANCELLED,
    }
)


def invalid(fields: Iterable[FieldViolation]) -> Refusal:
    return Refusal(INVALID_FIELDS, fields=tuple(fields))


def _pack(message: object) -> any_pb2.Any:
    packed = any_pb2.Any()
    packed.Pack(message)  # type: ignore[arg-type]  # every googleapis detail is a Message
    return packed


def to_status(refusal: Refusal) -> status_pb2.Status:
    """The rich gRPC status of a refusal."""
    problem = refusal.problem
    zh, en = refusal.zh or problem.zh, refusal.en or problem.en
    details = [
        _pack(error_details_pb2.ErrorInfo(reason=problem.reason, domain=DOMAIN, metadata=refusal.metadata)),
        _pack(error_details_pb2.LocalizedMessage(locale="zh-CN", message=zh)),
        _pack(error_details_pb2.LocalizedMessage(locale="en", message=en)),
    ]
    if refusal.fields:
        bad = error_details_pb2.BadRequest()
        for violation in refusal.fields:
            entry = bad.field_violations.add(field=violation.pointer, description=violation.zh, reason=violation.code)
            entry.localized_message.locale = "en"
            entry.localized_message.message = violation.en
        details.append(_pack(bad))
    return status_pb2.Status(code=code_pb2.Code.Value(problem.status.name), message=f"{problem.reason}: {en}", details=details)


def from_rpc_error(error: grpc.RpcError) -> Refusal:
    """The refusal a server answered with; an error without details becomes UNAVAILABLE or INTERNAL by its status."""
    code: grpc.StatusCode = error.code()
    try:
        status = rpc_status.from_call(error)  # type: ignore[arg-type]  # an AioRpcError is a Call too
    except ValueError:
        status = None
    fallback = {
        grpc.StatusCode.UNAVAILABLE: UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED: DEADLINE,
        grpc.StatusCode.UNAUTHENTICATED: UNAUTHENTICATED,
        grpc.StatusCode.PERMISSION_DENIED: NOT_ALLOWED,
    }.get(code, INTERNAL)
    if status is None:
        return Refusal(Problem(fallback.reason, code, fallback.zh, fallback.en))
    reason, texts, fields, metadata = fallback.reason, {"zh-CN": fallback.zh, "en": fallback.en}, [], {}
    for detail in status.details:
        if detail.Is(error_details_pb2.ErrorInfo.DESCRIPTOR):
            info = error_details_pb2.ErrorInfo()
            detail.Unpack(info)
            reason, metadata = info.reason, dict(info.metadata)
        elif detail.Is(error_details_pb2.LocalizedMessage.DESCRIPTOR):
            text = error_details_pb2.LocalizedMessage()
            detail.Unpack(text)
            texts[text.locale] = text.message
        elif detail.Is(error_details_pb2.BadRequest.DESCRIPTOR):
            bad = error_details_pb2.BadRequest()
            detail.Unpack(bad)
            fields = [FieldViolation(v.field, v.reason, v.description, v.localized_message.message) for v in bad.field_violations]
    return Refusal(Problem(reason, code, texts["zh-CN"], texts["en"]), fields=tuple(fields), metadata=metadata)


def to_application_error(refusal: Refusal, *, again_after: timedelta | None = None) -> ApplicationError:
    """How an activity fails: the type is the reason, so workflows and operators can tell refusals apart.

    ``again_after`` stands in for the retry policy's own pause.
    """
    return ApplicationError(
        f"{refusal.problem.reason}: {refusal.zh or refusal.problem.zh}",
        type=refusal.problem.reason,
        # A key or a clock of ours that is wrong is put right by an operator; no step fails for good because of it.
        non_retryable=refusal.problem.status not in RETRYABLE | {grpc.StatusCode.UNAUTHENTICATED},
        next_retry_delay=again_after,
    )
