"""How long a phone on a slow network waits for a heading: the one that comes with the page, and the one the app draws."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import Final

from playwright.async_api import Page

from tests.support.patience import eventually

# As the browser sees a phone at the edge of the city: kbit/s down and up, ms there and back.
NETWORKS: Final = {"1.6 Mbit/s, 150 ms": (1_600, 150), "400 kbit/s, 400 ms": (400, 400)}
PATHS: Final = ("/", "/conditions")
TIMES: Final = 3
# The moment the app's own heading is on the screen, beside the one the page brings along before any script.
_HEADING: Final = """(() => {
  const look = () => {
    if (document.querySelector("#app[data-v-app] main h1")) requestAnimationFrame(() => (window.drawn = performance.now()));
    else requestAnimationFrame(look);
  };
  look();
})()"""
_FIRST: Final = "performance.getEntriesByName('first-contentful-paint')"


@dataclass(frozen=True)
class Paint:
    """Medians. ``visit``: first, with an empty cache, or return, with what the first one left. ``own_seconds``: until the app's own heading."""

    network: str
    path: str
    visit: str
    first_seconds: float
    own_seconds: float

    def row(self) -> str:
        """A line of a Markdown table."""
        return f"| {self.network} | {self.path} | {self.visit} | {self.first_seconds:.2f} s | {self.own_seconds:.2f} s |"


async def paints(page: Page, url: str) -> list[Paint]:
    """Opens pages below ``url`` on every network, as often as ``TIMES``, on a first and on a return visit."""
    await page.add_init_script(_HEADING)
    session = await page.context.new_cdp_session(page)
    await session.send("Network.enable")
    found = []
    for network, (kbit, latency) in NETWORKS.items():
        speed = kbit * 1_000 / 8
        limits = {"offline": False, "latency": latency, "downloadThroughput": speed, "uploadThroughput": speed}
        await session.send("Network.emulateNetworkConditions", limits)
        for path in PATHS:
            for visit in ("first", "return"):
                times = []
                for _ in range(TIMES):
                    if visit == "first":
                        await session.send("Network.clearBrowserCache")
                    await page.goto(f"{url}{path}")
                    # Told by the browser a moment after it has painted.
                    # Asked for from here: the pages forbid what a wait inside them would need (CSP, unsafe-eval).
                    await eventually(lambda: page.evaluate(f"{_FIRST}.length > 0 && window.drawn > 0"))
                    times.append(await page.evaluate(f"[{_FIRST}[0].startTime / 1000, window.drawn / 1000]"))
                first, own = (statistics.median(each[at] for each in times) for at in (0, 1))
                found.append(Paint(network, path, visit, first, own))
    await session.detach()
    return found
