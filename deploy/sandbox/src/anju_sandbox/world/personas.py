"""A stable handful of applicants, each a telling case; they take household numbers 1–99 and have no random quirks."""

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date

from anju_sandbox.world.facts import (
    Category,
    Home,
    HomeUse,
    Household,
    MaritalStatus,
    Marriage,
    Person,
    Sex,
    Vehicle,
)
from anju_sandbox.world.households import Sketch, declare, marry, relations, settle
from anju_sandbox.world.maker import Maker
from anju_sandbox.world.places import Divisions

FIRST_ORDINARY_HOUSEHOLD = 100
_HOME_STREET = "410202001"


@dataclass(frozen=True, slots=True)
class Persona:
    """A demo applicant: key for scripts, title and story for people (zh-CN)."""

    key: str
    title: str
    story: str
    household: Household


@dataclass(frozen=True, slots=True)
class _Case:
    number: int
    key: str
    title: str
    story: str
    build: Callable[[Maker, int], tuple[Category, list[Person]]]
    forgets: str = ""
    says_status: MaritalStatus | None = None


def _job(maker: Maker, name: str, sex: Sex, birth: date, yuan: int, months: int, **more: tuple[Home, ...]) -> Sketch:
    jobs = (maker.job(yuan, months),) if yuan else ()
    return Sketch(name, sex, birth, jobs, homes=more.get("homes", ()), quirks=False)


def _couple(maker: Maker, number: int, names: tuple[str, str, str], pay: tuple[int, int]) -> list[Person]:
    husband = settle(number, 0, _job(maker, names[0], Sex.MALE, date(1988, 4, 12), pay[0], 62))
    wife = settle(number, 1, _job(maker, names[1], Sex.FEMALE, date(1990, 9, 3), pay[1], 40))
    husband, wife = marry(husband, wife, date(2014, 10, 1), f"J990000-{number:06d}", remote=False)
    child = settle(number, 2, Sketch(names[2], Sex.FEMALE, date(2016, 5, 20), quirks=False))
    return [husband, wife, child]


def _family(maker: Maker, number: int) -> tuple[Category, list[Person]]:
    return Category.LOW_INCOME, _couple(maker, number, ("李安民", "王秀芳", "李晓雨"), (2600, 2100))


def _single_worker(maker: Maker, number: int) -> tuple[Category, list[Person]]:
    return Category.NEW_WORKER, [settle(number, 0, _job(maker, "张雨晨", Sex.FEMALE, date(2001, 8, 17), 2900, 22))]


def _homeowner(maker: Maker, number: int) -> tuple[Category, list[Person]]:
    homes = (
        maker.home("410202", "56.80", mortgaged=True),
        maker.home("410203", "82.40", share_percent="16.67", mortgaged=False),
        maker.home("410204", "11.30", HomeUse.PARKING, mortgaged=False),
        maker.home("410205", "34.10", HomeUse.SHOP, share_percent="50", mortgaged=False),
        maker.home("410212", "97.55", pre_notice=True, mortgaged=False),
    )
    return Category.LOW_INCOME, [settle(number, 0, _job(maker, "赵志强", Sex.MALE, date(1979, 2, 6), 2400, 90, homes=homes))]


def _car_over_limit(maker: Maker, number: int) -> tuple[Category, list[Person]]:
    members = _couple(maker, number, ("陈国庆", "刘丽娟", "陈佳怡"), (2500, 2000))
    cars: tuple[Vehicle, ...] = (maker.car(costly=True), maker.car())
    return Category.LOW_INCOME, [replace(members[0], vehicles=cars), *members[1:]]


def _income_too_high(maker: Maker, number: int) -> tuple[Category, list[Person]]:
    return Category.LOW_INCOME, _couple(maker, number, ("孙浩然", "周洁", "孙可欣"), (15800, 12600))


def _homonym(maker: Maker, number: int) -> tuple[Category, list[Person]]:
    return Category.MIGRANT_WORKER, [settle(number, 0, _job(maker, "王伟", Sex.MALE, date(1986, 11, 23), 3100, 40))]


def _namesake(maker: Maker, number: int) -> tuple[Category, list[Person]]:
    homes = (maker.home("410202", "118.20", mortgaged=False),)
    return Category.LOW_INCOME, [settle(number, 0, _job(maker, "王伟", Sex.MALE, date(1971, 3, 9), 5200, 120, homes=homes))]


