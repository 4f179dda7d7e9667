"""The clerk's page: type, read back, print, attach, submit; and a clean slate for the next household."""

from __future__ import annotations

import io
import re

import pytest
from anju_stories.household import Household
from anju_stories.people import ApiProblem, eventually
from PIL import Image
from playwright.async_api import expect

from tests.browser.conftest import NewVisitor
from tests.browser.pages import DESK, Visitor
from tests.journeys.test_counter import Clerk, photograph
from tests.support.boxes import RunningBox
from tests.support.families import Families
from tests.support.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.browser

# Whatever a page may leave on a computer that other people use.
LEFT_BEHIND = """async () => JSON.stringify([
  {...localStorage}, {...sessionStorage}, (await indexedDB.databases()).map((each) => each.name), (await caches.keys()), location.href,
])"""


def signed_page() -> dict[str, object]:
    picture = io.BytesIO()
    Image.new("RGB", (900, 1200), "white").save(picture, "JPEG")
    return {"name": "IMG_0001.jpg", "mimeType": "image/jpeg", "buffer": picture.getvalue()}


async def types(clerk: Visitor, family: Household) -> None:
    page, member = clerk.page, family.dossier["members"][0]
    await page.locator("#category").select_option(family.dossier["category"])
    await page.locator("#members-0-name").fill(member["name"])
    await page.locator("#members-0-id_number").fill(member["id_number"])
    await page.locator("#members-0-annual_income_fen").fill(f"{member['annual_income_fen'] / 100:.2f}")
    await page.locator("#members-0-employer").fill(member["employer"])
    await page.locator("#marital_status").select_option(family.dossier["marital_status"])
    await clerk.choose("has_homes", "no")
    await clerk.choose("has_vehicles", "no")
    for level in ("district", "street", "community"):
        await page.locator(f"#{level}").select_option(family.dossier[level])
    await page.locator("#address").fill(family.dossier["address"])
    # No telephone at all.


async def test_a_clerk_files_for_a_household_and_the_next_one_finds_nothing_of_it(
    box: RunningBox, families: Families, visitor: NewVisitor
) -> None:
    family = await families.one("410204", lambda each: len(each["members"]) == 1)
    await box.town.official("street_clerk", family.street).declare()
    clerk = await visitor(DESK)
    await clerk.sign_on_official("street_clerk", family.street, then="/staff/counter")
    page = clerk.page
    await clerk.follow("为一户家庭填写申请")
    await clerk.expect_heading("为一户家庭填写申请")
    # What is missing is told before anything is printed, and nothing is sent that was not.
    await clerk.press("打印申请表和授权书")
    await expect(page.get_by_role("alert")).to_contain_text("请填写姓名")
    await expect(page.get_by_role("button", name="提交申请")).to_be_disabled()
    await types(clerk, family)
    async with page.expect_download() as download:
        await clerk.press("打印申请表和授权书")
    assert (await download.value).suggested_filename == "申请表和授权书.pdf"
    number = family.dossier["members"][0]["id_number"]
    await expect(page.locator("main form")).to_contain_text(number)
    # A word changed after it was printed is not what was signed.
    await page.locator("#address").fill("另一个地址 1 号")
    await expect(page.get_by_role("button", name="提交申请")).to_be_disabled()
    await page.locator("#address").fill(family.dossier["address"])
    await clerk.press("提交申请")
    await expect(page.get_by_role("alert")).to_contain_text("请附上签字页的照片")
    await page.locator("#document").fill("申请人身份证原件")
    await page.locator("#photo").set_input_files(signed_page())  # type: ignore[arg-type]  # a file in memory
    await clerk.picture("counter-form-filled")
    await clerk.press("提交申请")
    done = page.get_by_role("status").filter(has_text="已受理")
    await expect(done).to_have_text(re.compile(r"已受理，编号 KF-\d{4}-\d{6}"))
    no = (await done.inner_text()).rsplit(" ", 1)[1]
    async with page.expect_download() as download:
        await page.get_by_role("link", name="打印受理回执").click()
    assert (await download.value).suggested_filename == f"受理回执-{no}.pdf"
    await clerk.picture("counter-filed")
    await clerk.press("办理下一户")
    for field in ("#members-0-name", "#members-0-id_number", "#address", "#document", "#photo"):
        await expect(page.locator(field)).to_have_value("")
    await expect(page.locator("body")).not_to_contain_text(number)
    left = await page.evaluate(LEFT_BEHIND)
    assert number not in left
    assert family.dossier["members"][0]["name"] not in left
    await clerk.open("/staff/counter")
    await expect(page.get_by_role("link", name=no)).to_be_visible()


