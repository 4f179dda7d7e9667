"""Golden assessments: households one line each, every criterion met, not met and in doubt; and what must hold for all households."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any

import anju_profile
import pytest
from anju_contracts.application import LookupOutcome, Verdict
from anju_profile.series import Series, Whole
from anju_terms import terms
from eligibility.assessments import rule_set_of
from eligibility.domain import criteria, housing, rules
from eligibility.domain.criterion import Limited
from eligibility.domain.inputs import Declaration, DeclaredHome, Facts, Inputs, Member
from eligibility.domain.registered import RegisteredHome
from eligibility.domain.rule_set import Limit, RuleSet
from eligibility.domain.wording import sqm, yuan
from hypothesis import given, settings
from hypothesis import strategies as st

ON = date(2026, 11, 23)
MET, NOT_MET, REVIEW, N_A = Verdict.MET, Verdict.NOT_MET, Verdict.NEEDS_REVIEW, Verdict.NOT_APPLICABLE
ANSWERED = dict.fromkeys(terms("registers"), LookupOutcome.FOUND)


def _dated(*entries: tuple[date, int]) -> Series[int]:
    return Whole.model_validate([Limit(value=value, effective_from=day, source="公共租赁住房管理办法第七条") for day, value in entries])


def _limits(**values: int) -> dict[str, Series[int]]:
    return {name: _dated((date(2026, 1, 1), value)) for name, value in values.items()}


_LOCAL = {
    "area_per_person_centi_sqm_max": 1600,
    "income_per_person_month_fen_max": 240_000,
    "vehicle_count_max": 1,
    "vehicle_value_fen_max": 8_000_000,
}
RULES = RuleSet(
    version="golden-1",
    categories={
        "local_household": _limits(**_LOCAL),
        "new_worker": _limits(
            **{**_LOCAL, "area_per_person_centi_sqm_max": 0, "income_per_person_month_fen_max": 400_000, "insured_months_min": 6}
        ),
    },
)


def silent(*registers: str, outcome: LookupOutcome = LookupOutcome.UNAVAILABLE) -> dict[str, LookupOutcome]:
    return {**ANSWERED, **dict.fromkeys(registers, outcome)}


@dataclass
class Household:
    """Defaults: a couple with a child, 1,500 yuan a head, no home, no car, married and registered so."""

    category: str = "local_household"
    incomes: tuple[int, ...] = (2_880_000, 2_520_000, 0)
    status: str = "married"
    relations: tuple[str, ...] = ("applicant", "spouse", "child")
    born: date = date(1988, 4, 12)
    homes: tuple[tuple[str, int, int], ...] = ()
    vehicles: tuple[int, ...] = ()
    registered_homes: tuple[tuple[str, int, int, bool, bool], ...] = ()
    registered_vehicles: int = 0
    insurance: tuple[tuple[int, int], ...] = ((60, 240_000), (40, 210_000), (0, 0))
    marriages: tuple[tuple[str, int], ...] = (("married", 1), ("married", 0), ("none_found", -1))
    outcomes: dict[str, LookupOutcome] = field(default_factory=lambda: dict(ANSWERED))

    def inputs(self) -> Inputs:
        members = tuple(
            Member(index=i, relation=relation, birth_date=self.born if i == 0 else date(2016, 5, 20), annual_income_fen=self.incomes[i])
            for i, relation in enumerate(self.relations)
        )
        return Inputs(
            declaration=Declaration(
                category=self.category,
                marital_status=self.status,
                members=members,
                homes=tuple(DeclaredHome(district=d, area_centi_sqm=a, share_percent=s) for d, a, s in self.homes),
                vehicle_values_fen=self.vehicles,
            ),
            facts=Facts(
                said={
                    "real_estate": tuple(
                        {
                            "subject_index": 0,
                            "endpoint": d,
                            "area_centi_sqm": a,
                            "share_percent": s,
                            "residential": r,
                            "pre_notice": p,
                            "receipt_id": f"rc_h{i}",
                        }
                        for i, (d, a, s, r, p) in enumerate(self.registered_homes)
                    ),
                    "vehicles": tuple({"subject_index": 0, "receipt_id": f"rc_v{i}"} for i in range(self.registered_vehicles)),
                    "social_insurance": tuple(
                        {"subject_index": i, "continuous_months": m, "monthly_base_fen": b, "receipt_id": f"rc_i{i}"}
                        for i, (m, b) in enumerate(self.insurance)
                    ),
                    "marriage": tuple(
                        {"subject_index": i, "status": s, "spouse_index": x, "receipt_id": f"rc_m{i}"}
                        for i, (s, x) in enumerate(self.marriages)
                    ),
                },
                outcomes=self.outcomes,
            ),
            on=ON,
        )


def single(**more: Any) -> Household:
    """A new worker on his own, insured for 22 months."""
    base: dict[str, Any] = {
        "category": "new_worker",
        "incomes": (3_480_000,),
        "relations": ("applicant",),
        "status": "single",
        "born": date(2001, 8, 17),
        "insurance": ((22, 290_000),),
        "marriages": (("none_found", -1),),
    }
    return Household(**{**base, **more})


GOLDEN: list[tuple[str, Household, Verdict, dict[str, Verdict]]] = [
    # name, household, overall, verdicts that differ from "met" (vehicle_value of a household without one is not applicable)
    ("typical family", Household(), MET, {}),
    ("typical new worker", single(), MET, {}),
    # housing
    ("48.00 m2 for three is exactly 16", Household(homes=(("410202", 4800, 100),), registered_homes=(("410202", 4800, 100, True, False),)), MET, {}),
    ("48.01 m2 is over", Household(homes=(("410202", 4801, 100),), registered_homes=(("410202", 4801, 100, True, False),)), NOT_MET, {"housing_area": NOT_MET}),
    ("half of 90 m2 is within", Household(homes=(("410202", 9000, 50),), registered_homes=(("410202", 9000, 50, True, False),)), MET, {}),
    ("declared 90, register has two halves", Household(homes=(("410202", 9000, 50),), registered_homes=(("410202", 9000, 25, True, False), ("410202", 9000, 25, True, False))), MET, {}),
    ("declared area rounded, same home", Household(homes=(("410202", 4500, 100),), registered_homes=(("410202", 4540, 100, True, False),)), MET, {}),
    ("the same area in another district may be the same home", Household(homes=(("410202", 3000, 100),), registered_homes=(("410203", 3000, 100, True, False),)), REVIEW, {"housing_area": REVIEW}),
    ("declared but not registered counts", Household(homes=(("410223", 6000, 100),)), NOT_MET, {"housing_area": NOT_MET}),
    ("undeclared and small", Household(registered_homes=(("410202", 2000, 100, True, False),)), REVIEW, {"housing_area": REVIEW}),
    ("undeclared and large", Household(registered_homes=(("410202", 5680, 100, True, False),)), NOT_MET, {"housing_area": NOT_MET}),
    ("signed but not registered counts", Household(registered_homes=(("410212", 9755, 100, True, True),)), NOT_MET, {"housing_area": NOT_MET}),
    ("a shop and a parking place do not", Household(registered_homes=(("410205", 9000, 100, False, False), ("410204", 1130, 100, False, False))), MET, {}),
    ("a new worker may own nothing", single(registered_homes=(("410202", 1000, 1, True, False),)), NOT_MET, {"housing_area": NOT_MET}),
    ("a county is silent", Household(outcomes=silent("real_estate")), REVIEW, {"housing_area": REVIEW}),
    ("a county is silent, another has a large home", Household(registered_homes=(("410202", 9000, 100, True, False),), outcomes=silent("real_estate")), REVIEW, {"housing_area": REVIEW}),
    ("a namesake's home", Household(outcomes=silent("real_estate", outcome=LookupOutcome.MISMATCH)), REVIEW, {"housing_area": REVIEW}),
    # income
    ("2,400.00 a head is the limit", Household(incomes=(8_640_000, 0, 0), insurance=((60, 600_000),)), MET, {}),
    ("a fen a year above it", Household(incomes=(8_640_001, 0, 0), insurance=((60, 600_000),)), NOT_MET, {"income": NOT_MET}),
    ("base a fifth above declared is tolerated", single(incomes=(1_000_000,), insurance=((22, 100_000),)), MET, {}),
    ("base more than that is doubt", single(incomes=(1_000_000,), insurance=((22, 100_001),)), REVIEW, {"income": REVIEW}),
    ("no income declared but a base", single(incomes=(0,), insurance=((22, 290_000),)), REVIEW, {"income": REVIEW}),
    ("the spouse's base counts too", Household(incomes=(2_880_000, 100_000, 0)), REVIEW, {"income": REVIEW}),
    ("insurance silent", single(outcomes=silent("social_insurance")), REVIEW, {"income": REVIEW, "insured_months": REVIEW}),
    # insured months
    ("six months are enough", single(insurance=((6, 290_000),)), MET, {}),
    ("five are not", single(insurance=((5, 290_000),)), NOT_MET, {"insured_months": NOT_MET}),
    ("never insured, says the register", single(insurance=((0, 0),), incomes=(0,), outcomes={**ANSWERED, "social_insurance": LookupOutcome.NO_RECORD}), NOT_MET, {"insured_months": NOT_MET}),
    ("the register does not know the applicant", single(insurance=(), outcomes=silent("social_insurance", outcome=LookupOutcome.UNKNOWN_PERSON)), REVIEW, {"income": REVIEW, "insured_months": REVIEW}),
    ("the register said nothing of the applicant", single(insurance=()), REVIEW, {"insured_months": REVIEW}),
    ("one county does not know a member", Household(outcomes=silent("real_estate", outcome=LookupOutcome.UNKNOWN_PERSON)), REVIEW, {"housing_area": REVIEW}),
    ("nobody knows the owner of a car", Household(outcomes=silent("vehicles", outcome=LookupOutcome.UNKNOWN_PERSON)), REVIEW, {"vehicle_count": REVIEW, "vehicle_value": REVIEW}),
    ("says single, and is not known", single(marriages=(), outcomes=silent("marriage", outcome=LookupOutcome.UNKNOWN_PERSON)), REVIEW, {"marriage": REVIEW}),
    # vehicles
    ("one car within the value", Household(vehicles=(6_000_000,), registered_vehicles=1), MET, {"vehicle_value": MET}),
    ("two cars", Household(vehicles=(1_000_000, 1_000_000), registered_vehicles=2), NOT_MET, {"vehicle_count": NOT_MET, "vehicle_value": MET}),
    ("two registered, none declared", Household(registered_vehicles=2), NOT_MET, {"vehicle_count": NOT_MET, "vehicle_value": REVIEW}),
    ("one registered, none declared", Household(registered_vehicles=1), REVIEW, {"vehicle_count": REVIEW, "vehicle_value": REVIEW}),
    ("a dear car", Household(vehicles=(8_000_001,), registered_vehicles=1), NOT_MET, {"vehicle_value": NOT_MET}),
    ("declared without a value", Household(vehicles=(0,), registered_vehicles=1), REVIEW, {"vehicle_value": REVIEW}),
    ("sold but still declared", Household(vehicles=(3_000_000,)), MET, {"vehicle_value": MET}),
    ("vehicles silent", Household(outcomes=silent("vehicles")), REVIEW, {"vehicle_count": REVIEW, "vehicle_value": REVIEW}),
    # marriage
    ("married elsewhere", Household(marriages=(("none_found", -1), ("none_found", -1))), REVIEW, {"marriage": REVIEW}),
    ("says single, is married", single(marriages=(("married", -1),)), REVIEW, {"marriage": REVIEW}),
    ("says divorced, is married", single(status="divorced", marriages=(("married", -1),)), REVIEW, {"marriage": REVIEW}),
    ("divorced and registered so", single(status="divorced", marriages=(("divorced", -1),)), MET, {}),
    ("divorced, nothing registered", single(status="divorced"), REVIEW, {"marriage": REVIEW}),
    ("single, divorced before", single(marriages=(("divorced", -1),)), REVIEW, {"marriage": REVIEW}),
    ("widowed, register shows the wedding", single(status="widowed", marriages=(("married", -1),)), REVIEW, {"marriage": REVIEW}),
    ("widowed, nothing registered", single(status="widowed"), MET, {}),
    ("married to somebody else", Household(marriages=(("married", -1), ("none_found", -1))), REVIEW, {"marriage": REVIEW}),
    ("the spouse's entry says divorced", Household(marriages=(("married", 1), ("divorced", -1))), REVIEW, {"marriage": REVIEW}),
    ("marriage mixed up", Household(outcomes=silent("marriage", outcome=LookupOutcome.MISMATCH)), REVIEW, {"marriage": REVIEW}),
    # the applicant
    ("eighteen today", single(born=date(2008, 11, 23)), MET, {}),
    ("eighteen tomorrow", single(born=date(2008, 11, 24)), NOT_MET, {"adult_applicant": NOT_MET}),
    # together
    ("nobody answers", Household(outcomes={}), REVIEW, dict.fromkeys(["housing_area", "income", "vehicle_count", "vehicle_value", "marriage"], REVIEW)),
    ("not met outweighs doubt", Household(registered_vehicles=2, marriages=()), NOT_MET, {"vehicle_count": NOT_MET, "vehicle_value": REVIEW, "marriage": REVIEW}),
]  # fmt: skip


@pytest.mark.parametrize(("household", "overall", "differing"), [row[1:] for row in GOLDEN], ids=[row[0] for row in GOLDEN])
def test_golden(household: Household, overall: Verdict, differing: dict[str, Verdict]) -> None:
    judgement = rules.assess(household.inputs(), RULES)
    expected = {criterion.code: MET for criterion in judgement.criteria} | {"vehicle_value": N_A} | differing
    assert {criterion.code: criterion.verdict for criterion in judgement.criteria} == expected
    assert judgement.verdict is overall
    for criterion in judgement.criteria:
        assert criterion.title.zh != criterion.title.en
        assert criterion.reason.zh.endswith(("。", "）。"))
        assert criterion.reason.en.endswith(".")
        for text in (criterion.reason, criterion.observed, criterion.threshold):
            assert bool(text.zh) == bool(text.en)
            assert not any("\u4e00" <= character <= "\u9fff" for character in text.en)
        assert criterion.legal_ref


def test_an_explanation_names_both_sides() -> None:
    household = Household(
        homes=(("410202", 4801, 100),), registered_homes=(("410202", 4801, 100, True, False),), incomes=(2_880_000, 100_000, 0)
    )
    found = {criterion.code: criterion for criterion in rules.assess(household.inputs(), RULES).criteria}
    assert found["housing_area"].observed.zh == "人均 16.01 ㎡"
    assert found["housing_area"].threshold.zh == "不超过 16.00 ㎡"
    assert found["housing_area"].receipt_ids == ("rc_h0",)
    assert "第 2 位成员申报年收入 1,000.00 元，社保缴费基数折合每年 25,200.00 元" in found["income"].reason.zh
    assert found["income"].receipt_ids == ("rc_i0", "rc_i1", "rc_i2")


def test_a_criterion_of_a_category_only() -> None:
    assert "insured_months" not in {c.code for c in rules.assess(Household().inputs(), RULES).criteria}
    with pytest.raises(rules.UnknownCategoryError):
        rules.assess(Household(category="nobody").inputs(), RULES)


def test_a_limit_not_yet_in_force_is_for_a_person() -> None:
    limits = dict(RULES.categories["local_household"])
    limits["vehicle_count_max"] = _dated((date(2026, 11, 24), 1))
    later = RuleSet(version="later", categories={"local_household": limits})
    verdicts = {c.code: c.verdict for c in rules.assess(Household().inputs(), later).criteria}
    assert verdicts["vehicle_count"] is REVIEW
    assert verdicts["housing_area"] is MET


def test_the_limit_in_force_on_the_day_of_assessment_judges() -> None:
    limits = {**RULES.categories["local_household"], "vehicle_count_max": _dated((date(2026, 1, 1), 1), (date(2026, 11, 24), 0))}
    changing = RuleSet(version="changing", categories={"local_household": limits})
    household = Household(vehicles=(1_000_000,), registered_vehicles=1)
    inputs = household.inputs()
    for day, expected in ((date(2026, 11, 23), MET), (date(2026, 11, 24), NOT_MET)):
        found = {c.code: c.verdict for c in rules.assess(inputs.model_copy(update={"on": day}), changing).criteria}
        assert found["vehicle_count"] is expected


def test_numbers_never_look_better_than_they_are() -> None:
    assert sqm(1600).zh == "16.00 ㎡"
    assert sqm(Fraction(160_001, 100)).zh == "16.01 ㎡"
    assert (yuan(240_000).zh, yuan(240_000).en) == ("2,400.00 元", "2,400.00 yuan")


def sums(area: housing.Area) -> list[Fraction]:
    return [area.least, area.most]


def test_each_home_counts_once() -> None:
    declared = (DeclaredHome(district="410202", area_centi_sqm=8000, share_percent=100),)

    def registered(area: int, share: int, receipt: str) -> RegisteredHome:
        return RegisteredHome(
            subject_index=0,
            endpoint="410202",
            area_centi_sqm=area,
            share_percent=share,
            residential=True,
            pre_notice=False,
            receipt_id=receipt,
        )

    twice = (registered(8000, 100, "a"), registered(8000, 100, "b"))
    area = housing.count(declared, twice)
    assert sums(area) == [2 * 8000, 2 * 8000], "two flats of one size are two flats"
    assert [home.receipt_id for home in area.undeclared] == ["b"]
    assert housing.count(declared, (registered(8240, 100, "a"),)).most == 8240
    apart = housing.count(declared, (registered(7000, 100, "a"),))
    assert sums(apart) == [8000, 8000 + 7000], "they may be one home"


def a_home(area: int, **more: Any) -> RegisteredHome:
    base: dict[str, Any] = {
        "subject_index": 0,
        "endpoint": "410202",
        "share_percent": 100,
        "residential": True,
        "pre_notice": False,
        "receipt_id": "a",
    }
    return RegisteredHome(**{**base, "area_centi_sqm": area, **more})


ELSEWHERE = {"endpoint": "410203"}
NAMED_BY: list[tuple[str, dict[str, Any]]] = [("address", {"address_index": "x"}), ("certificate", {"certificate_index": "x"})]


@pytest.mark.parametrize(("by", "name"), NAMED_BY, ids=[by for by, _ in NAMED_BY])
def test_a_home_is_the_same_by_its_address_or_certificate_wherever_and_however_large_it_is_said_to_be(
    by: str, name: dict[str, Any]
) -> None:
    """Inner area on one side, gross area on the other, and the neighbouring district's code."""
    declared = (DeclaredHome(district="410202", area_centi_sqm=5050, share_percent=100, **name),)
    found = housing.count(declared, (a_home(6200, **ELSEWHERE, **name),))
    assert sums(found) == [6200, 6200]
    assert not found.undeclared
    assert not found.pairs


