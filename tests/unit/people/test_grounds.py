"""When two objections of one person say the same."""

from __future__ import annotations

import pytest
from anju_people import grounds


@pytest.mark.parametrize("again", ["他家另有住房", "他家另有住房。", " 他家 另有\n住房！"])
def test_what_differs_in_blanks_and_marks_is_the_same(again: str) -> None:
    assert grounds.answered_already(again, ["他家另有住房"])


def test_new_facts_are_another_ground_until_there_have_been_enough() -> None:
    assert not grounds.answered_already("另有一辆车", ["他家另有住房"])
    assert not grounds.answered_already("丙", ["甲", "乙", "甲。"])
    assert grounds.answered_already("丁", ["甲", "乙", "丙"])


def test_marks_alone_are_compared_as_they_are() -> None:
    assert not grounds.answered_already("？？", ["！"])
