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


def invalid_field(pointer: str, code: str, zh: str, en: str) -> Refusal:
    return invalid([FieldViolation(pointer, code, zh, en)])
