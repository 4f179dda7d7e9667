"""The population is deterministic, consistent and made of people nobody can be."""

from datetime import date
from pathlib import Path

import pytest
from anju_sandbox.world.facts import MaritalStatus
from anju_sandbox.world.identity import MAX_HOUSEHOLDS, PHONE, PersonKey, key_of, make_id_number, old_form, same_person
from anju_sandbox.world.places import Divisions
from anju_sandbox.world.population import Population

WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


@pytest.fixture(scope="module")
def population() -> Population:
    return Population(11)


def test_same_seed_same_people_other_seed_other_people(population: Population) -> None:
    here, again, other = (list(p.households(200)) for p in (population, Population(11), Population(12)))
    assert here == again
    assert sum(a.applicant == b.applicant for a, b in zip(here, other, strict=True)) == 0


def test_check_digits_regions_and_birth_dates(population: Population) -> None:
    for household in population.households(300):
        for person in household.members:
            digits = person.id_number
            assert digits.startswith("99")
            total = sum(int(d) * w for d, w in zip(digits[:17], WEIGHTS, strict=True))
            assert digits[17] == "10X98765432"[total % 11]
            assert digits[6:14] == f"{person.birth_date:%Y%m%d}"
            assert (int(digits[16]) % 2 == 1) == (person.sex == "male")
            assert person.birth_date <= date(2026, 6, 30)
            assert not person.phone or PHONE.fullmatch(person.phone)


def test_lookup_by_any_written_form_without_a_table(population: Population) -> None:
    stranger = Population(11)
    for household in population.households(200, start=40_000):
        for person in household.members:
            assert stranger.person(person.id_number.lower()) == person
            short = old_form(person.id_number)
            assert short is None or stranger.person(short) == person


def test_strangers_are_unknown(population: Population) -> None:
    known = next(population.households(1)).applicant.id_number
    other_check_digit = known[:17] + ("1" if known[17] != "1" else "2")
    for text in (other_check_digit, "41020219900101001X", "", "x" * 18, "99" * 40, "990000199001010019"):
        assert population.person(text) is None


def test_index_survives_the_id_number() -> None:
    for key in (PersonKey(0, 0), PersonKey(9_999, 7), PersonKey(10_000, 3), PersonKey(MAX_HOUSEHOLDS - 1, 7)):
        assert key_of(make_id_number(key, date(1990, 2, 28), male=True)) == key
    with pytest.raises(ValueError, match="range"):
        make_id_number(PersonKey(MAX_HOUSEHOLDS, 0), date(1990, 1, 1), male=False)


def test_id_numbers_are_unique(population: Population) -> None:
    ids = [p.id_number for h in population.households(3000) for p in h.members]
    assert len(ids) == len(set(ids))


def test_marriages_point_at_each_other(population: Population) -> None:
    couples = 0
    for household in population.households(300):
        marriage = household.applicant.marriage
        if marriage.status is MaritalStatus.MARRIED:
            spouse = population.person(marriage.spouse_id_number)
            assert spouse is not None
            assert spouse.marriage.spouse_id_number == household.applicant.id_number
            assert spouse.marriage.since == marriage.since
            couples += 1
    assert couples > 50


def test_declarations_are_mostly_true_and_wrong_ones_are_named(population: Population) -> None:
    households = list(population.households(3000))
    wrong = [household for household in households if household.misdeclared]
    assert 0.05 < len(wrong) / len(households) < 0.11
    for household in households:
        differs = set()
        for person, said in zip(household.members, household.declared, strict=True):
            differs |= {"income"} if said.annual_income_fen != person.annual_income_fen else set()
            differs |= {"home"} if said.homes != person.homes else set()
            differs |= {"vehicle"} if said.vehicles != person.vehicles else set()
            differs |= {"marriage"} if said.marital_status != person.marriage.status else set()
        assert differs == set(household.misdeclared) - {"employer"}


def test_jobs_have_gaps_and_several_employers(population: Population) -> None:
    people = [p for h in population.households(500) for p in h.members if p.age_on(date(2026, 6, 30)) >= 18]
    assert any(not p.employments for p in people)
    assert any(len(p.employments) > 1 for p in people)
    gappy = next(job for p in people for job in p.employments if job.missing_months)
    assert gappy.insured(gappy.first_month)
    assert not gappy.insured(gappy.missing_months[0])


def test_personas_tell_their_cases(population: Population) -> None:
    personas = {persona.key: persona.household for persona in population.personas()}
    assert len(personas["family"].members) == 3
    assert {home.district for home in personas["homeowner"].applicant.homes} == {
        "410202", "410203", "410204", "410205", "410212",
    }  # fmt: skip
    assert len(personas["car_over_limit"].applicant.vehicles) == 2
    assert personas["income_too_high"].declared[0].annual_income_fen < personas["income_too_high"].applicant.annual_income_fen
    namesake = population.namesake(personas["homonym"].applicant)
    assert namesake is not None
    assert namesake.id_number != personas["homonym"].applicant.id_number
    hers, his = personas["contradictory_marriage"].members
    assert (hers.marriage.status, his.marriage.status) == (MaritalStatus.MARRIED, MaritalStatus.DIVORCED)


def test_places_come_from_the_given_list_and_do_not_change_the_people(tmp_path: Path) -> None:
    csv_path = tmp_path / "divisions.csv"
    csv_path.write_text(
        "code,level,name,parent\n4102,city,开封市,\n410203,district,顺河回族区,4102\n"
        "410203001,street,甲街道,410203\n410203001001,community,乙社区,410203001\n",
        encoding="utf-8",
    )
    listed = list(Population(11, Divisions(csv_path)).households(50))
    plain = list(Population(11).households(50))
    assert {household.place.community_name for household in listed} == {"乙社区"}
    assert [household.members for household in listed] == [household.members for household in plain]


def test_same_person_forms() -> None:
    number = make_id_number(PersonKey(5, 0), date(1980, 1, 1), male=True)
    short = old_form(number)
    assert short is not None
    assert same_person(number, short)
    assert same_person(number, number.lower())
    assert not same_person(number, make_id_number(PersonKey(6, 0), date(1980, 1, 1), male=True))
