"""Chromium in front of a whole running box: the pages the gateway hands out, the real sign-on, the real bank page."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from anju_stories.household import Household
from playwright.async_api import Browser, async_playwright, expect

from tests.browser.letters import handled, said
from tests.browser.pages import PHONE, Visitor
from tests.services.web_gateway.world import World, world
from tests.support.boxes import RunningBox, running_box
from tests.support.chromium import FLAGS, MISSING, chromium_path
from tests.support.families import Families
from tests.support.patience import PATIENCE_SECONDS

expect.set_options(timeout=PATIENCE_SECONDS * 1000)
BUILT = Path(__file__).parents[2] / "services/web-gateway/src/web_gateway/static/index.html"
NewVisitor = Callable[..., Awaitable[Visitor]]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium() -> AsyncIterator[Browser]:
    path = chromium_path()
    if path is None:
        pytest.skip(MISSING)
    if not BUILT.exists():
        pytest.skip("the pages are not built: make web")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        await browser.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def box(chromium: Browser, session_dir: Path) -> AsyncIterator[RunningBox]:
    """Asks for the browser first: without one there is nothing to start a box for."""
    async with running_box(session_dir / "browser") as running:
        yield running


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def gateway(chromium: Browser, session_dir: Path, keys_dir: Path) -> AsyncIterator[World]:
    """The gateway alone with the built pages; behind it services that answer as a test tells them to."""
    folder = session_dir / "gateway"
    folder.mkdir(parents=True, exist_ok=True)
    async with world(folder, keys_dir, static_dir=BUILT.parent) as running:
        yield running


@pytest.fixture(scope="session")
def families(box: RunningBox) -> Families:
    return Families(box, 500_000)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def tenant(box: RunningBox, families: Families) -> Household:
    """Lives in its home, has paid the deposit, owes the first month; an objection was answered on the way."""
    family = await families.one("410204")
    neighbour = await families.one("410204")
    await family.submit()
    await family.approve_everywhere()
    raised = await neighbour.applicant.post(f"/applications/{family.no}/objections", {"text": "该户另有住房"})
    await family.reaches("objection_review")
    answer = {"upheld": False, "answer": "经核实不成立"}
    await family.reviewer("district").post(f"/applications/{family.no}/objections/{raised['id']}/decision", answer)
    await family.pass_public_notice()
    await box.town.official("house_manager", family.district).post(f"/districts/{family.district}/offers", {})
    await family.accept_offer()
    await family.sign()
    await family.pay("deposit")
    await family.lease_is("active")
    await family.bill(await family.live_month(0))
    return family


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def letter(box: RunningBox, tenant: Household) -> str:
    """What the tenant had to say: answered, and waits for his rating."""
    no = await said(tenant, "楼道的灯坏了两个星期，晚上看不见路。", contact="晚上八点以后打电话")
    await handled(box, no, "accept")
    await handled(box, no, "answer", "已安排电工，本周内修好。")
    return no


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def reviewed(families: Families) -> Household:
    """Waits for its street."""
    family = await families.one("410204")
    await family.submit()
    await family.reaches("street_review")
    return family


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def refused(families: Families) -> Household:
    """Was refused by its street."""
    family = await families.one("410204")
    await family.submit()
    await family.reaches("street_review")
    await family.decide("street", "refuse", "名下有多处住房，超过人均面积标准")
    await family.reaches("rejected")
    return family


@pytest_asyncio.fixture(loop_scope="session")
async def visitor(chromium: Browser, box: RunningBox, request: pytest.FixtureRequest) -> AsyncIterator[NewVisitor]:
    """``await visitor()``: somebody with a phone, or ``visitor(DESK)`` at a desk, with cookies of their own.

    Fails the test when a page of theirs logs an error, a blocked style or script included.
    """
    visitors: list[Visitor] = []

    async def come(screen: dict[str, object] = PHONE) -> Visitor:
        context = await chromium.new_context(**screen, locale="zh-CN", timezone_id="Asia/Shanghai")  # type: ignore[arg-type]  # keywords of many types
        context.set_default_timeout(PATIENCE_SECONDS * 1000)
        visitors.append(Visitor(box.url, context, await context.new_page()))
        return visitors[-1]

    yield come
    for number, each in enumerate(visitors):
        # Where everybody was at the end, for whoever looks into a failure.
        await each.picture(f"last/{re.sub(r'[^a-z0-9]+', '-', request.node.name)}-{number}")
        await each.context.close()
    complaints = [complaint for each in visitors for complaint in each.complaints]
    assert not complaints, complaints
