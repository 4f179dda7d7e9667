"""What organisation refuses, and why."""

from __future__ import annotations

from typing import Final

import grpc
from chassis.errors import FieldViolation, Problem, Refusal, invalid

ALREADY_ADMINISTERED: Final = Problem(
    "ALREADY_ADMINISTERED",
    grpc.StatusCode.FAILED_PRECONDITION,
    "组织机构已有人员，导入只能做一次；请由用户管理员在“组织机构”页面办理。",
    "People have been appointed already, and importing is good once; the user administrators go on from the page “organisation”.",
)
OWN_APPOINTMENT: Final = Problem(
    "OWN_APPOINTMENT",
    grpc.StatusCode.PERMISSION_DENIED,
    "不能办理自己的岗位，请由另一位管理员办理。",
    "Nobody changes his own duties; another administrator has to.",
)
SAME_ADMINISTRATOR: Final = Problem(
    "SAME_ADMINISTRATOR",
    grpc.StatusCode.PERMISSION_DENIED,
    "登记的人不能自己确认，请由另一位确认。",
    "Whoever has entered it does not confirm it; somebody else has to.",
)
ANOTHERS_ACCOUNT: Final = Problem(
    "ANOTHERS_ACCOUNT",
    grpc.StatusCode.FAILED_PRECONDITION,
    "该账号登记的是另一个人，请核对账号和证件号码；一个账号只属于一个人。",
    "The account is another person's; check account and number. An account is one person's.",
)
ALREADY_APPOINTED: Final = Problem(
    "ALREADY_APPOINTED",
    grpc.StatusCode.FAILED_PRECONDITION,
    "此人在该单位的这个岗位已有任期，与所填日期重叠。",
    "The person has this duty there already in some of these days.",
)
KEPT_APART: Final = Problem(
    "KEPT_APART",
    grpc.StatusCode.FAILED_PRECONDITION,
    "用户管理员和安全审计员不能兼任其他岗位，请先结束其中一个。",
    "The user administrator and the audit administrator have no other duty; end one of the two first.",
)
NOBODY_LEFT: Final = Problem(
    "NOBODY_LEFT",
    grpc.StatusCode.FAILED_PRECONDITION,
    "移交后没有人能办这些工作：所选的人（或本岗位其他人）在这个辖区没有同样的岗位。请先任命接替的人。",
    "Nobody could do the work afterwards: neither the one chosen nor anybody else has the duty there. Appoint the successor first.",
)
NOT_PROPOSED: Final = Problem(
    "NOT_PROPOSED",
    grpc.StatusCode.FAILED_PRECONDITION,
    "这项任命不在等待确认，请刷新后查看。",
    "This does not wait for confirmation (any more); reload and look again.",
)
ALREADY_OVER: Final = Problem(
    "ALREADY_OVER",
    grpc.StatusCode.FAILED_PRECONDITION,
    "已经结束，不用再办理。",
    "It is over already; there is nothing left to end.",
)
VIEW_NAME_TAKEN: Final = Problem(
    "VIEW_NAME_TAKEN",
    grpc.StatusCode.FAILED_PRECONDITION,
    "这个列表已有同名的视图，请换一个名称。",
    "The list has a view of this name; choose another.",
)
TOO_MANY_VIEWS: Final = Problem(
    "TOO_MANY_VIEWS",
    grpc.StatusCode.FAILED_PRECONDITION,
    "您保存的视图已达 50 个，请先删除不用的。",
    "You keep 50 views already; remove one you do not use.",
)


def invalid_field(pointer: str, code: str, zh: str, en: str) -> Refusal:
    return invalid([FieldViolation(pointer, code, zh, en)])
