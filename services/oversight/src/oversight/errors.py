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
