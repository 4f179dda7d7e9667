"""Ordinary households: a pure function of a random stream and the household's number."""

import random
from dataclasses import dataclass, replace
from datetime import date, timedelta

from anju_sandbox.world.facts import (
    Category,
    DeclaredMember,
    Employment,
    Home,
    HomeUse,
    Household,
    MaritalStatus,
    Marriage,
    Person,
    Sex,
    Vehicle,
)
from anju_sandbox.world.identity import PersonKey, make_id_number, make_phone
from anju_sandbox.world.maker import REFERENCE_DAY, Maker
from anju_sandbox.world.places import Divisions
from anju_sandbox.world.words import DOUBLE_SURNAMES

MISDECLARED_SHARE = 0.08
_CATEGORY_WEIGHTS = {Category.LOW_INCOME: 5, Category.NEW_WORKER: 3, Category.MIGRANT_WORKER: 2}
_AGES = {Category.LOW_INCOME: (35, 68), Category.NEW_WORKER: (22, 29), Category.MIGRANT_WORKER: (24, 52)}
_PAY_YUAN = {Category.LOW_INCOME: (1900, 3300), Category.NEW_WORKER: (2800, 5200), Category.MIGRANT_WORKER: (2500, 4800)}


@dataclass(frozen=True, slots=True)
class Sketch:
    """A person before the ID number is worked out."""

    name: str
    sex: Sex
    birth: date
    employments: tuple[Employment, ...] = ()
    homes: tuple[Home, ...] = ()
    vehicles: tuple[Vehicle, ...] = ()
    extra_income_fen: int = 0
    quirks: bool = True


def settle(number: int, slot: int, sketch: Sketch) -> Person:
    """Gives a sketch its ID number and phone; yearly income is the current pay of every job plus undeclared extras."""
    key = PersonKey(number, slot)
    pay = sum(job.monthly_base_fen * 12 for job in sketch.employments if job.last_month is None)
    return Person(
        id_number=make_id_number(key, sketch.birth, male=sketch.sex is Sex.MALE),
        name=sketch.name,
        sex=sketch.sex,
        birth_date=sketch.birth,
        phone=make_phone(key) if slot < 2 else "",
        employments=sketch.employments,
        homes=sketch.homes,
        vehicles=sketch.vehicles,
        annual_income_fen=pay + sketch.extra_income_fen,
        quirks=sketch.quirks,
    )


def marry(left: Person, right: Person, since: date, certificate_no: str, *, remote: bool) -> tuple[Person, Person]:
    """Both sides of one marriage, each pointing to the other."""

    def side(other: Person) -> Marriage:
        return Marriage(MaritalStatus.MARRIED, since, other.name, other.id_number, certificate_no, remote)

    return replace(left, marriage=side(right)), replace(right, marriage=side(left))


def declare(person: Person, relation: str) -> DeclaredMember:
    """An honest declaration: exactly the truth."""
    current = [job for job in person.employments if job.last_month is None]
    return DeclaredMember(
        id_number=person.id_number,
        name=person.name,
        relation=relation,
        phone=person.phone,
        annual_income_fen=person.annual_income_fen,
        employer_name=current[-1].employer_name if current else "",
        marital_status=person.marriage.status,
        homes=person.homes,
        vehicles=person.vehicles,
    )


def relations(members: tuple[Person, ...]) -> list[str]:
    """Relation of each member: the applicant, the person married to the applicant, everybody else a child."""
    spouse = members[0].marriage.spouse_id_number
    return ["applicant"] + ["spouse" if person.id_number == spouse else "child" for person in members[1:]]


def build_household(rng: random.Random, number: int, divisions: Divisions) -> Household:
    """The household of a number, drawn from its own random stream."""
    maker = Maker(rng)
    category = rng.choices(list(_CATEGORY_WEIGHTS), list(_CATEGORY_WEIGHTS.values()))[0]
    applicant = settle(number, 0, _adult(maker, category, rng.choice(list(Sex))))
    members: list[Person] = [applicant]
    if applicant.age_on(REFERENCE_DAY) >= 23 and rng.random() < (0.25 if category is Category.NEW_WORKER else 0.62):
        members = _with_spouse(maker, category, number, applicant)
    elif rng.random() < 0.3 and applicant.age_on(REFERENCE_DAY) > 28:
        since = REFERENCE_DAY - timedelta(days=rng.randrange(100, 3000))
        status = MaritalStatus.WIDOWED if rng.random() < 0.2 else MaritalStatus.DIVORCED
        members = [replace(applicant, marriage=Marriage(status, since, certificate_no=f"L990000-{number:06d}"))]
    married_or_was = members[0].marriage.status is not MaritalStatus.NEVER
    for slot in range(2, 2 + (rng.choice((0, 1, 1, 2)) if married_or_was else 0)):
        members.append(_child(maker, number, slot, members[0]))
    household = Household(
        number=number,
        category=category,
        place=divisions.pick(random.Random(rng.random())),  # noqa: S311
        members=tuple(members),
        declared=tuple(declare(p, r) for p, r in zip(members, relations(tuple(members)), strict=True)),
        resident_since=REFERENCE_DAY - timedelta(days=rng.randrange(400, 7000)),
    )
    return _misdeclare(maker, household) if rng.random() < MISDECLARED_SHARE else household


