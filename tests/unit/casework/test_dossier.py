"""Every rule of the dossier has a row here: what is written, where the fault is shown, and its code."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date

import pytest
from anju_people import text
from casework.domain import dossier as d

TODAY = date(2026, 11, 24)


@dataclass(frozen=True)
class Division:
    level: str
    parent: str
    name: str = "北书店街道"


DIVISIONS = {
    "4102": Division("city", ""),
    "410202": Division("district", "4102"),
    "410203": Division("district", "4102"),
    "410202001": Division("street", "410202"),
    "410203001": Division("street", "410203"),
    "410202001009": Division("community", "410202001"),
    "410202002011": Division("community", "410202002"),
}
RULES = d.Rules(today=TODAY, divisions=DIVISIONS, city_code="4102", production=False)


def number(birth: str = "19900101", sequence: int = 1, region: str = "990001") -> str:
    body = f"{region}{birth}{sequence:03d}"
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    return body + "10X98765432"[sum(int(c) * w for c, w in zip(body, weights, strict=True)) % 11]


def member(relation: str = "applicant", birth: str = "1990-01-01", sequence: int = 1, name: str = "张晓明") -> d.Member:
    return d.Member(name, number(birth.replace("-", ""), sequence), relation, birth, 3_000_000, "开封市公交公司")


GOOD = d.Dossier(
    category="local_household",
    members=(member(), member("spouse", "1991-02-03", 2, "李芳"), member("child", "2018-06-01", 3, "张小宝")),
    homes=(d.Home("410202", "书店街1号", 3_500, 50),),
    vehicles=(d.Vehicle("豫B12345", 3_000_000),),
    marital_status="married",
    district="410202",
    street="410202001",
    community="410202001009",
    address="北书店街12号院3号楼",
    phone="19999012345",
)


def faults(dossier: d.Dossier, rules: d.Rules = RULES) -> set[tuple[str, str]]:
    found = d.check(d.prepare(dossier), rules)
    for violation in found:
        assert violation.zh.endswith("。")
        assert violation.en.endswith(".")
    return {(violation.pointer, violation.code) for violation in found}


def first(**changes: object) -> Callable[[d.Dossier], d.Dossier]:
    return lambda good: replace(good, members=(replace(good.members[0], **changes), *good.members[1:]))  # type: ignore[arg-type]


def third(**changes: object) -> Callable[[d.Dossier], d.Dossier]:
    return lambda good: replace(good, members=(*good.members[:2], replace(good.members[2], **changes)))  # type: ignore[arg-type]


def home(**changes: object) -> Callable[[d.Dossier], d.Dossier]:
    return lambda good: replace(good, homes=(replace(good.homes[0], **changes),))  # type: ignore[arg-type]


def vehicle(**changes: object) -> Callable[[d.Dossier], d.Dossier]:
    return lambda good: replace(good, vehicles=(replace(good.vehicles[0], **changes),))  # type: ignore[arg-type]


def whole(**changes: object) -> Callable[[d.Dossier], d.Dossier]:
    return lambda good: replace(good, **changes)  # type: ignore[arg-type]


def test_good_dossier_has_no_fault() -> None:
    assert faults(GOOD) == set()


ROWS: list[tuple[Callable[[d.Dossier], d.Dossier], str, str]] = [
    (whole(category="civil_servant"), "/category", "CHOOSE_ONE"),
    (whole(category=""), "/category", "CHOOSE_ONE"),
    (whole(marital_status="secret"), "/marital_status", "CHOOSE_ONE"),
    (first(name=""), "/members/0/name", "REQUIRED"),
    (first(name=" \u200b "), "/members/0/name", "REQUIRED"),
    (first(name="张" * 101), "/members/0/name", "TOO_LONG"),
    (first(name="张3"), "/members/0/name", "NAME_CHARACTERS"),
    (first(name="张<b>"), "/members/0/name", "NAME_CHARACTERS"),
    (first(name="张\n明"), "/members/0/name", "NAME_CHARACTERS"),
    (first(name="·"), "/members/0/name", "NAME_CHARACTERS"),
    (first(name="=1+1"), "/members/0/name", "NAME_CHARACTERS"),
    (first(id_number=""), "/members/0/id_number", "REQUIRED"),
    (first(id_number="990001900101001"), "/members/0/id_number", "ID_OLD_FORM"),
    (first(id_number="12345"), "/members/0/id_number", "ID_FORMAT"),
    (first(id_number=number(region="000001")), "/members/0/id_number", "ID_REGION"),
    (first(id_number=number("19900231")), "/members/0/id_number", "ID_BIRTH_DATE"),
    (first(id_number=number("20301231")), "/members/0/id_number", "ID_BIRTH_DATE_FUTURE"),
    (first(id_number=number()[:17] + ("1" if number()[17] != "1" else "2")), "/members/0/id_number", "ID_CHECK_DIGIT"),
    (first(relation="friend"), "/members/0/relation", "CHOOSE_ONE"),
    (first(birth_date=""), "/members/0/birth_date", "DATE_FORMAT"),
    (first(birth_date="1990/01/01"), "/members/0/birth_date", "DATE_FORMAT"),
    (first(birth_date="19900101"), "/members/0/birth_date", "DATE_FORMAT"),
    (first(birth_date="1990-02-30"), "/members/0/birth_date", "DATE_FORMAT"),
    (first(birth_date="1990-01-02"), "/members/0/birth_date", "BIRTH_DATE_CONTRADICTS_ID"),
    (first(annual_income_fen=-1), "/members/0/annual_income_fen", "OUT_OF_RANGE"),
    (first(annual_income_fen=1_000_000_001), "/members/0/annual_income_fen", "OUT_OF_RANGE"),
    (first(employer="公" * 201), "/members/0/employer", "TOO_LONG"),
    (first(employer="公司\x00"), "/members/0/employer", "CONTROL_CHARACTERS"),
    (third(id_number=number(), birth_date="1990-01-01"), "/members/2/id_number", "DUPLICATE"),
    (
        third(id_number=f" {number()[:6]} {number()[6:14]} {number()[14:].lower()}", birth_date="1990-01-01"),
        "/members/2/id_number",
        "DUPLICATE",
    ),
    (whole(members=()), "/members", "APPLICANT_MISSING"),
    (first(relation="other"), "/members", "APPLICANT_MISSING"),
    (third(relation="applicant"), "/members/2/relation", "SECOND_APPLICANT"),
    (third(relation="spouse"), "/members/2/relation", "SECOND_SPOUSE"),
    (first(id_number=number("20081125"), birth_date="2008-11-25"), "/members/0/id_number", "APPLICANT_NOT_ADULT"),
    (whole(marital_status="single"), "/marital_status", "MARITAL_STATUS_CONTRADICTS_MEMBERS"),
    (whole(marital_status="widowed"), "/marital_status", "MARITAL_STATUS_CONTRADICTS_MEMBERS"),
    (whole(members=(GOOD.members[0],)), "/members", "SPOUSE_MISSING"),
    (whole(members=(GOOD.members[0],) * 13), "/members", "TOO_MANY"),
    (home(district=""), "/homes/0/district", "UNKNOWN_DIVISION"),
    (home(district="410299"), "/homes/0/district", "UNKNOWN_DIVISION"),
    (home(district="410202001"), "/homes/0/district", "UNKNOWN_DIVISION"),
    (home(area_centi_sqm=0), "/homes/0/area_centi_sqm", "OUT_OF_RANGE"),
    (home(area_centi_sqm=-1), "/homes/0/area_centi_sqm", "OUT_OF_RANGE"),
    (home(area_centi_sqm=1_000_001), "/homes/0/area_centi_sqm", "OUT_OF_RANGE"),
    (home(share_percent=0), "/homes/0/share_percent", "OUT_OF_RANGE"),
    (home(share_percent=101), "/homes/0/share_percent", "OUT_OF_RANGE"),
    (home(address="路" * 201), "/homes/0/address", "TOO_LONG"),
    (whole(homes=GOOD.homes * 21), "/homes", "TOO_MANY"),
    (vehicle(plate=""), "/vehicles/0/plate", "PLATE_FORMAT"),
    (vehicle(plate="豫B<script>"), "/vehicles/0/plate", "PLATE_FORMAT"),
    (vehicle(value_fen=-1), "/vehicles/0/value_fen", "OUT_OF_RANGE"),
    (vehicle(value_fen=1_000_000_001), "/vehicles/0/value_fen", "OUT_OF_RANGE"),
    (whole(vehicles=(d.Vehicle("豫B12345", 1), d.Vehicle("豫b·12345", 1))), "/vehicles/1/plate", "DUPLICATE"),
    (whole(vehicles=tuple(d.Vehicle(f"豫B{i:05d}", 1) for i in range(21))), "/vehicles", "TOO_MANY"),
    (whole(district="410299"), "/district", "UNKNOWN_DIVISION"),
    (whole(district="4102"), "/district", "UNKNOWN_DIVISION"),
    (whole(street="410203001"), "/street", "UNKNOWN_DIVISION"),
    (whole(street=""), "/street", "UNKNOWN_DIVISION"),
    (whole(community="410202002011"), "/community", "UNKNOWN_DIVISION"),
    (whole(community="410202001"), "/community", "UNKNOWN_DIVISION"),
    (whole(address=""), "/address", "REQUIRED"),
    (whole(address="院" * 201), "/address", "TOO_LONG"),
    (whole(address="一号\r\n院"), "/address", "CONTROL_CHARACTERS"),
    (whole(phone=""), "/phone", "PHONE_MISSING"),
    (whole(phone="0371-23888888"), "/phone", "PHONE_LANDLINE"),
    (whole(phone="1999901234"), "/phone", "PHONE_FORMAT"),
    (whole(phone="29999012345"), "/phone", "PHONE_FORMAT"),
    (whole(phone="1٩٩٩٩٠١٢٣٤٥"), "/phone", "PHONE_FORMAT"),
]


@pytest.mark.parametrize(("change", "pointer", "code"), ROWS, ids=[f"{i}-{row[1]}-{row[2]}" for i, row in enumerate(ROWS)])
def test_each_fault(change: Callable[[d.Dossier], d.Dossier], pointer: str, code: str) -> None:
    assert (pointer, code) in faults(change(GOOD))


@pytest.mark.parametrize(
    "change",
    [
        first(name="买买提·艾力"),
        first(name="买买提・艾力"),
        first(name="阿不都热合曼·" + "木" * 93),
        first(name="\U00020bb7\U00031350\U0002a6a5"),
        first(name="高〇"),
        first(name="nǚ"),
        first(id_number=number().replace("1", "１")),
        first(employer=""),
        first(annual_income_fen=0),
        first(id_number=number("20081124"), birth_date="2008-11-24"),
        home(district="310101"),
        home(share_percent=100),
        home(address=""),
        whole(homes=(), vehicles=()),
        whole(community=""),
        whole(phone="+86 199-9901-2345"),
        whole(phone="１９９９９０１２３４５"),
        whole(members=(GOOD.members[0], GOOD.members[2]), marital_status="divorced"),
        vehicle(plate="豫BD12345"),
    ],
)
def test_what_people_really_write_is_taken(change: Callable[[d.Dossier], d.Dossier]) -> None:
    assert faults(change(GOOD)) == set()


def with_spouse(number_: str, birth: str) -> d.Dossier:
    return d.prepare(replace(GOOD, members=(member(), d.Member("Mary Ann O'Neil", number_, "spouse", birth))))


def test_a_foreigner_with_a_permanent_residence_card_is_a_member() -> None:
    """Of 2023, and of before, whose number has no century; the card's own check digit is checked."""
    assert faults(with_spouse("911840197802010035", "1978-02-01")) == set()
    assert faults(with_spouse("can 1100 7802 0109", "1978-02-01")) == set()
    assert faults(with_spouse("CAN110078020109", "1978-02-02")) == {("/members/1/birth_date", "BIRTH_DATE_CONTRADICTS_ID")}
    assert faults(with_spouse("CAN110078020100", "1978-02-01")) == {("/members/1/id_number", "ID_CHECK_DIGIT")}
    # A passport is no number a register could be asked by.
    (told,) = d.check(with_spouse("E12345678", "1978-02-01"), RULES)
    assert (told.pointer, told.code) == ("/members/1/id_number", "ID_FORMAT")
    assert "公租房受理点窗口" in told.zh


