"""The shared words: every code has both languages, and a review level brings what carries its code."""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest
from anju.casework.v1 import casework_pb2
from anju.common.v1 import common_pb2
from anju.eligibility.v1 import eligibility_pb2
from anju_contracts import application, lease, rent_cycle, waiting
from anju_contracts.moves import IllegalMoveError, Table
from anju_terms import is_code, terms, title, vocabularies
from anju_terms.laws import reference

ROOT = Path(__file__).parents[3]


def test_every_term_has_a_title_in_both_languages() -> None:
    empty = [(name, code) for name, found in vocabularies().items() for code, term in found.items() if not (term.zh and term.en)]
    assert not empty
    assert len(vocabularies()) > 15


def test_a_level_brings_its_stage_its_events_and_its_actor() -> None:
    for level in terms("levels"):
        assert is_code("stages", f"{level}_review")
        assert is_code("waiting_on", level)
        assert is_code("actors", level)
        assert title("tasks", level) == title("stages", f"{level}_review")
        for event in (application.approved(level), application.returned(level), application.refused(level)):
            assert is_code("events", event)


@pytest.mark.parametrize(
    ("zh", "en"),
    [
        ("公共租赁住房管理办法第七条", "Measures for the Administration of Public Rental Housing, article 7"),
        ("公共租赁住房管理办法（住房和城乡建设部令第11号）第九条", "Measures for the Administration of Public Rental Housing, article 9"),
        ("公共租赁住房管理办法第七条(二)", "Measures for the Administration of Public Rental Housing, article 7(2)"),
        ("民法典第一百零四条第（十二）项", "Civil Code, article 104(12)"),
        (
            "行政复议法第二十条、行政诉讼法第四十六条",
            "Administrative Reconsideration Law, article 20; Administrative Litigation Law, article 46",
        ),
        # Nobody has said what it is called in English: no half of a translation.
        ("汴房〔2027〕1号", "汴房〔2027〕1号"),
        ("行政复议法第二十条、本地规定第三条", "行政复议法第二十条、本地规定第三条"),
    ],
)
def test_a_reference_to_the_law_is_in_both_languages(zh: str, en: str) -> None:
    assert (reference(zh).zh, reference(zh).en) == (zh, en)


@pytest.mark.parametrize(
    ("vocabulary", "codes", "wire"),
    [
        ("lookup_outcomes", application.LookupOutcome, common_pb2.LookupOutcome),
        ("verdicts", application.Verdict, eligibility_pb2.Verdict),
        ("decisions", application.Decision, casework_pb2.Decision),
    ],
)
def test_what_the_law_or_the_protocol_closes_is_the_same_everywhere(vocabulary: str, codes: type[StrEnum], wire: Any) -> None:
    """Code branches on these, so that they are enums too: each of the codes of its vocabulary, and of no other."""
    prefix = re.sub(r"(?<!^)(?=[A-Z])", "_", codes.__name__).upper()
    assert [code.value for code in codes] == list(terms(vocabulary))
    names = wire.DESCRIPTOR.values_by_name
    assert {name.removeprefix(f"{prefix}_").lower() for name in names} - {"unspecified"} == set(terms(vocabulary))


def test_stages_stand_in_the_order_of_the_way() -> None:
    way = [
        stage
        for stage in terms("stages")
        if stage in ("submitted", "verifying", "street_review", "city_review", "public_notice", "registered")
    ]
    assert way == ["submitted", "verifying", "street_review", "city_review", "public_notice", "registered"]


def test_what_people_choose_from_says_more_than_its_title() -> None:
    assert not [code for name in ("categories", "registers") for code, term in terms(name).items() if term.hint is None]


def test_a_code_nobody_knows_is_shown_as_it_is() -> None:
    assert title("stages", "a_later_stage", "en") == "a_later_stage"
    assert title("stages", "correction", "en-GB") == terms("stages")["correction"].en
    with pytest.raises(KeyError):
        title("no such vocabulary", "x")


@pytest.mark.parametrize("levels", [("street",), ("street", "city"), ("street", "district", "city")])
def test_an_application_is_reviewed_by_its_own_levels(levels: tuple[str, ...]) -> None:
    table = application.moves(levels, "district")
    path = ["start_verification", "verification_done", *(application.approved(level) for level in levels), "notice_closed"]
    assert table.is_path(path)
    assert table.next(f"{levels[-1]}_review", application.approved(levels[-1])) == "public_notice"
    assert all(is_code("stages", stage) for stage in table.stages)
    assert all(is_code("events", move.event) for move in table.moves)


def test_levels_which_the_case_does_not_have_make_no_move() -> None:
    table = application.moves(("street", "city"), "city")
    with pytest.raises(IllegalMoveError):
        table.next("district_review", "district_approved")
    with pytest.raises(ValueError, match="at least one"):
        application.moves((), "city")


@pytest.mark.parametrize(
    ("vocabulary", "table"), [("lease_states", lease.MOVES), ("bill_states", rent_cycle.MOVES), ("waiting_states", waiting.MOVES)]
)
def test_every_state_of_a_table_has_a_title(vocabulary: str, table: Table) -> None:
    assert set(table.stages) <= set(terms(vocabulary))


def test_the_pages_repeat_no_title() -> None:
    """Their own texts name fields and acts. One that ends with a code and says its title would be a second home."""
    text = re.compile(r'"[\w.]*\.(\w+)": \{\s*zh: "([^"]*)",\s*en: "([^"]*)"')
    said = {found.groups() for file in (ROOT / "web/src/i18n").glob("*.ts") for found in text.finditer(file.read_text(encoding="utf-8"))}
    assert len(said) > 300
    titles = {(code, term.zh, term.en) for name, terms_ in vocabularies().items() if name != "bill_kinds" for code, term in terms_.items()}
    assert said & titles == set()
