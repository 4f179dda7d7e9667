"""The contract of a lease: every item the law asks for, filled with what is agreed, and one digest for one text."""

from __future__ import annotations

import copy
from datetime import date
from typing import Any

import anju_profile
import pytest
from anju_profile import CONTRACT_ITEMS
from anju_profile.sections import Contract as ContractSection
from housing.domain.contract import Agreed, Contract, Tenant, digest_of, draw_up
from housing.terms import of_profile
from pydantic import ValidationError

from tests.support.profiles import KAIFENG, content

TEXT = of_profile(anju_profile.load(KAIFENG))(date(2026, 11, 26)).contract
AGREED = Agreed(
    lease_no="L-2026-000123",
    tenant=Tenant(name="欧阳晓明", id_number="4102************34"),
    household_size=3,
    district="410202",
    address="金明大道 1 号",
    estate="金明家园",
    number="3号楼2单元501",
    bedrooms=2,
    area_centi_sqm=5_025,
    term_months=36,
    monthly_rent_fen=35_050,
    deposit_fen=200_000,
    rent_due_days=10,
    deposit_due_days=15,
)
SALT = "salt"
# Order 11, article 17 item by item, and what of this lease must be read there; articles 27, 29 and 31 with what leads to them.
STATUTORY = {
    "parties": ("开封市", "欧阳晓明", "4102************34", "3 人"),
    "home": ("金明大道 1 号", "金明家园", "3号楼2单元501", "2 室", "50.25 平方米", "结构", "设施和设备"),
    "use": ("自己居住", "安全"),
    "term": ("36 个月",),
    "rent": ("350.50 元", "10 日内", "账户"),
    "deposit": ("2000.00 元", "15 日内"),
    "repairs": ("维修",),
    "charges": ("物业服务", "水", "电", "燃气", "供热"),
    "return_use": ("转借", "转租", "调换", "改变房屋用途", "擅自装修", "违法活动", "连续 6 个月以上闲置", "第二十七条"),
    "return_arrears": ("累计 6 个月以上", "第二十九条"),
    "return_changes": ("续租", "购买", "受赠", "继承", "其他保障性住房", "搬迁期", "第三十一条"),
    "liability": ("赔偿", "第九条"),
    "disputes": ("人民法院",),
    "other": ("备案",),
}


def drawn(**changes: Any) -> Contract:
    return draw_up(TEXT, AGREED.model_copy(update=changes), SALT)


def said(contract: Contract, code: str) -> str:
    (clause,) = (clause for clause in contract.clauses if clause.code == code)
    return "\n".join([clause.title.zh, *(part.zh for part in clause.text)])


@pytest.mark.parametrize("item", CONTRACT_ITEMS)
def test_every_item_of_the_law_is_in_the_contract(item: str) -> None:
    text = said(drawn(), item)
    assert [word for word in STATUTORY[item] if word not in text] == []


def test_clauses_are_numbered_in_their_order_and_refer_to_each_other_by_it() -> None:
    titles = [clause.title.zh for clause in drawn().clauses]
    assert [title.split("　")[0] for title in titles] == [
        *("第一条", "第二条", "第三条", "第四条", "第五条", "第六条", "第七条", "第八条", "第九条", "第十条"),
        *("第十一条", "第十二条", "第十三条", "第十四条"),
    ]
    free = drawn(deposit_fen=0)
    assert [clause.code for clause in free.clauses] == [item for item in CONTRACT_ITEMS if item != "deposit"]
    assert "有第八条所列情形" in said(free, "liability"), "the reference has moved with its clause"


def test_both_languages_say_all_of_it() -> None:
    for clause in drawn().clauses:
        for part in (clause.title, *clause.text):
            assert part.zh
            assert part.en
            assert "{" not in part.zh + part.en
    english = "\n".join(part.en for clause in drawn().clauses for part in clause.text)
    for value in ("欧阳晓明", "350.50", "2000.00", "36 months", "clause 9"):
        assert value in english


def test_what_is_filled_in_is_not_read_again() -> None:
    assert "承租人（乙方）：{deposit} {0.__class__}。" in said(
        drawn(tenant=Tenant(name="{deposit} {0.__class__}", id_number="*")), "parties"
    )


def test_one_text_one_digest() -> None:
    contract = drawn()
    assert contract.digest == drawn().digest == digest_of(contract.document())
    assert Contract.model_validate_json(contract.document()) == contract
    changed = {
        "monthly_rent_fen": 35_051,
        "term_months": 35,
        "deposit_fen": 1,
        "rent_due_days": 9,
        "number": "3号楼2单元502",
        "household_size": 2,
    }
    others = [drawn(**{name: value}).digest for name, value in changed.items()]
    others += [draw_up(TEXT, AGREED, "another salt").digest, draw_up(TEXT.model_copy(update={"sample": False}), AGREED, SALT).digest]
    assert len({contract.digest, *others}) == len(others) + 1


@pytest.mark.parametrize("item", CONTRACT_ITEMS)
def test_a_city_whose_contract_lacks_an_item_is_told_so(item: str) -> None:
    section = content()["contract"]
    ContractSection.model_validate(section)
    lacking = copy.deepcopy(section)
    clauses = lacking["clauses"][0]["value"]
    lacking["clauses"][0]["value"] = [clause for clause in clauses if clause["code"] != item]
    with pytest.raises(ValidationError, match=f"does not settle {item}"):
        ContractSection.model_validate(lacking)
    lacking["clauses"][0]["value"] = [*clauses, next(clause for clause in clauses if clause["code"] == item)]
    with pytest.raises(ValidationError, match="settles an item twice"):
        ContractSection.model_validate(lacking)
    if CONTRACT_ITEMS[item]:
        lacking["clauses"][0]["value"] = [
            {**clause, "text": [{"zh": "略", "en": "left out"}]} if clause["code"] == item else clause for clause in clauses
        ]
        with pytest.raises(ValidationError, match=f"the zh text of clause {item} does not say {min(CONTRACT_ITEMS[item])}"):
            ContractSection.model_validate(lacking)


@pytest.mark.parametrize(
    ("clause", "message"),
    [
        (
            {"code": "pets", "title": {"zh": "宠物", "en": "Pets"}, "text": [{"zh": "无", "en": "none"}]},
            "pets is no item of a lease contract",
        ),
        ({"code": "use", "title": {"zh": "用途", "en": "Use"}, "text": [{"zh": "{phone}", "en": "none"}]}, "blanks nobody fills: phone"),
        ({"code": "use", "title": {"zh": "用途", "en": "Use"}, "text": []}, "at least 1 item"),
    ],
)
def test_a_clause_nobody_can_fill_is_refused(clause: dict[str, Any], message: str) -> None:
    section = content()["contract"]
    section["clauses"][0]["value"].append(clause)
    with pytest.raises(ValidationError, match=message):
        ContractSection.model_validate(section)
