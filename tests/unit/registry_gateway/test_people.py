"""Same person, written differently; and somebody else."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st
from registry_gateway.domain.faults import WrongPersonError
from registry_gateway.domain.people import Person, index_of, must_be, same_id, same_name

OLD = "990001198804121234"
NEW = "99000120160520123X"


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (OLD, OLD),
        (OLD, "990001880412123"),
        ("990001880412123", OLD),
        (NEW, NEW.lower()),
        (NEW, "９９０００１２０１６０５２０１２３ｘ"),
        (NEW, f" {NEW[:6]} {NEW[6:]} "),
    ],
)
def test_one_number_in_two_forms(left: str, right: str) -> None:
    assert same_id(left, right)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (OLD, "990001198804121235"),
        (OLD, "990001880412124"),
        (NEW, "990001160520123"),  # born after the old form ended
        ("990001880412123", "990001880412123"),  # two old forms without a century prove nothing
        (OLD, ""),
        ("", ""),
        ("x", "X"),
        (OLD, "9900**********1234"),
    ],
)
def test_not_the_same_number(left: str, right: str) -> None:
    assert not same_id(left, right)


@given(st.text(alphabet=string.digits + "xX*", min_size=0, max_size=20))
def test_nothing_but_a_form_of_the_number_is_the_number(other: str) -> None:
    if same_id(OLD, other):
        assert other.upper() in (OLD, "990001880412123")


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        ("艾山江·努尔", "艾山江•努尔", True),
        ("艾山江·努尔", "艾山江・努尔", True),
        ("艾山江·努尔", "艾山江努尔", False),
        ("王 伟", "王伟", True),
        ("王伟", "王玮", False),
        ("𠮷田", "吉田", False),
        ("", "", False),
    ],
)
def test_names(left: str, right: str, same: bool) -> None:
    assert same_name(left, right) is same


def test_the_name_must_fit_as_well() -> None:
    person = Person(0, "王伟", OLD)
    must_be(person, OLD, "王伟")
    must_be(person, OLD)
    for number, name in ((OLD, "王玮"), (NEW, "王伟"), ("", "")):
        with pytest.raises(WrongPersonError):
            must_be(person, number, name)


def test_a_person_does_not_show_in_logs() -> None:
    assert OLD not in repr(Person(0, "王伟", OLD))
    assert "王伟" not in repr(Person(0, "王伟", OLD))


def test_position_in_the_household() -> None:
    household = [Person(0, "王伟", OLD), Person(2, "王小", NEW)]
    assert index_of(NEW.lower(), household) == 2
    assert index_of("990001199909091234", household) == -1
