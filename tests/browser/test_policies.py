"""A policy from the first word to its reader: one writes and sees what everybody will see, a second publishes, and anybody finds it by a word of two characters."""

from __future__ import annotations

from datetime import UTC, datetime

import anju_calendar as calendar
import pytest
from playwright.async_api import expect

from tests.browser.conftest import NewVisitor
from tests.browser.pages import DESK
from tests.support.boxes import RunningBox

pytestmark = pytest.mark.browser


async def test_one_writes_another_publishes_and_anybody_finds_it(box: RunningBox, visitor: NewVisitor) -> None:
    today = calendar.local_date(datetime.now(UTC)).isoformat()
    writer = await visitor(DESK)
    await writer.sign_on_official("city_reviewer", "", "/staff/policies/new")
    page = writer.page
    await page.get_by_role("button", name="保存草稿").click()
    # What is missing is said at the field it is missing in, all of it at once.
    await expect(page.get_by_role("alert").get_by_role("link", name="请填写")).to_have_count(10)
    await expect(page.locator("#title-zh-error")).to_be_visible()
    await page.get_by_label("网址名称").fill("bicycle-sheds")
    await page.get_by_label("分类").select_option(label="入住与退出")
    for name, words in (
        ("标题（中文）", "小区车棚怎么用"),
        ("标题（英文）", "How to use the bicycle sheds"),
        ("一看就懂（中文）", "车棚免费停放。"),
        ("一看就懂（英文）", "Parking is free."),
        ("发布机关", "开封市住房保障部门"),
        ("条目编号", "一"),
        ("条目正文", "电动车在车棚充电，不得进楼。"),
    ):
        await page.get_by_label(name, exact=True).fill(words)
    await page.get_by_label("施行日期").fill(today)
    await expect(page.get_by_role("heading", name="小区车棚怎么用")).to_be_visible()
    await expect(page.locator(".clause")).to_contain_text("电动车在车棚充电")
    await page.get_by_role("button", name="保存草稿").click()
    await expect(page.get_by_text("您写过这份草稿")).to_be_visible()
    await expect(page.get_by_role("button", name="发布这份草稿")).to_have_count(0)
    assert not await writer.violations()
    await writer.picture("desk-policy-draft")

    anybody = await visitor()
    await anybody.open("/policies/bicycle-sheds")
    await anybody.expect_heading("没有这项政策")

    second = await visitor(DESK)
    await second.sign_on_official("city_reviewer", "", "/staff/policies?state=draft", seat=2)
    await second.page.get_by_role("link", name="小区车棚怎么用").click()
    await second.page.get_by_role("button", name="发布这份草稿").click()
    await expect(second.page.get_by_role("status").filter(has_text="已发布")).to_be_visible()
    await expect(second.page.get_by_role("listitem").filter(has_text="现行有效")).to_contain_text("第 1 版")
    # A change is seen beside what holds.
    await second.page.get_by_label("条目正文", exact=True).fill("电动车在车棚充电。")
    await second.page.get_by_label("和以前的版本比较").select_option("1")
    await expect(second.page.locator("dd", has_text="不得进楼")).to_be_visible()
    await second.picture("desk-policy-published")

    await anybody.open("/policies?words=%E8%BD%A6%E6%A3%9A")
    await anybody.page.get_by_role("link", name="小区车棚怎么用").click()
    await anybody.expect_heading("小区车棚怎么用")
