"""What the registry gateway refuses, and in which words."""

from __future__ import annotations

import grpc
from chassis.errors import Problem

REGISTER_UNAVAILABLE = Problem(
    "REGISTER_UNAVAILABLE",
    grpc.StatusCode.UNAVAILABLE,
    "部门数据暂时查询不到，系统会自动重试，不影响您的申请。",
    "The department's register does not answer at the moment; it is asked again automatically and your application is not affected.",
)
NO_CONSENT = Problem(
    "NO_CONSENT",
    grpc.StatusCode.FAILED_PRECONDITION,
    "没有有效的数据核验授权，请申请人和每位成年家庭成员先本人确认。",
    "There is no valid consent to this lookup; the applicant and every other adult have to give their own first.",
)
PURPOSE_NOT_ALLOWED = Problem(
    "PURPOSE_NOT_ALLOWED",
    grpc.StatusCode.FAILED_PRECONDITION,
    "该查询目的不允许查询此项数据。",
    "This purpose does not allow this question.",
)
OBJECTION_OPEN = Problem(
    "QUERY_OBJECTION_OPEN",
    grpc.StatusCode.FAILED_PRECONDITION,
    "您对这次查询的异议已经收到，正在核查。答复后如仍有疑问，可以再次提出。",
    "Your objection to this query has been received and is being looked into. After the answer you may object again.",
)
GROUND_ANSWERED = Problem(
    "QUERY_GROUND_ANSWERED",
    grpc.StatusCode.FAILED_PRECONDITION,
    "您对这次查询提出过的理由已经答复过，同样的理由不再重复受理。如有新的事实，请写明后再提出；同一次查询最多受理您三个不同的理由。对答复不服的，可以依法向履行个人信息保护职责的部门投诉。",
    "These grounds of yours against this query have been answered. With new facts you may object again, on three different grounds at most; against the answer you may complain to the authority for personal information.",
)
NOT_YOURS_TO_ANSWER = Problem(
    "QUERY_OBJECTION_NEAR",
    grpc.StatusCode.PERMISSION_DENIED,
    "这条异议涉及您本人、您的家庭或亲属，或者您居住的社区，您应当回避，请交由其他审计人员答复。",
    "This objection is your own, or of your household, a relative or the community you live in. Leave it to another auditor.",
)
ALREADY_ANSWERED = Problem(
    "QUERY_OBJECTION_ANSWERED",
    grpc.StatusCode.FAILED_PRECONDITION,
    "这条异议已经答复，请刷新页面查看。",
    "This objection has been answered; reload the page to see how.",
)
WHO_IS_NOT_KNOWN = Problem(
    "WHO_IS_NOT_KNOWN",
    grpc.StatusCode.FAILED_PRECONDITION,
    "您的账号没有实名认证，无法确认查询记录里哪些是您本人的。请先在登录的平台完成实名认证，或带身份证到街道办事处窗口查询。",
    "Your account is not verified, so it is not known which queries were about you. Have your identity verified where you sign on, or ask at the counter of your street office.",
)
