"""What a page costs: bytes over the wire, requests, and what stands between the phone and its first heading. Too much fails here, not at the counter."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pytest
from anju_stories.household import Household

from tests.browser.conftest import NewVisitor
from tests.browser.pages import Visitor
from tests.browser.paint import paints
from tests.browser.test_every_page import FORM, OPEN, pages_of
from tests.support.patience import eventually

pytestmark = pytest.mark.browser

# Nothing in the cache: page, styles, scripts, pictures and everything it asks the gateway. Packed by gzip, since brotli is for HTTPS alone.
FIRST_LOAD_BYTES = 100_000
FIRST_LOAD_REQUESTS = 30
# What came with the first page is kept: only the page itself is asked whether it is new, and what the page shows.
RETURN_BYTES = 16_000
# Asked of the gateway by one page, the session and the count of messages included.
QUESTIONS = 10
# A page that asks for nothing for so long has what it shows.
QUIET_SECONDS = 0.35
# In the head, before anything is painted: the stand-ins for old phones.
BLOCKING = ["/old-phones.js"]
HEAD_SCRIPTS = """[...document.head.querySelectorAll("script[src]")]
  .filter((each) => each.type !== "module" && !each.async && !each.defer).map((each) => new URL(each.src).pathname)"""


@dataclass
class Load:
    """What one page fetched."""

    bytes: int = 0
    urls: list[str] = field(default_factory=list)

    @property
    def questions(self) -> Counter[str]:
        return Counter(url for url in self.urls if "/api/v1/" in url)


async def load(visitor: Visitor, path: str, *, cold: bool) -> Load:
    session = await visitor.context.new_cdp_session(visitor.page)
    await session.send("Network.enable")
    if cold:
        await session.send("Network.clearBrowserCache")
    found, under_way, last = Load(), set[str](), time.monotonic()

    def received(event: dict[str, Any]) -> None:
        nonlocal last
        last = time.monotonic()
        under_way.discard(event["requestId"])
        found.bytes += int(event.get("encodedDataLength", 0))

    def asked(event: dict[str, Any]) -> None:
        nonlocal last
        last = time.monotonic()
        # A stream stays open for as long as the page does.
        if not event["request"]["url"].endswith("/events"):
            under_way.add(event["requestId"])
            found.urls.append(f"{event['request']['method']} {event['request']['url']}")

    session.on("Network.loadingFinished", received)
    session.on("Network.loadingFailed", received)
    session.on("Network.requestWillBeSent", asked)
    await visitor.open(path)
    await eventually(lambda: not under_way and time.monotonic() - last > QUIET_SECONDS, what=f"{path} to have fetched everything")
    await session.detach()
    return found


async def faults(visitor: Visitor, paths: tuple[str, ...]) -> list[str]:
    wrong = []
    for path in paths:
        first, again = await load(visitor, path, cold=True), await load(visitor, path, cold=False)
        print(f"{path}: {first.bytes} bytes, {len(first.urls)} requests, {first.questions.total()} questions; again {again.bytes} bytes")
        wrong += [f"{path}: {first.bytes} bytes"] * (first.bytes > FIRST_LOAD_BYTES)
        wrong += [f"{path}: {len(first.urls)} requests"] * (len(first.urls) > FIRST_LOAD_REQUESTS)
        wrong += [f"{path}: {again.bytes} bytes on the return"] * (again.bytes > RETURN_BYTES)
        wrong += [f"{path}: {first.questions.total()} questions"] * (first.questions.total() > QUESTIONS)
        wrong += [f"{path}: asks {times} times for {url}" for url, times in first.questions.items() if times > 1]
        blocking = await visitor.page.evaluate(HEAD_SCRIPTS)
        wrong += [f"{path}: waits for {blocking}"] * (blocking != BLOCKING)
    return wrong


async def test_what_anybody_may_see_is_light(visitor: NewVisitor) -> None:
    phone = await visitor()
    assert not (wrong := await faults(phone, OPEN)), "\n".join(wrong)


async def test_a_tenants_pages_are_light(tenant: Household, letter: str, visitor: NewVisitor) -> None:
    phone = await visitor()
    await phone.sign_on_citizen(tenant.dossier["members"][0]["id_number"])
    assert not (wrong := await faults(phone, ("/", *pages_of(tenant, tenant.period(0), letter)))), "\n".join(wrong)


async def test_the_form_is_light(reviewed: Household, visitor: NewVisitor) -> None:
    phone = await visitor()
    await phone.sign_on_citizen(reviewed.dossier["members"][0]["id_number"])
    assert not (wrong := await faults(phone, ("/", f"/cases/{reviewed.no}", *FORM))), "\n".join(wrong)


async def test_how_long_a_slow_network_takes_is_told(visitor: NewVisitor) -> None:
    """Times belong to the machine: they are written down (`make bench`, docs/weight.md), and only that there are some is held here."""
    phone = await visitor()
    for paint in await paints(phone.page, phone.url):
        print(paint.row())
        assert 0 < paint.first_seconds <= paint.own_seconds + 0.1
