"""The sample policies: sixteen, each fit for the shelf, every rule value written somewhere."""

from __future__ import annotations

from anju_onebox import policies
from anju_terms import terms
from oversight import convert
from oversight.domain.content import is_policy_id

from tests.support.profiles import KAIFENG

FILES = sorted((KAIFENG / policies.FOLDER).glob("*.yaml"))


def test_sixteen_are_fit_to_be_published_and_say_that_they_are_samples() -> None:
    assert len(FILES) == 16
    for file in FILES:
        assert is_policy_id(file.stem)
        assert convert.content(policies.read(file)).sample


def test_every_category_has_one() -> None:
    assert {policies.read(file).category for file in FILES} == set(terms("policy_categories"))


def test_every_condition_of_the_law_is_written_in_an_article() -> None:
    written = {code for file in FILES for article in policies.read(file).articles for code in article.criteria}
    # Casework's own, and nobody's rule value.
    assert written == set(terms("criteria")) - {"minor_elsewhere"}
