"""One plain sentence about a lookup, zh-CN, for the household, its reviewers and operators. Counts only, nothing about a person."""

from __future__ import annotations

from anju_workflows.contracts import LookupOutcome

_FOUND = {
    "social_insurance": "查到 {count} 人的社会保险缴费记录。",
    "real_estate": "查到不动产登记 {count} 处。",
    "vehicles": "查到名下车辆 {count} 辆。",
    "marriage": "查到 {count} 人的婚姻登记记录。",
}
_NO_RECORD = {
    "social_insurance": "未查到社会保险缴费记录。",
    "real_estate": "未查到不动产登记。",
    "vehicles": "未查到名下车辆。",
    "marriage": "未查到婚姻登记记录（查无记录不等于未婚）。",
}


def summarise(register: str, outcome: LookupOutcome, facts: int, silent_offices: int, offices: int) -> str:
    """``facts`` counts what was found, ``silent_offices`` the offices of ``offices`` which have not answered for everybody."""
    if outcome is LookupOutcome.UNAVAILABLE:
        where = f"{offices} 个登记机构中有 {silent_offices} 个" if offices > 1 else "登记机构"
        return f"{where}暂未答复，系统会自动重试，不影响申请。"
    if outcome is LookupOutcome.MISMATCH:
        return "登记机构返回的信息与查询的人不一致，未予采用，请工作人员人工核对。"
    return _FOUND[register].format(count=facts) if outcome is LookupOutcome.FOUND else _NO_RECORD[register]
