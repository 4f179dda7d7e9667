"""The dossier (申请材料): what a household declares, and every rule it must follow before an office has to read it.

All faults are told at once and each in its own words (Order 11, article 8: 一次性告知). ``prepare`` brings a dossier into one form first, so the
same household typed on two phones gives the same records.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Final, Protocol

from anju_people import documents, phones, text
from anju_terms import is_code, terms
from chassis import bounds

from casework.domain import id_number
from casework.domain.violations import Violation

# Whom a counter acts for needs no mobile phone; a number is still not to be a slip of the keyboard.
_ENOUGH_AT_A_COUNTER: Final = ("PHONE_MISSING", "PHONE_LANDLINE")
CONSENT_TEXT: Final = "consent-2026.1"
CATEGORIES: Final = ("local_household", "new_worker", "migrant_worker")
MARITAL_STATUSES: Final = ("single", "married", "divorced", "widowed")
RELATIONS: Final = ("applicant", "spouse", "child", "parent", "other")

MAX_MEMBERS: Final = 12
MAX_HOMES: Final = 20
MAX_VEHICLES: Final = 20
MAX_NAME_CHARS: Final = 100
MAX_TEXT_CHARS: Final = 200
MAX_ANNUAL_INCOME_FEN: Final = 10_000_000_00
MAX_VEHICLE_VALUE_FEN: Final = 10_000_000_00
MAX_AREA_CENTI_SQM: Final = 10_000_00
ADULT_YEARS: Final = 18


@dataclass(frozen=True)
class Member:
    name: str = ""
    id_number: str = ""
    relation: str = ""
    birth_date: str = ""
    annual_income_fen: int = 0
    employer: str = ""


@dataclass(frozen=True)
class Home:
    district: str = ""
    address: str = ""
    area_centi_sqm: int = 0
    share_percent: int = 0
    certificate_no: str = ""


@dataclass(frozen=True)
class Vehicle:
    plate: str = ""
    value_fen: int = 0


@dataclass(frozen=True)
class Dossier:
    category: str = ""
    members: tuple[Member, ...] = ()
    homes: tuple[Home, ...] = ()
    vehicles: tuple[Vehicle, ...] = ()
    marital_status: str = ""
    district: str = ""
    street: str = ""
    community: str = ""
    address: str = ""
    phone: str = ""

    @property
    def applicant(self) -> Member:
        """The applicant of a dossier without violations: the first member."""
        return self.members[0]


@dataclass(frozen=True)
class Consent:
    text_version: str = ""
    registers: tuple[str, ...] = field(default=())


class Division(Protocol):
    """A division of the city profile."""

    @property
    def level(self) -> str: ...
    @property
    def parent(self) -> str: ...
    @property
    def name(self) -> str: ...


@dataclass(frozen=True)
class Rules:
    """What the checks need to know: the business date, the city's divisions, whether test numbers are refused, and whether a clerk at a counter types."""

    today: date
    divisions: Mapping[str, Division]
    city_code: str
    production: bool
    counter: bool = False


def prepare(dossier: Dossier) -> Dossier:
    """The same dossier in one form. The order of the members stays (error pointers refer to it)."""
    return replace(
        dossier,
        members=tuple(
            replace(
                member,
                name=text.clean_name(member.name),
                id_number=text.clean_code(member.id_number),
                birth_date=member.birth_date.strip(),
                employer=text.clean(member.employer),
            )
            for member in dossier.members
        ),
        homes=tuple(
            replace(home, district=home.district.strip(), address=text.clean(home.address), certificate_no=text.clean(home.certificate_no))
            for home in dossier.homes
        ),
        vehicles=tuple(replace(vehicle, plate=text.clean_code(vehicle.plate)) for vehicle in dossier.vehicles),
        address=text.clean(dossier.address),
        phone=phones.clean_phone(dossier.phone),
    )


def applicant_first(dossier: Dossier) -> Dossier:
    """Members with the applicant in front: position 0 names the applicant outside this service."""
    return replace(dossier, members=tuple(sorted(dossier.members, key=lambda member: member.relation != "applicant")))


def check(dossier: Dossier, rules: Rules) -> list[Violation]:
    """Everything wrong with a prepared dossier."""
    found: list[Violation] = []
    for part in (_check_choices, _check_members, _check_family, _check_homes, _check_vehicles, _check_place):
        found.extend(part(dossier, rules))
    return found


