"""The admission criteria (准入条件), one pure function each: inputs and a limit in, a verdict with its reason out.

A register which is silent or mixes people up never makes a criterion "not met": a person has to look. The same inputs and rule set give the same
judgement, for ever.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_CEILING
from fractions import Fraction

from anju_contracts.application import LookupOutcome, Verdict
from anju_profile.series import NotInForceError

from eligibility.domain import housing
from eligibility.domain.inputs import Inputs, Insurance, Member
from eligibility.domain.rule_set import Limit, RuleSet
from eligibility.domain.verdicts import Criterion, Judgement, overall, sqm, yuan

ADULT_AGE = 18
# Declared income may lie this much below what the contribution base says before a person has to look.
_TOLERATED_PERCENT = 120
_HONESTY_REF = "公共租赁住房管理办法第八条"
_ADULT_REF = "民法典第十七条"

TITLES = {
    "housing_area": "人均住房建筑面积",
    "income": "人均月收入",
    "vehicle_count": "机动车数量",
    "vehicle_value": "机动车价值",
    "insured_months": "社会保险连续缴费月数",
    "marriage": "婚姻状况与登记一致",
    "adult_applicant": "申请人为成年人",
}
_REGISTERS = {
    "real_estate": ("不动产登记", "the real estate register"),
    "social_insurance": ("社会保险", "social insurance"),
    "vehicles": ("机动车登记", "the vehicle register"),
    "marriage": ("婚姻登记", "the marriage register"),
}
_STATUS = {"single": "未婚", "married": "已婚", "divorced": "离异", "widowed": "丧偶", "none_found": "未查到记录"}


class UnknownCategoryError(LookupError):
    """The rule set has no criteria for this applicant category."""


class UnknownCriterionError(LookupError):
    """The rule set has limits nobody here judges by. A condition the city published and nobody checks is worse than no judgement."""


@dataclass(frozen=True, slots=True)
class _Compared:
    """What was compared with what; ``is_`` adds the verdict."""

    code: str
    legal_ref: str
    observed: str = ""
    threshold: str = ""
    receipts: tuple[str, ...] = ()

    def is_(self, verdict: Verdict, zh: str, en: str) -> Criterion:
        return Criterion(
            code=self.code,
            title=TITLES[self.code],
            verdict=verdict,
            reason_zh=zh,
            reason_en=en,
            legal_ref=self.legal_ref,
            observed=self.observed,
            threshold=self.threshold,
            receipt_ids=tuple(dict.fromkeys(self.receipts)),
        )


def _unanswered(inputs: Inputs, register: str) -> tuple[str, str] | None:
    """Why a register cannot be relied on, zh and en; None when it can."""
    if inputs.facts.answered(register):
        return None
    zh, en = _REGISTERS[register]
    if inputs.facts.outcomes.get(register) is LookupOutcome.MISMATCH:
        return (
            f"{zh}返回的信息与申请家庭不一致，未采用，需人工核对。",
            f"What {en} sent is about somebody else and was not used; a person has to check.",
        )
    return f"{zh}未能取得完整答复，需人工核对。", f"There is no complete answer from {en}; a person has to check."


def housing_area(inputs: Inputs, limit: Limit) -> Criterion:
    """Order 11, article 7(1): floor area per person of the whole household, share by share."""
    area = housing.count(inputs.declaration.homes, inputs.facts.homes)
    persons = len(inputs.declaration.members)
    per_person = area.centi_sqm / persons
    observed, threshold = f"人均 {sqm(per_person)}", f"不超过 {sqm(limit.value)}"
    if limit.value == 0:
        threshold = "无住房"
    compared = _Compared("housing_area", limit.source, observed, threshold, area.receipt_ids)
    silent = _unanswered(inputs, "real_estate")
    if silent:
        return compared.is_(Verdict.NEEDS_REVIEW, *silent)
    if per_person > limit.value:
        zh = f"家庭{observed}，高于规定标准（{threshold}）。"
        return compared.is_(Verdict.NOT_MET, zh, "The floor area per person is above the limit.")
    if area.undeclared:
        zh = f"登记有 {len(area.undeclared)} 处未申报的住房，请人工核对；计入后{observed}。"
        en = f"{len(area.undeclared)} registered home(s) were not declared; a person has to check."
        return compared.is_(Verdict.NEEDS_REVIEW, zh, en)
    zh = f"家庭{observed}，符合规定标准（{threshold}）。"
    return compared.is_(Verdict.MET, zh, "The floor area per person is within the limit.")


def _contradicted(inputs: Inputs) -> list[tuple[Member, Insurance]]:
    """Members whose contribution base over a year exceeds the declared income by more than is tolerated."""
    by_index = {fact.subject_index: fact for fact in inputs.facts.insurance}
    pairs = [(member, by_index[member.index]) for member in inputs.declaration.members if member.index in by_index]
    return [(m, fact) for m, fact in pairs if fact.monthly_base_fen * 12 * 100 > m.annual_income_fen * _TOLERATED_PERCENT]


def income(inputs: Inputs, limit: Limit) -> Criterion:
    """Order 11, article 7(2): declared income per person and month; the contribution base only raises doubt, it is not income."""
    members = inputs.declaration.members
    total = sum(member.annual_income_fen for member in members)
    per_month = Fraction(total, 12 * len(members))
    observed = f"人均每月 {yuan(per_month, ROUND_CEILING)}"
    threshold = f"不超过 {yuan(limit.value)}"
    compared = _Compared("income", limit.source, observed, threshold, tuple(fact.receipt_id for fact in inputs.facts.insurance))
    silent = _unanswered(inputs, "social_insurance")
    if silent:
        return compared.is_(Verdict.NEEDS_REVIEW, *silent)
    if per_month > limit.value:
        zh = f"家庭{observed}，高于规定标准（{threshold}）。"
        return compared.is_(Verdict.NOT_MET, zh, "The income per person is above the limit.")
    doubts = _contradicted(inputs)
    if doubts:
        figures = "；".join(
            f"第 {member.index + 1} 位成员申报年收入 {yuan(member.annual_income_fen)}，社保缴费基数折合每年 {yuan(fact.monthly_base_fen * 12)}"
            for member, fact in doubts
        )
        english = "; ".join(
            f"member {member.index + 1} declared CNY {member.annual_income_fen / 100:.2f} a year, the contribution base gives CNY "
            f"{fact.monthly_base_fen * 12 / 100:.2f}"
            for member, fact in doubts
        )
        zh = f"{figures}，高出申报 20% 以上，请人工核对。"
        return compared.is_(Verdict.NEEDS_REVIEW, zh, f"{english}: a person has to check.")
    zh = f"家庭{observed}，符合规定标准（{threshold}）。"
    return compared.is_(Verdict.MET, zh, "The income per person is within the limit.")


def vehicle_count(inputs: Inputs, limit: Limit) -> Criterion:
    """Order 11, article 7(2): the larger of declared and registered vehicles."""
    declared, registered = len(inputs.declaration.vehicle_values_fen), len(inputs.facts.vehicles)
    count = max(declared, registered)
    observed, threshold = f"{count} 辆", f"不超过 {limit.value} 辆"
    compared = _Compared("vehicle_count", limit.source, observed, threshold, tuple(fact.receipt_id for fact in inputs.facts.vehicles))
    silent = _unanswered(inputs, "vehicles")
    if silent:
        return compared.is_(Verdict.NEEDS_REVIEW, *silent)
    if count > limit.value:
        zh = f"家庭有机动车 {observed}，超过规定数量（{threshold}）。"
        return compared.is_(Verdict.NOT_MET, zh, "The household has more vehicles than allowed.")
    if registered > declared:
        zh = f"登记有 {registered} 辆机动车，申报 {declared} 辆，请人工核对。"
        en = f"{registered} vehicle(s) are registered, {declared} declared; a person has to check."
        return compared.is_(Verdict.NEEDS_REVIEW, zh, en)
    zh = f"家庭有机动车 {observed}，符合规定（{threshold}）。" if count else "家庭没有机动车。"
    return compared.is_(Verdict.MET, zh, "The number of vehicles is within the limit.")


def vehicle_value(inputs: Inputs, limit: Limit) -> Criterion:
    """Order 11, article 7(2). The register holds no values, so the declared ones are compared; a vehicle without one needs a person."""
    values, registered = inputs.declaration.vehicle_values_fen, len(inputs.facts.vehicles)
    threshold = f"合计不超过 {yuan(limit.value)}"
    total = yuan(sum(values))
    receipts = tuple(fact.receipt_id for fact in inputs.facts.vehicles)
    compared = _Compared("vehicle_value", limit.source, f"申报合计 {total}", threshold, receipts)
    silent = _unanswered(inputs, "vehicles")
    if silent:
        return compared.is_(Verdict.NEEDS_REVIEW, *silent)
    if sum(values) > limit.value:
        zh = f"申报的机动车价值合计 {total}，超过规定标准（{threshold}）。"
        return compared.is_(Verdict.NOT_MET, zh, "The declared value of the vehicles is above the limit.")
    if registered > len(values) or 0 in values:
        zh = "有机动车没有申报价值，登记机构也不提供价值，请人工核对。"
        en = "There is a vehicle without a declared value, and the register holds none; a person has to check."
        return compared.is_(Verdict.NEEDS_REVIEW, zh, en)
    if not values:
        return compared.is_(Verdict.NOT_APPLICABLE, "家庭没有机动车。", "The household has no vehicle.")
    zh = f"申报的机动车价值合计 {total}，符合规定标准（{threshold}）。"
    return compared.is_(Verdict.MET, zh, "The declared value of the vehicles is within the limit.")


def insured_months(inputs: Inputs, limit: Limit) -> Criterion:
    """Order 11, article 7(3): months the applicant has paid without a gap, by the register alone."""
    own = [fact for fact in inputs.facts.insurance if fact.subject_index == 0]
    months = max((fact.continuous_months for fact in own), default=0)
    observed, threshold = f"连续 {months} 个月", f"不少于 {limit.value} 个月"
    compared = _Compared("insured_months", limit.source, observed, threshold, tuple(fact.receipt_id for fact in own))
    silent = _unanswered(inputs, "social_insurance")
    if silent:
        return compared.is_(Verdict.NEEDS_REVIEW, *silent)
    if months < limit.value:
        zh = f"申请人社会保险{observed}，未达到规定（{threshold}）。"
        en = "The applicant has paid social insurance for fewer months without a gap than required."
        return compared.is_(Verdict.NOT_MET, zh, en)
    zh = f"申请人社会保险{observed}，符合规定（{threshold}）。"
    return compared.is_(Verdict.MET, zh, "The applicant has paid social insurance long enough.")


# Declared statuses each registered one agrees with. Nothing found is no proof of being unmarried, but it does not contradict it either; a death is
# not in this register, so a widowed person still shows as married and somebody has to see the death certificate.
_AGREES = {"married": {"married"}, "divorced": {"divorced"}, "none_found": {"single", "widowed"}}


def marriage(inputs: Inputs) -> Criterion:
    """Order 11, article 8: what was declared must be true. The register can raise doubt about it, and only a person can settle that."""
    declared = inputs.declaration.marital_status
    spouse = next((member.index for member in inputs.declaration.members if member.relation == "spouse"), None)
    mine = next((fact for fact in inputs.facts.marriages if fact.subject_index == 0), None)
    theirs = next((fact for fact in inputs.facts.marriages if fact.subject_index == spouse), None) if spouse is not None else None
    said = _STATUS.get(mine.status, mine.status) if mine else ""
    compared = _Compared(
        "marriage",
        _HONESTY_REF,
        observed=f"登记：{said}" if mine else "",
        threshold=f"申报：{_STATUS.get(declared, declared)}",
        receipts=tuple(fact.receipt_id for fact in (mine, theirs) if fact),
    )

    def doubt(zh: str, en: str) -> Criterion:
        return compared.is_(Verdict.NEEDS_REVIEW, zh, en)

    silent = _unanswered(inputs, "marriage")
    if silent:
        return doubt(*silent)
    if mine is None:
        return doubt("没有申请人的婚姻登记答复，请人工核对。", "There is no answer about the applicant; a person has to check.")
    if declared not in _AGREES.get(mine.status, set()):
        if mine.status == "none_found":
            return doubt(
                "婚姻登记查无记录（可能在外省登记），请核对证件。",
                "Nothing is registered, perhaps because it was elsewhere; the certificate has to be seen.",
            )
        return doubt(
            "申报的婚姻状况与登记不一致，请人工核对。", "The declared status differs from the registered one; a person has to check."
        )
    if declared == "married" and spouse is not None and mine.spouse_index != spouse:
        return doubt(
            "登记的配偶不是申报的家庭成员，请人工核对。",
            "The registered spouse is not the one in the household; a person has to check.",
        )
    if theirs is not None and theirs.status == "divorced":
        return doubt(
            "配偶一方的登记与申报不一致，请人工核对。", "The spouse's entry differs from what was declared; a person has to check."
        )
    zh = "申报的婚姻状况与登记一致。" if mine.status != "none_found" else "未查到婚姻登记记录，与申报不矛盾（查无记录不等于未婚）。"
    en = (
        "The register agrees with what was declared."
        if mine.status != "none_found"
        else "Nothing is registered, which does not contradict it."
    )
    return compared.is_(Verdict.MET, zh, en)


def adult_applicant(inputs: Inputs) -> Criterion:
    """Civil Code, article 17: an adult of full age applies. Judged by the birth date alone."""
    born, on = inputs.declaration.members[0].birth_date, inputs.on
    age = on.year - born.year - ((on.month, on.day) < (born.month, born.day))
    compared = _Compared("adult_applicant", _ADULT_REF, observed=f"{age} 周岁", threshold=f"年满 {ADULT_AGE} 周岁")
    if age < ADULT_AGE:
        return compared.is_(Verdict.NOT_MET, "申请人未满 18 周岁。", "The applicant is not of age.")
    return compared.is_(Verdict.MET, "申请人已成年。", "The applicant is of age.")


# Name of the limit in the rule set → criterion. The order is the order people read.
LIMITED: dict[str, tuple[str, Callable[[Inputs, Limit], Criterion]]] = {
    "area_per_person_centi_sqm_max": ("housing_area", housing_area),
    "income_per_person_month_fen_max": ("income", income),
    "vehicle_count_max": ("vehicle_count", vehicle_count),
    "vehicle_value_fen_max": ("vehicle_value", vehicle_value),
    "insured_months_min": ("insured_months", insured_months),
}
UNLIMITED: dict[str, tuple[str, Callable[[Inputs], Criterion]]] = {
    "marriage": (_HONESTY_REF, marriage),
    "adult_applicant": (_ADULT_REF, adult_applicant),
}


def check(rules: RuleSet) -> None:
    """Raises UnknownCriterionError when not every limit can be judged by."""
    unknown = sorted({name for limits in rules.categories.values() for name in limits} - set(LIMITED))
    if unknown:
        raise UnknownCriterionError(f"profile version {rules.version} names criteria which are not implemented: {', '.join(unknown)}")


def assess(inputs: Inputs, rules: RuleSet) -> Judgement:
    """Judges a household by the criteria of its category. Raises UnknownCategoryError."""
    limits = rules.categories.get(inputs.declaration.category)
    if limits is None:
        raise UnknownCategoryError(inputs.declaration.category)
    found = []
    for name, (code, judge) in LIMITED.items():
        dated = limits.get(name)
        if dated is None:
            continue
        try:
            limit = dated.entry_on(inputs.on)
        except NotInForceError:
            zh, en = "该标准在评估日尚未生效，请人工核对。", "This limit is not in force on the date of assessment; a person has to check."
            found.append(_Compared(code, dated.entries[0].source).is_(Verdict.NEEDS_REVIEW, zh, en))
        else:
            found.append(judge(inputs, limit))
    found += [judge(inputs) for _, judge in UNLIMITED.values()]
    criteria = tuple(found)
    return Judgement(verdict=overall(criteria), criteria=criteria)


def threshold_text(name: str, limit: Limit) -> str:
    """A limit as the public page of conditions shows it, zh-CN."""
    if name == "area_per_person_centi_sqm_max":
        return "无住房" if limit.value == 0 else f"不超过 {sqm(limit.value)}"
    if name == "income_per_person_month_fen_max":
        return f"不超过 {yuan(limit.value)}"
    if name == "vehicle_value_fen_max":
        return f"合计不超过 {yuan(limit.value)}"
    return f"不少于 {limit.value} 个月" if name == "insured_months_min" else f"不超过 {limit.value} 辆"
