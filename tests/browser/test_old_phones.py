"""What a phone sees before and without the newest: the built pages in Chromium, with what a WebView of Android 9 does not have taken away."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Route, expect
from structlog.testing import capture_logs

from tests.browser.pages import PHONE
from tests.services.web_gateway.world import World

TARGET = "chrome64"
# Newer than the stated target (web/vite.config.ts), with the version of Chrome they came with.
REMOVED = """
  delete window.globalThis;                    // 71
  delete window.queueMicrotask;                // 71
  delete window.structuredClone;               // 98
  delete Object.fromEntries;                   // 73
  delete Object.hasOwn;                        // 93
  delete Promise.allSettled;                   // 76
  delete Promise.any;                          // 85
  for (const name of ["flat", "flatMap", "at", "findLast", "findLastIndex", "toSorted", "toReversed", "toSpliced", "with"])
    delete Array.prototype[name];              // 69, 69, 92, 97 …
  for (const name of ["trimStart", "trimEnd", "matchAll", "replaceAll", "at"])
    delete String.prototype[name];             // 66, 66, 73, 85, 92
  delete Crypto.prototype.randomUUID;          // 92
  delete window.WeakRef;                       // 84
  delete AbortSignal.timeout;                  // 103
  window.taken = typeof globalThis === "undefined" && ![].flat && !Object.fromEntries;
"""


@pytest_asyncio.fixture(loop_scope="session")
async def phone(chromium: Browser, gateway: World) -> AsyncIterator[BrowserContext]:
    context = await chromium.new_context(**PHONE, locale="zh-CN")  # type: ignore[arg-type]  # keywords of many types
    context.set_default_timeout(20_000)
    yield context
    await context.close()


async def refuse(route: Route) -> None:
    await route.abort()


def test_the_build_is_for_the_target_tried_here() -> None:
    config = (Path(__file__).parents[2] / "web/vite.config.ts").read_text()
    assert f'cssTarget: ["{TARGET}"' in config


async def test_the_pages_work_without_what_old_webviews_do_not_have(phone: BrowserContext, gateway: World) -> None:
    await phone.add_init_script(REMOVED)
    page = await phone.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    for path in ("/", "/notices", "/conditions", "/waiting", "/staff"):
        await page.goto(gateway.url + path)
        # Drawn by the app, not by the HTML.
        await expect(page.get_by_role("banner")).to_be_visible()
        await expect(page.locator("h1").first).to_be_visible()
        await page.wait_for_load_state("networkidle")
    assert not wrong


async def test_what_is_taken_away_is_missed(phone: BrowserContext, gateway: World) -> None:
    """Without our own stand-ins the pages stay blank: the test above tries what it says."""
    await phone.add_init_script(REMOVED)
    await phone.route("**/old-phones.js", refuse)
    page = await phone.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    await page.goto(gateway.url + "/")
    await page.wait_for_load_state("networkidle")
    assert wrong
    await expect(page.get_by_role("banner")).to_have_count(0)


@pytest.mark.parametrize(("path", "heading"), [("/", "公共租赁住房"), ("/cases/KF-2026-000123", "公共租赁住房"), ("/staff", "安居工作台")])
async def test_the_first_heading_is_there_before_any_script(phone: BrowserContext, gateway: World, path: str, heading: str) -> None:
    await phone.route(re.compile(r"\.js$"), refuse)
    page = await phone.new_page()
    await page.goto(gateway.url + path)
    await expect(page.get_by_role("heading", level=1)).to_have_text(heading)


async def test_the_divisions_are_fetched_once_and_only_where_a_place_is_named(phone: BrowserContext, gateway: World) -> None:
    page = await phone.new_page()
    with capture_logs() as lines:
        await page.goto(gateway.url)
        await page.wait_for_load_state("networkidle")
        assert not [line for line in lines if line.get("route") == "/api/v1/divisions"], "the first page names no place"
        for path in ("/", "/notices", "/waiting", "/conditions"):
            await page.goto(gateway.url + path)
            await expect(page.get_by_role("banner")).to_be_visible()
            await page.wait_for_load_state("networkidle")
        await page.reload()
        await page.wait_for_load_state("networkidle")
    asked = [line for line in lines if line.get("route") == "/api/v1/divisions"]
    assert len(asked) == 1
