"""One household on its phone and its officials at their desks: from the form to the first rent, nothing but pages."""

from __future__ import annotations

import re

import pytest
from anju_stories.household import Household

from tests.browser.conftest import NewVisitor
from tests.browser.pages import DESK, Visitor, fill_application
from tests.support.boxes import RunningBox
from tests.support.families import Families

pytestmark = pytest.mark.browser


async def decide(official: Visitor, no: str, picture: str = "") -> None:
    await official.page.get_by_role("link", name=f"办理 {no}").click()
    await official.choose("decision", "approve")
    if picture:
        await official.picture(picture)
    await official.press("提交决定")
    await official.page.locator("form", has=official.page.locator('input[name="decision"]')).wait_for(state="detached")


async def pay(phone: Visitor, path: str, picture: str) -> None:
    await phone.open(path)
    await phone.page.get_by_role("button", name=re.compile(r"^缴款 .*元$")).click()
    await phone.page.get_by_role("link", name="去银行付款").wait_for()
    # In a WebView the bank takes the place of this page, and the way back loads it afresh.
    await phone.page.reload()
    await phone.page.get_by_text("还没有收到您的付款").wait_for()
    async with phone.context.expect_page() as opened:
        await phone.follow("去银行付款")
    bank = await opened.value
    await bank.get_by_role("button", name="确认支付").click()
    await bank.get_by_text("支付成功").first.wait_for()
    await bank.close()
    # Nobody reloads: the page looks by itself.
    await phone.page.get_by_text("已缴清，谢谢。").first.wait_for()
    await phone.picture(picture)


async def test_from_the_form_to_the_first_rent(box: RunningBox, families: Families, visitor: NewVisitor) -> None:
    family: Household = await families.one("410202", lambda household: len(household["members"]) >= 2)
    phone, street, district, city, manager = (await visitor(), *[await visitor(DESK) for _ in range(4)])
    applicant = family.dossier["members"][0]["id_number"]

    await phone.sign_on_citizen(applicant, "/apply")
    await fill_application(phone, family.dossier)
    await phone.picture("1-check")
    await phone.press("提交申请")
    await phone.expect_heading("受理回执")
    await phone.picture("2-receipt")
    await phone.follow("查看办理进度")
    await phone.stage.wait_for()
    family.no = phone.page.url.rsplit("/", 1)[-1]
    # Every other adult confirms for himself; where there is none, nobody is waited for.
    for level in ("street", "district", "city"):
        await family.reviewer(level).declare()
    await family.confirm(await family.case())
    await phone.stage.get_by_text("街道").wait_for()
    await phone.picture("3-street-review")

    for official, role, division, stage in (
        (street, "street_clerk", family.street, "区"),
        (district, "district_reviewer", family.district, "市"),
        (city, "city_reviewer", "", "公示"),
    ):
        await official.sign_on_official(role, division)
        await official.picture(f"4-tasks-{role}")
        await decide(official, family.no, f"5-decide-{role}")
        # The phone lies on the table meanwhile: the page follows by itself.
        await phone.stage.get_by_text(stage).wait_for()

    await family.pass_public_notice()
    await phone.stage.get_by_text("轮候").wait_for()
    await manager.sign_on_official("house_manager", family.district, "/staff/waiting")
    await manager.field("district").select_option(family.district)
    await manager.press("发起配租")
    await manager.press("确认，发起配租")
    await manager.page.locator(".notice.ok").wait_for()
    await manager.picture("6-offers")

    await family.offered()
    await phone.open(f"/cases/{family.no}")
    await phone.follow("查看房源并答复")
    await phone.picture("7-offer")
    await phone.press("接受这套房")
    await phone.press("确认接受")
    await family.drafted()
    await phone.open(f"/cases/{family.no}")
    await phone.follow("阅读并签订合同")
    for part in ("return_use", "return_arrears", "return_changes"):
        await phone.field(f"ack-{part}").check()
    await phone.picture("8-sign")
    await phone.press("签订合同")
    await phone.expect_heading("合同已签订")
    await phone.follow("还差一步：交押金")
    await phone.settled()
    await phone.picture("9-bills")
    await family.bill("deposit")
    await pay(phone, f"/leases/{family.lease_no}/bills/deposit", "10-deposit-paid")
    await family.lease_is("active")
    period = await family.live_month(0)
    await family.bill(period)
    await pay(phone, f"/leases/{family.lease_no}/bills/{period}", "11-rent-paid")
    await phone.open(f"/cases/{family.no}")
    await phone.picture("12-case")


async def test_a_wrong_check_digit_is_explained_and_what_was_typed_is_kept(families: Families, visitor: NewVisitor) -> None:
    family = await families.one()
    phone = await visitor()
    member = family.dossier["members"][0]
    right = member["id_number"]
    wrong = right[:-1] + ("0" if right[-1] != "0" else "1")
    await phone.sign_on_citizen(right, "/apply/members/0")
    await phone.field("members-0-name").fill(member["name"])
    await phone.field("members-0-id_number").fill(wrong)
    await phone.field("members-0-annual_income_fen").fill("36000")
    await phone.press("保存并继续")
    summary = phone.page.locator(".error-summary[role=alert]")
    await summary.wait_for()
    assert await summary.evaluate("summary => summary === document.activeElement")
    assert await phone.field("members-0-id_number").input_value() == wrong
    assert await phone.field("members-0-annual_income_fen").input_value() == "36000"
    await phone.picture("wrong-check-digit")
    assert not await phone.violations()
    await summary.get_by_role("link").first.click()
    assert await phone.focused() == "members-0-id_number"
    # Closed and opened again, as phones do: the form remembers.
    await phone.open("/apply/members/0")
    assert await phone.field("members-0-annual_income_fen").input_value() == "36000"
    await phone.field("members-0-id_number").fill(right)
    await phone.press("保存并继续")
    await phone.expect_heading("家庭成员")


async def test_an_outage_while_submitting_loses_nothing_and_counts_once(families: Families, visitor: NewVisitor) -> None:
    family = await families.one(fits=lambda household: len(household["members"]) == 1)
    phone = await visitor()
    keys: list[str] = []
    phone.page.on(
        "request",
        lambda request: (
            keys.append(request.headers.get("idempotency-key", ""))
            if request.url.endswith("/api/v1/applications") and request.method == "POST"
            else None
        ),
    )
    await phone.sign_on_citizen(family.dossier["members"][0]["id_number"], "/apply")
    await fill_application(phone, family.dossier)
    # The connection of a phone in a lift.
    await phone.page.route("**/api/v1/applications", lambda route: route.abort("connectionrefused"))
    await phone.press("提交申请")
    await phone.page.locator("[role=alert]").first.wait_for()
    await phone.picture("outage")
    await phone.page.unroute("**/api/v1/applications")
    await phone.page.reload()
    await phone.expect_heading("核对后提交")
    await phone.press("提交申请")
    await phone.expect_heading("受理回执")
    assert len(keys) >= 2
    assert len(set(keys)) == 1, "the same application was sent under two keys"
