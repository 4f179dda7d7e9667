"""Chromium and the built pages. The pages run against web/dev-mock, which answers in the gateway's manner with invented data."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, async_playwright

from tests.browser.pages import FLAGS, ROOT, City, Visitor

WEB = ROOT / "web"
BUILT = ROOT / "services/web-gateway/src/web_gateway/static"
PHONE = {"width": 375, "height": 812}
DESK = {"width": 1280, "height": 900}
USER_AGENT = (
    "Mozilla/5.0 (Linux; Android 13; V2148A) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 "
    "Chrome/126.0.0.0 Mobile Safari/537.36 MicroMessenger/8.0.50"
)


def _program(name: str) -> str | None:
    """Of the machine, or of the nodejs wheel beside this interpreter."""
    beside = Path(sys.executable).with_name(name)
    return shutil.which(name) or (str(beside) if beside.exists() else None)


def _chromium() -> str | None:
    return os.environ.get("ANJU_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def _newest(*folders: Path) -> float:
    return max(path.stat().st_mtime for folder in folders for path in folder.rglob("*") if path.is_file())


@pytest.fixture(scope="session")
def built_pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pages as they are in web/src now: the gateway's own build when it is newer than the sources, else a fresh one."""
    index = BUILT / "index.html"
    if index.exists() and index.stat().st_mtime > _newest(WEB / "src", WEB / "public"):
        return BUILT
    vite = WEB / "node_modules/.bin/vite"
    node = _program("node")
    if node is None or not vite.exists():
        pytest.skip("the pages are not built: run `npm ci && npm run build` in web/ (Node 20.19 or newer)")
    folder = tmp_path_factory.mktemp("pages")
    built = subprocess.run(
        [node, str(vite.resolve()), "build", "--outDir", str(folder), "--emptyOutDir"], cwd=WEB, capture_output=True, text=True, timeout=180
    )
    assert built.returncode == 0, built.stderr[-2000:]
    return folder


@pytest.fixture(scope="session")
def city(built_pages: Path) -> Iterator[City]:
    node = _program("node")
    if node is None:
        pytest.skip("no Node to serve the pages with")
    command = [node, str(WEB / "dev-mock/server.mjs"), "--port", "0", "--static", str(built_pages)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            url = server.stdout.readline().strip()
            assert url.startswith("http://"), "the page server did not start"
            yield City(url)
        finally:
            server.terminate()


@pytest_asyncio.fixture(scope="session")
async def chromium() -> AsyncIterator[Browser]:
    path = _chromium()
    if path is None:
        pytest.skip("no Chromium: install chromium and fonts-noto-cjk, or set ANJU_CHROMIUM")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        await browser.close()


async def _visit(context: BrowserContext, city: City) -> Visitor:
    city.reset()
    context.set_default_timeout(15_000)
    return Visitor(city.url, context, await context.new_page())


@pytest_asyncio.fixture
async def phone(chromium: Browser, city: City) -> AsyncIterator[Visitor]:
    """A phone with the WeChat browser; fails the test when a page logs an error, a blocked style or script included."""
    context = await chromium.new_context(viewport=PHONE, user_agent=USER_AGENT, has_touch=True, is_mobile=True, locale="zh-CN")  # type: ignore[arg-type]
    visitor = await _visit(context, city)
    yield visitor
    await context.close()
    assert not visitor.complaints, visitor.complaints


@pytest_asyncio.fixture
async def desk(chromium: Browser, city: City) -> AsyncIterator[Visitor]:
    context = await chromium.new_context(viewport=DESK, locale="zh-CN")  # type: ignore[arg-type]
    visitor = await _visit(context, city)
    yield visitor
    await context.close()
    assert not visitor.complaints, visitor.complaints
