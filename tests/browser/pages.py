"""What a person does on the pages, by the words they read."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import BrowserContext, ConsoleMessage, Locator, Page, expect

PICTURES = Path(__file__).parents[2] / "test-output/browser"
PHONE = {
    "viewport": {"width": 375, "height": 812},
    "has_touch": True,
    "is_mobile": True,
    "user_agent": "Mozilla/5.0 (Linux; Android 13; V2148A) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 "
    "Chrome/126.0.0.0 Mobile Safari/537.36 MicroMessenger/8.0.50",
}
DESK = {"viewport": {"width": 1280, "height": 900}}
AXE = {
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]},
    "resultTypes": ["violations"],
}
# A refusal by the gateway is an answer; the browser prints it all the same.
EXPECTED = re.compile(
    r"the server responded with a status of (401|404|409|412|422|503)|ERR_CONNECTION_REFUSED|ERR_INTERNET_DISCONNECTED"
    r"|Failed to fetch dynamically imported module"
)
# A dialog that is still fading in has no colours to be judged by.
# What has just come begins to move two frames later.
STILL = """new Promise((next) => requestAnimationFrame(() => requestAnimationFrame(next))).then(() => Promise.all(document.getAnimations()
    .filter((each) => Number.isFinite(each.effect.getComputedTiming().endTime))
    .map((each) => each.finished.catch(() => undefined))))"""

# Words of programs: a code, an enum's name, the key of a text, an instant or a missing value where people read.
TEXTS = "".join(file.read_text(encoding="utf-8") for file in (Path(__file__).parents[2] / "web/src/i18n").glob("*.ts"))
KEYS = "|".join(sorted(set(re.findall(r'^ {2}"(\w+)\.', TEXTS, re.MULTILINE))))
RAW = re.compile(
    rf"[a-z]+_[a-z]+|\b(?:{KEYS})\.[a-z]\w+|\b\d{{4}}-\d{{2}}-\d{{2}}\b|\bundefined\b|\bnull\b|\bNaN\b|system:"
    r"|\b4102\d{2}(?:\d{3})*\b|\[object"
)


# Glyphs that stand under one another though they are one word: a cell, a mark or a button whose text has as many lines as letters.
STACKED = """() => [...document.querySelectorAll("td .cell, td, th, .mark, .button, .el-button, dd")].filter((each) => {
    if (each.offsetParent === null || each.children.length) return false;
    const text = each.innerText.trim(), range = document.createRange();
    range.selectNodeContents(each);
    const lines = new Set([...range.getClientRects()].map((line) => Math.round(line.top))).size;
    return text.length > 1 && lines > 1 && text.length / lines < 3;
  }).map((each) => each.innerText.trim())"""


# A day, an hour, a number or an amount that begins on one line and ends on the next: people compare them with paper.
BROKEN = r"""() => {
  const whole = /\d{4}年\d{1,2}月(?:\d{1,2}日)?|\d{1,2}:\d{2}|[A-Z]{1,2}-\d{4}-\d{6}|\d{17}[\dX]|[\d,]+\.\d{2} (?:元|yuan|㎡|m²)/g;
  const found = [], range = document.createRange(), texts = document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const text = texts.currentNode;
    if (!text.parentElement.offsetParent || text.parentElement.closest("option, .said, .message p, .visually-hidden")) continue;
    for (const match of text.data.matchAll(whole)) {
      range.setStart(text, match.index);
      range.setEnd(text, match.index + match[0].length);
      if (new Set([...range.getClientRects()].map((line) => Math.round(line.top))).size > 1) found.push(`${match[0]} in ${text.parentElement.outerHTML.slice(0, 120)}`);
    }
  }
  return found;
}"""


# A box to tick counts with the label around it. Half a pixel is rounding.
SMALL_TARGETS = """() => [...document.querySelectorAll("button, select, textarea, input:not([type=hidden]), a.button, a.tap, a.back, nav a")]
  .map((each) => (each.matches("[type=checkbox], [type=radio]") ? each.closest("label") : each))
  .filter((each) => each && each.offsetParent !== null && each.getBoundingClientRect().height < 43.5)
  .map((each) => `${each.tagName.toLowerCase()} ${(each.innerText || each.id).trim()}: ${each.getBoundingClientRect().height} px`)"""


# The bar at the thumb stands at the end of the page (true), or where it belongs.
TO_THE_END = """(end) => {
  const [shell, tabs] = [document.querySelector(".shell"), document.querySelector(".shell .tabs")];
  if (!tabs || (end && getComputedStyle(tabs).position !== "fixed")) return;
  shell.style.position = end ? "relative" : "";
  tabs.style.position = end ? "absolute" : "";
}"""


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
            self.complaints.append(f"{self.page.url}: {message.text} ({message.location['url']})")

    async def sign_on_citizen(self, id_number: str, then: str = "/") -> None:
        await self.page.goto(f"{self.url}/auth/login?next={then}")
        await self.page.locator("#idn").fill(id_number)
        await self.press("以此人登录")
        await self.settled()

    async def sign_on_official(self, role: str, division: str, then: str = "/staff/tasks", seat: int = 1) -> None:
        await self.page.goto(f"{self.url}/auth/login?next={then}")
        await self.page.locator("summary", has_text="工作人员").click()
        form = self.page.locator("form", has=self.page.locator(f'input[name="role"][value="{role}"]'))
        # Some serve the whole city and have nothing to choose.
        if division:
            await form.locator(f"#d-{role}").select_option(division)
        # Another seat is another person.
        await form.locator(f"#s-{role}").select_option(str(seat))
        await form.get_by_role("button").click()
        await self.settled()

    async def open(self, path: str) -> None:
        await self.page.goto(f"{self.url}{path}")
        await self.settled()

    async def settled(self) -> None:
        """The app has taken the place of what is read before its scripts are there; the page has its heading and has stopped loading."""
        await expect(self.page.locator("main")).not_to_contain_text("正在打开")
        await self.page.locator("main h1").first.wait_for()
        await expect(self.page.locator("main")).not_to_contain_text(re.compile("正在加载|Loading"))

    async def expect_heading(self, words: str) -> None:
        await self.page.locator("main h1", has_text=words).wait_for()

    async def press(self, words: str) -> None:
        await self.page.get_by_role("button", name=words, exact=True).click()

    async def follow(self, words: str) -> None:
        await self.page.get_by_role("link", name=words).first.click()

    async def choose(self, name: str, value: str) -> None:
        await self.page.locator(f'input[name="{name}"][value="{value}"]').check()

    def field(self, name: str) -> Locator:
        """A form field by its id, which is also what error summaries link to."""
        return self.page.locator(f'[id="{name}"]')

    @property
    def stage(self) -> Locator:
        return self.page.locator(".now-card .stage")

    async def violations(self) -> list[str]:
        """What axe finds wrong with the page as it stands, one line per rule and place."""
        await self.page.evaluate(STILL)
        found = await Axe().run(self.page, options=AXE)
        return [f"{rule['id']}: {' '.join(map(str, node['target']))}" for rule in found.response["violations"] for node in rule["nodes"]]

    async def raw(self) -> list[str]:
        """What stands on the page in the language of programs instead of people's. An account is nobody's word: pages set it as code."""
        text = await self.page.locator("main").inner_text()
        for account in await self.page.locator("main code").all_inner_texts():
            text = text.replace(account, "")
        return [found.group() for found in RAW.finditer(text)]

    async def small_targets(self) -> list[str]:
        """Fields and buttons a thumb would miss: lower than 44 px. Links in the flow of a sentence are exempt (WCAG 2.5.8)."""
        found = await self.page.evaluate(SMALL_TARGETS)
        return [str(each) for each in found]

    async def sideways(self) -> int:
        """Pixels by which the page is wider than the screen; 0 when nothing has to be scrolled sideways."""
        return int(await self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))

    async def stacked(self) -> list[str]:
        """Words broken letter by letter, because what holds them is too narrow."""
        found = await self.page.evaluate(STACKED)
        return [str(each) for each in found]

    async def broken(self) -> list[str]:
        """Days, hours, numbers and amounts that stand on two lines."""
        found = await self.page.evaluate(BROKEN)
        return [str(each) for each in found]

    async def focused(self) -> str:
        """Id or text of what the keyboard is on."""
        return str(await self.page.evaluate("document.activeElement.id || document.activeElement.innerText.trim()"))

    async def picture(self, name: str) -> None:
        """For people to look at: what no assertion sees."""
        PICTURES.mkdir(parents=True, exist_ok=True)
        # The whole page at once, as one who scrolls through it sees it: the bar at the thumb at its end, not across its middle.
        await self.page.evaluate(TO_THE_END, True)
        await self.page.screenshot(path=PICTURES / f"{name}.png", full_page=True)
        await self.page.evaluate(TO_THE_END, False)


def yuan(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02d}"


async def fill_member(visitor: Visitor, index: int, member: dict[str, Any]) -> None:
    def named(name: str) -> Locator:
        return visitor.field(f"members-{index}-{name}")

    if index:
        await named("relation").select_option(member["relation"])
    await named("name").fill(member["name"])
    await named("id_number").fill(member["id_number"])
    await named("annual_income_fen").fill(yuan(member["annual_income_fen"]))
    await named("employer").fill(member["employer"])
    await visitor.press("保存并继续")
    await visitor.expect_heading("家庭成员")


async def fill_application(visitor: Visitor, dossier: dict[str, Any]) -> None:
    """Fills in what a household without homes or cars declares, from the list of parts up to the check page."""
    page = visitor.page
    await visitor.follow("开始填写")
    await visitor.expect_heading("您属于哪一类")
    await visitor.choose("category", dossier["category"])
    await visitor.press("保存并继续")
    await visitor.expect_heading("家庭成员")
    for index, member in enumerate(dossier["members"]):
        if index:
            await visitor.field("add").click()
        else:
            await page.locator('a[href$="/members/0"]').click()
        await visitor.field(f"members-{index}-name").wait_for()
        await fill_member(visitor, index, member)
    await visitor.press("保存并继续")
    await visitor.expect_heading("婚姻状况")
    await visitor.choose("marital_status", dossier["marital_status"])
    await visitor.press("保存并继续")
    for question in ("has_homes", "has_vehicles"):
        await visitor.choose(question, "no")
        await visitor.press("保存并继续")
    await visitor.expect_heading("您现在住在哪里")
    for level in ("district", "street", "community"):
        # Nothing to choose where the street has no communities on record.
        if dossier[level]:
            await visitor.field(level).select_option(dossier[level])
    await visitor.field("address").fill(dossier["address"])
    await visitor.field("phone").fill(dossier["phone"])
    await visitor.press("保存并继续")
    await visitor.expect_heading("同意我们")
    for register in ("social_insurance", "real_estate", "vehicles", "marriage"):
        await visitor.field(f"consent-{register}").check()
    if len(dossier["members"]) > 1:
        await visitor.field("consent-adults").check()
    await visitor.press("保存并继续")
    await visitor.expect_heading("核对后提交")