def test_who_has_no_mobile_phone_is_told_the_counter_of_his_street() -> None:
    for phone, code in (("", "PHONE_MISSING"), ("0371-23888888", "PHONE_LANDLINE")):
        (told,) = d.check(d.prepare(replace(GOOD, phone=phone)), RULES)
        assert (told.code, "北书店街道的公租房受理点窗口" in told.zh) == (code, True)
    assert faults(d.prepare(replace(GOOD, phone="\u202a+86 138 0000 1234\u202c\u200b"))) == set()


def test_all_faults_are_told_at_once() -> None:
    found = faults(replace(GOOD, category="", phone="1", address="", members=(replace(GOOD.members[0], name="", id_number="1"),)))
    assert {pointer for pointer, _ in found} == {"/category", "/phone", "/address", "/members/0/name", "/members/0/id_number", "/members"}


def test_demonstration_numbers_in_production() -> None:
    found = faults(GOOD, replace(RULES, production=True))
    assert found == {(f"/members/{i}/id_number", "ID_REGION") for i in range(3)}


def test_no_text_repeats_what_was_written() -> None:
    canary = "机密" * 60
    bad = replace(
        GOOD, phone=canary, address=canary * 9, members=(replace(GOOD.members[0], name=canary, id_number=canary, birth_date=canary),)
    )
    assert all("机密" not in part for violation in d.check(d.prepare(bad), RULES) for part in violation)


