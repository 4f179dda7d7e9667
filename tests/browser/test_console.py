"""The frame around every page of the staff console: what somebody works with, who he is, help; by mouse and by keyboard, from a phone to a wide screen."""

from __future__ import annotations

import re
import zipfile

import pytest
from playwright.async_api import Dialog, Locator, Route, expect

from tests.browser.conftest import NewVisitor
from tests.browser.pages import DESK, PHONE, Visitor
from tests.support.families import Families

pytestmark = pytest.mark.browser

SMALL, WIDE = {"viewport": {"width": 1024, "height": 768}}, {"viewport": {"width": 1920, "height": 1080}}
TWICE = {"viewport": {"width": 640, "height": 450}, "device_scale_factor": 2}


async def is_whole(visitor: Visitor, name: str) -> None:
    await visitor.picture(f"console-{name}")
    assert not await visitor.violations()
    assert not await visitor.sideways()


@pytest.mark.parametrize("screen", [SMALL, WIDE], ids=["1024", "1920"])
async def test_the_navigation_is_the_duty_of_whoever_is_signed_on(visitor: NewVisitor, screen: dict[str, object]) -> None:
    width = screen["viewport"]["width"]  # type: ignore[index]  # a literal above
    manager = await visitor(screen)
    await manager.sign_on_official("house_manager", "410202", "/staff/waiting")
    nav = manager.page.get_by_role("navigation", name="主要功能")
    for words in ("申请查询", "轮候与配租", "租赁合同", "欠租与逾期", "各区县申请统计"):
        await expect(nav.get_by_role("link", name=words)).to_be_visible()
    await expect(nav.get_by_role("link", name="我的待办")).to_have_count(0)
    await expect(nav.get_by_role("link", name="轮候与配租")).to_have_attribute("aria-current", "page")
    await expect(manager.page.get_by_role("banner")).to_contain_text("开封市公共租赁住房")
    await is_whole(manager, f"{width}")
    await manager.press("收起菜单")
    await nav.get_by_role("link", name="租赁合同").click()
    await manager.expect_heading("租赁合同")
    # Remembered by this browser.
    await manager.open("/staff/leases")
    await is_whole(manager, f"{width}-folded")
    await manager.press("展开菜单")


async def test_who_he_is_and_what_the_page_is_for(visitor: NewVisitor) -> None:
    clerk = await visitor(SMALL)
    await clerk.sign_on_official("street_clerk", "410202001")
    who = clerk.page.get_by_role("button", name="账号与显示设置")
    await who.click()
    panel = clerk.page.locator("#who")
    await expect(panel).to_contain_text("街道经办")
    await is_whole(clerk, "who")
    await clerk.page.keyboard.press("Escape")
    await expect(panel).to_have_count(0)
    await expect(who).to_be_focused()
    await clerk.press("本页帮助")
    await expect(clerk.page.locator("#help")).to_contain_text("等您这一级审核")
    await is_whole(clerk, "help")
    # One of them at a time.
    await who.click()
    await expect(clerk.page.locator("#help")).to_have_count(0)
    await clerk.press("English")
    await expect(clerk.page.get_by_role("banner")).to_contain_text("Public rental housing")
    await clerk.press("Help for this page")
    await is_whole(clerk, "english")
    await expect(clerk.page.get_by_role("link", name="My tasks")).to_be_visible()


async def test_the_console_without_a_mouse(visitor: NewVisitor) -> None:
    manager = await visitor(SMALL)
    await manager.sign_on_official("house_manager", "410202", "/staff/waiting")
    await manager.open("/staff/waiting")
    keyboard = manager.page.keyboard
    await keyboard.press("Tab")
    assert "跳到主要内容" in await manager.focused()
    await keyboard.press("Enter")
    assert await manager.focused() == "main"
    await manager.page.get_by_role("link", name="申请查询").focus()
    for key, words in (
        ("ArrowDown", "来信办理"),
        ("ArrowDown", "轮候与配租"),
        ("ArrowDown", "租赁合同"),
        ("End", "各区县申请统计"),
        ("ArrowDown", "工作首页"),
        ("ArrowUp", "各区县申请统计"),
    ):
        await keyboard.press(key)
        assert words in await manager.focused()
    await keyboard.press("Enter")
    await manager.expect_heading("各区县申请统计")
    assert "各区县申请统计" in await manager.focused()


