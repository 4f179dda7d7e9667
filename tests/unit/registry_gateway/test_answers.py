"""The four registers' answers: canned bodies with every known quirk, and garbage that must neither crash nor be believed."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from anju.registry.facts.v1.real_estate_pb2 import HomeFact
from anju_contracts.application import LookupOutcome
from hypothesis import given, settings
from hypothesis import strategies as st
from registry_gateway import registers
from registry_gateway.domain import national
from registry_gateway.domain.facts import Fact, to_json
from registry_gateway.domain.faults import Fault, RegisterFaultError, WrongPersonError
from registry_gateway.domain.people import Person
from registry_gateway.registers.marriage import answers as marriage
from registry_gateway.registers.marriage.answers import Marriage
from registry_gateway.registers.real_estate import answers as real_estate
from registry_gateway.registers.real_estate.answers import Home, cap_shares
from registry_gateway.registers.social_insurance import answers as social_insurance
from registry_gateway.registers.social_insurance.answers import Insurance
from registry_gateway.registers.vehicles import answers as vehicles
from registry_gateway.registers.vehicles.answers import Vehicle

REAL_ESTATE = registers.discover()["real_estate"]

HUSBAND = Person(0, "李安民", "990001198804121235")
WIFE = Person(1, "王秀芳", "990001199009031220")
STRANGER = "990002197001011234"
HOUSEHOLD = (HUSBAND, WIFE)
ON = date(2026, 11, 23)


def insured(months: list[str], **changes: Any) -> list[dict[str, Any]]:
    row = {"AAB001": "E1", "AAC002": HUSBAND.id_number, "AACOO3": HUSBAND.name, "AAE140": "110", "AAC037": "1", "AAE180": "2600.00"}
    return [{**row, "AAE041": month, "SDC_BATCH_NO": "20261028", **changes} for month in months]


def insurance_reply(rows: Any, total: Any = None) -> dict[str, Any]:
    inner = {"columns": [], "total": len(rows) if total is None else total, "list": rows}
    return {"code": "200", "msg": "成功", "data": {"data": inner}}


def insurance(rows: list[dict[str, Any]]) -> Insurance | None:
    return social_insurance.facts(social_insurance.page(insurance_reply(rows)).rows, HUSBAND, ON)


def marriage_data(*entries: tuple[str, str, str], **changes: Any) -> dict[str, Any]:
    rows = [
        {
            "op_type": kind,
            "op_type_desc": description,
            "op_date": day,
            "cert_num": HUSBAND.id_number,
            "name": HUSBAND.name,
            "spouse_cert_num": WIFE.id_number,
        }
        for kind, description, day in entries
    ]
    return {"code": "0", "cert_num": HUSBAND.id_number, "name": HUSBAND.name, "result": rows, **changes}


def home(**changes: Any) -> dict[str, Any]:
    row = {"qlrmc": HUSBAND.name, "qlrzjh": HUSBAND.id_number, "bdcdyh": "U1", "jzmj": "56.80㎡", "fwyt": "成套住宅", "gyfs": "单独所有"}
    return {**row, "qlbl": "100%", "ygzt": "0", **changes}


def estate_reply(*rows: Any) -> dict[str, Any]:
    return {"Result": "1", "Note": "查询成功", "Data": {"BDCDJXX": list(rows)}}


def car(**changes: Any) -> dict[str, Any]:
    row = {"sfzmhm": HUSBAND.id_number, "jdcsyr": HUSBAND.name, "clpp1": "五菱", "clxh": "LZW6376", "clsbdh": "V1"}
    return {**row, **changes}


def cars(*rows: Any, **changes: Any) -> dict[str, Any]:
    return {"code": "0", "sfzmhm": HUSBAND.id_number, "recordcount": len(rows), "returncount": len(rows), "rows": list(rows), **changes}


# --- social insurance --------------------------------------------------------------------------------------------------------------------


def test_months_count_back_from_the_newest_batch_to_the_first_gap() -> None:
    found = insurance(insured(["202610", "202609", "202608", "202606", "202605"]))
    assert found == Insurance(continuous_months=3, monthly_base_fen=260_000 * 5 // 12)


def test_owed_months_other_kinds_and_later_employers_are_told_apart() -> None:
    rows = insured(["202610", "202609"])
    rows += insured(["202608"], AAC037="2")
    rows += insured(["202607"], AAE140="310")
    assert insurance(rows) == Insurance(continuous_months=2, monthly_base_fen=260_000 * 2 // 12)


def test_two_employers_add_up_and_a_row_given_twice_counts_once() -> None:
    rows = insured(["202610"]) + insured(["202610"]) + insured(["202610"], AAB001="E2", AAE180="1000.00")
    assert insurance(rows) == Insurance(continuous_months=1, monthly_base_fen=360_000 // 12)


def test_a_year_has_twelve_months() -> None:
    months = [f"2026{m:02d}" for m in range(1, 11)] + [f"2025{m:02d}" for m in range(1, 13)]
    assert insurance(insured(months)) == Insurance(continuous_months=22, monthly_base_fen=260_000)


def test_somebody_who_left_his_job_has_no_continuous_month() -> None:
    found = insurance(insured(["202606", "202605"]))
    assert found is not None
    assert found.continuous_months == 0


def test_a_batch_of_years_ago_says_nothing_about_today() -> None:
    months = ["202511", "202510", "202509"]
    assert insurance(insured(months, SDC_BATCH_NO="20251128")) == Insurance(continuous_months=3, monthly_base_fen=260_000 * 3 // 12)
    with pytest.raises(RegisterFaultError) as caught:
        insurance(insured(months[1:], SDC_BATCH_NO="20251028"))
    assert caught.value.fault is Fault.STALE_BATCH
    assert not caught.value.trips, "other people's rows may be in a newer batch"


def test_numbers_as_text_and_text_as_numbers_are_read() -> None:
    page = social_insurance.page(insurance_reply(insured(["202610"], AAE180=2600, SDC_BATCH_NO=20261028, AAE041=202610), total="1"))
    assert page.total == 1
    assert social_insurance.facts(page.rows, HUSBAND, ON) == Insurance(1, 260_000 // 12)


def test_nothing_is_no_record_but_null_is_no_answer() -> None:
    assert insurance([]) is None
    assert social_insurance.page(insurance_reply(None, total=0)).rows == ()
    for reply in ({"code": "200", "data": None}, {"code": "200", "data": {"data": None}}, insurance_reply(None, total=3)):
        with pytest.raises(RegisterFaultError) as caught:
            social_insurance.page(reply)
        assert caught.value.fault is Fault.EMPTY


@pytest.mark.parametrize(
    ("code", "fault"),
    [
        ("401", Fault.EXPIRED),
        ("405", Fault.EXPIRED),
        ("429", Fault.QUOTA),
        ("403", Fault.REFUSED),
        ("500", Fault.INNER_FAILURE),
        (None, Fault.INNER_FAILURE),
    ],
)
def test_the_gateways_codes(code: Any, fault: Fault) -> None:
    with pytest.raises(RegisterFaultError) as caught:
        social_insurance.page({"code": code, "data": None})
    assert caught.value.fault is fault


@pytest.mark.parametrize("name", ["AAC002", "AAE041", "AAE140", "AAC037", "AAE180", "SDC_BATCH_NO"])
def test_a_missing_field_is_not_filled_in(name: str) -> None:
    rows = insured(["202610"])
    del rows[0][name]
    with pytest.raises(RegisterFaultError) as caught:
        insurance(rows)
    assert caught.value.fault is Fault.SCHEMA


# --- national platform -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reply", "fault"),
    [
        ({"code": "300", "message": "api-410 签名校验失败", "data": None}, Fault.EXPIRED),
        ({"code": "300", "message": "res-429 超出", "data": None}, Fault.QUOTA),
        ({"code": "300", "message": "catalog-404 未登记", "data": None}, Fault.REFUSED),
        ({"code": "300", "message": "db-001", "data": None}, Fault.INNER_FAILURE),
        ({"code": "1", "biz_data": {"code": "500", "status": "fail", "result": None}}, Fault.INNER_FAILURE),
        ({"code": "2", "biz_data": {"code": "0", "result": []}}, Fault.INNER_FAILURE),
        ({"code": "1", "biz_data": None}, Fault.EMPTY),
        ({"code": "1", "biz_data": []}, Fault.SCHEMA),
    ],
)
def test_both_nested_codes_must_be_good(reply: dict[str, Any], fault: Fault) -> None:
    with pytest.raises(RegisterFaultError) as caught:
        national.biz_data(reply)
    assert caught.value.fault is fault


def test_vehicles_are_counted_by_chassis_number() -> None:
    page = vehicles.page(cars(car(), car(), car(clsbdh="V2", clxh=None)), HUSBAND)
    assert vehicles.facts(page.rows) == (Vehicle("五菱", "LZW6376"), Vehicle("五菱", ""))


def test_no_vehicles_in_every_spelling() -> None:
    for data in (cars(), cars(rows=None), cars(message="匹配不成功")):
        assert vehicles.page(data, HUSBAND).rows == ()
    with pytest.raises(RegisterFaultError):
        vehicles.page(cars(rows=None, recordcount=1), HUSBAND)
    with pytest.raises(RegisterFaultError):
        vehicles.page(cars(car(), returncount=2), HUSBAND)


def test_the_newest_entry_of_a_marriage_counts() -> None:
    married = ("IA", "结婚登记", "2014-10-01")
    assert marriage.facts(marriage_data(married), HUSBAND, HOUSEHOLD) == Marriage("married", 1)
    assert marriage.facts(marriage_data(married, married), HUSBAND, HOUSEHOLD) == Marriage("married", 1)
    assert marriage.facts(marriage_data(married, ("IB", "离婚登记", "20190912")), HUSBAND, HOUSEHOLD) == Marriage("divorced", -1)
    assert marriage.facts(marriage_data(("INR", "涉外结婚登记", "2014/10/01")), HUSBAND, (HUSBAND,)) == Marriage("married", -1)


def test_no_match_and_an_empty_list_are_no_record() -> None:
    nothing = [{"op_type": "0", "op_type_desc": "匹配不成功", "op_date": ""}]
    assert marriage.facts(marriage_data(result=nothing), HUSBAND, HOUSEHOLD) is None
    assert marriage.facts(marriage_data(), HUSBAND, HOUSEHOLD) is None
    with pytest.raises(RegisterFaultError):
        marriage.facts(marriage_data(result=None), HUSBAND, HOUSEHOLD)


@pytest.mark.parametrize(
    "entries",
    [
        [("ZZ", "其他", "2014-10-01")],
        [("ZZ", "撤销结婚登记", "2014-10-01")],
        [("IA", "结婚登记", "2014-10-01"), ("IB", "离婚登记", "2014-10-01")],
        [("IA", "结婚登记", "")],
    ],
)
def test_entries_only_a_person_can_read(entries: list[tuple[str, str, str]]) -> None:
    with pytest.raises(RegisterFaultError) as caught:
        marriage.facts(marriage_data(*entries), HUSBAND, HOUSEHOLD)
    assert caught.value.fault is Fault.SCHEMA


# --- real estate -------------------------------------------------------------------------------------------------------------------------


def by_text(text: str, purpose: str) -> str:
    """In place of a blind index."""
    return f"{purpose}:{text}" if text else ""


def homes(*rows: dict[str, Any]) -> tuple[Home, ...]:
    return real_estate.facts(real_estate.rows(estate_reply(*rows)), HUSBAND, by_text)


def test_rights_of_every_kind() -> None:
    found = homes(
        home(),
        home(),
        home(bdcdyh="U2", qlbl="1/3", gyfs="按份共有", jzmj=Decimal("97.5")),
        home(bdcdyh="", bdcqzh="", hth="C3", ygzt="1", fwyt="住宅"),
        home(bdcdyh="U4", fwyt="车位"),
        home(bdcdyh="U5", fwyt="非住宅"),
        home(bdcdyh="U6", qlbl="", gyfs="共同共有"),
    )
    assert found == (
        Home("U1", 5680, 100, True, False, 1, 1),
        Home("U2", 9750, 33, True, False, 1, 3),
        Home("C3", 5680, 100, True, True, 1, 1, unit_known=False),
        Home("U4", 5680, 100, False, False, 1, 1),
        Home("U5", 5680, 100, False, False, 1, 1),
        Home("U6", 5680, 100, True, False, 1, 1),
    )


def test_joint_owners_of_one_household_have_one_home() -> None:
    first, second, other = Home("U1", 5680, 100, True, False), Home("U1", 5680, 100, True, False), Home("U2", 5680, 50, True, False)
    kept = cap_shares([("a", first), ("b", second), ("c", other), ("d", other)])
    assert [(tag, kept_home.share_percent) for tag, kept_home in kept] == [("a", 100), ("c", 50), ("d", 50)]


def test_a_third_is_a_third_through_the_receipt_and_three_of_them_are_a_home() -> None:
    (heir,) = REAL_ESTATE.facts(json.loads(json.dumps(to_json(homes(home(gyfs="按份共有", qlbl="1/3"))))), LookupOutcome.FOUND)
    assert isinstance(heir, Home)
    assert heir.share == Fraction(1, 3)
    kept = cap_shares([("a", heir), ("b", heir), ("c", heir), ("d", heir)])
    assert [(tag, each.share) for tag, each in kept] == [(tag, Fraction(1, 3)) for tag in "abc"]
    (old,) = REAL_ESTATE.facts(
        [{"unit": "U1", "area_centi_sqm": 1, "share_percent": 33, "residential": True, "pre_notice": False}], LookupOutcome.FOUND
    )
    assert isinstance(old, Home)
    assert old.share == Fraction(33, 100), "receipts kept by an earlier version are read as they were"


def test_odd_fractions_still_fit_into_a_message() -> None:
    shares = [Fraction(1, 999_983), Fraction(1, 999_979), Fraction(1, 999_961), Fraction(1, 999_959), Fraction(1)]
    kept = cap_shares(
        [(n, Home.of(share, unit="U1", area_centi_sqm=9000, residential=True, pre_notice=False)) for n, share in enumerate(shares)]
    )
    assert len(kept) == 5
    for _, each in kept:
        HomeFact(share_numerator=each.share_numerator, share_denominator=each.share_denominator)


def test_no_home_in_every_spelling() -> None:
    assert real_estate.rows(estate_reply()) == []
    assert real_estate.rows({"Result": "1", "Note": "未查询到相关登记信息", "Data": None}) == []
    assert real_estate.rows({"Result": 1, "Note": "未查询到相关登记信息", "Data": {"BDCDJXX": None}}) == []


@pytest.mark.parametrize(
    ("reply", "fault"),
    [
        ({"Result": "1", "Note": "查询成功", "Data": None}, Fault.EMPTY),
        ({"Result": "1", "Note": "查询成功", "Data": {}}, Fault.SCHEMA),
        ({"Result": "0", "Note": "超出当日查询次数限制", "Data": None}, Fault.QUOTA),
        ({"Result": "0", "Note": "查询失败：数据库连接异常", "Data": None}, Fault.INNER_FAILURE),
        ({"Result": "1", "Note": "", "Data": []}, Fault.SCHEMA),
        ({"Result": "1", "Note": "", "Data": {"BDCDJXX": {}}}, Fault.SCHEMA),
        ({}, Fault.INNER_FAILURE),
    ],
)
def test_no_answer_of_a_county(reply: dict[str, Any], fault: Fault) -> None:
    with pytest.raises(RegisterFaultError) as caught:
        real_estate.rows(reply)
    assert caught.value.fault is fault


@pytest.mark.parametrize(
    "changes", [{"ygzt": ""}, {"ygzt": "2"}, {"fwyt": ""}, {"jzmj": None}, {"qlbl": "", "gyfs": "按份共有"}, {"bdcdyh": None}]
)
def test_a_home_that_cannot_be_read_is_no_home(changes: dict[str, Any]) -> None:
    with pytest.raises(RegisterFaultError) as caught:
        homes(home(**changes))
    assert caught.value.fault is Fault.SCHEMA


# --- somebody else, and garbage ----------------------------------------------------------------------------------------------------------


def read_insurance(reply: dict[str, Any]) -> tuple[Fact, ...]:
    found = social_insurance.facts(social_insurance.page(reply).rows, HUSBAND, ON)
    return (found,) if found else ()


def read_vehicles(reply: dict[str, Any]) -> tuple[Fact, ...]:
    return vehicles.facts(vehicles.page(national.biz_data(reply), HUSBAND).rows)


def read_marriage(reply: dict[str, Any]) -> tuple[Fact, ...]:
    found = marriage.facts(national.biz_data(reply), HUSBAND, HOUSEHOLD)
    return (found,) if found else ()


def read_estate(reply: dict[str, Any]) -> tuple[Fact, ...]:
    return real_estate.facts(real_estate.rows(reply), HUSBAND, by_text)


Read = Callable[[dict[str, Any]], tuple[Fact, ...]]
GOOD: dict[str, tuple[Read, dict[str, Any]]] = {
    "insurance": (read_insurance, insurance_reply(insured(["202610", "202609"]))),
    "vehicles": (read_vehicles, {"code": "1", "biz_data": cars(car(), car(clsbdh="V2"))}),
    "marriage": (read_marriage, {"code": "1", "biz_data": marriage_data(("IA", "结婚登记", "2014-10-01"))}),
    "estate": (read_estate, estate_reply(home(), home(bdcdyh="U2"))),
}
_WHO = ("AAC002", "sfzmhm", "cert_num", "qlrzjh")


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every path inside a JSON value."""
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, child in children for place in places(child, (*path, key)))]