def _contradictory_marriage(maker: Maker, number: int) -> tuple[Category, list[Person]]:
    woman = settle(number, 0, _job(maker, "何玉兰", Sex.FEMALE, date(1985, 1, 30), 2300, 50))
    man = settle(number, 1, _job(maker, "马建国", Sex.MALE, date(1983, 7, 8), 2700, 70))
    married, _ = marry(woman, man, date(2011, 5, 2), f"J990000-{number:06d}", remote=False)
    # His entry was closed by a divorce in another office, hers was not: the register contradicts itself.
    divorced = Marriage(MaritalStatus.DIVORCED, date(2019, 9, 12), woman.name, woman.id_number, f"L990000-{number:06d}")
    return Category.LOW_INCOME, [married, replace(man, marriage=divorced)]


def _migrant_worker(maker: Maker, number: int) -> tuple[Category, list[Person]]:
    husband = settle(number, 0, _job(maker, "艾山江·努尔", Sex.MALE, date(1992, 6, 14), 3300, 31))
    wife = settle(number, 1, _job(maker, "古丽娜尔·吐尔逊", Sex.FEMALE, date(1994, 2, 11), 0, 0))
    return Category.MIGRANT_WORKER, list(marry(husband, wife, date(2018, 4, 8), "J990000-000008", remote=True))


def _elder_single(maker: Maker, number: int) -> tuple[Category, list[Person]]:
    sketch = Sketch("周桂英", Sex.FEMALE, date(1954, 12, 25), extra_income_fen=876_000, quirks=False)
    return Category.LOW_INCOME, [settle(number, 0, sketch)]


_CASES = (
    _Case(1, "family", "三口之家（符合条件）", "夫妻二人在职，女儿上小学，无房无车，收入低于标准。", _family),
    _Case(2, "single_worker", "新就业职工（单身）", "毕业两年，单位缴纳社保二十二个月，名下无房。", _single_worker),
    _Case(3, "homeowner", "五个区均有不动产登记", "各区登记分散：住房、继承份额、车位、商铺、预告登记各一处，申报时未填写。", _homeowner, "homes"),
    _Case(4, "car_over_limit", "车辆超标", "名下两辆车，其中一辆价值较高。", _car_over_limit),
    _Case(5, "income_too_high", "收入超标", "夫妻缴费基数远高于准入标准，申报收入偏低。", _income_too_high, "income"),
    _Case(6, "homonym", "同名同姓", "本人无房；登记机构会同时返回另一位同名者的房屋，身份证号不同。", _homonym),
    _Case(7, "contradictory_marriage", "婚姻登记矛盾", "本人登记为已婚，配偶一方登记为离婚，申报为离婚。", _contradictory_marriage, says_status=MaritalStatus.DIVORCED),
    _Case(8, "migrant_worker", "外来务工家庭", "外省登记结婚，本省婚姻库尚未同步；妻子无业。", _migrant_worker),
    _Case(9, "elder_single", "孤老低保户", "七十岁以上独居，无社保缴费，靠低保生活。", _elder_single),
    _Case(10, "namesake", "“同名同姓”的另一位", "与第六位同名，名下有一套住房。", _namesake),
)  # fmt: skip
_BY_NUMBER = {case.number: case for case in _CASES}


def build_persona(rng: random.Random, number: int, divisions: Divisions) -> Household | None:
    """The household of a persona's number, or None where no persona lives."""
    case = _BY_NUMBER.get(number)
    if case is None:
        return None
    category, people = case.build(Maker(rng), number)
    members = tuple(people)
    declared = [declare(person, relation) for person, relation in zip(members, relations(members), strict=True)]
    wrong: list[str] = []
    if case.forgets == "homes":
        declared = [replace(member, homes=()) for member in declared]
        wrong.append("home")
    if case.forgets == "income":
        declared = [replace(member, annual_income_fen=member.annual_income_fen * 3 // 10) for member in declared]
        wrong.append("income")
    if case.says_status is not None:
        declared = [replace(declared[0], marital_status=case.says_status)]
        wrong.append("marriage")
    streets = divisions.streets.get("410202", [_HOME_STREET])
    street = _HOME_STREET if _HOME_STREET in streets else streets[0]
    communities = divisions.communities.get(street, [""])
    place = divisions.place(street, communities[0])
    return Household(number, category, place, members, tuple(declared), tuple(wrong), date(2015, 3, 1))


def titles() -> list[tuple[int, str, str, str]]:
    """Household number, key, title and story of every persona, in showing order."""
    return [(case.number, case.key, case.title, case.story) for case in _CASES]