async def opens(clerk: Visitor, no: str, purpose: str) -> None:
    """Whatever is open is cleared first."""
    page = clerk.page
    await clerk.open("/staff/counter/visit")
    await page.locator("#no").fill(no)
    await page.locator("#purpose").select_option(purpose)
    await clerk.press("打开代办")


async def test_a_paper_household_comes_again_until_it_has_signed_and_takes_its_authorisation_back(
    box: RunningBox, families: Families, visitor: NewVisitor
) -> None:
    family = await families.one("410204", lambda each: len(each["members"]) == 1)
    at_desk = Clerk(box, box.town.official("street_clerk", family.street, seat=2))
    await at_desk.official.declare()
    family.dossier["phone"] = ""
    await at_desk.takes_paper(family.dossier["members"][0], photograph())
    await at_desk.opens("file")
    family.applicant = at_desk  # type: ignore[assignment]  # speaks in its name
    await family.hand_in()
    await family.reaches("street_review")
    await family.decide("street", "return", "请补充门牌号")
    await family.reaches("correction")

    clerk = await visitor(DESK)
    await clerk.sign_on_official("street_clerk", family.street, then="/staff/counter/visit", seat=2)
    page = clerk.page
    # Nothing is asked of the server before it is known for whom, and for what.
    await clerk.press("打开代办")
    await expect(page.get_by_role("alert")).to_contain_text("请填写申请编号")
    await opens(clerk, family.no, "answer_offer")
    await expect(page.locator("main")).to_contain_text("现在没有可以办的：接受或放弃配租")
    await opens(clerk, family.no, "correct")
    await expect(page.locator("#visit")).to_contain_text("正在为")
    await expect(page.locator("main")).to_contain_text("请补充门牌号")
    await page.locator("#address").fill("幸福路 1 号 2 单元")
    await clerk.press("下一步：读给申请人听")
    await expect(page.get_by_role("note")).to_contain_text("幸福路 1 号 2 单元")
    await clerk.picture("counter-correct-read-back")
    await clerk.press("提交补正")
    await expect(page.locator("#said")).to_contain_text("补正已提交")
    assert (await family.case())["dossier"]["address"] == "幸福路 1 号 2 单元"

    await family.approve_everywhere()
    await family.pass_public_notice()
    await box.town.official("house_manager", family.district).post(f"/districts/{family.district}/offers", {})
    await eventually(
        lambda: at_desk.get(f"/applications/{family.no}/tenancy"),
        lambda seen: bool(seen["offers"]),
        seconds=PATIENCE_SECONDS,
        what="an offer",
    )
    await opens(clerk, family.no, "answer_offer")
    await clerk.press("下一步：读给申请人听")
    await expect(page.get_by_role("alert")).to_contain_text("请选择接受或放弃")
    await clerk.choose("answer", "accept")
    await clerk.press("下一步：读给申请人听")
    await clerk.press("确认接受")
    await expect(page.locator("#said")).to_contain_text("已接受配租")
    await family.lease_is("signing")
    await opens(clerk, family.no, "sign")
    await clerk.press("下一步：读给申请人听")
    await clerk.picture("counter-sign-read-back")
    await clerk.press("签订合同")
    await expect(page.locator("#said")).to_contain_text("合同已签订")
    signed = await family.lease_is("deposit")

    await opens(clerk, family.no, "ask")
    await expect(page.get_by_role("link", name="打印受理回执")).to_be_visible()
    await expect(page.locator("main")).to_contain_text("押金")
    await clerk.press("缴费")
    await expect(page.get_by_role("link", name="打开银行缴费页面")).to_be_visible()
    assert await clerk.violations() == []
    await clerk.picture("counter-ask")
    # Who typed what stays on record, the visits among the looks the household reads.
    reads = await at_desk.official.get(f"/applications/{family.no}/reads", limit="100")
    assert "visit" in [each["what"] for each in reads["items"]]

    await clerk.press("下一步：读给申请人听")
    await expect(page.get_by_role("note")).to_contain_text("已经办好的仍然有效")
    await clerk.press("收回授权")
    await expect(page.locator("#said")).to_contain_text("授权已收回")
    await expect(page.locator("#no")).to_have_value("")
    await opens(clerk, family.no, "ask")
    await expect(page.get_by_role("alert")).to_contain_text("申请人已收回授权")
    await expect(page.get_by_role("heading", name="先签授权书")).to_be_visible()
    himself = box.town.person(id_number=family.dossier["members"][0]["id_number"])
    assert (await himself.get(f"/applications/{family.no}/tenancy"))["lease"]["no"] == signed["no"]


