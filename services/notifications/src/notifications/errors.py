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
