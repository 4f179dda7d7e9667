"""The clerk's page: type, read back, print, attach, submit; and a clean slate for the next household."""

from __future__ import annotations

import io
import re

import pytest
from anju_stories.household import Household
from PIL import Image
from playwright.async_api import expect

from tests.browser.conftest import NewVisitor
from tests.browser.pages import DESK, Visitor
from tests.support.boxes import RunningBox
from tests.support.families import Families

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