async def test_a_household_that_applied_by_phone_signs_an_authorisation_and_is_helped(
    box: RunningBox, families: Families, visitor: NewVisitor
) -> None:
    family = await families.one("410204", lambda each: len(each["members"]) == 1)
    await box.town.official("street_clerk", family.street).declare()
    await family.submit()
    member = family.dossier["members"][0]
    clerk = await visitor(DESK)
    await clerk.sign_on_official("street_clerk", family.street, then="/staff/counter/visit")
    page = clerk.page
    await opens(clerk, family.no, "withdraw")
    await expect(page.get_by_role("alert")).to_contain_text("还没有授权书")
    await expect(page.locator("main")).not_to_contain_text(member["name"])
    async with page.expect_download() as download:
        await page.get_by_role("link", name="打印空白授权书").click()
    assert (await download.value).suggested_filename == "窗口代办授权书.pdf"
    await clerk.press("登记授权书，打开代办")
    await expect(page.get_by_role("alert").first).to_contain_text("请填写姓名")
    await page.locator("#name").fill(member["name"])
    await page.locator("#id_number").fill(member["id_number"])
    await page.locator("#document").fill("申请人身份证原件")
    await page.locator("#photo").set_input_files(signed_page())  # type: ignore[arg-type]  # a file in memory
    await clerk.press("登记授权书，打开代办")
    await expect(page.locator("#visit")).to_contain_text("正在为")
    await clerk.press("下一步：读给申请人听")
    await expect(page.get_by_role("alert")).to_contain_text("请填写撤回原因")
    await page.locator("#reason").fill("另有住处")
    await clerk.press("下一步：读给申请人听")
    await clerk.press("确认撤回")
    await expect(page.locator("#said")).to_contain_text("已撤回")
    assert (await family.case())["stage"] == "withdrawn"
    await clerk.press("办完了，清空")
    await expect(page.locator("main")).not_to_contain_text(family.no)


async def test_who_has_signed_at_a_counter_takes_it_back_on_his_own_phone(box: RunningBox, families: Families, visitor: NewVisitor) -> None:
    family = await families.one("410204", lambda each: len(each["members"]) == 1)
    member = family.dossier["members"][0]
    clerk = Clerk(box, box.town.official("street_clerk", family.street, seat=2))
    await clerk.official.declare()
    await clerk.takes_paper(member, photograph())
    await clerk.opens("file")
    phone = await visitor()
    await phone.sign_on_citizen(member["id_number"], "/myself/authorisations")
    page = phone.page
    await phone.press("收回授权")
    await expect(page.locator("main")).to_contain_text("已经办好的仍然有效")
    await phone.picture("authorisations")
    await phone.press("确认收回")
    await expect(page.locator("main")).to_contain_text("收回之前办好的仍然有效")
    await expect(page.get_by_role("button", name="收回授权")).to_have_count(0)
    with pytest.raises(ApiProblem) as refused:
        await clerk.get("/applications")
    assert refused.value.slug == "authorisation-revoked"
