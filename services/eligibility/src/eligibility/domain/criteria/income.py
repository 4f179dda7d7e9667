"""Order 11, article 7(2): declared income per person and month; the contribution base only raises doubt, it is not income."""

from __future__ import annotations

from decimal import ROUND_CEILING
from fractions import Fraction

from anju_contracts.application import Verdict
from anju_terms import Title

from eligibility.domain.criterion import Finding, Limited
from eligibility.domain.inputs import Inputs, Member
from eligibility.domain.registered import Insurance
from eligibility.domain.wording import yuan

# Declared income may lie this much below what the contribution base says before a person has to look.
_TOLERATED_PERCENT = 120


def threshold(limit: int) -> Title:
    return Title(zh=f"不超过 {yuan(limit).zh}", en=f"at most {yuan(limit).en}")


def contradicts(member: Member, fact: Insurance) -> bool:
    """That the contribution base over a year exceeds the declared income by more than is tolerated."""
    return fact.monthly_base_fen * 12 * 100 > member.annual_income_fen * _TOLERATED_PERCENT


def _contradicted(inputs: Inputs, insurance: tuple[Insurance, ...]) -> list[tuple[Member, Insurance]]:
    by_index = {fact.subject_index: fact for fact in insurance}
    pairs = [(member, by_index[member.index]) for member in inputs.declaration.members if member.index in by_index]
    return [(member, fact) for member, fact in pairs if contradicts(member, fact)]


def _figures(member: Member, fact: Insurance) -> Title:
    declared, insured = yuan(member.annual_income_fen), yuan(fact.monthly_base_fen * 12)
    return Title(
        zh=f"第 {member.index + 1} 位成员申报年收入 {declared.zh}，社保缴费基数折合每年 {insured.zh}",
        en=f"member {member.index + 1} declared {declared.en} a year, the contribution base gives {insured.en}",
    )


def judge(inputs: Inputs, limit: int) -> Finding:
    members, insurance = inputs.declaration.members, inputs.facts.of(Insurance)
    per_month = Fraction(sum(member.annual_income_fen for member in members), 12 * len(members))
    shown = yuan(per_month, ROUND_CEILING)
    observed = Title(zh=f"人均每月 {shown.zh}", en=f"{shown.en} per person and month")
    allowed = threshold(limit).zh

    def found(verdict: Verdict, zh: str, en: str) -> Finding:
        return Finding(verdict, Title(zh=zh, en=en), observed, receipts=tuple(fact.receipt_id for fact in insurance))

    if per_month > limit:
        return found(Verdict.NOT_MET, f"家庭{observed.zh}，高于规定标准（{allowed}）。", "The income per person is above the limit.")
    doubts = [_figures(member, fact) for member, fact in _contradicted(inputs, insurance)]
    if doubts:
        return found(
            Verdict.NEEDS_REVIEW,
            f"{'；'.join(doubt.zh for doubt in doubts)}，高出申报 20% 以上，请人工核对。",
            f"{'; '.join(doubt.en for doubt in doubts)}, more than 20% above: a person has to check.",
        )
    return found(Verdict.MET, f"家庭{observed.zh}，符合规定标准（{allowed}）。", "The income per person is within the limit.")


CRITERION = Limited(
    code="income", limit="income_per_person_month_fen_max", registers=("social_insurance",), threshold=threshold, judge=judge
)
