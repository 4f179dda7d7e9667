"""A tenant's account: what was asked for and what came, on paper too, and the code on a receipt."""

from __future__ import annotations

from pathlib import Path

import pypdfium2
import pytest
from playwright.async_api import expect

from tests.browser.conftest import NewVisitor
from tests.browser.pages import DESK
from tests.browser.test_contract import stands_well
from tests.journeys.test_typical_journeys import home_for
from tests.support.boxes import RunningBox
from tests.support.families import Families

pytestmark = pytest.mark.browser


async def test_a_tenant_reads_the_account_and_takes_a_receipt_away(box: RunningBox, families: Families, visitor: NewVisitor) -> None:
    family = await families.one("410204")
    await home_for(box, family)
    await family.accept_offer()
    await family.sign()
    await family.pay("deposit")
    await family.lease_is("active")
    deposit = (await family.applicant.get(f"/leases/{family.lease_no}/bills/deposit"))["amount_fen"]
    yuan = f"{deposit // 100:,}.{deposit % 100:02d}"

    phone = await visitor()
    tenant = family.dossier["members"][0]
    await phone.sign_on_citizen(tenant["id_number"], f"/leases/{family.lease_no}")
    await phone.follow("我的账：每一笔账单和缴款")
    await phone.expect_heading("我的账")
    main = phone.page.locator("main")
    await expect(main.locator(".task-list li").filter(has_text="缴款")).to_contain_text(yuan)
    await expect(main.locator(".task-list li").filter(has_text="账单")).to_have_count(2)
    await stands_well(phone, "account")
    async with phone.page.expect_download() as coming:
        await main.get_by_role("link", name="下载收据（PDF）：押金").click()
    file = await (await coming.value).path()
    read = "".join("".join(each.get_textpage().get_text_bounded() for each in pypdfium2.PdfDocument(file)).split())
    assert "样张" in read
    assert f"¥{yuan}" in read
    async with phone.page.expect_download() as coming:
        await phone.follow("下载对账单（PDF）")
    assert Path(await (await coming.value).path()).read_bytes().startswith(b"%PDF-")

    # A day before everything: it says so, and what to do.
    await phone.field("on").fill("2020-01-01")
    await phone.press("查看")
    await expect(main).to_contain_text("这一天以前还没有账单和缴款")
    await expect(main).to_contain_text("换一个日期")
    await stands_well(phone, "account-empty")

    anybody = await visitor()
    await anybody.open(f"/payment-receipts/R00000001/{'0' * 16}")
    await expect(anybody.page.locator("main .notice")).to_contain_text("没有开过这张收据")
    await stands_well(anybody, "receipt-check-wrong")

    clerk = await visitor(DESK)
    period = (await family.applicant.get(f"/leases/{family.lease_no}/bills"))["items"][0]["period"]
    await clerk.sign_on_official("house_manager", family.district, f"/staff/leases/{family.lease_no}/bills/{period}")
    await expect(clerk.page.get_by_role("heading", name="租金怎么算出来的")).to_be_visible()
    await clerk.picture("bill-staff-lines")
    assert not await clerk.violations()


async def test_cash_goes_from_the_counter_to_the_bank(box: RunningBox, families: Families, visitor: NewVisitor) -> None:
    family = await families.one("410205")
    await home_for(box, family)
    await family.accept_offer()
    await family.sign()

    clerk = await visitor(DESK)
    await clerk.sign_on_official("house_manager", family.district, f"/staff/leases/{family.lease_no}/bills/deposit")
    main = clerk.page.locator("main")
    await clerk.press("收现金")
    await expect(main).to_contain_text("请填金额")
    await clerk.field("cash").fill("2000")
    await clerk.press("收现金")
    await expect(main.locator(".notice.ok")).to_contain_text("已收款，收据 R")
    async with clerk.page.expect_download() as coming:
        await clerk.follow("打印收据（PDF）")
    assert Path(await (await coming.value).path()).read_bytes().startswith(b"%PDF-")
    await clerk.open("/staff/cash")
    await expect(main).to_contain_text("请另一位同事清点")
    await expect(main.get_by_role("button", name="确认清点")).to_have_count(0)

    other = await visitor(DESK)
    await other.sign_on_official("finance", "", "/staff/cash")
    desk = other.page.locator("main")
    await other.field(f"counted-{family.district}").fill("1,999.00")
    await other.picture("cash-desk")
    assert not await other.violations()
    await other.press("确认清点")
    await expect(desk).to_contain_text("少 1.00 元")
    await other.press("登记缴存")
    await expect(desk).to_contain_text("请填缴存单编号")
    await desk.get_by_label("缴存单编号").fill("20261127001")
    await desk.get_by_label("缴存单金额").fill("1999")
    await other.press("登记缴存")
    await expect(desk).to_contain_text("缴存单 20261127001")
    await other.picture("cash-desk-deposited")
    assert not await other.violations()
    await family.lease_is("active")