def replaced(value: dict[str, Any], path: tuple[Any, ...], new: Any) -> dict[str, Any]:
    result: Any = copy.deepcopy(value)
    inside = result
    for key in path[:-1]:
        inside = inside[key]
    inside[path[-1]] = new
    return result  # type: ignore[no-any-return]


@pytest.mark.parametrize("register", GOOD)
def test_the_good_answers_are_good(register: str) -> None:
    read, good = GOOD[register]
    assert read(good)


@pytest.mark.parametrize("register", GOOD)
@pytest.mark.parametrize("other", [STRANGER, WIFE.id_number, "", "李安民", "9900**********1235"])
def test_one_row_about_somebody_else_spoils_the_answer(register: str, other: str) -> None:
    read, good = GOOD[register]
    whose = [path for path in places(good) if path and path[-1] in _WHO]
    assert whose
    for path in whose:
        with pytest.raises((WrongPersonError, RegisterFaultError)):
            read(replaced(good, path, other))


@pytest.mark.parametrize("register", GOOD)
def test_the_right_number_with_another_name_is_somebody_else(register: str) -> None:
    read, good = GOOD[register]
    names = [path for path in places(good) if path and path[-1] in ("AACOO3", "jdcsyr", "name", "qlrmc")]
    assert names
    for path in names:
        with pytest.raises(WrongPersonError):
            read(replaced(good, path, "李安名"))


JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=20)
    | st.sampled_from(["\ud800", "1" * 600, "０", STRANGER, HUSBAND.id_number]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize("register", GOOD)
@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 2**32), junk=JUNK)
def test_junk_anywhere_is_a_fault_or_a_mismatch_but_never_a_crash(register: str, seed: int, junk: Any) -> None:
    read, good = GOOD[register]
    path = random.Random(seed).choice([place for place in places(good) if place])
    try:
        facts = read(replaced(good, path, junk))
    except (RegisterFaultError, WrongPersonError):
        return
    for fact in facts:
        # Whatever got through is complete and in range, and fits into a message.
        repr(fact).encode()
        if isinstance(fact, Home):
            assert 0 < fact.area_centi_sqm <= 10_000_000
            assert 1 <= fact.share_percent <= 100
            assert 0 < fact.share <= 1
        if isinstance(fact, Insurance):
            assert 0 <= fact.continuous_months <= 3100


@pytest.mark.parametrize("register", GOOD)
@settings(max_examples=100, deadline=None)
@given(junk=st.dictionaries(st.text(max_size=8), JUNK, max_size=5))
def test_a_body_of_junk_says_nothing(register: str, junk: dict[str, Any]) -> None:
    read, _ = GOOD[register]
    with pytest.raises((RegisterFaultError, WrongPersonError)):
        read(junk)