def test_nothing_is_not_the_same_as_nothing() -> None:
    declared = (DeclaredHome(district="410202", area_centi_sqm=5050, share_percent=100),)
    assert housing.count(declared, (a_home(6200, **ELSEWHERE),)).most == 5050 + 6200


def test_a_home_sold_and_not_registered_yet_may_be_in_the_register_twice() -> None:
    pre_notice = a_home(9755, pre_notice=True, unit_known=False)
    settled = a_home(9600, receipt_id="b")
    found = housing.count((), (pre_notice, settled))
    assert sums(found) == [9755, 9755 + 9600]
    named = {"address_index": "x"}
    once = housing.count((), (pre_notice.model_copy(update=named), settled.model_copy(update=named)))
    assert sums(once) == [9755, 9755]
    both_numbered = housing.count((), (a_home(9755, pre_notice=True), settled))
    assert both_numbered.least == 9755 + 9600, "each has a number of its own"


def test_a_pair_that_decides_is_for_a_person_who_is_told_which_it_is() -> None:
    """A family of four with one home: 50.50 ㎡ inside, 62.00 ㎡ in the register of the neighbouring district."""
    four = Household(
        incomes=(2_880_000, 2_520_000, 0, 0),
        relations=("applicant", "spouse", "child", "child"),
        marriages=(("married", 1), ("married", 0)),
    )
    four.homes, four.registered_homes = (("410202", 5050, 100),), (("410203", 6200, 100, True, False),)
    (criterion,) = (each for each in rules.assess(four.inputs(), RULES).criteria if each.code == "housing_area")
    assert criterion.verdict is REVIEW
    assert "申报的 50.50 ㎡ 与登记的 62.00 ㎡ 可能是同一套住房" in criterion.reason.zh
    assert "28.13 ㎡" in criterion.reason.zh
    assert "15.50 ㎡" in criterion.reason.zh
    assert "may be the same" in criterion.reason.en
    four.registered_homes = (("410203", 6500, 100, True, False),)
    (criterion,) = (each for each in rules.assess(four.inputs(), RULES).criteria if each.code == "housing_area")
    assert criterion.verdict is NOT_MET, "even as one home it is too large"


