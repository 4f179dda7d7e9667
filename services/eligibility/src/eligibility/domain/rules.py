"""Judging a household by a rule set.

A register which is silent or mixes people up never makes a criterion "not met": a person has to look. The same inputs and rule set give the same
judgement, for ever.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date

from anju_contracts.application import LookupOutcome, Verdict
from anju_profile.series import NotInForceError, Whole
from anju_terms import Title, terms

from eligibility.domain import criteria
from eligibility.domain.criterion import Criterion, Finding, Limited
from eligibility.domain.inputs import Inputs
from eligibility.domain.rule_set import Limit, RuleSet
from eligibility.domain.verdicts import Judged, Judgement, overall
from eligibility.domain.wording import NOTHING

_NOT_IN_FORCE = Finding(
    Verdict.NEEDS_REVIEW,
    Title(zh="该标准在评估日尚未生效，请人工核对。", en="This limit is not in force on the date of assessment; a person has to check."),
    threshold=NOTHING,
)


class UnknownCategoryError(LookupError):
    """The rule set has no criteria for this applicant category."""


class UnknownCriterionError(LookupError):
    """The rule set has limits nobody here judges by. A condition the city published and nobody checks is worse than no judgement."""


def check(rules: RuleSet) -> None:
    """Raises UnknownCriterionError when not every limit can be judged by."""
    judged = {criterion.limit for criterion in criteria.discover().values() if isinstance(criterion, Limited)}
    unknown = sorted({name for limits in rules.categories.values() for name in limits} - judged)
    if unknown:
        raise UnknownCriterionError(f"profile version {rules.version} names criteria which are not implemented: {', '.join(unknown)}")


def title(criterion: Criterion) -> Title:
    term = terms("criteria")[criterion.code]
    return Title(zh=term.zh, en=term.en)


def _unanswered(inputs: Inputs, register: str) -> Title | None:
    """Why a register cannot be relied on; None when it can."""
    if inputs.facts.answered(register):
        return None
    name = terms("registers")[register].phrase
    if inputs.facts.outcomes.get(register) is LookupOutcome.MISMATCH:
        return Title(
            zh=f"{name.zh}返回的信息与申请家庭不一致，未采用，需人工核对。",
            en=f"What {name.en} sent is about somebody else and was not used; a person has to check.",
        )
    if inputs.facts.outcomes.get(register) is LookupOutcome.UNKNOWN_PERSON:
        return Title(
            zh=f"{name.zh}查无家庭中至少一人，查无此人不等于没有，需人工核对姓名和证件。",
            en=f"There is somebody in the household whom {name.en} does not know, which is not the same as having nothing; a person has to check.",
        )
    return Title(zh=f"{name.zh}未能取得完整答复，需人工核对。", en=f"There is no complete answer from {name.en}; a person has to check.")


def _judged(criterion: Criterion, legal_ref: str, inputs: Inputs, finding: Finding, threshold: Title) -> Judged:
    # A limit that is not in force says so, whoever answered.
    silent = (
        None
        if finding is _NOT_IN_FORCE
        else next((why for register in criterion.registers if (why := _unanswered(inputs, register))), None)
    )
    return Judged(
        code=criterion.code,
        title=title(criterion),
        verdict=Verdict.NEEDS_REVIEW if silent else finding.verdict,
        reason=silent or finding.reason,
        legal_ref=legal_ref,
        observed=finding.observed,
        threshold=finding.threshold or threshold,
        registers=criterion.registers,
        receipt_ids=tuple(dict.fromkeys(finding.receipts)),
    )


def assess(inputs: Inputs, rules: RuleSet) -> Judgement:
    """Judges a household by the criteria of its category. Raises UnknownCategoryError."""
    numbers = rules.categories.get(inputs.declaration.category)
    if numbers is None:
        raise UnknownCategoryError(inputs.declaration.category)
    found = []
    for criterion in criteria.discover().values():
        if not isinstance(criterion, Limited):
            found.append(_judged(criterion, criterion.legal_ref, inputs, criterion.judge(inputs), NOTHING))
            continue
        dated = numbers.get(criterion.limit)
        if dated is None:
            continue
        try:
            limit = dated.entry_on(inputs.on)
        except NotInForceError:
            found.append(_judged(criterion, dated.entries[0].source, inputs, _NOT_IN_FORCE, NOTHING))
        else:
            finding = criterion.judge(inputs, limit.value)
            found.append(_judged(criterion, limit.source, inputs, finding, criterion.threshold(limit.value)))
    judged = tuple(found)
    return Judgement(verdict=overall(judged), criteria=judged)


def in_force(limits: Mapping[str, Whole], on: date) -> Iterator[tuple[Criterion, Limit | None]]:
    """The criteria of one category on a day, each with the entry of its limit."""
    for criterion in criteria.discover().values():
        if not isinstance(criterion, Limited):
            yield criterion, None
        elif (dated := limits.get(criterion.limit)) is not None and dated.entries[0].effective_from <= on:
            yield criterion, dated.entry_on(on)
