"""Order 11, article 7(2). The register holds no values, so the declared ones are compared; a vehicle without one needs a person."""

from __future__ import annotations

from anju_contracts.application import Verdict
from anju_terms import Title

from eligibility.domain.criterion import Finding, Limited
from eligibility.domain.inputs import Inputs
from eligibility.domain.registered import RegisteredVehicle
from eligibility.domain.wording import yuan


def threshold(limit: int) -> Title:
    return Title(zh=f"合计不超过 {yuan(limit).zh}", en=f"at most {yuan(limit).en} in total")


def judge(inputs: Inputs, limit: int) -> Finding:
    values, vehicles = inputs.declaration.vehicle_values_fen, inputs.facts.of(RegisteredVehicle)
    total, allowed = yuan(sum(values)), threshold(limit).zh
    observed = Title(zh=f"申报合计 {total.zh}", en=f"{total.en} declared in total")

    def found(verdict: Verdict, zh: str, en: str) -> Finding:
        return Finding(verdict, Title(zh=zh, en=en), observed, receipts=tuple(fact.receipt_id for fact in vehicles))

    if sum(values) > limit:
        return found(
            Verdict.NOT_MET,
            f"申报的机动车价值合计 {total.zh}，超过规定标准（{allowed}）。",
            "The declared value of the vehicles is above the limit.",
        )
    if len(vehicles) > len(values) or 0 in values:
        return found(
            Verdict.NEEDS_REVIEW,
            "有机动车没有申报价值，登记机构也不提供价值，请人工核对。",
            "There is a vehicle without a declared value, and the register holds none; a person has to check.",
        )
    if not values:
        return found(Verdict.NOT_APPLICABLE, "家庭没有机动车。", "The household has no vehicle.")
    return found(
        Verdict.MET,
        f"申报的机动车价值合计 {total.zh}，符合规定标准（{allowed}）。",
        "The declared value of the vehicles is within the limit.",
    )


CRITERION = Limited(code="vehicle_value", limit="vehicle_value_fen_max", registers=("vehicles",), threshold=threshold, judge=judge)