@pytest.mark.parametrize(
    ("area", "verdict"),
    # A third of 144.00 m2 for three is exactly 16.00; in whole percent (33) a third of 145.45 m2 would still look like less.
    [(14_400, MET), (14_401, NOT_MET), (14_545, NOT_MET)],
)
def test_a_third_of_a_home_is_counted_exactly(area: int, verdict: Verdict) -> None:
    household = Household(homes=(("410202", area, 33),), registered_homes=(("410202", area, 33, True, False),))
    inputs = household.inputs()
    inputs.facts.said["real_estate"][0].update(share_numerator=1, share_denominator=3)
    (criterion,) = (each for each in rules.assess(inputs, RULES).criteria if each.code == "housing_area")
    assert criterion.verdict is verdict
    assert rules.assess(Inputs.model_validate_json(inputs.model_dump_json()), RULES) == rules.assess(inputs, RULES)


# --- what must hold for every household --------------------------------------------------------------------------------------------------

amounts = st.integers(0, 10_000_000)
residences = st.tuples(st.sampled_from(["410202", "410203"]), st.integers(1, 20_000), st.integers(1, 100))
households = st.builds(
    Household,
    category=st.sampled_from(["local_household", "new_worker"]),
    incomes=st.tuples(amounts, amounts, amounts),
    status=st.sampled_from(["single", "married", "divorced", "widowed"]),
    homes=st.lists(residences, max_size=3).map(tuple),
    vehicles=st.lists(amounts, max_size=3).map(tuple),
    registered_homes=st.lists(residences.flatmap(lambda r: st.tuples(*map(st.just, r), st.booleans(), st.booleans())), max_size=4).map(
        tuple
    ),
    registered_vehicles=st.integers(0, 3),
    insurance=st.lists(st.tuples(st.integers(0, 60), st.integers(0, 800_000)), max_size=3).map(tuple),
    marriages=st.lists(st.tuples(st.sampled_from(["married", "divorced", "none_found"]), st.integers(-1, 2)), max_size=3).map(tuple),
    outcomes=st.dictionaries(st.sampled_from(list(terms("registers"))), st.sampled_from(list(LookupOutcome))),
)


