"""Somebody sees a query about himself that he never agreed to, says so beside it, and reads the auditor's answer in the same place."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.browser.conftest import NewVisitor
from tests.browser.pages import DESK
from tests.support.families import Families

pytestmark = pytest.mark.browser

WORDS = "我没有同意过这次查询"
ANSWER = "经核查，您在窗口签过授权书，\n编号见附件；如有疑问请到街道窗口查看原件。"


async def test_an_objection_to_a_query_and_its_answer(families: Families, visitor: NewVisitor) -> None:
    family = await families.one("410203")
    await family.submit()
    await family.reaches("street_review")
    phone = await visitor()
    await phone.sign_on_citizen(family.dossier["members"][0]["id_number"], "/myself/queries")
    # What was asked for is told in the reader's words, and that it stands on his own consent.
    for words in ("公共租赁住房保障资格核验", "第八条、第九条；本人同意", "本人登录确认"):
        await expect(phone.page.locator("main")).to_contain_text(words)
    line = phone.page.get_by_role("listitem").filter(has_text="机动车登记")
    # One place for all queries of a household, not one beside each.
    begin = phone.page.get_by_role("button", name="有我不认得、或没有同意的查询")
    await expect(begin).to_have_count(1)
    await begin.click()
    form = phone.page.locator("form")
    await form.get_by_role("button", name="提交异议").click()
    for missing in ("请选择哪一次查询", "请写明哪里不对"):
        await expect(form.get_by_role("link", name=missing)).to_be_visible()
    which = form.get_by_label("哪一次查询")
    vehicles = await which.locator("option", has_text="机动车登记").get_attribute("value")
    await which.select_option(vehicles)
    await form.get_by_role("textbox", name="哪里不对").fill(WORDS)
    assert not await phone.violations()
    assert not await phone.small_targets()
    assert not await phone.sideways()
    await phone.picture("phone-query-objection-form")
    await form.get_by_role("button", name="提交异议").click()
    await expect(line).to_contain_text("正在核查")
    await expect(line).to_contain_text("前在这里答复您")
    # One objection to a query at a time: it is no choice while it is being looked into.
    await begin.click()
    await expect(which.locator("option", has_text="机动车登记")).to_have_count(0)

    auditor = await visitor(DESK)
    await auditor.sign_on_official("auditor", "", "/staff/query-objections")
    row = auditor.page.get_by_role("row").filter(has_text=family.no).filter(has_text=WORDS)
    await row.get_by_role("link", name="机动车登记").click()
    card = auditor.page.locator("section.card").filter(has_text=family.no).filter(has_text=WORDS)
    await card.get_by_role("button", name="提交答复").click()
    await expect(card.get_by_role("alert")).to_contain_text("请选择")
    await card.get_by_label("这次查询有依据").check()
    await card.get_by_role("textbox", name="答复（本人会看到）").fill(ANSWER)
    assert not await auditor.violations()
    assert not await auditor.raw()
    await auditor.picture("desk-query-objection")
    await card.get_by_role("button", name="提交答复").click()
    await expect(card).to_have_count(0)
    await auditor.field("state").select_option("unfounded")
    await expect(card).to_contain_text("编号见附件")

    await phone.open("/myself/queries")
    await expect(line).to_contain_text("已答复：这次查询有依据")
    await expect(line).to_contain_text("编号见附件；如有疑问请到街道窗口查看原件。")
    await begin.click()
    await expect(which.locator("option", has_text="机动车登记")).to_contain_text("已答复，对答复有异议")
    assert not await phone.violations()
    await phone.picture("phone-query-objection-answered")
    # What the page says about looks is so: the auditor has seen the record of queries, and the household is told.
    looks = [(look["roles"], look["what"]) async for look in family.applicant.pages(f"/applications/{family.no}/reads")]
    assert (["auditor"], "lookups") in looks
