"""The contract in a tenant's hands: read, ticked, signed as it was read, and read again afterwards."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.async_api import Route, expect

from tests.browser.conftest import NewVisitor
from tests.browser.pages import DESK, Visitor
from tests.support.boxes import RunningBox
from tests.support.families import Families

pytestmark = pytest.mark.browser


async def stands_well(page: Visitor, picture: str) -> None:
    await page.picture(picture)
    assert not await page.violations()
    assert await page.sideways() == 0
    assert not await page.stacked()


async def test_a_contract_is_read_signed_and_read_again(box: RunningBox, families: Families, visitor: NewVisitor) -> None:
    family = await families.one("410204")
    await family.submit()
    await family.approve_everywhere()
    await family.pass_public_notice()
    await family.waits()
    await box.town.official("house_manager", family.district).post(f"/districts/{family.district}/offers", {})
    await family.offered()
    await family.accept_offer()
    await family.drafted()
    tenant = family.dossier["members"][0]
    phone = await visitor()
    await phone.sign_on_citizen(tenant["id_number"], f"/leases/{family.lease_no}/sign")
    clauses = phone.page.locator("main .clause")
    await expect(clauses).to_have_count(14)
    await expect(clauses.first.get_by_role("heading")).to_have_text("第一条　当事人")
    await expect(clauses.first).to_contain_text(tenant["name"])
    await expect(phone.page.locator("main")).not_to_contain_text(tenant["id_number"])
    await stands_well(phone, "contract-sign")

    await phone.press("签订合同")
    await expect(phone.page.locator(".error-summary li")).to_have_count(3)
    for part in ("return_use", "return_arrears", "return_changes"):
        await phone.field(f"ack-{part}").check()

    # The terms have changed while it was read: nothing is signed, the new text is there, and is to be ticked again.
    async def older(route: Route) -> None:
        body = json.loads(route.request.post_data or "{}") | {"digest": "0" * 64}
        await route.continue_(post_data=json.dumps(body))

    await phone.page.route("**/signature", older)
    await phone.press("签订合同")
    await expect(phone.page.get_by_role("alert")).to_contain_text("合同内容有变化")
    await phone.picture("contract-changed")
    await phone.page.unroute("**/signature")
    for part in ("return_use", "return_arrears", "return_changes"):
        await expect(phone.field(f"ack-{part}")).not_to_be_checked()
        await phone.field(f"ack-{part}").check()
    await phone.press("签订合同")
    await phone.expect_heading("合同已签订")

    await phone.open(f"/leases/{family.lease_no}")
    await phone.follow("看合同全文")
    await expect(clauses).to_have_count(14)
    await expect(phone.page.locator(".digest")).to_contain_text("SHA-256")
    await stands_well(phone, "contract-signed")

    # The file, and where the code on it leads: there is nobody's name there.
    async with phone.page.expect_download() as coming:
        await phone.follow("下载合同")
    download = await coming.value
    assert download.suggested_filename == f"租赁合同-{family.lease_no}.pdf"
    assert Path(await download.path()).read_bytes().startswith(b"%PDF-")
    digest = (await phone.page.locator(".digest").inner_text()).removeprefix("SHA-256 ")
    anybody = await visitor()
    await anybody.open(f"/contracts/check/{family.lease_no}/{digest[:16]}")
    await expect(anybody.page.locator("main .notice")).to_contain_text("留存有这份合同")
    await expect(anybody.page.locator("main")).not_to_contain_text(tenant["name"])
    await stands_well(anybody, "contract-check")
    await anybody.open(f"/contracts/check/{family.lease_no}/{'0' * 16}")
    await expect(anybody.page.locator("main .notice")).to_contain_text("没有对应的合同")
    await stands_well(anybody, "contract-check-wrong")

    manager = await visitor(DESK)
    await manager.sign_on_official("house_manager", family.district, "/staff/leases")
    row = manager.page.get_by_role("row", name=family.lease_no)
    async with manager.page.expect_download() as coming:
        await row.get_by_role("link", name="下载 PDF").click()
    assert (await coming.value).suggested_filename == f"租赁合同-{family.lease_no}.pdf"
    await manager.picture("contract-staff")
