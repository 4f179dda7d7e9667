"""What people meet when something is in the way: no network, an expired sign-on, a colleague who was quicker, a home they do not want."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from playwright.async_api import Route, expect

from tests.browser.conftest import NewVisitor
from tests.browser.pages import DESK, Visitor
from tests.support.boxes import RunningBox
from tests.support.families import Families

pytestmark = pytest.mark.browser

# 祥符区仇楼镇: one of the townships without communities on record.
TOWNSHIP = ("410212", "410212102")


async def no_network(route: Route) -> None:
    await route.abort("internetdisconnected")


async def with_a_closed_objection(route: Route) -> None:
    found = await route.fetch()
    objection = {"id": "1", "raised_at": "2026-11-25T00:00:00+08:00", "text": "面积有误", "state": "closed", "answer": ""}
    await route.fulfill(response=found, json=await found.json() | {"objections": [objection]})


async def sign_on_again(visitor: Visitor, id_number: str) -> None:
    await visitor.page.locator(".notice.bad").get_by_role("link", name="去登录").click()
    await visitor.page.locator("#idn").fill(id_number)
    await visitor.press("以此人登录")
    await visitor.settled()


async def test_who_lives_where_no_community_is_on_record_can_apply(families: Families, visitor: NewVisitor) -> None:
    family = await families.one()
    phone = await visitor()
    await phone.sign_on_citizen(family.dossier["members"][0]["id_number"], "/apply/place")
    district, street = TOWNSHIP
    await phone.field("district").select_option(district)
    await expect(phone.field("community")).to_be_visible()
    await phone.field("street").select_option(street)
    await expect(phone.field("community")).to_have_count(0)
    await phone.field("address").fill("示例村 1 号")
    await phone.field("phone").fill("13800000000")
    await phone.press("保存并继续")
    await phone.expect_heading("同意我们")


async def fewer_registers(route: Route) -> None:
    found = await route.fetch()
    await route.fulfill(response=found, json=await found.json() | {"registers": ["real_estate", "marriage"]})


async def test_consent_is_asked_for_the_registers_of_the_city_and_no_others(families: Families, visitor: NewVisitor) -> None:
    family = await families.one()
    phone = await visitor()
    await phone.page.route("**/api/v1/conditions", fewer_registers)
    await phone.sign_on_citizen(family.dossier["members"][0]["id_number"], "/apply/consent")
    await phone.expect_heading("同意我们向 2 个部门核验")
    asked = await phone.page.locator('input[id^="consent-"]').evaluate_all("all => all.map((each) => each.id)")
    assert [each for each in asked if each != "consent-adults"] == ["consent-real_estate", "consent-marriage"]


def waiting_entry(state: str) -> dict[str, object]:
    """One household of the public list, as the gateway gives it."""
    return {
        "application_no": "KF-2026-000001", "masked_name": "欧**明", "district": "410202", "street": "410202001", "household_size": 4, "rank": 12,
        "registered_at": "2026-11-20T09:00:00+08:00", "state": state, "expires_at": "2031-11-20T09:00:00+08:00",
    }  # fmt: skip


def answering(entries: list[dict[str, object]]) -> Callable[[Route], Awaitable[None]]:
    async def answer(route: Route) -> None:
        await route.fulfill(json={"items": entries, "next_cursor": ""})

    return answer


@pytest.mark.parametrize("width", [320, 375])
async def test_the_waiting_list_is_read_line_by_line_on_a_phone(visitor: NewVisitor, width: int) -> None:
    phone = await visitor()
    await phone.page.set_viewport_size({"width": width, "height": 640})
    await phone.page.route("**/waiting-list*", answering([waiting_entry("waiting"), waiting_entry("offered")]))
    await phone.open("/waiting")
    await phone.page.get_by_text("第 12 位").first.wait_for()
    assert (await phone.stacked(), await phone.sideways()) == ([], 0)
    await phone.picture(f"waiting-{width}")


# How light the ground of a button is, 0 (black) to 255.
LIGHT = """each => { const [r, g, b] = getComputedStyle(each).backgroundColor.match(/\\d+/g).map(Number); return 0.3 * r + 0.6 * g + 0.1 * b; }"""


@pytest.mark.parametrize(
    ("vacant", "state", "why"),
    [(0, "waiting", "没有空置房源"), (3, "offered", "没有还在等配租的家庭")],
    ids=["no home", "nobody"],
)
async def test_a_button_that_cannot_be_pressed_is_paler_and_says_why(visitor: NewVisitor, vacant: int, state: str, why: str) -> None:
    manager = await visitor(DESK)
    estate = {"id": "e1", "name": "金明小区", "district": "410202", "address": "金明大道 1 号", "units": 3, "vacant": vacant}
    await manager.page.route("**/api/v1/estates*", answering([estate]))
    await manager.page.route("**/waiting-list*", answering([waiting_entry(state)]))
    await manager.sign_on_official("house_manager", "410202", "/staff/waiting")
    button = manager.page.get_by_role("button", name="发起配租")
    await expect(button).to_be_disabled()
    await expect(manager.page.locator("#why-not")).to_contain_text(why)
    await expect(button).to_have_attribute("aria-describedby", "why-not")
    pale = await button.evaluate(LIGHT)
    await manager.page.unroute("**/api/v1/estates*")
    await manager.page.unroute("**/waiting-list*")
    await manager.page.route("**/api/v1/estates*", answering([estate | {"vacant": 3}]))
    await manager.page.route("**/waiting-list*", answering([waiting_entry("waiting")]))
    await manager.open("/staff/waiting")
    await expect(button).to_be_enabled()
    assert pale > await button.evaluate(LIGHT)


async def test_starting_over_leads_back_to_an_empty_form(families: Families, visitor: NewVisitor) -> None:
    family = await families.one()
    phone = await visitor()
    await phone.sign_on_citizen(family.dossier["members"][0]["id_number"], "/apply/category")
    await phone.choose("category", "local_household")
    await phone.press("保存并继续")
    await phone.expect_heading("家庭成员")
    await phone.open("/apply")
    await phone.press("清空重填")
    await phone.press("确认清空")
    await phone.page.get_by_text("已完成 0 项").wait_for()
    await phone.follow("申请类别")
    await phone.expect_heading("您属于哪一类")
    assert await phone.page.locator('input[name="category"]:checked').count() == 0


async def test_no_network_on_the_way_to_the_next_page_is_said_and_can_be_tried_again(families: Families, visitor: NewVisitor) -> None:
    family = await families.one()
    phone = await visitor()
    await phone.sign_on_citizen(family.dossier["members"][0]["id_number"], "/apply/category")
    await phone.choose("category", "local_household")
    for gone in ("**/assets/*", "**/apply/**"):
        await phone.page.route(gone, no_network)
    await phone.press("保存并继续")
    alert = phone.page.locator(".notice.bad[role=alert]")
    await expect(alert).to_contain_text("网络不通")
    await expect(alert).to_be_focused()
    assert not await phone.violations()
    await phone.press("再试一次")
    # Still no network: the page with what was chosen stays.
    assert await phone.page.locator('input[name="category"]:checked').count() == 1
    for gone in ("**/assets/*", "**/apply/**"):
        await phone.page.unroute(gone)
    await phone.press("再试一次")
    await phone.expect_heading("家庭成员")


async def test_an_outage_of_the_sign_on_does_not_look_like_being_signed_out(families: Families, visitor: NewVisitor) -> None:
    family = await families.one()
    phone = await visitor()
    await phone.sign_on_citizen(family.dossier["members"][0]["id_number"])
    await phone.page.route("**/api/v1/session", lambda route: route.fulfill(status=503, json={"title": "x", "status": 503}))
    await phone.open("/cases")
    await phone.expect_heading("暂时打不开")
    await phone.page.unroute("**/api/v1/session")
    await phone.follow("再试一次")
    await phone.expect_heading("我的事项")


async def test_what_was_typed_is_there_after_signing_on_again(families: Families, visitor: NewVisitor) -> None:
    family = await families.one()
    await family.submit()
    id_number = family.dossier["members"][0]["id_number"]
    phone = await visitor()
    await phone.sign_on_citizen(id_number, "/cases")
    await expect(phone.page.locator('main a[href="/apply"]')).to_have_count(0)
    await phone.open(f"/cases/{family.no}/withdraw")
    await phone.field("reason").fill("已经租到合适的房子")
    await phone.context.clear_cookies()
    await phone.press("确认撤回")
    await expect(phone.page.locator(".notice.bad").first).to_be_focused()
    await sign_on_again(phone, id_number)
    await phone.expect_heading("撤回申请")
    assert await phone.field("reason").input_value() == "已经租到合适的房子"
    await phone.press("确认撤回")
    await phone.stage.get_by_text("已撤回").wait_for()
    # Nobody has decided at the stage in which it was withdrawn, and the story does not say so.
    await expect(phone.page.locator("ol.steps > li").last).to_contain_text("已撤回")
    await expect(phone.page.locator("ol.steps > li", has_text="街道初审").filter(has_text="已完成")).to_have_count(0)
    # An end is not a dead end.
    await phone.follow("重新申请")
    await phone.expect_heading("申请公共租赁住房")
    # Nor does the old case hide the way to a new one.
    await phone.open("/cases")
    await phone.page.locator('main a[href="/apply"]').wait_for()
    await phone.page.route(f"**/api/v1/applications/{family.no}", with_a_closed_objection)
    await phone.open(f"/cases/{family.no}")
    await expect(phone.page.locator("main")).to_contain_text("已随申请办结而终止")


async def test_a_decision_is_answered_also_when_a_colleague_was_quicker(families: Families, visitor: NewVisitor) -> None:
    family = await families.one("410204")
    await family.submit()
    await family.reaches("street_review")
    for level in ("street", "district", "city"):
        await family.reviewer(level).declare()
    clerk = await visitor(DESK)
    await clerk.sign_on_official("street_clerk", family.street, f"/staff/cases/{family.no}")
    await clerk.choose("decision", "approve")
    await clerk.press("提交决定")
    said = clerk.field("said")
    await expect(said).to_contain_text("已提交：通过")
    await expect(said).to_be_focused()
    await said.get_by_role("link", name="回到我的待办").click()
    await clerk.expect_heading("我的待办")

    await family.reaches("district_review")
    reviewer = await visitor(DESK)
    # The page does not hear of the colleague before it asks.
    await reviewer.page.route("**/events", no_network)
    await reviewer.sign_on_official("district_reviewer", family.district, f"/staff/cases/{family.no}")
    await reviewer.choose("decision", "refuse")
    await reviewer.field("reason").fill("不符合条件")
    await family.decide("district", "approve")
    await reviewer.press("提交决定")
    said = reviewer.field("said")
    await expect(said).to_contain_text("您的决定没有提交")
    await expect(said).to_be_focused()
    assert (await family.case())["stage"] == "city_review"

    third = await visitor(DESK)
    await third.sign_on_official("city_reviewer", "", f"/staff/cases/{family.no}")
    await third.choose("decision", "return")
    await family.decide("city", "approve")
    # This one hears of it: the form does not go without a word.
    await expect(third.field("said")).to_contain_text("刚刚有变化")
    assert not await third.violations()


async def test_the_second_person_finds_the_case_and_sees_what_differs_before_he_agrees(families: Families, visitor: NewVisitor) -> None:
    family = await families.one("410204")
    home = {"district": "410204", "address": "自由路88号院1号楼", "area_centi_sqm": 30_000, "share_percent": 100, "certificate_no": ""}
    family.dossier["homes"] = [home]
    await family.submit()
    await family.reaches("street_review")
    said = {"decision": "approve", "reason": "已入户核实，该房屋已倒塌"}
    await family.reviewer("street", seat=2).post(f"/applications/{family.no}/decision", said)
    await family.reviewer("street").declare()
    clerk = await visitor(DESK)
    await clerk.sign_on_official("street_clerk", family.street, "/staff/tasks")
    await clerk.field("state").select_option("second")
    row = clerk.page.get_by_role("row").filter(has_text=family.no)
    await expect(row).to_contain_text("待您确认通过")
    await row.get_by_role("link").click()
    table = clerk.page.get_by_role("table").filter(has_text="申报")
    where = table.get_by_role("row").filter(has_text="300.00 ㎡")
    await expect(where).to_contain_text("只有申报，没有登记")
    await expect(table.get_by_role("rowheader", name="住房：")).to_contain_text("自由路88号院1号楼")
    for member in family.dossier["members"]:
        await expect(table.get_by_role("rowheader", name=member["name"])).to_be_visible()
    assert not await clerk.violations()
    assert not await clerk.sideways()
    await clerk.picture("desk-comparison")
    await clerk.choose("decision", "approve")
    await clerk.field("reason").fill("同意，现场照片已核对")
    await clerk.press("提交决定")
    await expect(clerk.field("said")).to_contain_text("已提交：通过")
    await family.reaches("district_review")


async def test_a_reviewer_declares_a_relative_and_finds_his_case_marked(families: Families, visitor: NewVisitor) -> None:
    # Where nobody else has declared.
    family = await families.one("410225")
    await family.submit()
    await family.reaches("street_review")
    clerk = await visitor(DESK)
    await clerk.sign_on_official("street_clerk", family.street, f"/staff/cases/{family.no}")
    # Nobody decides who has not declared; the case says so in place of the form, and where.
    await expect(clerk.page.get_by_role("note")).to_contain_text("申报后才能审核申请")
    assert not await clerk.page.get_by_role("button", name="提交决定").count()
    assert not await clerk.violations()
    await clerk.picture("desk-declaration-due")
    await clerk.page.get_by_role("note").get_by_role("link", name="去申报").click()
    await clerk.expect_heading("我的回避申报")
    await clerk.press("提交申报")
    for missing in ("请选择您居住的街道", "请添加亲属，或者勾选没有需要申报的亲属"):
        await clerk.page.get_by_role("link", name=missing).wait_for()
    # He lives elsewhere: only the relative counts here.
    await clerk.field("district").select_option("410202")
    await clerk.field("street").select_option("410202001")
    await clerk.field("community").select_option("410202001009")
    await clerk.press("添加一位亲属")
    await clerk.field("kinship-0").select_option("lineal")
    await clerk.field("number-0").fill("410202")
    await clerk.press("提交申报")
    await expect(clerk.field("number-0-error")).to_contain_text("18位")
    assert not await clerk.violations()
    await clerk.picture("desk-recusals")
    await clerk.field("number-0").fill(family.dossier["members"][0]["id_number"])
    await clerk.press("提交申报")
    await expect(clerk.field("said")).to_be_focused()
    await expect(clerk.page.locator("main")).to_contain_text("直系血亲 1 人")
    await clerk.open("/staff/tasks")
    await clerk.field("state").select_option("recusal")
    row = clerk.page.get_by_role("row").filter(has_text=family.no)
    await expect(row).to_contain_text("申报的亲属在申请家庭中")
    await clerk.picture("desk-tasks-recusal")
    await row.get_by_role("link").click()
    await expect(clerk.page.locator("main")).to_contain_text("您应当回避")
    assert not await clerk.page.get_by_role("button", name="提交决定").count()
    assert not await clerk.violations()
    await clerk.picture("desk-recusal-due")
    # Nobody else of this street has looked at its tasks: the district decides.
    await clerk.press("回避")
    await expect(clerk.field("said")).to_contain_text("已转由上一级审核")
    await expect(clerk.field("said")).to_be_focused()
    await family.reaches("district_review")
    reviewer = await visitor(DESK)
    await reviewer.sign_on_official("district_reviewer", family.district, f"/staff/cases/{family.no}")
    for words in ("已回避的人员", "申报的亲属在申请家庭中", "均已回避，转由上级", "我与该件有其他利害关系"):
        await expect(reviewer.page.locator("main")).to_contain_text(words)
    assert not await reviewer.violations()
    await reviewer.picture("desk-recusal-passed")


async def test_an_offer_comes_to_the_open_page_and_who_leaves_the_list_sees_it(
    box: RunningBox, families: Families, visitor: NewVisitor
) -> None:
    taker, leaver = await families.one("410205"), await families.one("410205")
    for family in (taker, leaver):
        await family.submit()
        await family.approve_everywhere()
        await family.pass_public_notice()
        await family.waits()
    phone, other, manager = await visitor(), await visitor(), await visitor(DESK)
    await phone.sign_on_citizen(taker.dossier["members"][0]["id_number"], f"/cases/{taker.no}")
    await phone.stage.get_by_text("轮候中").wait_for()
    await other.sign_on_citizen(leaver.dossier["members"][0]["id_number"], f"/cases/{leaver.no}")
    await other.follow("退出轮候")
    await other.press("确认退出轮候")
    await other.stage.get_by_text("已退出").wait_for()
    await other.page.get_by_role("link", name="重新申请").wait_for()

    await manager.sign_on_official("house_manager", taker.district, "/staff/waiting")
    await manager.field("district").select_option(taker.district)
    row = manager.page.get_by_role("row").filter(has_text=taker.no)
    await row.filter(has_text="轮候中").wait_for()
    await manager.press("录入房源")
    # The form to add a home begins with an estate of the district.
    await expect(manager.field("unit-estate_id")).not_to_have_value("")
    await manager.press("录入")
    await expect(manager.field("unit-number")).to_have_attribute("aria-describedby", "unit-number-hint unit-number-error")
    await manager.picture("unit-form")
    assert not await manager.violations()
    await manager.page.keyboard.press("Escape")
    await expect(manager.page.get_by_role("dialog")).to_have_count(0)
    await manager.press("发起配租")
    await manager.page.get_by_role("dialog", name="确认发起配租").wait_for()
    assert not await manager.violations()
    await manager.press("确认，发起配租")
    await expect(manager.field("round")).to_be_focused()
    await expect(row.filter(has_text="已配租，待确认")).to_have_count(1)

    await phone.page.get_by_role("link", name="查看房源并答复").wait_for()
    await phone.stage.get_by_text("已配租，待确认").wait_for()
    await phone.page.get_by_text("需要您办理").wait_for()


async def test_a_deposit_that_came_too_late_is_not_asked_for(families: Families, visitor: NewVisitor) -> None:
    family = await families.one()
    phone = await visitor()
    await phone.sign_on_citizen(family.dossier["members"][0]["id_number"])
    bill: dict[str, object] = {
        "id": "L-2026-900001/deposit",
        "lease_no": "L-2026-900001",
        "application_no": "KF-2026-900001",
        "kind": "deposit",
        "period": "",
    }
    bill |= {"amount_fen": 200_000, "paid_fen": 0, "credit_fen": 0, "lines": [], "state": "arrears"}
    bill |= {"issued_at": "2026-11-25T00:00:00+08:00", "due_at": "2026-12-25T00:00:00+08:00", "paid_at": None}
    await phone.page.route("**/api/v1/bills?*", lambda route: route.fulfill(json={"items": [bill], "next_cursor": ""}))
    await phone.page.route("**/api/v1/bills", lambda route: route.fulfill(json={"items": [bill], "next_cursor": ""}))
    await phone.page.route(
        "**/bills/deposit", lambda route: route.fulfill(json=bill) if "/api/" in route.request.url else route.continue_()
    )
    await phone.open("/bills")
    await expect(phone.page.locator("main")).to_contain_text("逾期未交，合同已失效")
    await expect(phone.page.get_by_role("heading", name="需要缴纳")).to_have_count(0)
    await phone.open("/leases/L-2026-900001/bills/deposit")
    await expect(phone.page.locator("main")).to_contain_text("逾期未交，合同已失效")
    await expect(phone.page.get_by_role("button")).to_have_count(3)


async def test_a_lease_that_is_not_there_is_said(families: Families, visitor: NewVisitor) -> None:
    family = await families.one()
    phone = await visitor()
    await phone.sign_on_citizen(family.dossier["members"][0]["id_number"])
    for path in ("/leases/L-2026-900001", "/leases/L-2026-900001/sign"):
        await phone.open(path)
        await expect(phone.page.locator("main")).to_contain_text("没有找到这份合同")


@pytest.mark.parametrize("role", ["finance", "house_manager"])
async def test_money_that_is_missing_is_on_the_first_page(visitor: NewVisitor, role: str) -> None:
    bill = {
        "id": "L-2026-900001/202612", "lease_no": "L-2026-900001", "application_no": "KF-2026-900001", "kind": "rent", "period": "202612",
        "amount_fen": 42_000, "paid_fen": 0, "credit_fen": 0, "lines": [], "state": "arrears", "issued_at": "2026-12-01T00:00:00+08:00", "due_at": "2026-12-11T00:00:00+08:00",
        "paid_at": None, "district": "410202",
    }  # fmt: skip
    official = await visitor(DESK)
    figures = [{"name": "bills_arrears", "count": 1}, {"name": "bills_failed", "count": None}]
    await official.page.route("**/api/v1/bills?*", answering([bill]))
    await official.page.route("**/api/v1/desk", lambda route: route.fulfill(json={"figures": figures, "since": "2026-12-01"}))
    await official.sign_on_official(role, "", "/staff")
    await expect(official.page.get_by_role("link", name="付款没有成功的账单")).to_contain_text("暂时查不到")
    await official.page.get_by_role("link", name="1 欠租的账单 请尽快处理").click()
    await official.expect_heading("欠租、逾期与未付成")
    for part in ("欠租", "逾期", "付款没有成功"):
        await official.page.get_by_role("navigation", name="账单分类").get_by_role("link", name=part, exact=True).click()
        await expect(official.page.get_by_role("region", name=part, exact=True)).to_contain_text("420.00 元")
    await official.picture(f"arrears-{role}")


async def test_a_message_of_before_leads_to_the_bills(families: Families, visitor: NewVisitor) -> None:
    family = await families.one()
    phone = await visitor()
    message = {
        "id": "m-1", "application_no": "KF-2026-900001", "template": "bill_issued", "title": "租金账单", "body": "应交 420.00 元",
        "at": "2026-12-01T09:00:00+08:00", "read": True, "deliveries": [], "leads_to": "bills", "bill": "",
    }  # fmt: skip
    await phone.sign_on_citizen(family.dossier["members"][0]["id_number"])
    await phone.page.route("**/api/v1/inbox*", lambda route: route.fulfill(json={"items": [message], "next_cursor": "", "unread": 0}))
    await phone.open("/inbox")
    await phone.press("租金账单")
    await phone.follow("去看账单")
    await phone.expect_heading("房租")
