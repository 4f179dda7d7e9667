"""Paint times of the citizens' pages of a running box, in a real browser on a limited network. Told, never held against a goal: they belong to the machine."""

from __future__ import annotations

from playwright.async_api import async_playwright

from tests.browser.pages import PHONE
from tests.browser.paint import Paint, paints
from tests.support.chromium import FLAGS, chromium_path


async def painted(url: str) -> list[Paint]:
    """None where there is no browser."""
    path = chromium_path()
    if path is None:
        return []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=FLAGS)
        try:
            context = await browser.new_context(**PHONE, locale="zh-CN", timezone_id="Asia/Shanghai")  # type: ignore[arg-type]  # keywords of many types
            return await paints(await context.new_page(), url)
        finally:
            await browser.close()
