"""Identity numbers against an independent model of GB 11643, written from the standard and not from the code."""

from __future__ import annotations

from datetime import date

import pytest
from anju_people.text import clean_code
from casework.domain import id_number
from hypothesis import given, settings
from hypothesis import strategies as st

TODAY = date(2026, 11, 24)
WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
CHECKS = "10X98765432"
PROVINCES = (
    11, 12, 13, 14, 15, 21, 22, 23, 31, 32, 33, 34, 35, 36, 37, 41, 42, 43, 44, 45, 46, 50, 51, 52, 53, 54, 61, 62, 63, 64, 65, 71, 81, 82, 83,
)  # fmt: skip


def check_character(body: str) -> str:
    """The table form of MOD 11-2, as the standard prints it."""
    return CHECKS[sum(int(digit) * weight for digit, weight in zip(body, WEIGHTS, strict=True)) % 11]


def model(number: str, production: bool) -> str | None:
    """The code of the first fault, None for a good number."""
    if number == "":
        return "REQUIRED"
    if len(number) == 15 and all(c in "0123456789" for c in number):
        return "ID_OLD_FORM"
    if len(number) != 18 or any(c not in "0123456789" for c in number[:17]) or number[17] not in "0123456789X":
        return "ID_FORMAT"
    foreigner = number[0] == "9" and int(number[1:3]) in PROVINCES
    if int(number[:2]) not in PROVINCES and not foreigner and (production or number[:2] != "99"):
        return "ID_REGION"
    year, month, day = int(number[6:10]), int(number[10:12]), int(number[12:14])
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    lengths = (31, 29 if leap else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
    if year < 1900 or not 1 <= month <= 12 or not 1 <= day <= lengths[month - 1]:
        return "ID_BIRTH_DATE"
    if (year, month, day) > (TODAY.year, TODAY.month, TODAY.day):
        return "ID_BIRTH_DATE_FUTURE"
    return None if check_character(number[:17]) == number[17] else "ID_CHECK_DIGIT"


def verdict(number: str, production: bool = False) -> str | None:
    found = id_number.check(number, "/members/0/id_number", today=TODAY, production=production)
    if found is None:
        return None
    assert found.pointer == "/members/0/id_number"
    assert len(number) < 6 or number not in found.zh + found.en
    return found.code


regions = st.one_of(st.sampled_from(PROVINCES).map(lambda p: f"{p:02d}0202"), st.just("990001"), st.from_regex(r"\A[0-9]{6}\Z"))
births = st.one_of(
    st.dates(date(1900, 1, 1), TODAY).map(lambda d: f"{d:%Y%m%d}"),
    st.sampled_from(
        ["19900231", "20250229", "20240229", "19000229", "20261124", "20261125", "18991231", "19901301", "19900100", "00000101"]
    ),
    st.from_regex(r"\A[0-9]{8}\Z"),
)
bodies = st.builds(lambda region, birth, sequence: f"{region}{birth}{sequence:03d}", regions, births, st.integers(0, 999))
with_check = st.one_of(
    bodies.map(lambda body: body + check_character(body)), st.builds(lambda b, c: b + c, bodies, st.sampled_from(CHECKS))
)
anything = st.one_of(with_check, st.text(alphabet="0123456789Xx０１ -", max_size=20), st.from_regex(r"\A[0-9]{15}\Z"))


@settings(max_examples=600, deadline=None)
@given(anything, st.booleans())
def test_agrees_with_the_model(written: str, production: bool) -> None:
    number = clean_code(written)
    assert verdict(number, production) == model(number, production)


@settings(max_examples=150, deadline=None)
@given(with_check, st.integers(0, 16), st.integers(1, 9))
def test_every_single_mistyped_digit_is_noticed(number: str, place: int, by: int) -> None:
    good = number[:17] + check_character(number[:17])
    if verdict(good) is not None:
        return
    wrong = good[:place] + str((int(good[place]) + by) % 10) + good[place + 1 :]
    assert verdict(wrong) is not None


FULL_WIDTH = str.maketrans("0123456789X", "０１２３４５６７８９Ｘ")


@settings(max_examples=150, deadline=None)
@given(
    with_check, st.lists(st.tuples(st.integers(0, 17), st.sampled_from([" ", "　", "-", "\u200b", "\u2013"])), max_size=4), st.booleans()
)
def test_every_way_of_writing_gives_one_form(number: str, noise: list[tuple[int, str]], wide: bool) -> None:
    written = number.translate(FULL_WIDTH) if wide else number.lower()
    for place, extra in noise:
        written = written[:place] + extra + written[place:]
    assert clean_code(written) == number


@pytest.mark.parametrize(
    ("number", "code"),
    [
        ("", "REQUIRED"),
        ("410202900101123", "ID_OLD_FORM"),
        ("41020219900101123", "ID_FORMAT"),
        ("4102021990010112345", "ID_FORMAT"),
        ("41020219900101X234", "ID_FORMAT"),
        ("000202199001011236", "ID_REGION"),
        ("410202199002301239", "ID_BIRTH_DATE"),
        ("410202188801011238", "ID_BIRTH_DATE"),
        ("410202203001011231", "ID_BIRTH_DATE_FUTURE"),
        ("410202199001011230", "ID_CHECK_DIGIT"),
        ("٤١٠٢٠٢١٩٩٠٠١٠١١٢٣٤", "ID_FORMAT"),
    ],
)
def test_each_fault_has_its_own_words(number: str, code: str) -> None:
    assert verdict(number) == code


def test_known_good_number() -> None:
    # The example printed in GB 11643-1999.
    assert verdict("11010519491231002X", production=True) is None


def test_numbers_for_training_are_refused_in_production() -> None:
    body = "99000119900101002"
    number = body + check_character(body)
    assert verdict(number, production=False) is None
    assert verdict(number, production=True) == "ID_REGION"
