"""The two papers of a counter: the form a household reads over and signs with the authorisation on it, and the receipt it takes home (受理回执)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from functools import cache
from importlib import resources
from typing import Any, Final

from anju_calendar import SHANGHAI
from anju_profile import Profile
from anju_terms import terms, title
from casekit.paper import code, drawn

from casework.domain.dossier import Dossier, Member
from casework.tables import Application

FORM: Final = "公共租赁住房申请表和授权书"
RECEIPT: Final = "公共租赁住房申请受理回执"
AUTHORISATION: Final = "公共租赁住房窗口代办授权书"
_SIGNATURES: Final = ["申请人签字（按手印）：", "代办人签字（由他人代办的）：", "窗口经办人签字：", "日期：        年     月     日"]
Rows = list[tuple[str, str]]


def form(dossier: Dossier, registers: Iterable[str], profile: Profile, made_at: datetime) -> bytes:
    """What was typed, to be read over, and what is signed with it: the consent of Order 11, article 8, and that the counter acts for the household."""
    sections = [
        _section("申请信息", rows=_about(dossier, profile)),
        *(_section(f"家庭成员 {place}", rows=_member(member)) for place, member in enumerate(dossier.members, 1)),
        _section("住房", rows=_homes(dossier, profile), text=[] if dossier.homes else ["没有住房。"]),
        _section("机动车", rows=_vehicles(dossier), text=[] if dossier.vehicles else ["没有机动车。"]),
        _section("授权和委托", text=_agreed(registers, "以上内容")),
    ]
    return _paper(FORM, "", sections, _SIGNATURES, made_at)


def authorisation(registers: Iterable[str], made_at: datetime) -> bytes:
    """The authorisation alone, filled in by hand: for who has applied already, and for the hour in which nothing can be printed from what is typed."""
    by_hand = _section("申请人（手写）", rows=[("姓名", "　"), ("证件号码", "　"), ("受理编号（已经有的）", "　")])
    return _paper(AUTHORISATION, "", [by_hand, _section("授权和委托", text=_agreed(registers, "本人申请的内容"))], _SIGNATURES, made_at)


def receipt(case: Application, profile: Profile, made_at: datetime, url: str, rating: str = "", *, assisted: bool) -> bytes:
    """That the application was taken, when and under which number, and how to follow it. It names nobody in full: it may lie about. ``rating``: the page on
    which whoever holds it says what he thought of the counter; empty where no clerk prints it."""
    submitted = case.submitted_at.astimezone(SHANGHAI)
    rows = [
        ("申请人", case.masked_name),
        ("受理时间", f"{submitted:%Y} 年 {submitted.month} 月 {submitted.day} 日 {submitted:%H:%M}"),
        ("受理地", f"{profile.name_of(case.district)} {profile.name_of(case.street)}"),
        ("申请类别", title("categories", case.category)),
        ("家庭人数", f"{case.household_size} 人"),
        ("提交方式", "窗口代为填写提交，与网上同时提交的申请同样排序" if assisted else "网上提交"),
        ("打印时的进度", title("stages", case.stage)),
    ]
    if case.deadline_at is not None:
        due = case.deadline_at.astimezone(SHANGHAI)
        rows.append(("这一步的期限", f"{due:%Y} 年 {due.month} 月 {due.day} 日"))
    told = ["请妥善保管本回执。查询进度、补正、撤回，可以扫描二维码登录办理，也可以带身份证到受理点窗口，请工作人员协助。"]
    codes = [_coded(told, url, f"查询进度的二维码：{url}")]
    if rating:
        number = rating.rpartition("/")[2]
        asked = [
            "您对今天的窗口办理满意吗？扫描二维码即可评价，不用登录，不留姓名；评价不是必须的，不影响办理。",
            f"评价码：{' '.join(number[at : at + 4] for at in range(0, len(number), 4))}。也可以把评价写在纸上交给窗口，由其他工作人员录入。",
        ]
        codes.append(_coded(asked, rating, f"评价窗口办理的二维码：{rating}"))
    return _paper(RECEIPT, case.no, [_section("受理情况", rows=rows)], [], made_at, codes)


def _coded(text: list[str], url: str, says: str) -> dict[str, Any]:
    """An address to be scanned, beside what it is for."""
    return {"text": text, "code": code(url), "says": says}


def _agreed(registers: Iterable[str], what: str) -> list[str]:
    asked = "、".join(terms("registers")[each].zh for each in registers)
    return [
        f"一、{what}由窗口工作人员按本人陈述填写，已向本人读过，与本人陈述一致。本人对内容的真实性负责，提供虚假材料的，依照《公共租赁住房管理办法》第三十五条处理。",
        f"二、本人同意住房保障部门向以下部门核验本人和未成年家庭成员的信息：{asked}。其他成年家庭成员由其本人另行确认。",
        "三、本人委托受理点工作人员代为在系统中提交申请，并在本人要求时代为补正、撤回、提出异议、答复配租、签订合同。每次代办都有记录，本人可以随时查询。",
        "四、本人可以随时收回授权：自己登录，或者带身份证到受理点窗口。收回之后窗口不再代办，已经办好的仍然有效。",
    ]


def _about(dossier: Dossier, profile: Profile) -> Rows:
    places = [profile.name_of(place) for place in (dossier.district, dossier.street, dossier.community) if place]
    return [
        ("申请类别", title("categories", dossier.category)),
        ("婚姻状况", title("marital_statuses", dossier.marital_status)),
        ("现住址", " ".join([*places, dossier.address])),
        ("联系电话", dossier.phone or "没有"),
    ]


def _member(member: Member) -> Rows:
    return [
        ("姓名", member.name),
        ("与申请人关系", title("relations", member.relation)),
        ("证件号码", member.id_number),
        ("出生日期", member.birth_date),
        ("年收入", _yuan(member.annual_income_fen)),
        ("工作单位", member.employer or "没有"),
    ]


def _homes(dossier: Dossier, profile: Profile) -> Rows:
    return [
        (
            f"住房 {place}",
            f"{profile.name_of(home.district)} {home.address}，建筑面积 {home.area_centi_sqm / 100:g} 平方米，占 {home.share_percent}%"
            + (f"，不动产权证号 {home.certificate_no}" if home.certificate_no else ""),
        )
        for place, home in enumerate(dossier.homes, 1)
    ]


def _vehicles(dossier: Dossier) -> Rows:
    return [(f"机动车 {place}", f"{each.plate}，价值 {_yuan(each.value_fen)}") for place, each in enumerate(dossier.vehicles, 1)]


def _yuan(fen: int) -> str:
    return f"{fen // 100:,}.{fen % 100:02d} 元"


def _section(name: str, *, rows: Rows | None = None, text: list[str] | None = None) -> dict[str, Any]:
    return {"title": name, "rows": rows or [], "text": text or []}


def _paper(
    name: str,
    number: str,
    sections: list[dict[str, Any]],
    signatures: list[str],
    made_at: datetime,
    codes: list[dict[str, Any]] | None = None,
) -> bytes:
    day: date = made_at.astimezone(SHANGHAI).date()
    content = {
        "title": name,
        "number_label": "受理编号",
        "number": number,
        "year": day.year,
        "month": day.month,
        "day": day.day,
        "sections": sections,
        "signatures": signatures,
        "codes": codes or [],
    }
    return drawn(_template(), "paper", content, made_at)


@cache
def _template() -> bytes:
    return (resources.files("casework") / "paper.typ").read_bytes()