@settings(max_examples=200, deadline=None)
@given(households, st.sampled_from([LookupOutcome.UNAVAILABLE, LookupOutcome.MISMATCH, None]))
def test_registers_that_do_not_answer_refuse_nobody(household: Household, outcome: LookupOutcome | None) -> None:
    household.outcomes = dict.fromkeys(terms("registers"), outcome) if outcome else {}  # type: ignore[assignment]
    judgement = rules.assess(household.inputs(), RULES)
    assert judgement.verdict is REVIEW
    assert NOT_MET not in {criterion.verdict for criterion in judgement.criteria}


@settings(max_examples=200, deadline=None)
@given(households, st.sampled_from(list(terms("registers"))), st.sampled_from([LookupOutcome.UNAVAILABLE, LookupOutcome.MISMATCH]))
def test_an_outage_never_makes_a_verdict_worse_than_doubt(household: Household, register: str, outcome: LookupOutcome) -> None:
    before = {c.code: c.verdict for c in rules.assess(household.inputs(), RULES).criteria}
    household.outcomes[register] = outcome
    after = {c.code: c.verdict for c in rules.assess(household.inputs(), RULES).criteria}
    for code, verdict in after.items():
        assert verdict is before[code] or verdict is REVIEW


@settings(max_examples=200, deadline=None)
@given(households)
def test_the_same_inputs_give_the_same_judgement_also_after_storage(household: Household) -> None:
    inputs = household.inputs()
    again = Inputs.model_validate_json(inputs.model_dump_json())
    archived = RuleSet.model_validate_json(RULES.model_dump_json())
    assert rules.assess(inputs, RULES) == rules.assess(again, archived)
    assert archived.fingerprint == RULES.fingerprint


