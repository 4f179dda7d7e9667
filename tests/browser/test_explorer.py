"""The page on which developers try the interface: every operation of the document, sent for real and answered by the gateway."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.browser.conftest import NewVisitor
from tests.browser.pages import DESK, Visitor
from tests.support.families import Families

pytestmark = pytest.mark.browser


async def send(developer: Visitor, subject: str, operation: str, body: str = "") -> str:
    """Opens an operation of a subject, sends it, and gives the status with which the server answered."""
    await developer.page.locator(f"#operations-tag-{subject}").click()
    block = developer.page.locator(f".opblock[id$='-{operation}']")
    await block.locator(".opblock-summary-control").click()
    if body:
        await block.locator("textarea.body-param__text").fill(body)
    await block.locator("button.execute").click()
    status = block.locator(".live-responses-table tbody td.response-col_status").first
    await expect(status).to_be_visible()
    return (await status.inner_text()).split()[0]


async def test_an_operation_is_tried_as_whoever_is_signed_on(visitor: NewVisitor, families: Families) -> None:
    developer, family = await visitor(DESK), await families.one()
    await developer.page.goto(f"{developer.url}/docs")
    await developer.page.get_by_role("link", name="在线试用").click()
    await expect(developer.page.get_by_role("status")).to_contain_text("尚未登录")
    await developer.sign_on_citizen(family.household["members"][0]["id_number"])
    await developer.page.goto(f"{developer.url}/explorer")
    await expect(developer.page.get_by_role("status")).to_contain_text("已登录")
    assert await send(developer, "session", "get_session") == "200"
    # A change, with the headers which the document asks for and nobody has to know by heart.
    assert await send(developer, "applications", "submit_application", "{}") == "422"
    await developer.picture("explorer")
