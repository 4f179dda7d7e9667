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
