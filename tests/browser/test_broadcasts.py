"""A notice to many households: one official writes it, a second reads it and lets it go, and it stands among a household's messages."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.browser.conftest import NewVisitor
from tests.browser.pages import DESK
from tests.support.families import Families

pytestmark = pytest.mark.browser

TITLE = "国庆假期窗口安排"
BODY = "10月1日至3日各街道窗口不办公，\n急事请打服务热线。<b>不加粗</b>"


async def test_one_writes_a_second_releases_and_the_household_reads_it(families: Families, visitor: NewVisitor) -> None:
    family = await families.one("410204")
    await family.submit()
    writer = await visitor(DESK)
    await writer.sign_on_official("city_reviewer", "", "/staff/broadcasts")
    page = writer.page
    await page.get_by_role("link", name="起草通知").click()
    await page.get_by_role("button", name="保存，交另一人核对").click()
    # What is missing is said at the field it is missing in; the city's only division is chosen already.
    await expect(page.get_by_role("alert").get_by_role("link", name="请填写")).to_have_count(5)
    await page.get_by_label("发给哪些家庭").select_option(label="正在申请和已登记的家庭")
    for name, words in (("中文标题", TITLE), ("中文内容", BODY), ("英文标题", "Holidays"), ("英文内容", "Closed for three days.")):
        await page.get_by_label(name, exact=True).fill(words)
    assert not await writer.violations()
    await writer.picture("desk-broadcast-form")
    await page.get_by_role("button", name="保存，交另一人核对").click()
    await expect(page.get_by_text("请另一位同事核对后发出")).to_be_visible()
    await expect(page.get_by_role("button", name="已核对，发出")).to_have_count(0)

    second = await visitor(DESK)
    await second.sign_on_official("city_reviewer", "", "/staff/broadcasts?state=written", seat=2)
    await second.page.get_by_role("link", name=TITLE).click()
    await expect(second.page.get_by_text("现在发出将通知")).to_be_visible()
    # What somebody typed is text, whatever it looks like.
    await expect(second.page.locator(".said").first).to_contain_text("<b>不加粗</b>")
    await second.page.get_by_role("button", name="已核对，发出").click()
    await expect(second.page.get_by_text("已发完")).to_be_visible(timeout=30_000)
    await expect(second.page.get_by_role("progressbar")).to_have_attribute("aria-valuenow", "100")
    assert not await second.violations()
    await second.picture("desk-broadcast-sent")

    phone = await visitor()
    await phone.sign_on_citizen(family.dossier["members"][0]["id_number"], "/inbox")
    await expect(phone.page.locator("main")).to_contain_text(TITLE)
    await expect(phone.page.locator("main")).to_contain_text("<b>不加粗</b>")


async def test_the_texts_of_messages_are_read_in_both_languages(visitor: NewVisitor) -> None:
    auditor = await visitor(DESK)
    await auditor.sign_on_official("auditor", "", "/staff/templates")
    await expect(auditor.page.locator("summary").filter(has_text="申请需要补正")).to_be_visible()
    await expect(auditor.page.get_by_text("2026年12月1日").first).not_to_be_visible()
    await auditor.page.get_by_label("搜索文本").fill("申请需要补正")
    await auditor.page.keyboard.press("Enter")
    card = auditor.page.locator("details.card")
    await expect(card).to_have_count(1)
    await expect(card).to_contain_text("起算法定期限")
    await expect(card.get_by_text("2026年12月1日").first).to_be_visible()
    await expect(card).to_contain_text("Please correct your application")
    assert not await auditor.violations()
    await auditor.picture("desk-templates")