async def test_the_search_finds_by_number_and_by_person(families: Families, visitor: NewVisitor) -> None:
    family = await families.one("410202")
    await family.submit()
    await family.reaches("street_review")
    member = family.dossier["members"][0]
    clerk = await visitor(SMALL)
    await clerk.sign_on_official("street_clerk", family.street)
    page, found = clerk.page, clerk.page.locator(".search .panel")
    field = page.get_by_role("searchbox")
    await page.keyboard.press("/")
    await expect(field).to_be_focused()
    await page.keyboard.type(family.no.lower())
    await page.keyboard.press("Enter")
    await clerk.expect_heading(family.no)
    await expect(field).to_have_value("")
    for words in (member["name"], member["id_number"]):
        await page.keyboard.press("/")
        await page.keyboard.type(words)
        await page.keyboard.press("Enter")
        # One household of this name opens at once, several are listed.
        await expect(page.locator("main h1", has_text=family.no).or_(found.get_by_role("link", name=family.no))).to_be_visible()
        await expect(page.locator(".search [aria-busy]")).to_have_count(0)
        assert words not in page.url
    await field.fill("查无此人")
    await field.press("Enter")
    await expect(found).to_contain_text("编号、身份证号和姓名都要完整")
    await expect(found).to_contain_text("申请家庭可以查到")
    await is_whole(clerk, "search")
    await page.keyboard.press("Escape")
    await expect(found).to_be_hidden()
    await expect(field).to_be_focused()
    # Who reads no dossiers is not asked for names.
    finance = await visitor(PHONE)
    await finance.sign_on_official("finance", "", "/staff/ledger")
    await expect(finance.page.get_by_role("searchbox", name="申请、合同、账单、来信编号", exact=True)).to_be_visible()
    await is_whole(finance, "search-narrow")


async def test_a_list_is_sorted_filtered_turned_and_kept(families: Families, visitor: NewVisitor) -> None:
    cases = [await families.one("410225") for _ in range(2)]
    for family in cases:
        await family.submit()
    reviewer = await visitor(SMALL)
    await reviewer.sign_on_official("district_reviewer", "410225", "/staff/cases")
    page = reviewer.page
    table = page.get_by_role("table", name="申请列表")
    first, second = sorted(family.no for family in cases)
    numbers = table.get_by_role("rowheader")
    await expect(numbers.first).to_have_text(second)
    await expect(page.get_by_role("navigation", name="翻页")).to_contain_text("共 2 条")
    await is_whole(reviewer, "list")
    heading = table.get_by_role("columnheader", name="申请编号")
    await expect(heading).to_have_attribute("aria-sort", "descending")
    await heading.get_by_role("button").press("Enter")
    await expect(heading).to_have_attribute("aria-sort", "ascending")
    await expect(numbers.first).to_have_text(first)
    # One page as small as the other list in the address; there and back, and as it was sent to somebody.
    await page.get_by_label("阶段").select_option("registered")
    await expect(page.locator(".list")).to_contain_text("没有符合条件的申请")
    await is_whole(reviewer, "list-empty")
    assert "stage=registered" in page.url
    assert "sort=no" in page.url
    await page.go_back()
    await expect(numbers.first).to_have_text(first)
    address = page.url
    # What somebody likes about the list stays with him.
    await reviewer.press("列与密度")
    await page.get_by_label("申请类别").uncheck()
    await page.get_by_label("紧凑").check()
    await is_whole(reviewer, "list-columns")
    await page.keyboard.press("Escape")
    await expect(table.get_by_role("columnheader", name="申请类别")).to_have_count(0)
    await reviewer.press("常用视图")
    await page.get_by_label("名称").fill("从旧到新")
    await reviewer.press("保存当前视图")
    await reviewer.open("/staff/cases")
    await expect(numbers.first).to_have_text(second)
    await expect(table.get_by_role("columnheader", name="申请类别")).to_have_count(0)
    await reviewer.press("常用视图")
    await page.get_by_role("link", name="从旧到新").click()
    await expect(numbers.first).to_have_text(first)
    assert page.url == address
    await reviewer.press("删除视图“从旧到新”")
    # Turned page by page: three a page are as good as fifty.
    served: list[str] = []

    async def many(route: Route) -> None:
        served.append(route.request.url)
        answer = await (await route.fetch()).json()
        await route.fulfill(json={**answer, "total": 120})

    await page.route("**/api/v1/applications?*", many)
    await reviewer.open("/staff/cases?size=20")
    await expect(page.get_by_text("第 1 / 6 页")).to_be_visible()
    await reviewer.press("下一页")
    await expect(page.get_by_text("第 2 / 6 页")).to_be_visible()
    assert "skip=20" in served[-1]
    await expect(page.get_by_role("button", name="上一页")).to_be_enabled()
    await page.unroute_all(behavior="wait")


