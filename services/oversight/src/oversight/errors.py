"""What oversight refuses, and why."""

from __future__ import annotations

from typing import Final

import grpc
from chassis.errors import Problem

DRAFT_CHANGED: Final = Problem(
    "DRAFT_CHANGED",
    grpc.StatusCode.FAILED_PRECONDITION,
    "这份草稿已被修改，请重新打开看过以后再继续。",
    "The draft has been changed since; open it again and read it before you go on.",
)
SECOND_READER: Final = Problem(
    "SECOND_READER",
    grpc.StatusCode.FAILED_PRECONDITION,
    "发布须由没有写过这份草稿的另一位工作人员办理。",
    "A draft is published by another person than those who have written in it.",
)
IN_THE_PAST: Final = Problem(
    "IN_THE_PAST",
    grpc.StatusCode.FAILED_PRECONDITION,
    "日期须在今天或以后，并晚于以前各版本的施行日期：过去哪天适用什么，不能更改。",
    "The day is today or later, and after that of every version before: what was in force on a day that is over is not changed.",
)
POLICY_WITHDRAWN: Final = Problem(
    "POLICY_WITHDRAWN",
    grpc.StatusCode.FAILED_PRECONDITION,
    "这项政策已经废止；新的规定请另立一项。",
    "This policy has been withdrawn; new rules are a policy of their own.",
)
EVALUATED: Final = Problem(
    "EVALUATED",
    grpc.StatusCode.FAILED_PRECONDITION,
    "这项服务已经评价过了，评价提交后不能修改。还有话要说，请用“投诉建议”。",
    "This service has been evaluated, and what was said stays. If you have more to say, make a complaint or a suggestion.",
)
RATED_ONESELF: Final = Problem(
    "RATED_ONESELF",
    grpc.StatusCode.PERMISSION_DENIED,
    "这项服务是您办理的，评价和回访须由其他人员经办。",
    "You have rendered this service yourself: its evaluation is typed in, and followed up, by somebody else.",
)
FOLLOWED_UP: Final = Problem(
    "FOLLOWED_UP",
    grpc.StatusCode.FAILED_PRECONDITION,
    "这件回访已经办结，请刷新页面查看。",
    "This has been followed up already; reload the page to see how.",
)
FOLLOW_UP_NEAR: Final = Problem(
    "FOLLOW_UP_NEAR",
    grpc.StatusCode.PERMISSION_DENIED,
    "您应当回避这户家庭的事项，请交由其他人员回访。",
    "You leave this household's matters to others; have somebody else follow it up.",
)
NOT_VERIFIED: Final = Problem(
    "NOT_VERIFIED",
    grpc.StatusCode.PERMISSION_DENIED,
    "您的工作账号没有实名认证，系统无法核对评价是否与您有关，不能办理。请联系本单位账号管理员完成实名认证后重新登录。",
    "Your work account carries no verified identity number, so nobody can tell whether it is you who was rated. Have your administrator verify it.",
)