def check_consent(consent: Consent, asked: Sequence[str]) -> list[Violation]:
    """The written consent to verification (Order 11, article 8), for each of the registers a case asks today."""
    found = []
    if consent.text_version != CONSENT_TEXT:
        found.append(
            Violation(
                "/consent/text_version",
                "CONSENT_TEXT_OUTDATED",
                "授权书已更新，请刷新页面，阅读新版授权书后重新确认。",
                "The consent text has changed. Reload the page, read the current text and agree again.",
            )
        )
    if not all(is_code("registers", register) for register in consent.registers):
        found.append(
            Violation(
                "/consent/registers",
                "UNKNOWN_CODE",
                "授权中有未知的登记种类，请刷新页面后重新确认。",
                "There is an unknown register in the consent. Reload the page and agree again.",
            )
        )
    missing = [terms("registers")[register] for register in asked if register not in consent.registers]
    if missing:
        found.append(
            Violation(
                "/consent/registers",
                "CONSENT_INCOMPLETE",
                f"请同意核验{'、'.join(term.zh for term in missing)}；不便同意的，可到街道窗口提交纸质材料。",
                f"Please agree to the check of: {', '.join(term.en for term in missing)}; otherwise hand in paper documents at the street office.",
            )
        )
    return found


def _check_choices(dossier: Dossier, _rules: Rules) -> Iterator[Violation]:
    if dossier.category not in CATEGORIES:
        yield Violation(
            "/category",
            "CHOOSE_ONE",
            "请选择申请类别：本地住房困难家庭、新就业职工或外来务工人员。",
            "Choose a category: local household, new worker or migrant worker.",
        )
    if dossier.marital_status not in MARITAL_STATUSES:
        yield Violation("/marital_status", "CHOOSE_ONE", "请选择申请人的婚姻状况。", "Choose the applicant's marital status.")


def _check_members(dossier: Dossier, rules: Rules) -> Iterator[Violation]:
    if len(dossier.members) > MAX_MEMBERS:
        yield Violation(
            "/members",
            "TOO_MANY",
            f"家庭成员最多填写{MAX_MEMBERS}人，人数更多的请到街道窗口办理。",
            f"At most {MAX_MEMBERS} members; a larger household applies at the street office.",
        )
        return
    seen: set[str] = set()
    for index, member in enumerate(dossier.members):
        at = f"/members/{index}"
        yield from _check_member(member, at, rules)
        if member.id_number and member.id_number in seen:
            yield Violation(
                f"{at}/id_number", "DUPLICATE", "这位成员重复填写了，请删去一个。", "This person is listed twice; remove one entry."
            )
        seen.add(member.id_number)


def _check_member(member: Member, at: str, rules: Rules) -> Iterator[Violation]:
    yield from _check_name(member.name, f"{at}/name")
    wrong_number = id_number.check(member.id_number, f"{at}/id_number", today=rules.today, production=rules.production)
    if wrong_number is not None:
        yield wrong_number
    if member.relation not in RELATIONS:
        yield Violation(
            f"{at}/relation",
            "CHOOSE_ONE",
            "请选择与申请人的关系：本人、配偶、子女、父母或其他。",
            "Choose the relation: applicant, spouse, child, parent or other.",
        )
    born = _date(member.birth_date)
    if born is None:
        yield Violation(
            f"{at}/birth_date", "DATE_FORMAT", "请填写出生日期，例如 1990-01-31。", "Enter the date of birth, for example 1990-01-31."
        )
    elif wrong_number is None and not documents.was_born(member.id_number, born):
        yield Violation(
            f"{at}/birth_date",
            "BIRTH_DATE_CONTRADICTS_ID",
            "出生日期与身份证号码中的不一致，请核对两处。",
            "The date of birth differs from the one in the identity number; check both.",
        )
    if not 0 <= member.annual_income_fen <= MAX_ANNUAL_INCOME_FEN:
        yield Violation(
            f"{at}/annual_income_fen",
            "OUT_OF_RANGE",
            "年收入请填写0元至1000万元之间的金额；没有收入填0。",
            "Annual income must be between 0 and 10 million yuan; enter 0 for none.",
        )
    yield from _check_text(member.employer, f"{at}/employer")


def _check_name(name: str, at: str) -> Iterator[Violation]:
    if not name:
        yield Violation(at, "REQUIRED", "请填写姓名。", "Enter the name.")
    elif len(name) > MAX_NAME_CHARS:
        yield Violation(at, "TOO_LONG", f"姓名最多{MAX_NAME_CHARS}个字。", f"A name has at most {MAX_NAME_CHARS} characters.")
    elif not text.is_name(name):
        yield Violation(
            at,
            "NAME_CHARACTERS",
            "姓名中有不能识别的符号或数字，请按身份证上的姓名填写；少数民族姓名的间隔号请用“·”。",
            "The name has digits or symbols in it. Write it as on the card; use · between the parts of a name.",
        )