async def test_views_go_with_whoever_keeps_them(visitor: NewVisitor) -> None:
    """To another computer; named anew, the one a list opens with, on the first page; and one of an older release says what it lacks."""
    reviewer = await visitor(DESK)
    await reviewer.sign_on_official("district_reviewer", "410223", "/staff/cases?sort=no")
    page = reviewer.page
    await reviewer.press("常用视图")
    await page.get_by_label("名称").fill("从旧到新")
    await page.keyboard.press("Enter")
    await reviewer.press("给视图“从旧到新”改名")
    await page.get_by_label("名称").first.fill("最早的在前")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("link", name="最早的在前")).to_be_visible()
    await reviewer.press("打开列表时用视图“最早的在前”")
    await expect(page.locator(".list .panel .mark")).to_have_text("默认")
    await is_whole(reviewer, "list-views")
    # Under its name something else is kept instead.
    await page.keyboard.press("Escape")
    await page.get_by_label("阶段").select_option("street_review")
    await reviewer.press("常用视图")
    await page.get_by_label("名称").fill("最早的在前")
    await reviewer.press("保存当前视图")
    await expect(page.get_by_label("名称")).to_have_value("")

    elsewhere = await visitor(DESK)
    await elsewhere.sign_on_official("district_reviewer", "410223", "/staff")
    there = elsewhere.page
    await there.get_by_role("navigation", name="主要功能").get_by_role("link", name="申请查询").click()
    await expect(there).to_have_url(re.compile(r"/staff/cases\?(?=.*sort=no)(?=.*stage=street_review)"))
    await expect(there.get_by_label("阶段")).to_have_value("street_review")
    await elsewhere.press("常用视图")
    await there.get_by_role("link", name="全部，不用视图").click()
    await expect(there.get_by_label("阶段")).to_have_value("")
    # An address that asks for something is what it says.
    await elsewhere.open("/staff/cases?overdue=1")
    await expect(there.get_by_label("阶段")).to_have_value("")
    await elsewhere.open("/staff")
    await there.get_by_role("link", name="最早的在前").click()
    await expect(there.get_by_label("阶段")).to_have_value("street_review")

    await elsewhere.open("/staff/cases?colour=red")
    await elsewhere.press("常用视图")
    await there.get_by_label("名称").fill("红色的")
    await elsewhere.press("保存当前视图")
    await expect(there.locator(".view").filter(has_text="红色的")).to_contain_text("已经没有了")
    await expect(there.locator(".view").filter(has_text="最早的在前")).not_to_contain_text("已经没有了")
    await is_whole(elsewhere, "list-views-gone")
    for name in ("红色的", "最早的在前"):
        await elsewhere.press(f"删除视图“{name}”")
    await expect(there.locator(".list .panel")).to_contain_text("把现在的筛选和排序存下来")
    # Another one of the duty has none of them.
    colleague = await visitor(DESK)
    await colleague.sign_on_official("district_reviewer", "410223", "/staff/cases", 2)
    await colleague.press("常用视图")
    await expect(colleague.page.locator(".list .panel")).to_contain_text("把现在的筛选和排序存下来")


async def test_a_list_is_taken_away_as_a_spreadsheet_for_a_purpose(families: Families, visitor: NewVisitor) -> None:
    family = await families.one("410205")
    await family.submit()
    reviewer = await visitor(SMALL)
    await reviewer.sign_on_official("district_reviewer", "410205", "/staff/cases")
    page = reviewer.page
    await reviewer.press("导出表格")
    await expect(page.locator(".list .panel")).to_contain_text("相关家庭可以查到")
    await page.get_by_role("button", name="导出", exact=True).click()
    await expect(page.locator(".list .panel")).to_contain_text("请选择用途")
    await is_whole(reviewer, "export")
    await page.get_by_label("用途").select_option("report")
    async with page.expect_download() as downloading:
        await page.get_by_role("button", name="导出", exact=True).click()
    file = await (await downloading.value).path()
    with zipfile.ZipFile(file) as book:
        text = "".join(book.read(name).decode() for name in book.namelist() if name.endswith(".xml"))
    assert family.no in text
    assert family.dossier["members"][0]["name"] not in text
    household = (await family.applicant.get(f"/applications/{family.no}/reads"))["items"]
    assert "export_report" in {look["what"] for look in household}


