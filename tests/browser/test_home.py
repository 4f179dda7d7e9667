"""The first page knows who has come: what is his to do stands first, and nobody with something under way is asked to begin."""

from __future__ import annotations

from datetime import timedelta

import pytest
from playwright.async_api import Locator, Route, expect

from tests.browser.conftest import NewVisitor
from tests.browser.pages import Visitor
from tests.support.boxes import RunningBox
from tests.support.families import Families

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400)]


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