def _adult(maker: Maker, category: Category, sex: Sex) -> Sketch:
    rng = maker.rng
    birth = maker.birth(*_AGES[category])
    age = REFERENCE_DAY.year - birth.year
    working = rng.random() < (0.7 if category is Category.LOW_INCOME else 0.97) and age < 60
    pay = rng.randint(*_PAY_YUAN[category]) * (2 if rng.random() < 0.05 else 1)
    months = rng.randint(5, 48) if category is Category.NEW_WORKER else rng.randint(8, 130)
    homes: tuple[Home, ...] = ()
    draw = rng.random()
    if draw < 0.05:  # a home of their own: most of these households must be refused
        homes = (maker.home(),)
    elif draw < 0.09 and category is Category.LOW_INCOME:  # crowded: a small home or a share of the parents' one
        homes = (maker.home(area_sqm=f"{rng.uniform(18, 36):.2f}", share_percent=rng.choice(("100", "50", "33.33"))),)
    elif draw < 0.10:
        homes = (maker.home(pre_notice=True),)
    elif draw < 0.115:
        homes = (maker.home(area_sqm=f"{rng.uniform(9, 14):.2f}", use=HomeUse.PARKING, mortgaged=False),)
    return Sketch(
        name=maker.name(sex),
        sex=sex,
        birth=birth,
        employments=maker.jobs(pay, months) if working else (),
        homes=homes,
        vehicles=(maker.car(costly=rng.random() < 0.05),) if rng.random() < 0.18 else (),
        extra_income_fen=0 if working else rng.randint(0, 9600) * 100,
    )


def _with_spouse(maker: Maker, category: Category, number: int, applicant: Person) -> list[Person]:
    rng = maker.rng
    other_sex = Sex.FEMALE if applicant.sex is Sex.MALE else Sex.MALE
    sketch = _adult(maker, category, other_sex)
    shifted = applicant.birth_date + timedelta(days=rng.randrange(-1400, 1400))
    spouse = settle(number, 1, replace(sketch, birth=min(shifted, date(2004, 6, 1))))
    adult_since = max(applicant.birth_date, spouse.birth_date) + timedelta(days=22 * 366)
    since = min(adult_since + timedelta(days=rng.randrange(2500)), REFERENCE_DAY - timedelta(days=20))
    return list(marry(applicant, spouse, since, f"J990000-{number:06d}", remote=rng.random() < 0.04))


def _child(maker: Maker, number: int, slot: int, parent: Person) -> Person:
    oldest = max(min(parent.age_on(REFERENCE_DAY) - 22, 17), 0)
    sex = maker.rng.choice(list(Sex))
    surname = "" if "·" in parent.name else parent.name[: 2 if parent.name.startswith(DOUBLE_SURNAMES) else 1]
    return settle(number, slot, Sketch(maker.name(sex, surname), sex, maker.birth(0, oldest)))


def _misdeclare(maker: Maker, household: Household) -> Household:
    """Turns one honest declaration into a wrong or forgetful one, in a point where there is something to hide."""
    choices = ["income"]
    choices += ["home"] if any(person.homes for person in household.members) else []
    choices += ["vehicle"] if any(person.vehicles for person in household.members) else []
    choices += ["employer"] if household.declared[0].employer_name else []
    choices += ["marriage"] if household.applicant.marriage.status is MaritalStatus.DIVORCED else []
    kind = maker.rng.choice(choices)
    declared = []
    for member in household.declared:
        if kind == "income":
            member = replace(member, annual_income_fen=int(member.annual_income_fen * 0.6) // 100 * 100)
        elif kind == "home":
            member = replace(member, homes=())
        elif kind == "vehicle":
            member = replace(member, vehicles=())
        elif kind == "employer" and member.employer_name:
            member = replace(member, employer_name=maker.employer()[1])
        elif kind == "marriage" and member.relation == "applicant":
            member = replace(member, marital_status=MaritalStatus.NEVER)
        declared.append(member)
    if kind == "income" and not any(person.annual_income_fen for person in household.members):
        return household
    return replace(household, declared=tuple(declared), misdeclared=(kind,))
