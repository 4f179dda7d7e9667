"""What is declared beside what is registered: a difference is shown as one, and what a register did not say is unknown."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from anju_contracts.application import LookupOutcome
from anju_terms import terms
from eligibility.domain.comparison import Difference, Row, compare
from eligibility.domain.inputs import Declaration, DeclaredHome, Facts, Heard, Inputs, Member

SAME, COMPATIBLE, DIFFERS = Difference.SAME, Difference.COMPATIBLE, Difference.DIFFERS
DECLARED, REGISTERED = Difference.ONLY_DECLARED, Difference.ONLY_REGISTERED
UNKNOWN, NOT_ASKED = Difference.UNKNOWN, Difference.NOT_ASKED
ANSWERED = dict.fromkeys(terms("registers"), LookupOutcome.FOUND)
EARLIER, LATER = datetime(2026, 11, 20, tzinfo=UTC), datetime(2026, 11, 21, tzinfo=UTC)


def home(area: int, share: int = 100, *, address: str = "", certificate: str = "", district: str = "410202") -> DeclaredHome:
    return DeclaredHome(district=district, area_centi_sqm=area, share_percent=share, address_index=address, certificate_index=certificate)


def right(area: int, member: int = 0, **more: Any) -> dict[str, Any]:
    given = {"endpoint": "410202", "share_percent": 100, "residential": True, "pre_notice": False, "receipt_id": "rc_h", **more}
    return {"subject_index": member, "area_centi_sqm": area, **given}


def rows(
    *,
    status: str = "married",
    relations: tuple[str, ...] = ("applicant", "spouse"),
    incomes: tuple[int, ...] = (3_000_000, 0),
    homes: tuple[DeclaredHome, ...] = (),
    cars: int = 0,
    rights: tuple[dict[str, Any], ...] = (),
    registered_cars: tuple[int, ...] = (),
    insured: tuple[tuple[int, int], ...] = ((0, 250_000), (1, 0)),
    marriages: tuple[tuple[int, str, int], ...] = ((0, "married", 1), (1, "married", 0)),
    outcomes: dict[str, LookupOutcome] | None = None,
    heard: dict[str, tuple[Heard, ...]] | None = None,
) -> tuple[Row, ...]:
    members = tuple(
        Member(index=index, relation=relation, birth_date=date(1990, 1, 1), annual_income_fen=incomes[index])
        for index, relation in enumerate(relations)
    )
    said: dict[str, tuple[dict[str, Any], ...]] = {
        "real_estate": rights,
        "vehicles": tuple({"subject_index": index, "receipt_id": "rc_v"} for index in registered_cars),
        "social_insurance": tuple(
            {"subject_index": index, "continuous_months": 12 if base else 0, "monthly_base_fen": base, "receipt_id": "rc_i"}
            for index, base in insured
        ),
        "marriage": tuple(
            {"subject_index": index, "status": each, "spouse_index": spouse, "receipt_id": "rc_m"} for index, each, spouse in marriages
        ),
    }
    declaration = Declaration(
        category="local_household", marital_status=status, members=members, homes=homes, vehicle_values_fen=(5_000_000,) * cars
    )
    facts = Facts(said=said, outcomes=ANSWERED if outcomes is None else outcomes, heard=heard or {})
    return compare(Inputs(declaration=declaration, facts=facts, on=date(2026, 11, 23)))


def of(found: tuple[Row, ...], fact: str, member: int | None = None) -> Row:
    (row,) = [row for row in found if (row.fact, row.member) == (fact, member)]
    return row


def but(register: str, outcome: LookupOutcome) -> dict[str, LookupOutcome]:
    return {**ANSWERED, register: outcome}


def test_a_household_that_told_everything_has_no_difference() -> None:
    found = rows(homes=(home(5_000, address="a"),), cars=1, rights=(right(5_000, address_index="a"),), registered_cars=(1,))
    assert {row.difference for row in found} == {SAME}
    assert [row.fact for row in found] == [
        "marital_status", "annual_income", "marital_status", "annual_income", "homes", "vehicles", "home",
    ]  # fmt: skip
    assert of(found, "marital_status", 0).named == (1,)
    assert (of(found, "vehicles").registered.zh, of(found, "vehicles").named) == ("1 辆", (1,))
    assert {row.fact for row in found} <= set(terms("compared_facts"))
    assert {row.difference for row in found} <= set(terms("differences"))


def test_five_homes_nobody_declared_are_five_differences() -> None:
    """A calm green "found 5" stood beside an empty form, and the case was approved."""
    found = rows(rights=tuple(right(3_000 + place * 500, member=1, certificate_index=f"c{place}") for place in range(5)))
    whole = of(found, "homes")
    assert (whole.declared.zh, whole.registered.zh, whole.difference) == ("没有住房", "5 处", REGISTERED)
    each = [row for row in found if row.fact == "home"]
    assert [(row.difference, row.named, row.office, row.home) for row in each] == [(REGISTERED, (1,), "410202", None)] * 5
    assert each[0].registered.zh.endswith("㎡，份额 100%")


@pytest.mark.parametrize(
    ("declared", "registered", "difference", "note"),
    [
        (home(5_000, address="a"), right(5_000, address_index="a"), SAME, ""),
        (home(5_000), right(5_100), COMPATIBLE, "登记面积比申报多 1.00 ㎡"),
        (home(5_050, certificate="c"), right(6_200, certificate_index="c"), DIFFERS, "登记面积比申报多 11.50 ㎡"),
        (home(5_000, 50, address="a"), right(5_000, address_index="a"), DIFFERS, "份额不同"),
        (
            home(5_000, 33, address="a"),
            right(5_000, address_index="a", share_percent=33, share_numerator=1, share_denominator=3),
            SAME,
            "",
        ),
    ],
)
def test_a_home_found_is_compared_by_area_and_share(
    declared: DeclaredHome, registered: dict[str, Any], difference: Difference, note: str
) -> None:
    row = of(rows(homes=(declared,), rights=(registered,)), "home")
    assert (row.difference, row.note.zh, row.home) == (difference, note, 0)


def test_a_pair_that_may_be_one_home_stands_together() -> None:
    found = rows(
        homes=(home(9_000, certificate="x"), home(5_050)), rights=(right(6_200, district="410203"), right(9_000, certificate_index="x"))
    )
    first, second, third = [row for row in found if row.fact == "home"]
    assert (first.home, first.pair, first.difference) == (0, 0, SAME)
    assert (second.home, second.pair, second.difference) == (1, 1, DECLARED)
    assert (third.home, third.pair, third.difference) == (None, 1, REGISTERED)
    assert "同一套" in second.note.zh
    assert second.note == third.note
    assert of(found, "homes").difference is DIFFERS, "as many, but not the same ones"


def test_what_is_no_home_is_shown_and_contradicts_nothing() -> None:
    found = rows(rights=(right(2_000, residential=False),))
    assert of(found, "other_property").difference is COMPATIBLE
    assert of(found, "homes").difference is SAME


@pytest.mark.parametrize(
    ("outcome", "difference", "words"),
    [
        (LookupOutcome.UNAVAILABLE, UNKNOWN, "未取得完整答复"),
        (LookupOutcome.UNKNOWN_PERSON, UNKNOWN, "查无此人，不等于没有"),
        (LookupOutcome.MISMATCH, UNKNOWN, "答复与本人不符，未采用"),
        (None, NOT_ASKED, "未核验这项登记"),
    ],
)
@pytest.mark.parametrize(
    ("register", "facts"),
    [
        ("real_estate", [("homes", None), ("home", None)]),
        ("vehicles", [("vehicles", None)]),
        ("social_insurance", [("annual_income", 0), ("annual_income", 1)]),
        ("marriage", [("marital_status", 0), ("marital_status", 1)]),
    ],
)
def test_silence_is_unknown_and_never_the_same(
    register: str, facts: list[tuple[str, int | None]], outcome: LookupOutcome | None, difference: Difference, words: str
) -> None:
    outcomes = {code: said for code, said in ANSWERED.items() if code != register} | ({register: outcome} if outcome else {})
    for homes, cars in (((home(5_000),), 1), ((), 0)):
        found = rows(homes=homes, cars=cars, insured=(), marriages=(), outcomes=outcomes)
        for fact, member in facts:
            if fact != "home" or homes:
                row = of(found, fact, member)
                assert (row.difference, row.registered.zh) == (difference, words), fact


def test_who_is_not_known_is_named_and_what_is_known_of_the_others_stays() -> None:
    heard = (
        Heard(subject_index=0, outcome=LookupOutcome.FOUND, at=EARLIER),
        Heard(subject_index=1, outcome=LookupOutcome.UNKNOWN_PERSON, at=LATER),
    )
    found = rows(
        rights=(right(5_000),),
        insured=((0, 250_000),),
        outcomes=but("real_estate", LookupOutcome.UNKNOWN_PERSON) | {"social_insurance": LookupOutcome.UNKNOWN_PERSON},
        heard={"real_estate": heard, "social_insurance": heard},
    )
    assert of(found, "homes").difference is REGISTERED, "what was found was found"
    assert (of(found, "homes", 1).difference, of(found, "homes", 1).registered.zh) == (UNKNOWN, "查无此人，不等于没有")
    assert not [row for row in found if (row.fact, row.member) == ("homes", 0)]
    assert [of(found, "annual_income", member).difference for member in (0, 1)] == [SAME, UNKNOWN]
    assert [of(found, "annual_income", member).as_of for member in (0, 1)] == [EARLIER, LATER]
    assert of(found, "homes").as_of == LATER


@pytest.mark.parametrize(
    ("status", "registered", "spouse", "difference", "named"),
    [
        ("married", "married", 1, SAME, (1,)),
        ("married", "married", -1, DIFFERS, ()),
        ("married", "none_found", -1, DECLARED, ()),
        ("single", "married", -1, DIFFERS, ()),
        ("widowed", "married", 1, DIFFERS, ()),
        ("single", "none_found", -1, COMPATIBLE, ()),
        ("divorced", "divorced", -1, SAME, ()),
        ("divorced", "none_found", -1, DECLARED, ()),
    ],
)
def test_marriage(status: str, registered: str, spouse: int, difference: Difference, named: tuple[int, ...]) -> None:
    row = of(rows(status=status, marriages=((0, registered, spouse), (1, "married", 0))), "marital_status", 0)
    assert (row.difference, row.named) == (difference, named)


def test_a_spouse_outside_the_household_contradicts_nothing_but_another_than_the_declared_one_does() -> None:
    alone = rows(relations=("applicant",), incomes=(3_000_000,), insured=((0, 250_000),), marriages=((0, "married", -1),))
    assert of(alone, "marital_status", 0).difference is COMPATIBLE
    other = rows(marriages=((0, "married", 1), (1, "married", -1)))
    assert of(other, "marital_status", 1).difference is DIFFERS


@pytest.mark.parametrize(
    ("declared", "base", "difference"),
    [
        (3_000_000, 250_000, SAME),
        (3_000_000, 290_000, COMPATIBLE),
        (3_000_000, 310_000, DIFFERS),
        (3_000_000, 100_000, COMPATIBLE),
        (3_000_000, 0, DECLARED),
        (0, 250_000, REGISTERED),
        (0, 0, SAME),
    ],
)
def test_income(declared: int, base: int, difference: Difference) -> None:
    row = of(rows(incomes=(declared, 0), insured=((0, base), (1, 0))), "annual_income", 0)
    assert row.difference is difference


@pytest.mark.parametrize(
    ("declared", "registered", "difference"),
    [(0, 0, SAME), (1, 1, SAME), (0, 1, REGISTERED), (1, 0, DECLARED), (1, 2, DIFFERS), (2, 1, DIFFERS)],
)
def test_vehicles(declared: int, registered: int, difference: Difference) -> None:
    assert of(rows(cars=declared, registered_cars=(0,) * registered), "vehicles").difference is difference
