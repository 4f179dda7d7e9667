"""The first page knows who has come: what is his to do stands first, and nobody with something under way is asked to begin."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from playwright.async_api import Locator, Route, expect

from tests.browser.conftest import NewVisitor
from tests.browser.pages import Visitor
from tests.support.boxes import RunningBox
from tests.support.families import Families

pytestmark = pytest.mark.browser


# What has the keyboard and reaches below the edge of the bar; null once the page has been gone through.
COVERED = """(edge) => {
  const at = document.activeElement;
  if (at === document.body) return null;
  return at.closest("nav, .skip") || at.getBoundingClientRect().bottom <= edge + 1 ? "" : at.outerHTML;
}"""


def applying(visitor: Visitor) -> Locator:
    return visitor.page.locator('main a[href="/apply"]')


async def first_card(visitor: Visitor, *words: str) -> None:
    await visitor.open("/")
    card = visitor.page.locator("main .now-card").first
    for each in words:
        await expect(card).to_contain_text(each)
    await expect(applying(visitor)).to_have_count(0)
    await expect(visitor.page.get_by_text("开始申请")).to_have_count(0)


async def test_the_first_page_follows_a_household_to_its_unpaid_rent(box: RunningBox, families: Families, visitor: NewVisitor) -> None:
    family = await families.one("410204")
    phone = await visitor()
    await phone.open("/")
    await expect(applying(phone)).to_have_text("开始申请")
    await phone.sign_on_citizen(family.dossier["members"][0]["id_number"], "/apply/category")
    await phone.choose("category", "local_household")
    await expect(phone.page.locator(".draft-state")).to_contain_text("已保存")
    await phone.press("保存并继续")
    await phone.expect_heading("家庭成员")
    await phone.open("/")
    await expect(applying(phone)).to_have_text("继续填写申请")
    await phone.picture("home-draft")

    await family.submit()
    await family.reaches("street_review")
    await first_card(phone, family.no, "街道初审", "现在由街道受理点办理", "最晚到")
    await phone.picture("home-case")
    # Asked before seven parts are filled in.
    await phone.open("/apply")
    await expect(phone.page.locator("main")).to_contain_text(f"您已经有一件申请在办：{family.no}")
    await expect(phone.page.locator(".task-list")).to_have_count(0)
    await phone.picture("apply-open-case")
    await phone.open("/conditions")
    await expect(phone.page.get_by_role("heading", name="申请条件")).to_be_visible()
    await expect(applying(phone)).to_have_count(0)
    await phone.open("/apply")
    assert not await phone.violations()
    await phone.follow("查看进度")
    await phone.expect_heading("办理进度")
    # What cannot be read is not taken for nothing.
    for part in ("applications?*", "applications/*/tenancy", "bills?*", "leases?*"):
        await phone.page.route(f"**/api/v1/{part}", lambda route: route.fulfill(status=503, json={"title": "x", "status": 503}))
        await phone.open("/")
        await expect(applying(phone)).to_have_count(0)
        await phone.page.unroute(f"**/api/v1/{part}")

    await family.decide("street", "return", "请补充材料")
    await family.reaches("correction")
    await first_card(phone, "需要您办理", "需要您补正", "过期没有补正，申请终止")


async def test_whoever_is_named_by_a_household_finds_what_waits_for_his_word(families: Families, visitor: NewVisitor) -> None:
    family = await families.one("410204", fits=lambda household: len(household["members"]) > 1)
    case = await family.hand_in()
    await family.reaches("confirming")
    named = family.dossier["members"][next(each["index"] for each in case["members"] if each["state"] == "awaited")]
    phone = await visitor()
    await phone.sign_on_citizen(named["id_number"])
    await expect(phone.page.locator("main .now-card").first).to_contain_text("申请公租房列了您，等您本人确认")
    await expect(phone.page.locator("main .now-card").first).to_contain_text("最晚到")
    # Being named keeps nobody from an application of his own; belonging to a household does.
    await expect(applying(phone)).to_have_text("开始申请")
    await phone.picture("home-claim")
    assert not await phone.violations()
    await phone.follow("去确认")
    await phone.press("我属于这个家庭，同意查询")
    await expect(phone.page.locator("main")).to_contain_text("您已确认")
    await phone.open("/")
    await expect(phone.page.locator("main .now-card").first).to_contain_text("申请家庭的成员")
    await expect(applying(phone)).to_have_count(0)


async def test_three_jobs_stand_in_very_large_type_and_the_city_can_be_called(families: Families, visitor: NewVisitor) -> None:
    phone = await visitor()
    await phone.page.set_viewport_size({"width": 320, "height": 640})
    await phone.open("/?elder=1")
    jobs = phone.page.locator(".jobs a")
    await expect(jobs).to_have_text([re.compile("^办进度"), re.compile("^交房租"), re.compile("^打电话")])
    assert await jobs.nth(2).get_attribute("href") == "tel:12345"
    sizes = await jobs.evaluate_all(
        "all => all.map((each) => [parseFloat(getComputedStyle(each).fontSize), each.getBoundingClientRect().height])"
    )
    assert all(font >= 32 and height >= 88 for font, height in sizes), sizes
    await phone.open("/?elder=0")
    # A counter of the district somebody chooses, said to be a sample while it is one; remembered on this phone.
    await phone.field("counter-district").select_option("410212")
    await expect(phone.page.locator("main")).to_contain_text("祥符区住房保障服务窗口")
    await expect(phone.page.locator("main")).to_contain_text("示例：地址、时间和电话以当地正式公布的为准")
    await phone.page.reload()
    await expect(phone.page.locator("main")).to_contain_text("祥符区住房保障服务窗口")


async def test_the_bar_at_the_thumb_never_hides_what_the_keyboard_is_on(families: Families, visitor: NewVisitor) -> None:
    phone = await visitor()
    await phone.page.set_viewport_size({"width": 375, "height": 560})
    await phone.open("/")
    bar = await phone.page.get_by_role("navigation", name="主要功能").bounding_box()
    assert bar
    assert bar["y"] + bar["height"] == 560
    reached = 0
    for _ in range(40):
        await phone.page.keyboard.press("Tab")
        hidden = await phone.page.evaluate(COVERED, bar["y"])
        if hidden is None:
            break
        reached += 1
        assert not hidden, hidden
    assert reached > 15
    # On its side a phone has no height to give away.
    await phone.page.set_viewport_size({"width": 667, "height": 375})
    assert await phone.page.locator(".tabs").evaluate("(each) => getComputedStyle(each).position") == "static"


async def test_offer_signature_rent_and_debt_come_first_in_turn(box: RunningBox, families: Families, visitor: NewVisitor) -> None:
    family = await families.one("410204")
    await family.submit()
    await family.approve_everywhere()
    await family.pass_public_notice()
    await family.waits()
    phone = await visitor()
    await phone.sign_on_citizen(family.dossier["members"][0]["id_number"])
    await first_card(phone, "轮候中", "有合适的房子会通知您")
    # Registered, it still stands in the way of another application.
    await phone.open("/cases")
    await expect(applying(phone)).to_have_count(0)
    await box.town.official("house_manager", family.district).post(f"/districts/{family.district}/offers", {})
    await family.offered()
    await first_card(phone, "给您分了一套房，请在", "前答复")
    await phone.picture("home-offer")
    await family.accept_offer()
    await family.drafted()
    await first_card(phone, "合同可以签了")
    await family.sign()
    await first_card(phone, "还差一步：交押金")
    await family.pay("deposit")
    await family.lease_is("active")
    period = await family.live_month(0)
    await family.bill(period)
    await first_card(phone, "租金还没交")
    await phone.open("/inbox")
    await phone.press("未读 租金账单")
    await phone.follow("去看账单")
    await expect(phone.page).to_have_url(re.compile(f"/leases/{family.lease_no}/bills/{period}$"))
    await phone.page.get_by_role("button", name="缴款").wait_for()
    await box.clock.advance(f"bill/{family.lease_no}/{period}", timedelta(days=12))
    await family.bill(period, state="overdue")
    await first_card(phone, "您有 1 个月房租没交（", "去缴款")
    await phone.picture("home-debt")
    assert not await phone.violations()
    await phone.page.locator("main .now-card").first.get_by_role("link").click()
    await phone.page.get_by_role("button", name="缴款").wait_for()


async def test_an_account_without_a_verified_number_is_told_where_to_go_before_it_fills_anything_in(
    families: Families, visitor: NewVisitor
) -> None:
    family = await families.one()
    phone = await visitor()
    await phone.sign_on_citizen(family.dossier["members"][0]["id_number"])

    # The sandbox's sign-on verifies everybody.
    async def unverified(route: Route) -> None:
        found = await route.fetch()
        await route.fulfill(response=found, json=await found.json() | {"prefill": None})

    await phone.page.route("**/api/v1/session", unverified)
    await phone.open("/apply")
    await expect(phone.page.locator("main")).to_contain_text("还没有实名认证")
    await expect(phone.page.locator("main")).to_contain_text("街道办事处窗口")
    await expect(phone.page.locator(".task-list")).to_have_count(0)
