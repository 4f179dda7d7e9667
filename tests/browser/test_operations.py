"""The operators' desk: a register that falls silent is seen within a refresh, numbers lead to their lists, and cases to their workflows and back."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Locator, Route, expect

from tests.browser.conftest import NewVisitor
from tests.browser.pages import DESK, Visitor
from tests.support.boxes import RunningBox
from tests.support.families import Families

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


def card(visitor: Visitor, title: str) -> Locator:
    return visitor.page.locator(".card").filter(has=visitor.page.get_by_role("heading", name=title, exact=True))


async def test_a_register_that_falls_silent_is_seen_and_so_is_who_waits_for_it(
    box: RunningBox, families: Families, visitor: NewVisitor
) -> None:
    family = await families.one("410202")
    operator = await visitor(DESK)
    await operator.sign_on_official("operator", "", "/staff/operations")
    fault = await box.town.world("POST", "/faults", {"server": "vehicles", "kind": "down"})
    try:
        await family.submit()
        await family.reaches("verifying")
        # Nobody presses anything: the page looks again by itself.
        troubles = card(operator, "需要处理")
        await expect(troubles.get_by_role("link", name=re.compile("机动车登记没有可用的答复"))).to_be_visible()
        row = operator.page.locator("#registers").get_by_role("row", name=re.compile("机动车登记"))
        await expect(row).to_contain_text(re.compile("没有可用的答复|暂停查询"))
        waiting = operator.page.get_by_role("link", name=family.no)
        await expect(waiting).to_be_visible()
        await operator.picture("operations-silent")
        assert not await operator.violations()
        # The bar and the row of the table are the same way.
        waits = card(operator, "在等部门答复的件，按部门")
        await waits.get_by_role("link", name="机动车登记").click()
        await expect(operator.page.get_by_text("只看这些：机动车登记")).to_be_visible()
        shown = await operator.page.locator("h2#waiting").inner_text()
        assert shown.split()[0] == (await waits.get_by_role("row", name=re.compile("机动车登记")).get_by_role("cell").inner_text()).strip()
        await waiting.click()
        await operator.expect_heading(family.no)
    finally:
        await box.town.world("DELETE", f"/faults/{fault['id']}")


async def test_a_case_leads_to_its_workflow_and_the_workflow_to_its_case(box: RunningBox, families: Families, visitor: NewVisitor) -> None:
    family = await families.one("410202")
    await family.submit()
    await family.reaches("street_review")
    operator = await visitor(DESK)
    await operator.sign_on_official("operator", "", f"/staff/cases/{family.no}")
    there = operator.page.get_by_role("link", name=f"资格申请 application/{family.no}")
    address = await there.get_attribute("href")
    assert address == f"{box.layout.temporal_ui_url}/namespaces/default/workflows/application%2F{family.no}"
    # The engine's own page: what it writes to the console is not ours to judge.
    engine = await operator.context.new_page()
    await engine.goto(address)
    await engine.get_by_role("link", name="User Metadata").or_(engine.get_by_role("tab", name="User Metadata")).first.click()
    # It draws Markdown in a frame of its own.
    back = engine.frame_locator("#user-metadata-current-details").get_by_role("link", name=f"打开申请 {family.no}")
    await expect(back.first).to_have_attribute("href", f"{box.url}/staff/cases/{family.no}")
    await engine.screenshot(path="test-output/browser/operations-engine.png")
    await engine.goto(
        f"{box.layout.temporal_ui_url}/namespaces/default/workflows?query=Blocked%3Dtrue%20AND%20ExecutionStatus%3D%22Running%22"
    )
    await engine.screenshot(path="test-output/browser/operations-view.png")
    await engine.close()


async def test_every_bar_of_the_report_is_a_link_to_as_many_cases(families: Families, visitor: NewVisitor) -> None:
    family = await families.one("410202")
    await family.submit()
    await family.reaches("street_review")
    auditor = await visitor(DESK)
    await auditor.sign_on_official("auditor", "", "/staff/counters")
    report = card(auditor, "各区县申请数量")
    bars = report.locator("svg")
    await expect(bars).to_be_visible()
    await auditor.picture("counters-chart")
    assert not await auditor.violations()
    row = report.get_by_role("row", name=re.compile("龙亭区"))
    count = (await row.get_by_role("cell").inner_text()).strip()
    await bars.get_by_text("龙亭区").click()
    await auditor.expect_heading("申请查询")
    await expect(auditor.page.get_by_text(f"共 {count} 条")).to_be_visible()
    await expect(auditor.page).to_have_url(re.compile("district=410202"))


async def test_an_operator_starts_a_lost_workflow_again_and_says_why(box: RunningBox, families: Families, visitor: NewVisitor) -> None:
    family = await families.one("410202")
    await family.submit()
    await family.reaches("street_review")
    await box.temporal.get_workflow_handle(f"application/{family.no}").terminate("by mistake")
    operator = await visitor(DESK)

    async def noticed(route: Route) -> None:
        """As the page shows it once the next comparison has found it, which comes around every minute."""
        found = await route.fetch()
        lost = {"workflow_id": f"application/{family.no}", "type": "Application", "kind": "gone", "why": "", "since": None, "tries": 0}
        more = {"application_no": family.no, "link": ""}
        shown = await found.json()
        shown["engine"] |= {"stuck": [lost | more], "gone": 1}
        waits = {
            "service": "notifications",
            "entry": 2**40,
            "kind": "deliver",
            "attempts": 12,
            "given_up": True,
            "error": "SmsUnavailableError: status 503",
        }
        shown["undelivered"] = [waits | {"created_at": shown["at"], "next_try_at": shown["at"]}]
        await route.fulfill(response=found, json=shown)

    await operator.page.route("**/api/v1/operations", noticed)
    await operator.sign_on_official("operator", "", "/staff/operations")
    stuck = card(operator, "停住的流程")
    await stuck.get_by_role("button", name=f"重新启动 application/{family.no}").click()
    await expect(operator.page.locator("#act")).to_contain_text("按记录上的阶段和期限接着办")
    await stuck.locator("#act").get_by_role("button", name="重新启动").click()
    await expect(stuck).to_contain_text("请写明原因")
    await operator.page.locator("#act-reason").fill("误终止，已核对")
    await operator.picture("operations-act")
    # What is half under the bar is no smaller for it.
    await operator.page.evaluate("window.scrollTo(0, 0)")
    assert not await operator.violations()
    await stuck.locator("#act").get_by_role("button", name="重新启动").click()
    await expect(operator.page.locator("#said")).to_contain_text(f"application/{family.no} 已重新启动")
    await expect(card(operator, "运维人员办过的")).to_contain_text("误终止，已核对")
    await family.decide("street", "approve")
    await family.reaches("district_review")
    # Nothing is started twice, and the answer says so.
    await stuck.get_by_role("button", name=f"重新启动 application/{family.no}").click()
    await operator.page.locator("#act-reason").fill("再来一次")
    await stuck.locator("#act").get_by_role("button", name="重新启动").click()
    await expect(stuck.get_by_role("alert")).to_contain_text("流程正在运行")

    undelivered = card(operator, "没有送出的")
    await expect(undelivered).to_contain_text("试了多次")
    await undelivered.get_by_role("button", name="马上再送 短信或信函").click()
    await operator.page.locator("#act-reason").fill("短信平台已恢复")
    await undelivered.locator("#act").get_by_role("button", name="马上再送").click()
    await expect(undelivered.get_by_role("alert")).to_be_visible()
    # Who did what is a list of its own, for the auditors too.
    await operator.page.locator("#steps").get_by_role("link", name="查看全部").click()
    await operator.expect_heading("运维人员办理记录")
    auditor = await visitor(DESK)
    await auditor.sign_on_official("auditor", "", f"/staff/operator-steps?subject={family.no}")
    row = auditor.page.get_by_role("row").filter(has_text="误终止，已核对")
    await expect(row).to_contain_text("重新启动流程")
    await auditor.page.locator("#actor").fill("nobody")
    await auditor.page.locator("#actor").press("Enter")
    await expect(row).to_have_count(0)
