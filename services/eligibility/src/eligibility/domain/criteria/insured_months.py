"""Order 11, article 7(3): months the applicant has paid social insurance without a gap, by the register alone."""

from __future__ import annotations

from anju_contracts.application import Verdict
from anju_terms import Title

from eligibility.domain.criterion import Finding, Limited
from eligibility.domain.inputs import Inputs
from eligibility.domain.registered import Insurance
from eligibility.domain.wording import NOTHING

_UNSAID = Title(zh="社会保险没有申请人的答复，请人工核对。", en="The register has said nothing about the applicant; a person has to check.")


def threshold(limit: int) -> Title:
    return Title(zh=f"不少于 {limit} 个月", en=f"at least {limit} months")


def judge(inputs: Inputs, limit: int) -> Finding:
    own = [fact for fact in inputs.facts.of(Insurance) if fact.subject_index == 0]
    if not own:
        # Months of nought are said by the register; nothing said is nothing known.
        return Finding(Verdict.NEEDS_REVIEW, _UNSAID, NOTHING)
    months = max(fact.continuous_months for fact in own)
    observed = Title(zh=f"连续 {months} 个月", en=f"{months} months without a gap")
    allowed = threshold(limit).zh

    def found(verdict: Verdict, zh: str, en: str) -> Finding:
        return Finding(verdict, Title(zh=zh, en=en), observed, receipts=tuple(fact.receipt_id for fact in own))

    if months < limit:
        return found(
            Verdict.NOT_MET,
            f"申请人社会保险{observed.zh}，未达到规定（{allowed}）。",
            "The applicant has paid social insurance for fewer months without a gap than required.",
        )
    return found(
        Verdict.MET, f"申请人社会保险{observed.zh}，符合规定（{allowed}）。", "The applicant has paid social insurance long enough."
    )


CRITERION = Limited(code="insured_months", limit="insured_months_min", registers=("social_insurance",), threshold=threshold, judge=judge)
