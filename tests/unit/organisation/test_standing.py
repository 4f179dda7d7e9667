"""What somebody may do on a day: never more than he was given, and nothing less."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st
from organisation.domain.standing import NOT_COVERED, Appointment, Capacity, Cover, Span, capacities
from organisation.domain.units import shortest

DAY = date(2026, 11, 27)
PEOPLE = ("s-1", "s-2", "s-3")
DUTIES = ("street_clerk", "district_reviewer", "finance", "user_admin", "auditor")
UNITS = ("4102", "410202", "410202001", "410202002", "410203")

days = st.integers(-3, 3).map(lambda n: DAY + timedelta(days=n))
spans = st.builds(
    lambda begins, more: Span(begins, None if more is None else begins + timedelta(days=more)), days, st.none() | st.integers(0, 4)
)
appointments = st.lists(
    st.builds(Appointment, st.sampled_from(PEOPLE), st.sampled_from(DUTIES), st.sampled_from(UNITS), spans), max_size=12
)
covers = st.lists(st.builds(Cover, st.sampled_from(PEOPLE), st.sampled_from(PEOPLE), spans), max_size=6)


def reach(unit: str, day: date) -> tuple[str, ...]:
    return (unit,)


def allowed(account: str, given: list[Appointment], duty: str, code: str) -> bool:
    return any(each.account == account and each.duty == duty and each.span.holds(DAY) and code.startswith(each.unit) for each in given)


@given(appointments, covers)
def test_no_capacity_holds_more_than_the_appointments_it_is_made_of(given: list[Appointment], standing_in: list[Cover]) -> None:
    for account in PEOPLE:
        for found in capacities(account, given, standing_in, reach, DAY):
            whose = found.acting_for or account
            assert all(allowed(whose, given, duty, code) for duty in found.duties for code in found.divisions)
            if found.acting_for:
                assert not set(found.duties) & NOT_COVERED
                assert any((each.absent, each.substitute) == (whose, account) and each.span.holds(DAY) for each in standing_in)


@given(appointments, covers)
def test_whatever_holds_on_the_day_is_in_one_of_them(given: list[Appointment], standing_in: list[Cover]) -> None:
    for account in PEOPLE:
        own = [each for each in capacities(account, given, standing_in, reach, DAY) if not each.acting_for]
        for each in given:
            if each.account == account and each.span.holds(DAY):
                assert any(each.duty in found.duties and any(each.unit.startswith(code) for code in found.divisions) for found in own)


def test_a_duty_in_one_street_and_another_in_the_city_are_not_the_first_in_the_city() -> None:
    given = [Appointment("s-1", "street_clerk", "410202001", Span(DAY)), Appointment("s-1", "finance", "4102", Span(DAY))]
    assert capacities("s-1", given, [], reach, DAY) == (
        Capacity(("finance",), ("4102",)),
        Capacity(("street_clerk",), ("410202001",)),
    )


def test_duties_in_the_same_place_are_one_capacity_and_its_id_stays() -> None:
    given = [Appointment("s-1", duty, "4102", Span(DAY)) for duty in ("operator", "finance")]
    (found,) = capacities("s-1", given, [], reach, DAY)
    assert found.duties == ("finance", "operator")
    assert found.id == Capacity(("finance", "operator"), ("4102",)).id
    assert found.id != Capacity(("finance", "operator"), ("4102",), "s-2").id


def test_standing_in_passes_on_neither_what_one_covers_nor_administration() -> None:
    given = [Appointment("s-1", "street_clerk", "410202001", Span(DAY)), Appointment("s-2", "auditor", "4102", Span(DAY))]
    chain = [Cover("s-1", "s-2", Span(DAY)), Cover("s-2", "s-3", Span(DAY))]
    assert [(each.acting_for, each.duties) for each in capacities("s-2", given, chain, reach, DAY)] == [
        ("", ("auditor",)),
        ("s-1", ("street_clerk",)),
    ]
    assert capacities("s-3", given, chain, reach, DAY) == ()


@given(st.lists(st.text("0123", min_size=1, max_size=4), max_size=8))
def test_the_shortest_codes_cover_the_same(codes: list[str]) -> None:
    found = shortest(codes)
    assert all(any(code.startswith(each) for each in found) for code in codes)
    assert not any(one != other and one.startswith(other) for one in found for other in found)
    assert set(found) <= set(codes)
