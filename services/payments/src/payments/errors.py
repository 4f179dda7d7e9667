"""What payments refuses, in words a tenant can act on."""

from __future__ import annotations

from typing import Final

import grpc
from chassis.errors import Problem

_FAILED: Final = grpc.StatusCode.FAILED_PRECONDITION

BILL_NOT_PAYABLE = Problem(
    "BILL_NOT_PAYABLE", _FAILED, "该账单已缴清或不能再缴，请刷新后查看。", "This bill is paid or can no longer be paid; reload the page."
)
BANK_UNAVAILABLE = Problem(
    "BANK_UNAVAILABLE",
    grpc.StatusCode.UNAVAILABLE,
    "银行暂时没有回应，请稍后再试；已缴的款项不会丢失，也不会重复扣款。",
    "The bank does not answer now; try again later. Money already paid is not lost and is not taken twice.",
)
EXISTS_WITH_DIFFERENT_AMOUNT = Problem(
    "EXISTS_WITH_DIFFERENT_AMOUNT",
    grpc.StatusCode.ALREADY_EXISTS,
    "该账单已开出，且金额或内容不同。",
    "This bill was issued before with another amount or content.",
)
STEP_REFUSED = Problem(
    "STEP_REFUSED", _FAILED, "账单当前状态不能办理这一步。", "The bill is in a state in which this step is not possible."
)
TOOK_IT_HIMSELF = Problem(
    "TOOK_IT_HIMSELF",
    _FAILED,
    "这些现金里有您自己收的，应当由另一位同事清点。",
    "You took some of this cash yourself; somebody else has to count it.",
)
NO_CASH = Problem("NO_CASH", _FAILED, "这个收款点没有待清点的现金。", "There is no cash to be counted at this counter.")
ALREADY_DEPOSITED = Problem(
    "ALREADY_DEPOSITED", _FAILED, "这次清点的现金已经缴存银行。", "What was counted here has been brought to the bank already."
)
SLIP_USED = Problem(
    "SLIP_USED",
    grpc.StatusCode.ALREADY_EXISTS,
    "这张缴存单已经用过，请核对编号。",
    "This deposit slip was used before; check its number.",
)
BAD_SIGNATURE = Problem(
    "BAD_SIGNATURE",
    grpc.StatusCode.PERMISSION_DENIED,
    "回调签名不正确，已拒绝并记录。",
    "The callback's signature is wrong; refused and noted.",
)
BAD_CALLBACK = Problem(
    "BAD_CALLBACK", grpc.StatusCode.INVALID_ARGUMENT, "回调内容无法识别，已记录。", "The callback cannot be understood; noted."
)
WRONG_MERCHANT = Problem(
    "WRONG_MERCHANT", _FAILED, "回调不是发给本商户柜台的，已记录。", "The callback is for another merchant's counter; noted."
)
