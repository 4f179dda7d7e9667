"""What a person does on the pages, by the words they read. Works on the invented city and on a running one alike."""

from __future__ import annotations

import json
import re
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import BrowserContext, ConsoleMessage, Locator, Page

ROOT = Path(__file__).resolve().parents[2]
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
AXE = {
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]},
    "resultTypes": ["violations"],
}
# A refusal by the gateway is an answer; the browser prints it all the same.
EXPECTED = re.compile(r"the server responded with a status of (401|404|409|412|422|503)")


@dataclass
class City:
    """The page server with its invented data, and the switches that only it has."""

    url: str

    def _ask(self, path: str) -> dict[str, Any]:
        with urllib.request.urlopen(f"{self.url}/__mock/{path}", timeout=10) as answer:
            result: dict[str, Any] = json.load(answer)
            return result

    def reset(self) -> None:
        self._ask("reset")

    def fail(self, times: int) -> None:
        """The next ``times`` unsafe requests end in an outage."""
        self._ask(f"fail?times={times}")

    def advance(self, no: str) -> None:
        self._ask(f"advance?no={no}")

    def state(self) -> dict[str, Any]:
        return self._ask("state")


@dataclass
class Visitor:
    url: str
    context: BrowserContext
    page: Page
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not EXPECTED.search(message.text):
            self.complaints.append(message.text)

    async def sign_on(self, person: str, then: str = "/") -> None:
        """Signs on as one of the invented city's people."""
        await self.page.goto(f"{self.url}/auth/login?as={person}&next={then}")
        await self.settled()

    async def open(self, path: str) -> None:
        await self.page.goto(f"{self.url}{path}")
        await self.settled()

    async def settled(self) -> None:
        """The page has its heading and has stopped loading."""
        await self.page.locator("main h1").first.wait_for()
        await self.page.wait_for_function("!/正在加载|Loading/.test(document.querySelector('main').innerText)")

    async def heading(self) -> str:
        return (await self.page.locator("main h1").first.inner_text()).strip()

    async def expect_heading(self, words: str) -> None:
        await self.page.locator("main h1", has_text=words).wait_for()

    async def press(self, words: str) -> None:
        await self.page.get_by_role("button", name=words, exact=True).click()

    async def follow(self, words: str) -> None:
        await self.page.get_by_role("link", name=words).first.click()

    def field(self, name: str) -> Locator:
        """A form field by its id, which is also what error summaries link to."""
        return self.page.locator(f'[id="{name}"]')

    async def violations(self) -> list[str]:
        """What axe finds wrong with the page as it stands, one line per rule and place."""
        found = await Axe().run(self.page, options=AXE)
        return [f"{rule['id']}: {' '.join(map(str, node['target']))}" for rule in found.response["violations"] for node in rule["nodes"]]

    async def sideways(self) -> int:
        """Pixels by which the page is wider than the screen; 0 when nothing has to be scrolled sideways."""
        return int(await self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))

    async def focused(self) -> str:
        """Id or text of what the keyboard is on."""
        return str(await self.page.evaluate("document.activeElement.id || document.activeElement.innerText.trim()"))


async def choose(visitor: Visitor, name: str, value: str) -> None:
    await visitor.page.locator(f'input[name="{name}"][value="{value}"]').check()


async def fill_application(visitor: Visitor, phone: str = "19999000002") -> None:
    """Fills in everything for somebody living alone, up to the check page. Starts on the list of parts."""
    page = visitor.page
    await visitor.follow("开始填写")
    await visitor.expect_heading("您属于哪一类")
    await choose(visitor, "category", "new_worker")
    await visitor.press("保存并继续")
    await visitor.expect_heading("家庭成员")
    await page.locator('a[href$="/members/0"]').click()
    await visitor.expect_heading("申请人")
    await visitor.field("members-0-income").fill("42000.50")
    await visitor.press("保存并继续")
    await visitor.expect_heading("家庭成员")
    await visitor.press("保存并继续")
    await visitor.expect_heading("婚姻状况")
    await choose(visitor, "marital_status", "single")
    await visitor.press("保存并继续")
    await choose(visitor, "has_homes", "no")
    await visitor.press("保存并继续")
    await choose(visitor, "has_vehicles", "no")
    await visitor.press("保存并继续")
    await visitor.expect_heading("您现在住在哪里")
    for level in ("district", "street", "community"):
        await visitor.field(level).select_option(index=1)
    await visitor.field("address").fill("幸福路 1 号")
    await visitor.field("phone").fill(phone)
    await visitor.press("保存并继续")
    await visitor.expect_heading("同意我们")
    for register in ("social_insurance", "real_estate", "vehicles", "marriage"):
        await visitor.field(f"consent-{register}").check()
    await visitor.press("保存并继续")
    await visitor.expect_heading("核对后提交")
