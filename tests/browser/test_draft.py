"""A draft is the person's, not the device's: there on the next phone, never written over, and gone from a shared phone."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import expect

from tests.browser.conftest import NewVisitor
from tests.browser.pages import DESK, Visitor, fill_application
from tests.support.families import Families

pytestmark = pytest.mark.browser


async def left_on_the_device(visitor: Visitor) -> str:
    return str(await visitor.page.evaluate("JSON.stringify([{...sessionStorage}, {...localStorage}])"))


async def saved(visitor: Visitor) -> None:
    await expect(visitor.page.locator(".draft-state")).to_contain_text(re.compile("^已保存"))


async def test_what_was_typed_on_the_phone_is_there_at_the_desk_and_leaves_nothing_behind(families: Families, visitor: NewVisitor) -> None:
    family = await families.one()
    phone, desk = await visitor(), await visitor(DESK)
    applicant = family.dossier["members"][0]["id_number"]
    await phone.sign_on_citizen(applicant, "/apply/members/0")
    # Not a tap on "save": as it is typed.
    await phone.field("members-0-employer").fill("金丝雀纺织厂")
    await saved(phone)
    assert "金丝雀" not in await left_on_the_device(phone)
    assert applicant not in await left_on_the_device(phone)
    await phone.picture("draft-saved")
    assert not await phone.violations()
    await desk.sign_on_citizen(applicant, "/apply/members/0")
    await expect(desk.field("members-0-employer")).to_have_value("金丝雀纺织厂")
    other = await families.one()
    await desk.page.context.clear_cookies()
    await desk.sign_on_citizen(other.dossier["members"][0]["id_number"], "/apply/members/0")
    await expect(desk.field("members-0-employer")).to_have_value("")


async def test_two_devices_at_once_lose_nothing_and_ask_where_both_changed_the_same(families: Families, visitor: NewVisitor) -> None:
    family = await families.one()
    phone, desk = await visitor(), await visitor(DESK)
    applicant = family.dossier["members"][0]["id_number"]
    await phone.sign_on_citizen(applicant, "/apply/place")
    await desk.sign_on_citizen(applicant, "/apply/place")
    await phone.field("address").fill("北书店街 12 号")
    await saved(phone)
    await desk.field("phone").fill("13800000000")
    await saved(desk)
    # What only one of them changed is put together.
    await expect(desk.field("address")).to_have_value("北书店街 12 号")
    await phone.field("address").fill("南书店街 34 号")
    await saved(phone)
    await expect(phone.field("phone")).to_have_value("13800000000")
    await desk.field("address").fill("西大街 56 号")
    asked = desk.page.locator(".notice.warn")
    await expect(asked).to_contain_text("住址和电话")
    await desk.picture("draft-elsewhere")
    assert not await desk.violations()
    await expect(desk.field("address")).to_have_value("西大街 56 号")
    await desk.press("用另一台设备上的")
    await expect(desk.field("address")).to_have_value("南书店街 34 号")
    await desk.field("address").fill("西大街 56 号")
    await saved(desk)
    await phone.open("/apply/place")
    await expect(phone.field("address")).to_have_value("西大街 56 号")


async def test_without_a_network_it_is_kept_here_until_it_is_saved(families: Families, visitor: NewVisitor) -> None:
    family = await families.one()
    phone = await visitor()
    await phone.sign_on_citizen(family.dossier["members"][0]["id_number"], "/apply/members/0")
    await phone.page.route("**/api/v1/drafts/*", lambda route: route.abort("internetdisconnected"))
    await phone.field("members-0-employer").fill("金丝雀纺织厂")
    await expect(phone.page.locator(".draft-state")).to_contain_text("还没有保存上")
    await phone.page.reload()
    await phone.settled()
    await expect(phone.field("members-0-employer")).to_have_value("金丝雀纺织厂")
    await phone.page.unroute("**/api/v1/drafts/*")
    await phone.page.reload()
    await phone.settled()
    await saved(phone)
    assert "金丝雀" not in await left_on_the_device(phone)


async def test_handed_in_on_one_device_it_is_not_handed_in_from_the_other(families: Families, visitor: NewVisitor) -> None:
    family = await families.one(fits=lambda household: len(household["members"]) == 1)
    phone, desk = await visitor(), await visitor(DESK)
    applicant = family.dossier["members"][0]["id_number"]
    await phone.sign_on_citizen(applicant, "/apply")
    await fill_application(phone, family.dossier)
    await saved(phone)
    await desk.sign_on_citizen(applicant, "/apply/check")
    await phone.press("提交申请")
    await phone.expect_heading("受理回执")
    await desk.press("提交申请")
    await expect(desk.page.locator(".notice.warn")).to_contain_text("已经在另一台设备上提交或清空")
    await desk.picture("draft-gone")
    await desk.page.locator(".notice.warn").get_by_role("link", name="我的事项").click()
    await desk.expect_heading("我的事项")
    assert "示例" not in await left_on_the_device(phone)


async def test_a_correction_is_looked_over_part_by_part(families: Families, visitor: NewVisitor) -> None:
    family = await families.one(fits=lambda household: len(household["members"]) == 1)
    await family.submit()
    await family.reaches("street_review")
    await family.decide("street", "return", "请核对家庭成员")
    await family.reaches("correction")
    phone = await visitor()
    await phone.sign_on_citizen(family.dossier["members"][0]["id_number"], f"/cases/{family.no}/correct")
    parts = phone.page.locator(".task-list .mark")
    # One of them is what it was returned for: none is green before it was looked at.
    await expect(parts).to_have_text(["还没核对"] * 7)
    await phone.picture("correction")
    assert not await phone.violations()
    await phone.follow("家庭成员")
    await phone.press("保存并继续")
    await phone.open(f"/cases/{family.no}/correct")
    await expect(parts).to_have_text(["还没核对", "已核对", *["还没核对"] * 5])
    await phone.follow("核对并提交")
    await phone.press("提交补正")
    await phone.expect_heading("办理进度")


async def test_people_as_they_are(families: Families, visitor: NewVisitor) -> None:
    """A foreigner's card of before 2023 is asked for its date of birth; a number as contact apps give it is taken; a landline is told the counter."""
    family = await families.one()
    phone = await visitor()
    await phone.sign_on_citizen(family.dossier["members"][0]["id_number"], "/apply/members")
    await phone.field("add").click()
    await phone.field("members-1-relation").select_option("spouse")
    await phone.field("members-1-name").fill("Mary Ann O'Neil")
    await phone.field("members-1-annual_income_fen").fill("0")
    await phone.field("members-1-id_number").fill("E12345678")
    await phone.press("保存并继续")
    await expect(phone.page.locator(".error-summary")).to_contain_text("只有护照的，请到街道窗口办理")
    await phone.field("members-1-id_number").fill("can 1100 7802 0109")
    await phone.field("members-1-birth_date").fill("1978年2月2日")
    await phone.press("保存并继续")
    await expect(phone.page.locator(".error-summary")).to_contain_text("出生日期和证件号码里的不一致")
    await phone.picture("foreigner")
    assert not await phone.violations()
    await phone.field("members-1-birth_date").fill("1978年2月1日")
    await phone.press("保存并继续")
    await phone.expect_heading("家庭成员")
    await phone.open("/apply/place")
    district, street = family.dossier["district"], family.dossier["street"]
    await phone.field("district").select_option(district)
    await phone.field("street").select_option(street)
    await phone.field("phone").fill("0371-23888888")
    await phone.press("保存并继续")
    summary = phone.page.locator(".error-summary")
    await expect(summary).to_contain_text("座机收不到短信")
    await expect(summary).to_contain_text("公租房受理点窗口")
    await phone.field("phone").fill("\u202a+86 138 0000 1234\u202c")
    await phone.press("保存并继续")
    await expect(summary).not_to_contain_text("手机")
    await phone.picture("place-phone")