def _check_family(dossier: Dossier, rules: Rules) -> Iterator[Violation]:
    applicants = [i for i, member in enumerate(dossier.members) if member.relation == "applicant"]
    spouses = [i for i, member in enumerate(dossier.members) if member.relation == "spouse"]
    if not applicants:
        yield Violation("/members", "APPLICANT_MISSING", "请填写申请人本人的信息（关系选“本人”）。", "The household needs one applicant.")
    for index in applicants[1:]:
        yield Violation(
            f"/members/{index}/relation",
            "SECOND_APPLICANT",
            "一个家庭只能有一位申请人，请把其他成员改为对应的关系。",
            "A household has one applicant; choose another relation for this member.",
        )
    for index in applicants[:1]:
        born = _date(dossier.members[index].birth_date)
        if born is not None and born <= rules.today and _years(born, rules.today) < ADULT_YEARS:
            yield Violation(
                f"/members/{index}/id_number",
                "APPLICANT_NOT_ADULT",
                "申请人须年满18周岁，请由家庭中的成年人作为申请人。",
                "The applicant must be 18 or older; let an adult of the household apply.",
            )
    for index in spouses[1:]:
        yield Violation(f"/members/{index}/relation", "SECOND_SPOUSE", "配偶只能填写一位。", "There can be one spouse only.")
    if spouses and dossier.marital_status in MARITAL_STATUSES and dossier.marital_status != "married":
        yield Violation(
            "/marital_status",
            "MARITAL_STATUS_CONTRADICTS_MEMBERS",
            "家庭成员中有配偶，婚姻状况请选“已婚”；如已不是配偶，请修改成员关系。",
            "A spouse is listed, so the marital status must be married; otherwise change the member's relation.",
        )
    if not spouses and dossier.marital_status == "married":
        yield Violation(
            "/members",
            "SPOUSE_MISSING",
            "已婚的请把配偶填入家庭成员。",
            "You are married: add your spouse to the members of the household.",
        )


def _check_homes(dossier: Dossier, rules: Rules) -> Iterator[Violation]:
    yield from _check_count(dossier.homes, "/homes", MAX_HOMES, "住房", "homes")
    for index, home in enumerate(dossier.homes[:MAX_HOMES]):
        at = f"/homes/{index}"
        if not _is_home_district(home.district, rules):
            yield Violation(f"{at}/district", "UNKNOWN_DIVISION", "请选择住房所在的区或县。", "Choose the district or county of this home.")
        if not 0 < home.area_centi_sqm <= MAX_AREA_CENTI_SQM:
            yield Violation(
                f"{at}/area_centi_sqm",
                "OUT_OF_RANGE",
                "建筑面积须大于0，且不超过1万平方米，请按房产证填写。",
                "The floor area must be above 0 and at most 10,000 square metres.",
            )
        if not 1 <= home.share_percent <= 100:
            yield Violation(
                f"{at}/share_percent", "OUT_OF_RANGE", "家庭所占份额请填写1至100。", "The household's share is 1 to 100 percent."
            )
        yield from _check_text(home.address, f"{at}/address")
        if home.certificate_no:
            yield from _check_text(home.certificate_no, f"{at}/certificate_no")


def _is_home_district(code: str, rules: Rules) -> bool:
    if code in rules.divisions:
        return rules.divisions[code].level == "district"
    # A home elsewhere counts as well; the codes of other cities are not in this city's profile.
    return len(code) == 6 and code.isascii() and code.isdecimal() and not code.startswith(rules.city_code)


def _check_vehicles(dossier: Dossier, _rules: Rules) -> Iterator[Violation]:
    yield from _check_count(dossier.vehicles, "/vehicles", MAX_VEHICLES, "车辆", "vehicles")
    seen: set[str] = set()
    for index, vehicle in enumerate(dossier.vehicles[:MAX_VEHICLES]):
        at = f"/vehicles/{index}"
        if not (5 <= len(vehicle.plate) <= 10 and vehicle.plate.isalnum()):
            yield Violation(
                f"{at}/plate", "PLATE_FORMAT", "请填写完整的车牌号，例如 豫B12345。", "Enter the whole number plate, for example 豫B12345."
            )
        elif vehicle.plate in seen:
            yield Violation(f"{at}/plate", "DUPLICATE", "这辆车重复填写了，请删去一个。", "This vehicle is listed twice; remove one entry.")
        seen.add(vehicle.plate)
        if not 0 <= vehicle.value_fen <= MAX_VEHICLE_VALUE_FEN:
            yield Violation(
                f"{at}/value_fen",
                "OUT_OF_RANGE",
                "车辆价值请填写0元至1000万元之间的金额。",
                "The value must be between 0 and 10 million yuan.",
            )


