"""Order 11, article 7(1): floor area per person of the whole household, share by share."""

from __future__ import annotations

from anju_contracts.application import Verdict
from anju_terms import Title

from eligibility.domain import housing
from eligibility.domain.criterion import Finding, Limited
from eligibility.domain.inputs import Inputs
from eligibility.domain.registered import RegisteredHome
from eligibility.domain.wording import sqm


def threshold(limit: int) -> Title:
    if limit == 0:
        return Title(zh="无住房", en="no home")
    return Title(zh=f"不超过 {sqm(limit).zh}", en=f"at most {sqm(limit).en}")


def judge(inputs: Inputs, limit: int) -> Finding:
    area = housing.count(inputs.declaration.homes, inputs.facts.of(RegisteredHome))
    per_person = area.centi_sqm / len(inputs.declaration.members)
    observed = Title(zh=f"人均 {sqm(per_person).zh}", en=f"{sqm(per_person).en} per person")
    allowed = threshold(limit).zh

    def found(verdict: Verdict, zh: str, en: str) -> Finding:
        return Finding(verdict, Title(zh=zh, en=en), observed, receipts=area.receipt_ids)

    if per_person > limit:
        return found(Verdict.NOT_MET, f"家庭{observed.zh}，高于规定标准（{allowed}）。", "The floor area per person is above the limit.")
    if area.undeclared:
        return found(
            Verdict.NEEDS_REVIEW,
            f"登记有 {len(area.undeclared)} 处未申报的住房，请人工核对；计入后{observed.zh}。",
            f"{len(area.undeclared)} registered home(s) were not declared; a person has to check.",
        )
    return found(Verdict.MET, f"家庭{observed.zh}，符合规定标准（{allowed}）。", "The floor area per person is within the limit.")


CRITERION = Limited(
    code="housing_area", limit="area_per_person_centi_sqm_max", registers=("real_estate",), threshold=threshold, judge=judge
)
