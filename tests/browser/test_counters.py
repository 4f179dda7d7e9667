"""Where people are helped in person: found from the first page, in large type too, and wherever a page sends somebody to a counter."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.browser.conftest import NewVisitor
from tests.browser.pages import DESK, PHONE

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


async def test_somebody_finds_the_counter_of_his_district_and_calls_it(visitor: NewVisitor) -> None:
    phone = await visitor(PHONE)
    await phone.open("/")
    await phone.page.get_by_label("您在哪个区县").select_option("410202")
    nearest = phone.page.locator("section", has_text="最近的窗口")
    await expect(nearest.get_by_text("龙亭区住房保障服务窗口")).to_be_visible()
    await expect(nearest.get_by_text("无障碍")).to_be_visible()
    await nearest.get_by_role("link", name="查看所有办事窗口").click()
    await phone.expect_heading("办事窗口")
    # What was chosen once is kept on the device.
    await expect(phone.page.get_by_label("您在哪个区县")).to_have_value("410202")
    cards = phone.page.locator("li.card")
    await expect(cards).to_have_count(5)
    await expect(cards.filter(has_text="红色示范点").get_by_text("全程帮办")).to_be_visible()
    await phone.page.get_by_label("只看无障碍的窗口").check()
    await expect(cards.filter(has_text="有台阶")).to_have_count(0)
    assert await cards.count() == 4
    await phone.page.get_by_label("哪一类窗口").select_option("party_service_centre")
    await expect(phone.page.get_by_text("没有符合条件的窗口")).to_be_visible()
    assert not await phone.violations()
    await phone.picture("counters")


async def test_in_large_type_calling_is_a_button(visitor: NewVisitor) -> None:
    phone = await visitor(PHONE)
    await phone.open("/?elder=1")
    await phone.page.get_by_label("您在哪个区县").select_option("410203")
    call = phone.page.get_by_role("link", name="打电话 0371-55500102")
    await expect(call).to_have_attribute("href", "tel:037155500102")
    box = await call.bounding_box()
    assert box is not None
    assert box["height"] >= 59
    await phone.picture("counters-large")


async def test_administrators_see_the_city_as_a_tree_and_appoint_to_an_office(visitor: NewVisitor) -> None:
    admin = await visitor(DESK)
    await admin.sign_on_official("user_admin", "", "/staff/organisation/units")
    page = admin.page
    await expect(page.get_by_text("第三房管所（示例）")).to_be_visible()
    # One line of the menu is where he is.
    assert await page.locator('nav a[aria-current="page"]').all_inner_texts() == ["单位和受理点"]
    # A district opens with the keyboard, and shows its streets.
    district = page.locator("summary", has_text="龙亭区")
    await district.focus()
    await page.keyboard.press("Enter")
    await expect(page.locator("summary", has_text="北书店街道")).to_be_visible()
    await page.locator("summary", has_text="第三房管所").click()
    await expect(page.get_by_text("鼓楼区安和苑（示例）")).to_be_visible()
    await page.get_by_label("按名称、地址或代码查找").fill("南京巷社区")
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("南京巷社区便民服务中心")).to_be_visible()
    await expect(page.locator(".branch").get_by_text("南京巷社区")).to_be_visible()
    await expect(page.get_by_text("第三房管所")).to_have_count(0)
    assert not await admin.violations()
    await admin.picture("units")
    await page.get_by_label("按名称、地址或代码查找").fill("没有这个地方")
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("没有找到")).to_be_visible()

    await admin.open("/staff/organisation/appoint")
    await page.get_by_label("单位").select_option(label="第三房管所（示例）")
    assert await page.get_by_label("单位").input_value() == "FG-03"