def _check_place(dossier: Dossier, rules: Rules) -> Iterator[Violation]:
    wrong = [
        *_check_division(dossier.district, "district", rules.city_code, "/district", "请选择居住的区或县。", rules),
        *_check_division(dossier.street, "street", dossier.district, "/street", "请选择该区县内的街道或乡镇。", rules),
    ]
    # Not every street has its communities in the list.
    if dossier.community:
        wrong += _check_division(dossier.community, "community", dossier.street, "/community", "请选择该街道内的社区。", rules)
    yield from wrong
    if not dossier.address:
        yield Violation("/address", "REQUIRED", "请填写现住址。", "Enter the address where you live.")
    yield from _check_text(dossier.address, "/address")
    code = phones.fault(dossier.phone)
    if code and not (rules.counter and code in _ENOUGH_AT_A_COUNTER):
        yield Violation("/phone", code, *_without_a_mobile(code, dossier, rules))


def _without_a_mobile(code: str, dossier: Dossier, rules: Rules) -> tuple[str, str]:
    """Messages go to a mobile phone; who has none is told where he can apply without."""
    street = rules.divisions.get(dossier.street)
    counter = f"{street.name if street else '居住地街道'}的公租房受理点窗口"
    ask = {
        "PHONE_MISSING": ("请填写手机号码，办理结果会用短信通知您。", "Enter a mobile number; results are sent there."),
        "PHONE_LANDLINE": ("座机收不到短信，请填写11位手机号码。", "A landline gets no messages: enter an 11-digit mobile number."),
        "PHONE_FORMAT": ("请填写11位手机号码，办理结果会用短信通知您。", "Enter an 11-digit mobile number; results are sent there."),
    }
    zh, en = ask[code]
    return (
        f"{zh}没有手机的，请到{counter}办理，权利和排序一样。",
        f"{en} Without one, apply at the counter of your street; your rights and place are the same.",
    )


def _check_division(code: str, level: str, parent: str, at: str, zh: str, rules: Rules) -> list[Violation]:
    division = rules.divisions.get(code)
    if division is not None and division.level == level and division.parent == parent:
        return []
    return [Violation(at, "UNKNOWN_DIVISION", zh, f"Choose a {level} from the list.")]


def _check_count(items: Sequence[object], at: str, most: int, zh: str, en: str) -> Iterator[Violation]:
    if len(items) > most:
        yield Violation(at, "TOO_MANY", f"{zh}最多填写{most}项。", f"At most {most} {en}.")


def _check_text(value: str, at: str) -> Iterator[Violation]:
    if len(value) > MAX_TEXT_CHARS:
        yield Violation(at, "TOO_LONG", f"最多填写{MAX_TEXT_CHARS}个字。", f"At most {MAX_TEXT_CHARS} characters.")
    if text.has_control(value):
        yield Violation(at, "CONTROL_CHARACTERS", "内容中有不能识别的字符，请重新输入。", "There are unreadable characters; type it again.")


def _date(value: str) -> date | None:
    try:
        return bounds.day(value)
    except ValueError:
        return None


def _years(born: date, today: date) -> int:
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))


def is_adult(member: Member, today: date) -> bool:
    """Of full legal age (Civil Code, article 17): he speaks for himself. For a minor the applicant does."""
    born = _date(member.birth_date)
    return born is None or _years(born, today) >= ADULT_YEARS


def blind_indexes(dossier: Dossier, blind: Callable[[str], str]) -> list[str]:
    """One blind index a member, sorted: rows are always locked in one order, so two households entered at once cannot block each other."""
    return sorted({blind(member.id_number) for member in dossier.members})


def changed_place(before: tuple[str, str], after: Dossier) -> Iterable[Violation]:
    """A correction stays where the case is: its reviewers, deadlines and reports belong to that street."""
    for at, was, now in (("/district", before[0], after.district), ("/street", before[1], after.street)):
        if was != now:
            yield Violation(
                at,
                "PLACE_FIXED",
                "补正时不能更换受理的区县和街道；已搬家的，请撤回后在新住址重新申请。",
                "A correction cannot move the case to another street; withdraw and apply again at the new address.",
            )
