"""The desk of complaints: found from the first page, the list and the search, dealt with by what is offered, by two persons where it is about staff, and by nobody it is about."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import expect

from tests.browser.conftest import NewVisitor
from tests.browser.letters import DISTRICT, HOSTILE, handled, said
from tests.browser.pages import DESK, Visitor
from tests.support.boxes import RunningBox
from tests.support.families import Families

pytestmark = pytest.mark.browser


async def does(desk: Visitor, action: str, words: str = "") -> None:
    """What is chosen in the form at hand, with what is written with it."""
    await desk.choose("action", action)
    if words:
        await desk.field("text").fill(words)
    await desk.page.locator(".at-hand form").get_by_role("button", name="提交").click()


async def fit(desk: Visitor, picture: str) -> None:
    assert not await desk.violations()
    assert not await desk.raw()
    assert not await desk.sideways()
    await desk.picture(picture)


async def test_found_dealt_with_and_taken_away_in_a_file(box: RunningBox, families: Families, visitor: NewVisitor) -> None:
    family, neighbour = await families.one(DISTRICT), await families.one(DISTRICT)
    no = await said(family, HOSTILE, contact="=cmd()")
    same = await said(neighbour, "同一栋楼也漏水，请一起处理。")
    await handled(box, no, "accept")
    desk = await visitor(DESK)
    await desk.sign_on_official("district_reviewer", DISTRICT, "/staff")
    await desk.page.locator(".figures").get_by_role("link", name="没有办结的来信").click()
    await desk.expect_heading("来信办理")
    await expect(desk.page.get_by_role("checkbox", name="只看没有办结的")).to_be_checked()
    await expect(desk.page.get_by_role("row").filter(has_text=no)).to_contain_text("办理中")
    await desk.field("stage").select_option("handling")
    await expect(desk.page.get_by_role("row").filter(has_text=same)).to_have_count(0)
    await desk.field("kind").select_option("misuse")
    await expect(desk.page.locator("main")).to_contain_text("没有符合条件的来信")
    await desk.open(f"/staff/complaints?no={no}")
    await expect(desk.page.get_by_role("row")).to_have_count(2)
    await fit(desk, "desk-complaints")
    async with desk.page.expect_download() as download:
        await desk.press("导出表格")
        await desk.page.locator("dialog, [popover], .panel").get_by_label("用途").select_option("office")
        await desk.page.get_by_role("button", name="导出", exact=True).click()
    assert (await download.value).suggested_filename == "来信办理.xlsx"

    # The message about it leads there.
    await desk.open("/staff/inbox")
    message = desk.page.locator(".message").filter(has_text=no)
    await message.get_by_role("button").click()
    await expect(message.get_by_role("link", name="查看来信")).to_have_attribute("href", f"/staff/complaints/{no}")

    # From anywhere by its number, small letters and all.
    search = desk.page.get_by_role("searchbox")
    await search.fill(no.lower())
    await search.press("Enter")
    await desk.expect_heading(no)
    await expect(desk.page.locator("main")).to_contain_text("<script>document.body.remove()</script>")
    await expect(desk.page.locator("main")).to_contain_text("=cmd()")
    await desk.page.locator(".at-hand form").get_by_role("button", name="提交").click()
    await expect(desk.page.locator(".error-summary")).to_contain_text("请选择怎么办理")
    await does(desk, "answer")
    await expect(desk.page.locator(".error-summary")).to_contain_text("请填写")
    # Beside the field it comes a little later.
    await expect(desk.page.locator("#text-error")).to_be_visible()
    await fit(desk, "desk-complaint")
    # Only what can be done now is offered.
    await expect(desk.page.locator('input[name="action"]')).to_have_count(3)
    # Its number is none of a case: where to merge it is checked by the desk's own rules, and what was typed stays.
    await desk.field("text").fill("与另一件是同一件事。")
    await desk.choose("action", "merge")
    await desk.field("into").fill(no)
    await does(desk, "merge")
    await expect(desk.page.locator(".at-hand").get_by_role("alert")).to_contain_text("不能并案")
    await expect(desk.field("text")).to_have_value("与另一件是同一件事。")
    await desk.page.reload()
    await desk.settled()
    await desk.choose("action", "merge")
    await expect(desk.field("text")).to_have_value("与另一件是同一件事。")
    await desk.field("text").fill("")

    # Another one is merged into it, and its writer reads why.
    await desk.open(f"/staff/complaints/{same}")
    await desk.choose("action", "merge")
    await desk.field("into").fill(no)
    await does(desk, "merge", "同一根水管。")
    await expect(desk.page.locator("#said")).to_contain_text("已并案")
    await desk.open(f"/staff/complaints/{no}")
    # Somebody else was quicker: nobody answers what he has not seen.
    await handled(box, no, "answer", "明天上门。", seat=2)
    await does(desk, "answer", "后天上门。")
    await expect(desk.page.locator("#said")).to_contain_text(re.compile("已有|变化|新"))
    await expect(desk.page.locator("main")).to_contain_text("明天上门。")
    await expect(desk.page.locator(".at-hand form")).to_have_count(0)
    phone = await visitor()
    await phone.sign_on_citizen(neighbour.dossier["members"][0]["id_number"], f"/letters/{same}")
    await expect(phone.stage).to_have_text("已并案")
    for words in ("同一根水管。", "明天上门。"):
        await expect(phone.page.locator("main")).to_contain_text(words)


async def test_about_staff_by_two_persons_and_never_by_himself(box: RunningBox, families: Families, visitor: NewVisitor) -> None:
    family = await families.one(DISTRICT)
    name = (await box.town.official("city_reviewer", "").get("/session"))["name"]
    no = await said(family, "窗口的人态度很差，让我跑了五趟。", about_staff=True, about_name=name)
    himself = await visitor(DESK)
    await himself.sign_on_official("city_reviewer", "", f"/staff/complaints?no={no}")
    await expect(himself.page.locator("main")).to_contain_text("没有符合条件的来信")
    await himself.open(f"/staff/complaints/{no}")
    await expect(himself.page.get_by_role("alert")).to_be_visible()
    await expect(himself.page.locator("main")).not_to_contain_text("态度很差")
    search = himself.page.get_by_role("searchbox")
    await search.fill(no)
    await search.press("Enter")
    await expect(himself.page.get_by_text("没有找到。请核对后再查")).to_be_visible()

    second, third = await visitor(DESK), himself
    await second.sign_on_official("city_reviewer", "", f"/staff/complaints/{no}", seat=2)
    await expect(second.page.locator("main")).to_contain_text(name)
    no = await said(family, "另一位窗口人员让我跑了五趟。", about_staff=True)
    await second.open(f"/staff/complaints/{no}")
    await does(second, "accept")
    await expect(second.page.locator("#said")).to_contain_text("已受理")
    await does(second, "answer", "已批评教育，并向您道歉。")
    await expect(second.page.locator(".detail-head")).to_contain_text("答复待复核")
    # Nobody reads over his own answer.
    for own in ("agree", "send_back"):
        await expect(second.page.locator(f'input[name="action"][value="{own}"]')).to_have_count(0)
    await third.open(f"/staff/complaints/{no}")
    await expect(third.page.locator("main")).to_contain_text("已批评教育")
    await does(third, "send_back", "请写明今后怎么改。")
    await expect(third.page.locator("#said")).to_contain_text("已退回")
    await second.open(f"/staff/complaints/{no}")
    await expect(second.page.locator("main")).to_contain_text("请写明今后怎么改。")
    await does(second, "answer", "已批评教育，今后一次告知。")
    await expect(second.page.locator("#said")).to_contain_text("已提交答复")
    await third.open(f"/staff/complaints/{no}")
    await does(third, "agree")
    await expect(third.page.locator("#said")).to_contain_text("已同意")
    await fit(third, "desk-complaint-agreed")
    phone = await visitor()
    await phone.sign_on_citizen(family.dossier["members"][0]["id_number"], f"/letters/{no}")
    await expect(phone.stage).to_have_text("已答复，待评价")
    await expect(phone.page.locator("main")).to_contain_text("今后一次告知")
    # What the desk says to itself is not said to the writer.
    await expect(phone.page.locator("main")).not_to_contain_text("请写明今后怎么改")

    # Where the letter names nobody the desk does, by his account.
    no = await said(family, "第三件：窗口工作人员不在岗。", about_staff=True)
    await himself.open(f"/staff/complaints/{no}")
    await expect(himself.page.locator("main")).to_contain_text("不在岗")
    await second.open(f"/staff/complaints/{no}")
    await second.choose("action", "accept")
    await second.field("about").fill((await box.town.official("city_reviewer", "").get("/session"))["sub"])
    await does(second, "accept")
    await expect(second.page.locator("#said")).to_contain_text("已受理")
    await himself.open(f"/staff/complaints/{no}")
    await expect(himself.page.locator("main")).not_to_contain_text("不在岗")


async def test_a_report_is_looked_into_by_somebody_who_does_not_read_it(box: RunningBox, families: Families, visitor: NewVisitor) -> None:
    family = await families.one(DISTRICT)
    no = await said(family, "三号楼的房子转租给了开店的。", kind="misuse")
    desk = await visitor(DESK)
    await desk.sign_on_official("district_reviewer", DISTRICT, f"/staff/complaints/{no}")
    await does(desk, "accept")
    await expect(desk.page.locator(".error-summary")).to_contain_text("请填写")
    await does(desk, "accept", "核查三号楼的居住情况。")
    await expect(desk.page.locator(".detail-head")).to_contain_text("调查中")
    manager = await visitor(DESK)
    await manager.sign_on_official("house_manager", DISTRICT, "/staff/complaints")
    await manager.page.get_by_role("link", name=no).click()
    await expect(manager.page.locator("main")).to_contain_text("核查三号楼的居住情况。")
    await expect(manager.page.locator("main")).to_contain_text("举报原文和举报人不在这里显示")
    await expect(manager.page.locator("main")).not_to_contain_text("开店的")
    await expect(manager.page.locator(".at-hand form")).to_have_count(0)
    await fit(manager, "desk-complaint-brief")
    # Given to the city with a reason, it is no more this desk's to deal with.
    await does(desk, "reassign", "涉及多个区，请市里统一查。")
    await expect(desk.page.locator(".error-summary")).to_contain_text("请选择转给谁")
    await desk.choose("level", "city")
    await does(desk, "reassign")
    await expect(desk.page.locator("#said")).to_contain_text("已转办")
    await expect(desk.page.locator(".at-hand form")).to_have_count(0)
    phone = await visitor()
    await phone.sign_on_citizen(family.dossier["members"][0]["id_number"], f"/letters/{no}")
    await expect(phone.page.locator(".now-card")).to_contain_text("市住房保障部门")
    await expect(phone.page.locator(".timeline")).to_contain_text("涉及多个区，请市里统一查。")


async def test_what_was_said_at_a_counter_or_to_12345(visitor: NewVisitor) -> None:
    clerk = await visitor(DESK)
    await clerk.sign_on_official("street_clerk", f"{DISTRICT}001", "/staff/complaints")
    await expect(clerk.page.locator("main")).to_contain_text("没有符合条件的来信")
    await clerk.follow("登记来信")
    await clerk.expect_heading("登记来信")
    await clerk.press("登记")
    summary = clerk.page.locator(".error-summary")
    for missing in ("请选择是窗口还是 12345 热线", "请选择是投诉", "请写明是什么事"):
        await expect(summary).to_contain_text(missing)
    await clerk.choose("channel", "hotline")
    await clerk.field("reference_no").fill("GD-20261127-0042")
    await clerk.choose("kind", "suggestion")
    await clerk.field("division").select_option(DISTRICT)
    await clerk.field("text").fill(HOSTILE)
    await clerk.field("reporter").fill("=张先生")
    await clerk.page.reload()
    await clerk.settled()
    await expect(clerk.field("text")).to_have_value(HOSTILE)
    await fit(clerk, "desk-complaint-new")
    await clerk.press("登记")
    done = clerk.page.locator("#said")
    await expect(done).to_contain_text(re.compile(r"编号 [A-Z]{2}-\d{4}-\d{6}。承办部门会在"))
    await expect(clerk.field("text")).to_have_value("")
    # A number of 12345 stands for one letter; what was typed for the second stays.
    await clerk.choose("channel", "hotline")
    await clerk.field("reference_no").fill("GD-20261127-0042")
    await clerk.choose("kind", "suggestion")
    await clerk.field("division").select_option(DISTRICT)
    await clerk.field("text").fill("同一张工单又来了。")
    await clerk.press("登记")
    await expect(clerk.page.get_by_role("alert")).to_contain_text("已经登记过")
    await expect(clerk.field("text")).to_have_value("同一张工单又来了。")
    await clerk.press("清空重写")
    await clerk.open("/staff/complaints?no=GD-20261127-0042")
    await clerk.page.get_by_role("row").nth(1).get_by_role("link").click()
    await expect(clerk.page.locator("main")).to_contain_text("=HYPERLINK")
    # Who has written it down reads on, and does not deal with it.
    await expect(clerk.page.locator(".at-hand form")).to_have_count(0)
