"""How many homes the registers know of the household, whatever their size."""

from __future__ import annotations

from anju_contracts.application import Verdict
from anju_terms import Title
from eligibility.domain.criterion import Finding, Limited
from eligibility.domain.inputs import Inputs
from eligibility.domain.registered import RegisteredHome


def threshold(limit: int) -> Title:
    return Title(zh=f"不超过 {limit} 套", en=f"at most {limit}")


def judge(inputs: Inputs, limit: int) -> Finding:
    homes = [home for home in inputs.facts.of(RegisteredHome) if home.residential]
    observed, receipts = Title(zh=f"{len(homes)} 套", en=f"{len(homes)} home(s)"), tuple(home.receipt_id for home in homes)
    if len(homes) > limit:
        reason = Title(zh=f"家庭登记住房 {observed.zh}，超过规定。", en="The household has more homes than allowed.")
        return Finding(Verdict.NOT_MET, reason, observed, receipts=receipts)
    return Finding(
        Verdict.MET, Title(zh="登记住房套数符合规定。", en="The number of homes is within the limit."), observed, receipts=receipts
    )


CRITERION = Limited(code="registered_homes", limit="registered_homes_max", registers=("real_estate",), threshold=threshold, judge=judge)
