"""A draft is the person's, not the device's: there on the next phone, never written over, and gone from a shared phone."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import expect

from tests.browser.conftest import NewVisitor
from tests.browser.pages import DESK, Visitor, fill_application
from tests.support.families import Families

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


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
    await desk.page.locator(".notice.warn").get_by_role("link", name="我的办理").click()
    await desk.expect_heading("我的办理")
    assert "示例" not in await left_on_the_device(phone)
