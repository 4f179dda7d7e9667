"""What eligibility refuses, and in which words."""

from __future__ import annotations

import grpc
from chassis.errors import Problem

NO_ASSESSMENT = Problem(
    "NO_ASSESSMENT",
    grpc.StatusCode.NOT_FOUND,
    "该申请还没有资格评估结果，部门数据核验完成后会自动评估。",
    "This case has not been assessed yet; it will be as soon as the registers have answered.",
)
UNKNOWN_PROFILE_VERSION = Problem(
    "UNKNOWN_PROFILE_VERSION",
    grpc.StatusCode.FAILED_PRECONDITION,
    "没有该申请受理时所依据的城市规则版本，不能用现行规则代替评估，请联系管理员。",
    "The version of the city's rules under which this case was taken in is not there, and today's rules are no substitute; please tell the operator.",
)
UNKNOWN_CATEGORY = Problem(
    "UNKNOWN_CATEGORY",
    grpc.StatusCode.FAILED_PRECONDITION,
    "城市规则中没有该类申请家庭的准入条件，请联系管理员。",
    "The city's rules have no criteria for this category of applicants; please tell the operator.",
)
