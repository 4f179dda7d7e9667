"""What happens to a form on a phone: it is laid aside, reloaded, opened twice, signed off, out of reach, tapped twice and gone back in. And it is filled in by
somebody who has no mouse."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Request, Route, expect

from tests.browser.conftest import NewVisitor
from tests.browser.pages import DESK, Visitor, fill_application
from tests.support.families import Families

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


async def saved(visitor: Visitor) -> None:
    await expect(visitor.page.locator(".draft-state")).to_contain_text(re.compile("^已保存"))


async def test_a_form_outlives_what_happens_to_phones(families: Families, visitor: NewVisitor) -> None:
    family = await families.one()
    number = family.dossier["members"][0]["id_number"]
    phone = await visitor()
    await phone.sign_on_citizen(number, "/apply/members/0")
    await phone.field("members-0-employer").fill("金丝雀纺织厂")
    await phone.page.reload()
    await phone.settled()
    await expect(phone.field("members-0-employer")).to_have_value("金丝雀纺织厂")
    await saved(phone)

    await phone.open("/apply/marriage")
    await phone.choose("marital_status", "single")
    await phone.press("保存并继续")
    await phone.expect_heading("住房")
    await phone.page.go_back()
    await phone.expect_heading("婚姻状况")
    await expect(phone.page.locator('input[name="marital_status"][value="single"]')).to_be_checked()
    await phone.page.go_forward()
    await phone.expect_heading("住房")

    # A second tab of the same phone.
    tab = Visitor(phone.url, phone.context, await phone.context.new_page())
    await tab.open("/apply/place")
    await tab.field("phone").fill("13800000000")
    await saved(tab)
    await phone.open("/apply/place")
    await expect(phone.field("phone")).to_have_value("13800000000")

    # Away from the network: kept here, and saved by itself once it is back.
    await phone.context.set_offline(True)
    await phone.field("address").fill("北书店街 12 号")
    await expect(phone.page.locator(".draft-state")).to_contain_text("还没有保存上")
    await phone.context.set_offline(False)
    await saved(phone)

    # The sign-on ends in the middle of a word.
    await phone.context.clear_cookies()
    await phone.field("address").fill("北书店街 12 号院 3 号楼")
    told = phone.page.get_by_role("alert").filter(has_text="登录已失效")
    await expect(told).to_contain_text("填到一半的内容不会丢")
    assert not await phone.violations()
    await told.get_by_role("link", name="去登录").click()
    await phone.page.locator("#idn").fill(number)
    await phone.press("以此人登录")
    await phone.settled()
    await expect(phone.field("address")).to_have_value("北书店街 12 号院 3 号楼")
    await saved(phone)
    assert not tab.complaints


async def test_tapped_twice_it_is_handed_in_once_and_going_back_hands_in_nothing(families: Families, visitor: NewVisitor) -> None:
    family = await families.one(fits=lambda household: len(household["members"]) == 1)
    phone = await visitor()
    sent: list[str] = []

    def seen(request: Request) -> None:
        if request.method == "POST" and request.url.endswith("/api/v1/applications"):
            sent.append(request.headers["idempotency-key"])

    async def another_order(route: Route) -> None:
        found = await route.fetch()
        asked = await found.json()
        await route.fulfill(response=found, json=asked | {"registers": asked["registers"][::-1]})

    async def refusing(route: Route) -> None:
        fault = {"pointer": "/consent/registers", "code": "CONSENT", "message": "请重新勾选"}
        await route.fulfill(status=422, json={"title": "请更正", "status": 422, "code": "INVALID_FIELDS", "detail": "", "errors": [fault]})

    await phone.page.route("**/api/v1/conditions", another_order)
    await phone.sign_on_citizen(family.dossier["members"][0]["id_number"], "/apply")
    await fill_application(phone, family.dossier)
    # What is wrong with the consent as a whole leads to the register this city asks first.
    await phone.page.route("**/api/v1/applications", refusing)
    await phone.press("提交申请")
    await phone.page.locator(".error-summary").get_by_role("link", name="请重新勾选").click()
    await expect(phone.page).to_have_url(re.compile("/apply/consent.*#consent-marriage$"))
    await expect(phone.page.locator(".field.wrong")).to_contain_text("婚姻登记")
    await phone.page.unroute("**/api/v1/applications")
    await phone.open("/apply/check")
    phone.page.on("request", seen)
    await phone.page.get_by_role("button", name="提交申请").dblclick()
    await phone.expect_heading("受理回执")
    assert len(sent) == 1
    await phone.page.go_back()
    await expect(phone.page.locator("main")).to_contain_text("您已经有一件申请在办")
    await phone.follow("查看进度")
    await phone.expect_heading("办理进度")


class Keyboard:
    """Somebody at a desk without a mouse: goes on with Tab until he is where he wants to be."""

    MOST = 60

    def __init__(self, desk: Visitor) -> None:
        self.desk = desk
        self.press = desk.page.keyboard.press
        self.type = desk.page.keyboard.type

    async def at(self, script: str, wanted: str) -> None:
        for _ in range(self.MOST):
            await self.press("Tab")
            if await self.desk.page.evaluate(f"(wanted) => {{ const at = document.activeElement; return {script}; }}", wanted):
                return
        raise AssertionError(f"the keyboard does not come to {wanted}")

    async def field(self, name: str) -> None:
        await self.at("at.id === wanted", name)

    async def fill(self, name: str, words: str) -> None:
        await self.field(name)
        await self.press("ControlOrMeta+A")
        await self.type(words)

    async def go(self, words: str) -> None:
        """Follows a link or presses a button."""
        await self.at("at.matches('a, button') && at.innerText.trim().startsWith(wanted)", words)
        await self.press("Enter")

    async def choose(self, name: str, value: str) -> None:
        """One of several, which are one stop of the keyboard."""
        await self.at("at.type === 'radio' && at.name === wanted", name)
        await self.press("Space")
        for _ in range(self.MOST):
            if await self.desk.page.evaluate("document.activeElement.value") == value:
                return
            await self.press("ArrowDown")
        raise AssertionError(f"there is no {value} of {name}")

    async def select(self, name: str, value: str) -> None:
        await self.field(name)
        for _ in range(self.MOST):
            if await self.desk.page.evaluate("document.activeElement.value") == value:
                return
            await self.press("ArrowDown")
        raise AssertionError(f"there is no {value} of {name}")


async def test_from_the_sign_on_to_the_receipt_without_a_mouse(families: Families, visitor: NewVisitor) -> None:
    family = await families.one(fits=lambda household: len(household["members"]) == 1)
    dossier = family.dossier
    applicant = dossier["members"][0]
    desk = await visitor(DESK)
    keyboard = Keyboard(desk)
    await desk.open("/")
    await keyboard.go("登录")
    await desk.page.locator("#idn").wait_for()
    await keyboard.fill("idn", applicant["id_number"])
    await keyboard.press("Enter")
    await desk.settled()
    await keyboard.go("开始申请")
    await desk.expect_heading("申请公共租赁住房")
    await keyboard.go("开始填写")
    await desk.expect_heading("您属于哪一类")
    # The heading has the focus, so a screen reader reads the new page from its beginning.
    assert "您属于哪一类" in await desk.focused()
    await keyboard.choose("category", dossier["category"])
    await keyboard.go("保存并继续")
    await desk.expect_heading("家庭成员")
    await keyboard.at("at.matches('a[href$=\"/members/0\"]')", "")
    await keyboard.press("Enter")
    await desk.field("members-0-name").wait_for()
    await keyboard.fill("members-0-annual_income_fen", "36000")
    await keyboard.go("保存并继续")
    await desk.expect_heading("家庭成员")
    await keyboard.go("保存并继续")
    await desk.expect_heading("婚姻状况")
    await keyboard.choose("marital_status", dossier["marital_status"])
    await keyboard.go("保存并继续")
    for question, heading in (("has_homes", "有机动车吗"), ("has_vehicles", "您现在住在哪里")):
        await keyboard.choose(question, "no")
        await keyboard.go("保存并继续")
        await desk.expect_heading(heading)
    for level in ("district", "street", "community"):
        if dossier[level]:
            await keyboard.select(level, dossier[level])
    await keyboard.fill("address", dossier["address"])
    await keyboard.fill("phone", dossier["phone"])
    await keyboard.go("保存并继续")
    await desk.expect_heading("同意我们")
    for register in ("social_insurance", "real_estate", "vehicles", "marriage"):
        await keyboard.field(f"consent-{register}")
        await keyboard.press("Space")
    await keyboard.go("保存并继续")
    await desk.expect_heading("核对后提交")
    await keyboard.go("提交申请")
    await desk.expect_heading("受理回执")
