"""What notifications refuses, and why."""

from __future__ import annotations

import grpc
from chassis.errors import Problem

NO_TEMPLATE = Problem(
    "NO_TEMPLATE",
    grpc.StatusCode.NOT_FOUND,
    "没有这种通知，请检查通知名称。",
    "There is no such template for this audience.",
)
BAD_RECEIPT_SIGNATURE = Problem(
    "BAD_RECEIPT_SIGNATURE",
    grpc.StatusCode.PERMISSION_DENIED,
    "回执签名无效，已拒绝并记录。",
    "The receipts' signature is wrong; refused and noted.",
)
BAD_RECEIPTS = Problem(
    "BAD_RECEIPTS", grpc.StatusCode.INVALID_ARGUMENT, "回执内容无法识别，已记录。", "The receipts cannot be understood; noted."
)
LETTER_IS_ELSEWHERE = Problem(
    "LETTER_IS_ELSEWHERE",
    grpc.StatusCode.FAILED_PRECONDITION,
    "这封信函已经不在这一步，请刷新后再看。",
    "This letter is at another step by now; look at the list again.",
)
LETTER_NOT_YOURS = Problem(
    "LETTER_NOT_YOURS",
    grpc.StatusCode.FAILED_PRECONDITION,
    "其中有您应当回避的家庭，请由同事打印，去掉后再试。",
    "One of these is to a household you leave to others: a colleague prints it. Leave it out and try again.",
)
BROADCAST_ELSEWHERE = Problem(
    "BROADCAST_ELSEWHERE",
    grpc.StatusCode.FAILED_PRECONDITION,
    "这条群发通知已经不在这一步，请刷新后再看。",
    "This broadcast is at another step by now; look at it again.",
)
SECOND_SENDER = Problem(
    "SECOND_SENDER",
    grpc.StatusCode.PERMISSION_DENIED,
    "群发通知须由起草人以外的同事核对后发出。",
    "A colleague who has not written it reads it over and releases it.",
)
