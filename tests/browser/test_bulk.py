"""Several rows of a list at once: a request for each, what became of each, and nothing twice. The gateway is real; the services behind it say what a test needs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import grpc
import pytest
import pytest_asyncio
from anju.casework.v1 import casework_pb2 as casework
from anju.common.v1 import common_pb2 as common
from anju.notifications.v1 import notifications_pb2 as notifications
from anju.repair.v1 import repair_pb2 as repair
from chassis import errors
from chassis.errors import Problem, Refusal
from playwright.async_api import Browser, Route, expect

from tests.browser.pages import DESK, Visitor
from tests.services.web_gateway.world import World, an_application

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

NUMBERS = [f"KF-2026-00000{n}" for n in (1, 2, 3)]
NOT_PARKED = Problem("NOT_PARKED", grpc.StatusCode.FAILED_PRECONDITION, "流程没有暂停，不需要继续。", "It is not parked.")


@pytest_asyncio.fixture(loop_scope="session")
async def operator(chromium: Browser, gateway: World) -> AsyncIterator[Visitor]:
    async for each in _official(chromium, gateway, "operator", ""):
        yield each


@pytest_asyncio.fixture(loop_scope="session")
async def clerk(chromium: Browser, gateway: World) -> AsyncIterator[Visitor]:
    async for each in _official(chromium, gateway, "street_clerk", "410202001"):
        yield each


async def _official(chromium: Browser, gateway: World, role: str, division: str) -> AsyncIterator[Visitor]:
    gateway.backstage.reset()
    context = await chromium.new_context(**DESK, locale="zh-CN", timezone_id="Asia/Shanghai")  # type: ignore[arg-type]  # keywords of many types
    context.set_default_timeout(20_000)
    visitor = Visitor(gateway.url, context, await context.new_page())
    _blocked_cases(gateway)
    await visitor.sign_on_official(role, division, "/staff/cases")
    yield visitor
    await context.close()
    gateway.backstage.reset()


def _blocked_cases(gateway: World) -> None:
    cases = [an_application(no=no) for no in NUMBERS]
    for case in cases:
        case.blocked_at.FromJsonString("2026-11-26T01:00:00Z")
    running = an_application(no="KF-2026-000004")
    found = casework.ListApplicationsResponse(applications=[*cases, running], page=common.PageInfo(total=4))
    gateway.backstage.on("ListApplications", lambda _request: found)


def _asked(gateway: World) -> list[tuple[str, str]]:
    return [
        (each.request.workflow_id.removeprefix("application/"), each.request.idempotency_key)
        for each in gateway.backstage.asked
        if each.method == "Resume"
    ]


async def _prepare(operator: Visitor, reason: str = "密钥已换好") -> None:
    await operator.page.get_by_role("checkbox", name="选择本页全部").check()
    await operator.press("继续办理（3 条）")
    await operator.page.get_by_role("textbox", name="原因").fill(reason)


async def test_each_row_is_a_request_and_says_what_became_of_it(gateway: World, operator: Visitor) -> None:
    page = operator.page

    def resume(request: repair.ResumeRequest) -> repair.ResumeResponse:
        if request.workflow_id.endswith(NUMBERS[1]):
            raise Refusal(NOT_PARKED)
        return repair.ResumeResponse()

    gateway.backstage.on("Resume", resume)
    # What has nothing to be done to cannot be ticked.
    await expect(page.get_by_role("checkbox", name="选择 KF-2026-000004")).to_have_count(0)
    await page.get_by_role("checkbox", name=f"选择 {NUMBERS[0]}").check()
    await expect(page.locator(".bulk-bar")).to_contain_text("已选 1 条")
    assert await page.get_by_role("checkbox", name="选择本页全部").evaluate("each => each.indeterminate")
    await operator.picture("bulk-chosen")
    assert not await operator.violations()
    await page.get_by_role("checkbox", name="选择本页全部").check()
    await operator.press("继续办理（3 条）")
    await operator.press("继续办理（3 条）")
    await expect(page.locator(".bulk")).to_contain_text("请写明原因")
    assert _asked(gateway) == []
    await page.get_by_role("textbox", name="原因").fill("密钥已换好")
    await operator.picture("bulk-asked")
    assert not await operator.violations()
    # Twice in one moment, as by a hand that shakes.
    await page.get_by_role("button", name="继续办理（3 条）").evaluate("each => { each.click(); each.click(); }")
    await expect(page.locator(".bulk h2")).to_have_text("办成 2 条，没有办成 1 条，余下 0 条")
    await expect(page.get_by_role("row", name=NUMBERS[1]).first).to_contain_text("流程没有暂停")
    await operator.picture("bulk-over")
    assert not await operator.violations()
    asked = _asked(gateway)
    assert [no for no, _ in asked] == NUMBERS
    assert len({UUID(key) for _, key in asked}) == 3
    assert gateway.backstage.last("Resume").request.reason == "密钥已换好"
    # Nothing is left to be done: the list is as it was.
    await expect(page.get_by_role("button", name="接着办")).to_have_count(0)
    await operator.press("关闭")
    await expect(page.locator(".bulk-bar")).to_have_count(0)
    await operator.open("/staff/cases")
    await expect(page.locator(".bulk h2")).to_have_count(0)


async def test_what_gave_no_answer_is_tried_again_as_the_same_request(gateway: World, operator: Visitor) -> None:
    page = operator.page
    lost = [NUMBERS[0]]

    def resume(request: repair.ResumeRequest) -> repair.ResumeResponse:
        if request.workflow_id.removeprefix("application/") in lost:
            raise Refusal(errors.INTERNAL)
        return repair.ResumeResponse()

    gateway.backstage.on("Resume", resume)
    await _prepare(operator)
    await operator.press("继续办理（3 条）")
    await expect(page.locator(".bulk h2")).to_have_text("办成 2 条，没有办成 0 条，余下 1 条")
    await expect(page.get_by_role("row", name=NUMBERS[0]).first).to_contain_text("没有回音")
    lost.clear()
    first = dict(_asked(gateway))
    gateway.backstage.asked.clear()
    await operator.press("接着办余下的 1 条")
    await expect(page.locator(".bulk h2")).to_have_text("办成 3 条，没有办成 0 条，余下 0 条")
    assert _asked(gateway) == [(NUMBERS[0], first[NUMBERS[0]])]


async def test_a_page_loaded_anew_goes_on_where_it_was(gateway: World, operator: Visitor) -> None:
    """It is taken away while the second is under way: nobody knows whether that was done, so it is the same request again, and the first is not."""
    page = operator.page
    under_way = asyncio.Event()
    gateway.backstage.on("Resume", repair.ResumeResponse())

    async def hang(route: Route) -> None:
        if NUMBERS[1] in (route.request.post_data or ""):
            # Carried out, and its answer never read.
            await route.fetch()
            under_way.set()
            return
        await route.continue_()

    await page.route("**/api/v1/operations/resumptions", hang)
    await _prepare(operator)
    await operator.press("继续办理（3 条）")
    await under_way.wait()
    before = _asked(gateway)
    assert [no for no, _ in before] == NUMBERS[:2]
    await page.reload()
    await operator.settled()
    await page.unroute_all(behavior="ignoreErrors")
    await expect(page.locator(".bulk h2")).to_have_text("办成 1 条，没有办成 0 条，余下 2 条")
    await operator.press("接着办余下的 2 条")
    await expect(page.locator(".bulk h2")).to_have_text("办成 3 条，没有办成 0 条，余下 0 条")
    after = _asked(gateway)[2:]
    assert sorted(no for no, _ in after) == NUMBERS[1:]
    assert dict(after)[NUMBERS[1]] == dict(before)[NUMBERS[1]]
    assert gateway.backstage.last("Resume").request.reason == "密钥已换好"


async def test_letters_are_ticked_and_entered_by_keyboard(gateway: World, clerk: Visitor) -> None:
    """With every number of a registered letter; and what only some of the ticked are ready for is offered for those."""
    page, keyboard = clerk.page, clerk.page.keyboard
    letters = [
        notifications.Letter(id=f"le-{n}", application_no=no, state=state)
        for n, (no, state) in enumerate(zip(NUMBERS, ("printed", "printed", "waiting"), strict=True))
    ]
    gateway.backstage.on("ListLetters", lambda _r: notifications.ListLettersResponse(letters=letters, page=common.PageInfo(total=3)))
    gateway.backstage.on("MarkLetter", lambda request: notifications.MarkLetterResponse(letter=letters[int(request.id[-1])]))
    await clerk.open("/staff/letters?state=all")
    await page.get_by_role("checkbox", name=f"选择 {NUMBERS[0]}").focus()
    await keyboard.press("Space")
    await keyboard.press("Tab")
    await keyboard.press("Tab")
    await keyboard.press("Space")
    await expect(page.locator(".bulk-bar")).to_contain_text("已选 2 条")
    await page.get_by_role("checkbox", name=f"选择 {NUMBERS[2]}").focus()
    await keyboard.press("Space")
    # For a screen reader it is said as well.
    await expect(page.locator("[aria-live=polite]").filter(has_text="已选 3 条")).to_have_count(1)
    await expect(page.get_by_role("button", name="打印（3 条）")).to_be_visible()
    post = page.get_by_role("button", name="已寄出（2 条）")
    await post.focus()
    await keyboard.press("Enter")
    await expect(page.locator(".bulk h2")).to_be_focused()
    await keyboard.press("Tab")
    assert await page.evaluate("document.activeElement.type") == "date"
    await page.get_by_role("textbox", name=f"挂号单号 {NUMBERS[0]}").focus()
    await keyboard.type("XA00000001341")
    await keyboard.press("Enter")
    await expect(page.locator(".bulk h2")).to_have_text("办成 2 条，没有办成 0 条，余下 0 条")
    await clerk.picture("bulk-letters")
    assert not await clerk.violations()
    marked: list[Any] = [each.request for each in gateway.backstage.asked if each.method == "MarkLetter"]
    assert [(each.id, each.state, each.tracking_no) for each in marked] == [("le-0", "posted", "XA00000001341"), ("le-1", "posted", "")]
    assert len({each.on for each in marked}) == 1
