"""Civil Code, article 17: an adult of full age applies. Judged by the birth date alone."""

from __future__ import annotations

from anju_contracts.application import Verdict
from anju_terms import Title

from eligibility.domain.criterion import Finding, Universal
from eligibility.domain.inputs import Inputs

ADULT_AGE = 18


def judge(inputs: Inputs) -> Finding:
    born, on = inputs.declaration.members[0].birth_date, inputs.on
    age = on.year - born.year - ((on.month, on.day) < (born.month, born.day))
    observed, threshold = Title(zh=f"{age} 周岁", en=f"{age} years"), Title(zh=f"年满 {ADULT_AGE} 周岁", en=f"{ADULT_AGE} years or older")
    if age < ADULT_AGE:
        return Finding(Verdict.NOT_MET, Title(zh="申请人未满 18 周岁。", en="The applicant is not of age."), observed, threshold)
    return Finding(Verdict.MET, Title(zh="申请人已成年。", en="The applicant is of age."), observed, threshold)


CRITERION = Universal(code="adult_applicant", legal_ref="民法典第十七条", registers=(), judge=judge)