@pytest.mark.parametrize("screen", [PHONE, TWICE], ids=["phone", "zoomed to 200 %"])
async def test_on_a_narrow_screen_the_navigation_opens_over_the_page(visitor: NewVisitor, screen: dict[str, object]) -> None:
    clerk = await visitor(screen)
    await clerk.sign_on_official("street_clerk", "410202001")
    menu, nav = clerk.page.get_by_role("button", name="主要功能"), clerk.page.get_by_role("navigation", name="主要功能")
    await expect(nav).to_be_hidden()
    await menu.click()
    await expect(nav).to_be_visible()
    await is_whole(clerk, "narrow" if screen is PHONE else "zoomed")
    await nav.get_by_role("link", name="我的待办").focus()
    await clerk.page.keyboard.press("Escape")
    await expect(nav).to_be_hidden()
    await expect(menu).to_be_focused()
    await menu.click()
    await nav.get_by_role("link", name="申请查询").click()
    await clerk.expect_heading("申请查询")
    await expect(nav).to_be_hidden()


async def test_what_is_typed_outlives_the_session_and_is_not_left_unsaid(families: Families, visitor: NewVisitor) -> None:
    """A session that ends in the middle of a decision is begun again beside it; leaving with words unsent is asked about; the list goes on from case to case."""
    first, second = [await families.one("410202") for _ in range(2)]
    for family in (first, second):
        await family.submit()
        await family.reaches("street_review")
    await first.reviewer("street").declare()
    clerk = await visitor(SMALL)
    await clerk.sign_on_official("street_clerk", first.street, "/staff/tasks?sort=application_no")
    page = clerk.page
    await page.get_by_role("link", name=f"办理 {first.no}").click()
    await clerk.expect_heading(first.no)
    around = page.get_by_role("navigation", name="前后和列表")
    if first.street == second.street:
        await around.get_by_role("link", name="下一件").click()
        await clerk.expect_heading(second.no)
        await around.get_by_role("link", name="上一件").click()
        await clerk.expect_heading(first.no)
    await clerk.choose("decision", "return")
    await clerk.field("reason").fill("请补充租房合同")
    asked: list[str] = []

    async def stay(dialog: Dialog) -> None:
        asked.append(dialog.message)
        await dialog.dismiss()

    page.on("dialog", stay)
    await around.get_by_role("link", name="返回列表").click()
    await clerk.expect_heading(first.no)
    assert asked == ["这一页有还没有提交的内容，确定离开吗？"]
    await clerk.context.clear_cookies()
    await clerk.press("提交决定")
    again = page.locator("main > .notice").get_by_role("link", name="在新页面登录")
    await expect(again).to_have_attribute("target", "_blank")
    beside = Visitor(clerk.url, clerk.context, await clerk.context.new_page())
    await beside.sign_on_official("street_clerk", first.street, "/staff/signin?again=1")
    await expect(beside.page.get_by_role("status").first).to_contain_text("已经登录")
    await beside.page.close()
    await page.bring_to_front()
    await page.evaluate("window.dispatchEvent(new Event('focus'))")
    await expect(again).to_have_count(0)
    await expect(clerk.field("reason")).to_have_value("请补充租房合同")
    await clerk.press("提交决定")
    await expect(clerk.field("said")).to_contain_text("已提交")
    assert not clerk.complaints


