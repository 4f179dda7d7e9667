"""A criterion is one file, one entry of the profile and its title: ``one_more_criterion/`` holds what somebody would add."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import anju_profile
import anju_terms
import pytest
import yaml
from anju_contracts.application import LookupOutcome, Verdict
from anju_profile import Profile
from eligibility.assessments import rule_set_of
from eligibility.domain import criteria, rules
from eligibility.domain.rule_set import RuleSet
from eligibility.domain.verdicts import Judged

from tests.unit.eligibility.test_rules import ON, Household, silent

ADDED = Path(__file__).parent / "one_more_criterion"
TWO_HOMES = (("410202", 2000, 100, True, False), ("410203", 2000, 100, True, False))


@pytest.fixture
def city() -> Iterator[RuleSet]:
    folder = anju_profile.published(Path(__file__).parents[3] / "profiles" / "kaifeng").folder()
    profile = yaml.safe_load((folder / "profile.yaml").read_text(encoding="utf-8"))
    profile["criteria"]["local_household"] |= yaml.safe_load((ADDED / "profile.yaml").read_text(encoding="utf-8"))
    added = yaml.safe_load((ADDED / "terms.yaml").read_text(encoding="utf-8"))
    terms = {**anju_terms.terms("criteria"), **{code: anju_terms.Term.model_validate(term) for code, term in added.items()}}
    vocabularies = {**anju_terms.vocabularies(), "criteria": terms}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(anju_terms, "vocabularies", lambda: vocabularies)
        patch.setattr(criteria, "__path__", [*criteria.__path__, str(ADDED / "criteria")])
        criteria.discover.cache_clear()
        yield rule_set_of(Profile.model_validate(profile))
    criteria.discover.cache_clear()


def judged(household: Household, city: RuleSet) -> Judged:
    return next(each for each in rules.assess(household.inputs(), city).criteria if each.code == "registered_homes")


def test_one_more_criterion_is_judged_and_explained(city: RuleSet) -> None:
    household = Household(registered_homes=TWO_HOMES)
    found = judged(household, city)
    assert (found.verdict, found.title.zh, found.title.en) == (Verdict.NOT_MET, "登记住房套数", "Number of registered homes")
    assert (found.observed.zh, found.threshold.zh, found.legal_ref) == ("2 套", "不超过 1 套", "公共租赁住房管理办法第七条")
    assert found.receipt_ids == ("rc_h0", "rc_h1")
    assert judged(Household(registered_homes=TWO_HOMES[:1]), city).verdict is Verdict.MET


def test_one_more_criterion_need_not_think_of_silence(city: RuleSet) -> None:
    found = judged(Household(registered_homes=TWO_HOMES, outcomes=silent("real_estate", outcome=LookupOutcome.UNAVAILABLE)), city)
    assert found.verdict is Verdict.NEEDS_REVIEW
    assert found.reason.en == "There is no complete answer from the real estate register; a person has to check."


def test_one_more_criterion_is_shown_among_the_conditions_of_its_category(city: RuleSet) -> None:
    shown = {category: {criterion.code for criterion, _ in rules.in_force(limits, ON)} for category, limits in city.categories.items()}
    assert [category for category, codes in shown.items() if "registered_homes" in codes] == ["local_household"]
