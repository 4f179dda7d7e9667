"""What ``anju demo`` prints leads somewhere: every link of its story is a page, of ours or of the Temporal UI."""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.browser.conftest import NewVisitor
from tests.browser.pages import DESK
from tests.support.boxes import RunningBox

pytestmark = pytest.mark.browser


async def test_every_link_of_the_demo_opens(box: RunningBox, visitor: NewVisitor) -> None:
    program = str(Path(sys.executable).parent / "anju")
    command = [program, "demo", "--data-dir", str(box.layout.data_dir), "--months", "3"]
    demo = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT)
    said = (await demo.communicate())[0].decode()
    assert demo.returncode == 0, said
    assert "借方" in said
    assert "：平" in said
    links = set(re.findall(r"http://\S+", said))
    pages = {link for link in links if link.startswith(box.url)}
    assert len(pages) >= 6
    assert len(links) > len(pages)
    desk = await visitor(DESK)
    for link in sorted(pages):
        await desk.page.goto(link)
        await desk.settled()
        await expect(desk.page.locator("main h1").first).not_to_contain_text("没有这个页面")
    for link in sorted(links - pages):
        # The engine's own page: what it writes to the console is not ours to judge.
        engine = await desk.context.new_page()
        await engine.goto(link)
        # Decoded by the codec server: without it the page shows sealed bytes only.
        await (
            engine.get_by_text("application_no").or_(engine.get_by_text("submission")).or_(engine.get_by_text("lease_no")).first.wait_for()
        )
        await engine.close()
