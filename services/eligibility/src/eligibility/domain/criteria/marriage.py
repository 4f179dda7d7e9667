"""Order 11, article 8: what was declared must be true. The register can raise doubt about it, and only a person can settle that."""

from __future__ import annotations

from typing import ClassVar

from anju_contracts.application import Verdict
from anju_terms import Title, terms

from eligibility.domain.criterion import Finding, Universal
from eligibility.domain.inputs import Inputs, Registered
from eligibility.domain.wording import NOTHING

NONE_FOUND = "none_found"
# Declared statuses each registered one agrees with. Nothing found is no proof of being unmarried, but it does not contradict it either; a death is
# not in this register, so a widowed person still shows as married and somebody has to see the death certificate.
_AGREES = {"married": {"married"}, "divorced": {"divorced"}, NONE_FOUND: {"single", "widowed"}}


class RegisteredMarriage(Registered):
    """``status``: married, divorced, none_found. ``spouse_index`` -1: outside the household or unknown."""

    register_code: ClassVar[str] = "marriage"

    status: str
    spouse_index: int


def agrees(declared: str, registered: str) -> bool:
    return declared in _AGREES.get(registered, set())


def status_title(code: str) -> Title:
    if code == NONE_FOUND:
        return Title(zh="未查到记录", en="no entry")
    term = terms("marital_statuses").get(code)
    return Title(zh=term.zh, en=term.en) if term else Title(zh=code, en=code)


def _doubt(inputs: Inputs, mine: RegisteredMarriage | None, theirs: RegisteredMarriage | None, spouse: int | None) -> Title | None:
    declared = inputs.declaration.marital_status
    if mine is None:
        return Title(zh="没有申请人的婚姻登记答复，请人工核对。", en="There is no answer about the applicant; a person has to check.")
    if not agrees(declared, mine.status):
        if mine.status == NONE_FOUND:
            return Title(
                zh="婚姻登记查无记录（可能在外省登记），请核对证件。",
                en="Nothing is registered, perhaps because it was elsewhere; the certificate has to be seen.",
            )
        return Title(
            zh="申报的婚姻状况与登记不一致，请人工核对。", en="The declared status differs from the registered one; a person has to check."
        )
    if declared == "married" and spouse is not None and mine.spouse_index != spouse:
        return Title(
            zh="登记的配偶不是申报的家庭成员，请人工核对。",
            en="The registered spouse is not the one in the household; a person has to check.",
        )
    if theirs is not None and theirs.status == "divorced":
        return Title(
            zh="配偶一方的登记与申报不一致，请人工核对。", en="The spouse's entry differs from what was declared; a person has to check."
        )
    return None


def judge(inputs: Inputs) -> Finding:
    marriages = {fact.subject_index: fact for fact in reversed(inputs.facts.of(RegisteredMarriage))}
    spouse = next((member.index for member in inputs.declaration.members if member.relation == "spouse"), None)
    mine, theirs = marriages.get(0), marriages.get(spouse) if spouse is not None else None
    said, declared = status_title(mine.status) if mine else NOTHING, status_title(inputs.declaration.marital_status)
    observed = Title(zh=f"登记：{said.zh}", en=f"registered: {said.en}") if mine else NOTHING
    threshold = Title(zh=f"申报：{declared.zh}", en=f"declared: {declared.en}")
    receipts = tuple(fact.receipt_id for fact in (mine, theirs) if fact)
    doubt = _doubt(inputs, mine, theirs, spouse)
    if doubt:
        return Finding(Verdict.NEEDS_REVIEW, doubt, observed, threshold, receipts)
    reason = (
        Title(zh="申报的婚姻状况与登记一致。", en="The register agrees with what was declared.")
        if mine is None or mine.status != NONE_FOUND
        else Title(zh="未查到婚姻登记记录，与申报不矛盾（查无记录不等于未婚）。", en="Nothing is registered, which does not contradict it.")
    )
    return Finding(Verdict.MET, reason, observed, threshold, receipts)


CRITERION = Universal(code="marriage", legal_ref="公共租赁住房管理办法第八条", registers=("marriage",), judge=judge)
