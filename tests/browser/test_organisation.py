"""The two administrators' pages: who leaves hands over to somebody who may have it and reads so; the log is narrowed and taken away."""

from __future__ import annotations

import io
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from anju_calendar import local_date
from playwright.async_api import expect

from tests.browser.conftest import NewVisitor
from tests.browser.pages import DESK

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

STREET = "410225001"
LEAVING, SUCCESSOR = f"s-street_clerk-{STREET}", f"s-street_clerk-{STREET}-2"


async def test_whoever_leaves_names_one_who_may_have_the_work_and_he_reads_it_on_his_first_page(visitor: NewVisitor) -> None:
    last = local_date(datetime.now(UTC)) + timedelta(days=40)
    admin = await visitor(DESK)
    await admin.sign_on_official("user_admin", "", f"/staff/organisation/people/{LEAVING}")
    await admin.page.get_by_role("button", name="离岗", exact=True).click()
    await expect(admin.page.get_by_text("待办不挂在个人名下")).to_be_visible()
    choice = admin.page.get_by_label("没有办完的工作由谁接")
    assert await choice.locator("option").evaluate_all("options => options.map((each) => each.value)") == ["", "pool", SUCCESSOR]
    await admin.page.locator("#last").fill(last.isoformat())
    await choice.select_option(SUCCESSOR)
    assert not await admin.violations()
    await admin.picture("organisation-leaving")
    await admin.page.get_by_role("button", name="办理离岗").click()
    await expect(admin.page.get_by_text("离岗已登记。")).to_be_visible()
    await expect(admin.page.get_by_text(f"工作移交给 {SUCCESSOR}")).to_be_visible()

    successor = await visitor(DESK)
    await successor.sign_on_official("street_clerk", STREET, "/staff/", seat=2)
    told = successor.page.locator(".notice", has_text="没有办完的工作由您接着办")
    await expect(told).to_contain_text(f"{last.year}年{last.month}月{last.day}日")
    await expect(told.get_by_role("link")).to_have_attribute("href", "/staff/tasks")
    # A colleague elsewhere reads nothing of it.
    other = await visitor(DESK)
    await other.sign_on_official("street_clerk", "410202001", "/staff/")
    await expect(other.page.get_by_text("由您接着办")).to_have_count(0)

    auditor = await visitor(DESK)
    await auditor.sign_on_official("audit_admin", "", f"/staff/organisation/changes?account={LEAVING}&sort=-seq")
    rows = auditor.page.locator("tbody tr")
    await expect(rows.first).to_contain_text("结束任期")
    await expect(rows.first).to_contain_text(f"工作移交 {SUCCESSOR}")
    assert all(LEAVING in text for text in await rows.all_inner_texts())
    await auditor.page.get_by_label("变更", exact=True).select_option("ended")
    await expect(rows).to_have_count(1)
    await auditor.press("导出表格")
    await auditor.page.get_by_label("用途").select_option("audit")
    async with auditor.page.expect_download() as coming:
        await auditor.page.get_by_role("button", name="导出", exact=True).click()
    book = Path(await (await coming.value).path()).read_bytes()
    with zipfile.ZipFile(io.BytesIO(book)) as parts:
        text = "".join(parts.read(name).decode() for name in parts.namelist() if name.endswith(".xml"))
    assert f"工作移交：{SUCCESSOR}" in text
    assert "结束任期" in text
    assert "任命<" not in text, "only what the list was narrowed to"
    # That it was taken is a line of the log itself.
    await auditor.open("/staff/organisation/changes?kind=log_taken&by=s-audit_admin-4102&sort=-seq")
    await expect(rows.first).to_contain_text("用途 审计、检查")