async def test_more_rows_than_one_person_takes_away_need_a_second_one(families: Families, visitor: NewVisitor) -> None:
    family = await families.one("410205")
    await family.submit()
    manager, auditor = await visitor(SMALL), await visitor(WIDE)
    await manager.sign_on_official("district_reviewer", "410205", "/staff/cases")
    page = manager.page

    async def too_many(route: Route) -> None:
        await route.fulfill(
            status=409, json={"type": "/problems/export-too-large", "title": "一次导出的行数太多", "status": 409, "detail": "请申请批准。"}
        )

    await page.route("**/api/v1/exports/applications", too_many)
    await manager.press("导出表格")
    await page.get_by_label("用途").select_option("report")
    await page.get_by_role("button", name="导出", exact=True).click()
    await manager.press("申请批准")
    await expect(page.locator(".list .panel")).to_contain_text("请写明为什么需要")
    await page.get_by_label("为什么需要").fill("省厅年度统计")
    await is_whole(manager, "export-ask")
    await manager.press("申请批准")
    await page.locator(".list .panel").get_by_role("link", name="大批量导出").click()
    await manager.expect_heading("大批量导出")
    mine = page.locator("section.card").filter(has_text="省厅年度统计")
    await expect(mine).to_contain_text("等待批准")
    await expect(mine.get_by_role("button", name="批准", exact=True)).to_have_count(0)
    await auditor.sign_on_official("auditor", "", "/staff/exports")
    theirs = auditor.page.locator("section.card").filter(has_text="省厅年度统计")
    await expect(theirs).to_contain_text("向上级报送")
    await is_whole(auditor, "export-consent")
    assert not await auditor.raw()
    await theirs.get_by_role("button", name="批准", exact=True).click()
    await expect(theirs).to_contain_text("已批准")
    await manager.open("/staff/exports")
    async with page.expect_download() as downloading:
        await mine.get_by_role("link", name="下载表格").click()
    file = await (await downloading.value).path()
    with zipfile.ZipFile(file) as book:
        text = "".join(book.read(name).decode() for name in book.namelist() if name.endswith(".xml"))
    assert family.no in text
    await page.unroute_all(behavior="wait")


async def reached(visitor: Visitor, wanted: Locator, most: int = 80) -> None:
    """Goes there with the Tab key alone, forward; what has the focus is not hidden under the bar."""
    for _ in range(most):
        await visitor.page.keyboard.press("Tab")
        if await wanted.evaluate("element => element === document.activeElement"):
            assert await wanted.evaluate(
                "element => { const { x, y, width, height } = element.getBoundingClientRect();"
                " const hit = document.elementFromPoint(x + width / 2, y + height / 2);"
                " return Boolean(hit) && (element.contains(hit) || Boolean(hit.closest('label')?.contains(element))); }"
            ), "it is hidden"
            return
    raise AssertionError(f"{most} times Tab, and not there but at {await visitor.focused()}")


async def test_from_task_to_decision_to_the_next_task_without_a_mouse(families: Families, visitor: NewVisitor) -> None:
    """The first one on a small screen, the next one zoomed to 200 %: by Tab, Space, the arrows and Enter alone."""
    first = await families.one("410205")
    second = await families.one("410205", lambda household: household["place"]["street"] == first.street)
    for family in (first, second):
        await family.submit()
        await family.reaches("street_review")
    await first.reviewer("street").declare()
    clerk = await visitor(SMALL)
    await clerk.sign_on_official("street_clerk", first.street, "/staff/tasks")
    page, keyboard = clerk.page, clerk.page.keyboard
    main = page.get_by_role("main")
    await reached(clerk, main.get_by_role("link", name=f"办理 {first.no}"))
    await keyboard.press("Enter")
    await clerk.expect_heading(first.no)
    await reached(clerk, page.locator('input[name="decision"][value="approve"]'))
    await keyboard.press("Space")
    await reached(clerk, page.get_by_role("button", name="提交决定"))
    await keyboard.press("Enter")
    await expect(clerk.field("said")).to_be_focused()
    following = clerk.field("said").get_by_role("link", name="下一件待办")
    # The tasks of the street that other tests have left are as good as the second household's.
    no = (await following.inner_text()).removeprefix("下一件待办：")
    await page.set_viewport_size(TWICE["viewport"])  # type: ignore[arg-type]  # a size, above
    await reached(clerk, following)
    await keyboard.press("Enter")
    await clerk.expect_heading(no)
    await clerk.settled()
    await reached(clerk, page.locator('input[name="decision"][value="approve"]'))
    await keyboard.press("ArrowDown")
    await expect(page.locator('input[name="decision"][value="return"]')).to_be_checked()
    await is_whole(clerk, "decision-zoomed")
    await reached(clerk, page.get_by_role("button", name="提交决定"))
    await keyboard.press("Enter")
    # What is missing is said, and the keyboard is led there.
    await reached(clerk, page.get_by_role("link", name="退回或不予通过必须写明理由").first)
    await keyboard.press("Enter")
    await expect(clerk.field("reason")).to_be_focused()
    await keyboard.type("请补充租房合同")
    await reached(clerk, page.get_by_role("button", name="提交决定"))
    await keyboard.press("Enter")
    await expect(clerk.field("said")).to_be_focused()
    await expect(clerk.field("said")).to_contain_text("已提交")
