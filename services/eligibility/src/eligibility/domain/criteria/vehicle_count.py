"""Order 11, article 7(2): the larger of declared and registered vehicles."""

from __future__ import annotations

from anju_contracts.application import Verdict
from anju_terms import Title

from eligibility.domain.criterion import Finding, Limited
from eligibility.domain.inputs import Inputs
from eligibility.domain.registered import RegisteredVehicle


def threshold(limit: int) -> Title:
    return Title(zh=f"不超过 {limit} 辆", en=f"at most {limit}")


def judge(inputs: Inputs, limit: int) -> Finding:
    vehicles = inputs.facts.of(RegisteredVehicle)
    declared, registered = len(inputs.declaration.vehicle_values_fen), len(vehicles)
    count = max(declared, registered)
    observed = Title(zh=f"{count} 辆", en=f"{count} vehicle(s)")
    allowed = threshold(limit).zh

    def found(verdict: Verdict, zh: str, en: str) -> Finding:
        return Finding(verdict, Title(zh=zh, en=en), observed, receipts=tuple(fact.receipt_id for fact in vehicles))

    if count > limit:
        return found(
            Verdict.NOT_MET, f"家庭有机动车 {observed.zh}，超过规定数量（{allowed}）。", "The household has more vehicles than allowed."
        )
    if registered > declared:
        return found(
            Verdict.NEEDS_REVIEW,
            f"登记有 {registered} 辆机动车，申报 {declared} 辆，请人工核对。",
            f"{registered} vehicle(s) are registered, {declared} declared; a person has to check.",
        )
    zh = f"家庭有机动车 {observed.zh}，符合规定（{allowed}）。" if count else "家庭没有机动车。"
    return found(Verdict.MET, zh, "The number of vehicles is within the limit.")


CRITERION = Limited(code="vehicle_count", limit="vehicle_count_max", registers=("vehicles",), threshold=threshold, judge=judge)
