"""Everything casework refuses, in one place."""

from __future__ import annotations

from collections.abc import Iterable

import grpc
from chassis.errors import FieldViolation, Problem, Refusal, invalid

from casework.domain.violations import Violation

_FAILED = grpc.StatusCode.FAILED_PRECONDITION

HOUSEHOLD_HAS_APPLICATION = Problem(
    "HOUSEHOLD_HAS_APPLICATION",
    grpc.StatusCode.ALREADY_EXISTS,
    "家庭成员中有人已在办理中的申请里，一个家庭同时只能有一件申请。请查看已有申请，或到街道窗口咨询。",
    "A member of the household already stands in an open application; a household can have one at a time.",
)
NOT_AWAITED = Problem(
    "NOT_AWAITED",
    _FAILED,
    "该申请当前不需要您确认，请刷新后查看。",
    "This application does not wait for a confirmation now; reload to see it.",
)
CONFIRMED_ELSEWHERE = Problem(
    "CONFIRMED_ELSEWHERE",
    grpc.StatusCode.ALREADY_EXISTS,
    "这位成员已在另一件办理中的申请里，同一人只能属于一个申请家庭。请先撤回那一件，或请申请人补正时去掉这位成员；有疑问请到街道窗口咨询。",
    "This person stands in another open application, and belongs to one household only. Withdraw that one first, or have the applicant leave him out.",
)
TASK_NOT_OPEN = Problem(
    "TASK_NOT_OPEN", _FAILED, "该件当前不在您这一级待办中，请刷新后查看。", "There is no open task at your level for this case."
)
STEP_REFUSED = Problem("STEP_REFUSED", _FAILED, "当前阶段不能办理这一步，请刷新后查看。", "This step cannot be taken at the current stage.")
NOT_RETURNED = Problem("NOT_RETURNED", _FAILED, "该申请当前不需要补正。", "This application has not been returned for correction.")
ALREADY_ENDED = Problem("ALREADY_ENDED", _FAILED, "该申请已经办结。", "This application has already ended.")
NOT_ON_NOTICE = Problem("NOT_ON_NOTICE", _FAILED, "该申请当前不在公示期，不能提出异议。", "This case is not on public notice.")
OBJECTION_PENDING = Problem(
    "OBJECTION_PENDING",
    grpc.StatusCode.ALREADY_EXISTS,
    "您对该申请的异议正在复核，请等待答复后再提出新的异议。",
    "Your earlier objection to this case is still being looked at.",
)
OBJECTION_ANSWERED = Problem(
    "OBJECTION_ANSWERED",
    grpc.StatusCode.ALREADY_EXISTS,
    "您对该申请提出过的理由已经复核过，同样的理由不再重复受理。如有新的事实或材料，请写明后再提出；同一申请最多受理您三个不同的理由。",
    "These grounds of yours have been looked at already. With new facts you may object again; at most three different grounds against one case.",
)
OWN_CASE = Problem(
    "OWN_CASE",
    grpc.StatusCode.PERMISSION_DENIED,
    "不能办理与本人有关的申请或异议，请交由其他工作人员办理。",
    "You cannot decide a case or an objection of your own.",
)
SPOUSE_CASE = Problem(
    "SPOUSE_CASE",
    grpc.StatusCode.PERMISSION_DENIED,
    "婚姻登记显示您的配偶在该申请家庭中，您应当回避，请交由其他工作人员办理。",
    "The marriage register names you as the spouse of a member of this household. Leave the case to a colleague.",
)
RELATIVE_CASE = Problem(
    "RELATIVE_CASE",
    grpc.StatusCode.PERMISSION_DENIED,
    "您申报的亲属在该申请家庭中，您应当回避，请交由其他工作人员办理。",
    "A relative whom you have declared belongs to this household. Leave the case to a colleague.",
)
OWN_COMMUNITY = Problem(
    "OWN_COMMUNITY",
    grpc.StatusCode.PERMISSION_DENIED,
    "该申请家庭住在您居住的社区，您应当回避，请交由其他工作人员办理。",
    "This household lives in the community you live in. Leave the case to a colleague.",
)
RECUSED = Problem(
    "RECUSED",
    grpc.StatusCode.PERMISSION_DENIED,
    "您在该件中已回避，请交由其他工作人员办理。",
    "You have left this case to others; a colleague decides it.",
)
DECLARATION_DUE = Problem(
    "DECLARATION_DUE",
    _FAILED,
    "您还没有做回避申报，或上次申报已到期。请先在“回避申报”中填写（约一分钟），再回来办理这一件。",
    "You have not declared whose cases you leave to others, or your declaration has run out. Declare first (about a minute), then come back to this case.",
)
SAME_REVIEWER = Problem(
    "SAME_REVIEWER",
    grpc.StatusCode.PERMISSION_DENIED,
    "您已在该件的其他层级作出过决定，同一人不能决定两级，请交由其他工作人员办理。",
    "You have decided this case at another level; nobody decides two levels of one case. Leave it to a colleague.",
)
TYPED_CASE = Problem(
    "TYPED_CASE",
    grpc.StatusCode.PERMISSION_DENIED,
    "您在窗口为这户家庭代填过，填写的人不能再审核同一件，请交由其他工作人员办理。",
    "You have typed for this household at the counter; who types does not decide the same case. Leave it to a colleague.",
)
SECOND_PERSON = Problem(
    "SECOND_PERSON",
    grpc.StatusCode.PERMISSION_DENIED,
    "您已提出通过意见。该件有准入条件不符合或无法核实，须由本级另一位审核人员确认后才能通过，请交由同事办理。",
    "You have proposed the approval. It goes against a criterion that is not met or could not be verified, so a colleague of your level has to agree.",
)
ILLEGAL_MOVE = Problem("ILLEGAL_MOVE", _FAILED, "流程中没有这一步。", "The table of legal moves has no such step.")
NO_CONSENT = Problem(
    "NO_CONSENT", _FAILED, "没有申请人和每位成年家庭成员对该项核验的有效授权。", "There is no valid consent of everybody for this purpose."
)
NO_CONSENT_GIVEN = Problem(
    "NO_CONSENT_GIVEN",
    _FAILED,
    "这件申请里没有您可以撤回的同意。申请人不想继续的，请在“我的事项”中撤回申请。",
    "There is no consent of yours here to take back. The applicant may withdraw the application under “My cases”.",
)
NOT_REGISTERED = Problem(
    "NOT_REGISTERED", _FAILED, "该家庭还没有登记为轮候对象。", "This household is not registered for the waiting list."
)
NOT_VERIFIED = Problem(
    "NOT_VERIFIED",
    grpc.StatusCode.PERMISSION_DENIED,
    "您的账号还没有实名认证，不能提交申请。请先在登录的平台完成实名认证，再回来提交；也可以带身份证到居住地街道办事处窗口办理。",
    "Your account carries no verified identity number. Have it verified where you sign on, or apply at the counter of your street office.",
)
NO_AUTHORISATION = Problem(
    "NO_AUTHORISATION",
    _FAILED,
    "这户家庭没有有效的授权书，不能代办。请申请人签一份授权书，拍照登记后再办。",
    "No authorisation of this household is in force: have the applicant sign one, and photograph it first.",
)
AUTHORISATION_REVOKED = Problem(
    "AUTHORISATION_REVOKED",
    _FAILED,
    "申请人已经收回授权，不能再代办；已经办好的仍然有效。要继续代办，请申请人重新签一份授权书。",
    "The applicant has taken the authorisation back. What was done stays; to go on, have a new one signed.",
)
ASSISTANCE_OVER = Problem(
    "ASSISTANCE_OVER",
    _FAILED,
    "这次代办已经结束。请重新打开代办，再继续办理。填写的内容还在。",
    "This visit is over. Open another for the household and go on; what was typed is kept.",
)
NOT_THEIR_COUNTER = Problem(
    "NOT_THEIR_COUNTER",
    grpc.StatusCode.PERMISSION_DENIED,
    "这个家庭的住址或已有的申请不属于您的街道，请到居住地街道的受理点办理。",
    "This household lives, or has an application, in another street: its own street's counter acts for it.",
)
NO_SUCH_ROUND = Problem("NO_SUCH_ROUND", _FAILED, "没有这一轮申请材料。", "There is no such dossier round.")


def invalid_dossier(violations: Iterable[Violation]) -> Refusal:
    return invalid(FieldViolation(*violation) for violation in violations)


def another_person(pointer: str) -> Violation:
    return Violation(
        pointer,
        "NOT_ONESELF",
        "这不是您登录时认证的身份证号码。申请人须是登录的本人：请核对号码，或者请申请人用自己的账号登录；不用手机的，可以到居住地街道办事处窗口办理。",
        "This is not the number your sign-on has verified. Applicants sign on themselves; who uses no phone applies at the counter of the street office.",
    )


def invalid_field(pointer: str, code: str, zh: str, en: str) -> Refusal:
    return invalid([FieldViolation(pointer, code, zh, en)])
