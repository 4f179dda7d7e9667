"""What housing refuses, in words a household or a house manager can act on."""

from __future__ import annotations

from typing import Final

import grpc
from chassis.errors import Problem

_FAILED = grpc.StatusCode.FAILED_PRECONDITION

UNIT_EXISTS = Problem(
    "UNIT_EXISTS",
    grpc.StatusCode.ALREADY_EXISTS,
    "该小区已有相同房号的房源，请核对后再录入。",
    "The estate already has a home with this number; check the list before adding it.",
)
ESTATE_DIFFERS = Problem(
    "ESTATE_DIFFERS",
    _FAILED,
    "该小区编号已用于其他小区，请核对小区名称、区划和地址。",
    "This estate id belongs to another estate; check its name, district and address.",
)
RENT_NOT_BY_STANDARD = Problem(
    "RENT_NOT_BY_STANDARD",
    _FAILED,
    "月租金按面积和租金标准计算，与填写的不同。请不填月租金。",
    "The rent follows from area and rent standard, and differs from what was given. Leave it out.",
)
OFFER_NOT_OPEN = Problem(
    "OFFER_NOT_OPEN", _FAILED, "该配租已经结束或已答复，请刷新后查看。", "This offer has ended or was answered already; reload the page."
)
ALREADY_ENDED = Problem(
    "ALREADY_ENDED", _FAILED, "该事项已经办结，请刷新后查看结果。", "This case has ended already; reload the page to see its result."
)
LEASE_NOT_OPEN = Problem(
    "LEASE_NOT_OPEN", _FAILED, "该合同当前不能签约，请刷新后查看。", "This lease cannot be signed now; reload the page."
)
NOT_ACKNOWLEDGED = Problem(
    "NOT_ACKNOWLEDGED",
    _FAILED,
    "请先阅读并确认违约责任和应当退回住房的情形，再签约。",
    "Read and confirm the liability clauses and the return situations before signing.",
)
TERMS_CHANGED = Problem(
    "TERMS_CHANGED",
    _FAILED,
    "您阅读之后，合同内容有变化，这次没有签订。请把新的合同再读一遍，同意后再签。",
    "The contract has changed since you read it, so nothing was signed. Read the new text, and sign it if you agree.",
)
STEP_REFUSED = Problem("STEP_REFUSED", _FAILED, "当前状态不能办理这一步。", "The record is in a state in which this step is not possible.")

# The refusals which workflows give by name; the Chinese comes with them.
PROBLEMS: Final = {
    problem.reason: problem for problem in (OFFER_NOT_OPEN, ALREADY_ENDED, LEASE_NOT_OPEN, NOT_ACKNOWLEDGED, TERMS_CHANGED, STEP_REFUSED)
}