@settings(max_examples=200, deadline=None)
@given(households, residences)
def test_one_more_registered_home_never_helps(household: Household, more: tuple[str, int, int]) -> None:
    order = [MET, REVIEW, NOT_MET]
    household.outcomes = dict(ANSWERED)

    def verdict() -> Verdict:
        return next(c.verdict for c in rules.assess(household.inputs(), RULES).criteria if c.code == "housing_area")

    before = verdict()
    household.registered_homes += ((*more, True, False),)
    assert order.index(verdict()) >= order.index(before)


def test_every_criterion_of_the_citys_profile_is_implemented() -> None:
    profile = anju_profile.load(Path(__file__).parents[3] / "profiles" / "kaifeng")
    rules.check(rule_set_of(profile))
    for limits in rule_set_of(profile).categories.values():
        for criterion, limit in rules.in_force(limits, ON):
            if isinstance(criterion, Limited):
                assert limit is not None
                assert criterion.threshold(limit.value).en.isascii() or "m²" in criterion.threshold(limit.value).en


def test_every_criterion_of_the_vocabulary_is_judged() -> None:
    # All but the doubt casework has of its own record: a minor whom another household names.
    assert list(criteria.discover()) == [code for code in terms("criteria") if code != "minor_elsewhere"]
    for criterion in criteria.discover().values():
        assert set(criterion.registers) <= set(terms("registers"))
