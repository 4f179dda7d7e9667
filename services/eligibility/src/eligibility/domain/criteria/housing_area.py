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


def _pair(one: housing.Counted, other: housing.Counted) -> Title:
    """Which two entries may be one home, by their areas: where they are stands in the dossier, and in the register's own entry."""
    source = Title(zh="申报", en="declared") if one.declared else Title(zh="登记", en="registered")
    first, second = sqm(one.area_centi_sqm), sqm(other.area_centi_sqm)
    return Title(
        zh=f"{source.zh}的 {first.zh} 与登记的 {second.zh} 可能是同一套住房",
        en=f"the {source.en} home of {first.en} and the registered one of {second.en} may be the same",
    )


def judge(inputs: Inputs, limit: int) -> Finding:
    area = housing.count(inputs.declaration.homes, inputs.facts.of(RegisteredHome))
    per_person, at_least = (total / len(inputs.declaration.members) for total in (area.most, area.least))
    observed = Title(zh=f"人均 {sqm(per_person).zh}", en=f"{sqm(per_person).en} per person")
    allowed = threshold(limit).zh

    def found(verdict: Verdict, zh: str, en: str) -> Finding:
        return Finding(verdict, Title(zh=zh, en=en), observed, receipts=area.receipt_ids)

    if at_least <= limit < per_person:
        # One home counted twice would refuse a family that is entitled: which entries are one home only a person can see.
        zh = "；".join(_pair(*pair).zh for pair in area.pairs)
        en = "; ".join(_pair(*pair).en for pair in area.pairs)
        return found(
            Verdict.NEEDS_REVIEW,
            f"{zh}。分别计算为{observed.zh}，按同一套计算为人均 {sqm(at_least).zh}，请人工核对。",
            f"{en}. Counted apart they come to {observed.en}, as one home to {sqm(at_least).en}: a person has to check.",
        )
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
