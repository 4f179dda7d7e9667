"""Why a complaint, or a step of one, is refused."""

from __future__ import annotations

from typing import Final

import grpc
from chassis.errors import FieldViolation, Problem, Refusal, invalid

_DENIED: Final = grpc.StatusCode.PERMISSION_DENIED
_FAILED: Final = grpc.StatusCode.FAILED_PRECONDITION

ALREADY_SAID = Problem(
    "ALREADY_SAID",
    _FAILED,
    "同样的内容您已经反映过，正在办理；请在“我的来信”查看，不需要重复提交。",
    "You have written just this before, and it is being dealt with: see “My letters”.",
)
TOO_MANY_OPEN = Problem(
    "TOO_MANY_OPEN",
    _FAILED,
    "您有很多来信还在办理。请等其中一些办结后再写；紧急的事请拨打 12345。",
    "Many of your letters are still being dealt with. Please wait for some of them; what is urgent call 12345 about.",
)
REFERENCE_KNOWN = Problem(
    "REFERENCE_KNOWN",
    _FAILED,
    "这个 12345 工单号已经登记过，请在来信列表中按工单号查找。",
    "This reference number of 12345 was entered before: search for it in the list.",
)
FOLLOW_UP_UNKNOWN = Problem(
    "FOLLOW_UP_UNKNOWN",
    grpc.StatusCode.NOT_FOUND,
    "编号或查询码不对，请核对后再试。查询码只在提交时显示一次，系统没有保存，丢失后无法找回。",
    "The number or the code is wrong; please check them. The code was shown once, when you wrote; we have not kept it and cannot find it again.",
)
FOLLOW_UP_LATER = Problem(
    "FOLLOW_UP_LATER",
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    "查询码输错次数太多，这个编号一小时内不能再查。请一小时后再试。",
    "Too many wrong codes: this number cannot be looked up for an hour. Please try again after that.",
)
COMPLAINT_MOVED_ON = Problem(
    "COMPLAINT_MOVED_ON",
    _FAILED,
    "这件事已经有了新的进展，请刷新后查看。",
    "This matter has moved on; please reload the page.",
)
NO_MORE_ROUNDS = Problem(
    "NO_MORE_ROUNDS",
    _FAILED,
    "这件事已经重新办理过两次，不能再次要求重办；对结果仍不满意的，可以拨打 12345 或依法申请行政复议。",
    "It was dealt with anew twice and is not opened again. If you are still not content, call 12345, or apply for reconsideration.",
)
HAS_MERGED = Problem(
    "HAS_MERGED",
    _FAILED,
    "还有别的来信并在这一件里等答复，不能撤回或再并入别的来信。",
    "Others wait for the answer to this one: it can be neither withdrawn nor merged into another.",
)
PHOTOS_FULL = Problem(
    "PHOTOS_FULL",
    _FAILED,
    "一件来信最多附 6 张照片，已经够了；已上传的照片都在。",
    "A letter carries six photographs at most, and has them; none is lost.",
)
NOT_YOUR_DESK = Problem(
    "NOT_YOUR_DESK",
    _DENIED,
    "这件来信现在不由您所在的受理台承办。",
    "This complaint is not with your desk now.",
)
ABOUT_YOU = Problem(
    "ABOUT_YOU",
    _DENIED,
    "这件来信反映的是您本人，须由其他人办理。",
    "This complaint is about you; others deal with it.",
)
OWN_COMPLAINT = Problem(
    "OWN_COMPLAINT",
    _DENIED,
    "这是您本人反映的事情，须由其他人办理；进展请用个人账号在“我的来信”查看。",
    "You wrote this yourself; others deal with it. Follow it under “My letters” with your own account.",
)
NOT_VERIFIED = Problem(
    "NOT_VERIFIED",
    _DENIED,
    "您的工作账号没有实名认证，无法核对来信是否与您本人有关，不能办理。请联系本单位账号管理员。",
    "Your work account carries no verified identity number, so nobody can tell which complaints are about you or yours. Have your administrator verify it.",
)
ANOTHER_PERSON = Problem(
    "ANOTHER_PERSON",
    _FAILED,
    "这一步须由另一个人办理：写答复的人不能复核自己的答复，原来答复的人不能再次答复。",
    "Another person does this: nobody reads over his own answer, and who answered last does not answer again.",
)
STAYS_AT_CITY = Problem(
    "STAYS_AT_CITY",
    _FAILED,
    "反映工作人员的来信由市级办理，不能转给被反映人所在的部门。",
    "What is about staff stays with the city, and is not given to those beside them.",
)
CANNOT_MERGE = Problem(
    "CANNOT_MERGE",
    _FAILED,
    "只能并入同一类别、还在办理、由您所在受理台承办的另一件来信。",
    "It can be merged only into another of the same kind that is being dealt with at your desk.",
)

PROBLEMS: Final = {problem.reason: problem for problem in (COMPLAINT_MOVED_ON, NO_MORE_ROUNDS)}


def wrong_field(pointer: str, zh: str, en: str, code: str = "INVALID") -> Refusal:
    return invalid([FieldViolation(pointer, code, zh, en)])
