"""A counter goes on when the network, the sign-on or the power does not: what is typed is kept sealed for the clerk alone, and sent once (ADR 24)."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from anju_stories.household import Household
from anju_stories.people import eventually
from playwright.async_api import Browser, BrowserContext, Error, Route, expect

from tests.browser.pages import DESK, Visitor
from tests.browser.test_counter import signed_page, types
from tests.support.boxes import RunningBox
from tests.support.chromium import FLAGS, chromium_path
from tests.support.families import Families
from tests.support.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.browser
Computer = Callable[[], Awaitable[Visitor]]

# Everything the browser keeps of a counter, as whoever sits down at it may read it.
KEPT = """async () => {
  const found = await indexedDB.databases();
  if (!found.some((each) => each.name === "anju-counter")) return [];
  const database = await new Promise((resolve) => { const ask = indexedDB.open("anju-counter"); ask.onsuccess = () => resolve(ask.result); });
  const rows = await new Promise((resolve) => {
    const ask = database.transaction("entries").objectStore("entries").getAll();
    ask.onsuccess = () => resolve(ask.result);
  });
  database.close();
  const text = (each) => each instanceof ArrayBuffer || ArrayBuffer.isView(each) ? new TextDecoder().decode(each) : JSON.stringify(each);
  return rows.map((row) => Object.values(row).map(text).join(" "));
}"""


@pytest_asyncio.fixture(loop_scope="session")
async def computer(chromium: Browser, box: RunningBox, tmp_path: Path) -> AsyncIterator[Computer]:
    """``await computer()``: the computer of a counter is switched on, with what its browser had kept. Switched on again, its power was cut before."""
    on: list[BrowserContext] = []

    async def switch_on() -> Visitor:
        for pid in _browsers(tmp_path):
            os.kill(pid, signal.SIGKILL)
        while on:
            with contextlib.suppress(Error):  # it is dead
                await on.pop().close()
        (tmp_path / "SingletonLock").unlink(missing_ok=True)
        context = await chromium.browser_type.launch_persistent_context(
            tmp_path, executable_path=chromium_path(), args=FLAGS, locale="zh-CN", timezone_id="Asia/Shanghai", **DESK
        )  # type: ignore[arg-type]  # keywords of many types
        context.set_default_timeout(PATIENCE_SECONDS * 1000)
        on.append(context)
        return Visitor(box.url, context, await context.new_page())

    yield switch_on
    for each in on:
        await each.close()


def _browsers(folder: Path) -> list[int]:
    """Processes of the browser with this folder, by what they were started with."""
    found = []
    for each in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            started = each.read_bytes()
        except OSError:
            continue
        if f"--user-data-dir={folder}".encode() in started:
            found.append(int(each.parent.name))
    return found


async def one(box: RunningBox, families: Families) -> Household:
    family = await families.one("410204", lambda each: len(each["members"]) == 1)
    for seat in (1, 2):
        await box.town.official("street_clerk", family.street, seat=seat).declare()
    return family


async def cases_of(box: RunningBox, family: Household) -> list[str]:
    """Of the household, as it finds them signed on itself."""
    himself = box.town.person(id_number=family.dossier["members"][0]["id_number"])
    return [each["no"] for each in (await himself.get("/applications"))["items"]]


async def is_kept(clerk: Visitor, rows: int) -> list[str]:
    async def look() -> list[str]:
        return list(await clerk.page.evaluate(KEPT))

    return await eventually(look, lambda found: len(found) == rows, seconds=PATIENCE_SECONDS, what=f"{rows} kept entries")


async def fills(clerk: Visitor, family: Household) -> None:
    """All of the form, on a paper that was printed before."""
    await types(clerk, family)
    await clerk.press("打印申请表和授权书")
    await clerk.page.locator("#by_hand").check()
    await clerk.page.locator("#document").fill("申请人身份证原件")
    await clerk.page.locator("#photo").set_input_files(signed_page())  # type: ignore[arg-type]  # a file in memory


async def test_what_is_typed_without_a_network_survives_a_power_cut_and_is_sent_once(
    box: RunningBox, families: Families, computer: Computer
) -> None:
    family = await one(box, families)
    member = family.dossier["members"][0]
    clerk = await computer()
    await clerk.sign_on_official("street_clerk", family.street, then="/staff/counter/new")
    await clerk.context.set_offline(True)
    await fills(clerk, family)
    await expect(clerk.page.locator("#keeping")).to_contain_text("现在不能保存")
    await clerk.context.set_offline(False)
    # The key is given out once there is a way to the server; from then on nothing more is asked of it.
    await clerk.page.locator("#address").fill(family.dossier["address"] + " ")
    await expect(clerk.page.locator("#keeping")).to_contain_text("已加密保存")
    await clerk.context.set_offline(True)
    await clerk.press("提交申请")
    await expect(clerk.page.locator("#later")).to_contain_text("网络不通，还没有提交")
    await clerk.picture("counter-offline")
    # Nobody reads it in the browser, and the next household starts from a clean slate.
    [row] = await is_kept(clerk, 1)
    assert member["name"] not in row
    assert member["id_number"] not in row
    await clerk.press("办理下一户")
    for field in ("#members-0-name", "#members-0-id_number", "#address", "#document", "#photo"):
        await expect(clerk.page.locator(field)).to_have_value("")
    assert member["id_number"] not in await clerk.page.content()
    assert await cases_of(box, family) == []

    # The power is cut. A colleague at the same computer sees that there is something, and nothing of it.
    clerk = await computer()
    await clerk.sign_on_official("street_clerk", family.street, then="/staff/counter", seat=2)
    await expect(clerk.page.locator("#kept")).to_contain_text("还有 1 户是其他工作人员填的")
    await expect(clerk.page.locator("#kept")).not_to_contain_text(member["name"])
    assert await cases_of(box, family) == []
    await clerk.context.clear_cookies()

    # He comes back, and it is sent by itself.
    clerk = await computer()
    await clerk.sign_on_official("street_clerk", family.street, then="/staff/counter")
    await expect(clerk.page.locator("#kept").get_by_role("status")).to_contain_text("已受理，编号")
    [no] = await cases_of(box, family)
    await expect(clerk.page.locator("#kept")).to_contain_text(no)
    await is_kept(clerk, 0)


async def test_an_answer_that_was_lost_makes_no_second_application(box: RunningBox, families: Families, computer: Computer) -> None:
    family = await one(box, families)
    clerk = await computer()
    await clerk.sign_on_official("street_clerk", family.street, then="/staff/counter/new")
    sent: list[str] = []

    async def lost(route: Route) -> None:
        sent.append(route.request.headers["idempotency-key"])
        if len(sent) == 1:
            await route.fetch()
            await route.abort("connectionreset")
        else:
            await route.continue_()

    await clerk.page.route("**/api/v1/applications", lost)
    await types(clerk, family)
    async with clerk.page.expect_download():
        await clerk.press("打印申请表和授权书")
    await clerk.page.locator("#document").fill("申请人身份证原件")
    await clerk.page.locator("#photo").set_input_files(signed_page())  # type: ignore[arg-type]  # a file in memory
    await clerk.press("提交申请")
    await expect(clerk.page.locator("#later")).to_be_visible()
    await expect(clerk.page.locator("#kept").get_by_role("status")).to_contain_text("已受理，编号")
    assert len(sent) == 2
    assert sent[0] == sent[1]
    assert len(await cases_of(box, family)) == 1
    await is_kept(clerk, 0)


async def test_what_is_half_typed_is_found_again_after_a_reload_and_sent_after_a_new_sign_on(
    box: RunningBox, families: Families, computer: Computer
) -> None:
    family = await one(box, families)
    member = family.dossier["members"][0]
    clerk = await computer()
    await clerk.sign_on_official("street_clerk", family.street, then="/staff/counter/new")
    await types(clerk, family)
    await expect(clerk.page.locator('#keeping[aria-busy="false"]')).to_contain_text("已加密保存")
    await is_kept(clerk, 1)
    await clerk.open("/staff/counter")
    await expect(clerk.page.locator("#kept")).to_contain_text("没有填完")
    await clerk.press("继续填写")
    await expect(clerk.page.locator("#members-0-id_number")).to_have_value(member["id_number"])
    async with clerk.page.expect_download():
        await clerk.press("打印申请表和授权书")
    await clerk.page.locator("#document").fill("申请人身份证原件")
    await clerk.page.locator("#photo").set_input_files(signed_page())  # type: ignore[arg-type]  # a file in memory
    # The sign-on has run out.
    await clerk.context.clear_cookies()
    await clerk.press("提交申请")
    await expect(clerk.page.locator("#later")).to_be_visible()
    await clerk.sign_on_official("street_clerk", family.street, then="/staff/counter")
    await expect(clerk.page.locator("#kept").get_by_role("status")).to_contain_text("已受理，编号")
    assert len(await cases_of(box, family)) == 1
    await is_kept(clerk, 0)