def test_prepare_gives_one_form() -> None:
    typed = replace(
        GOOD,
        phone="+86 199 9901 2345",
        members=(replace(GOOD.members[0], name=" 买买提•艾力\u200b ", id_number=" ９９００01-19900101-" + number()[14:].lower()),),
        vehicles=(d.Vehicle("豫b 12345", 1),),
    )
    prepared = d.prepare(typed)
    assert prepared.phone == "19999012345"
    assert prepared.members[0].name == "买买提·艾力"
    assert prepared.members[0].id_number == number()
    assert prepared.vehicles[0].plate == "豫B12345"
    assert d.prepare(prepared) == prepared


def test_names_are_compared_in_nfc() -> None:
    assert text.clean_name(unicodedata.normalize("NFD", "nǚ")) == unicodedata.normalize("NFC", "nǚ")


def test_applicant_comes_first() -> None:
    turned = d.applicant_first(replace(GOOD, members=GOOD.members[::-1]))
    assert [m.relation for m in turned.members] == ["applicant", "child", "spouse"]


ASKED = ("social_insurance", "real_estate", "vehicles", "marriage")


@pytest.mark.parametrize(
    ("consent", "codes"),
    [
        (d.Consent(d.CONSENT_TEXT, ASKED), []),
        (d.Consent("consent-2020.1", ASKED), [("/consent/text_version", "CONSENT_TEXT_OUTDATED")]),
        (d.Consent(d.CONSENT_TEXT, ASKED[:3]), [("/consent/registers", "CONSENT_INCOMPLETE")]),
        (d.Consent(), [("/consent/text_version", "CONSENT_TEXT_OUTDATED"), ("/consent/registers", "CONSENT_INCOMPLETE")]),
    ],
)
def test_consent(consent: d.Consent, codes: list[tuple[str, str]]) -> None:
    assert [(violation.pointer, violation.code) for violation in d.check_consent(consent, ASKED)] == codes


def test_a_consent_is_to_what_a_case_asks() -> None:
    two = d.Consent(d.CONSENT_TEXT, ASKED[:2])
    assert not d.check_consent(two, ASKED[:2])
    (incomplete,) = d.check_consent(two, ASKED[:3])
    assert ("机动车登记" in incomplete.zh, "Vehicles" in incomplete.en) == (True, True)
    assert "社会保险" not in incomplete.zh


def test_a_correction_stays_in_its_street() -> None:
    moved = replace(GOOD, district="410203", street="410203001")
    assert [v.pointer for v in d.changed_place(("410202", "410202001"), moved)] == ["/district", "/street"]
    assert list(d.changed_place(("410202", "410202001"), GOOD)) == []
