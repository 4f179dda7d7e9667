"""The last accepted picture of a page, and how far the page is from it.

Every sign is drawn as a block: fonts differ from machine to machine, while what is compared here, space, colour, edges, icons and where lines break, does not.
"""

from __future__ import annotations

import base64
import io
import os
from pathlib import Path

from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from PIL import Image, ImageChops
from playwright.async_api import BrowserContext, Page

ACCEPTED = Path(__file__).parent / "accepted"
FOUND = Path(__file__).parents[2] / "test-output/browser/look"
# ``ANJU_TEST_ACCEPT=1`` writes what the pages look like now as accepted.
ACCEPTING = os.environ.get("ANJU_TEST_ACCEPT") == "1"
# Edges of curves fall a little differently with every version of the browser: a point counts from here on, of 255 in any of its colours, and so many of all may.
POINT = 48
SHARE = 0.001
_EM = 1000
_HAN = ((0x2014, 0x2015), (0x2018, 0x201F), (0x2026, 0x2027), (0x3000, 0x303F), (0x4E00, 0x9FFF), (0xFF00, 0xFFEF))


def blocks() -> bytes:
    """A font of two signs: Han characters and their punctuation are a block of one em, all else of half an em; a blank is a blank."""

    def block(width: int) -> object:
        pen = TTGlyphPen(None)
        pen.moveTo((60, 0))
        for corner in ((60, 720), (width - 60, 720), (width - 60, 0)):
            pen.lineTo(corner)
        pen.closePath()
        return pen.glyph()

    signs = dict.fromkeys(range(0x21, 0x2014), "half") | {code: "full" for first, last in _HAN for code in range(first, last + 1)}
    font = FontBuilder(_EM, isTTF=True)
    font.setupGlyphOrder([".notdef", "blank", "half", "full"])
    font.setupCharacterMap(signs | {0x20: "blank", 0xA0: "blank"})
    font.setupGlyf({".notdef": block(500), "blank": TTGlyphPen(None).glyph(), "half": block(500), "full": block(_EM)})
    font.setupHorizontalMetrics({".notdef": (500, 60), "blank": (250, 0), "half": (500, 60), "full": (_EM, 60)})
    font.setupHorizontalHeader(ascent=880, descent=-240)
    font.setupNameTable({"familyName": "Blocks", "styleName": "Regular"})
    font.setupOS2(sTypoAscender=880, sTypoDescender=-240, usWinAscent=880, usWinDescent=240)
    font.setupPost()
    made = io.BytesIO()
    font.save(made)
    return made.getvalue()


async def in_blocks(context: BrowserContext) -> None:
    """Every page of this browser is drawn in blocks, and stands still. The context must bypass the content security policy."""
    font = base64.b64encode(blocks()).decode()
    style = (
        f'@font-face {{ font-family: Blocks; src: url("data:font/ttf;base64,{font}"); }}'
        "* { font-family: Blocks !important; animation: none !important; transition: none !important; caret-color: transparent !important; }"
    )
    script = f"""addEventListener("DOMContentLoaded", () => {{
        const style = document.createElement("style");
        style.textContent = {style!r};
        document.head.append(style);
    }});"""
    await context.add_init_script(script)


async def differs(page: Page, name: str) -> str:
    """What is wrong with the page beside its accepted picture; empty when nothing is. Pictures of both are kept where they differ."""
    await page.evaluate("document.fonts.ready.then(() => undefined)")
    now = Image.open(io.BytesIO(await page.screenshot())).convert("RGB")
    file = ACCEPTED / f"{name}.png"
    if ACCEPTING:
        ACCEPTED.mkdir(exist_ok=True)
        now.save(file, optimize=True)
        return ""
    if not file.exists():
        return f"{name}: nobody has accepted a picture of it yet"
    before = Image.open(file).convert("RGB")
    if now.size != before.size:
        return f"{name}: {now.size} pixels, accepted were {before.size}"
    red, green, blue = ImageChops.difference(now, before).split()
    changed = ImageChops.lighter(ImageChops.lighter(red, green), blue).point(lambda light: 255 if light > POINT else 0)
    share = changed.histogram()[255] / (now.width * now.height)
    if share <= SHARE:
        return ""
    FOUND.mkdir(parents=True, exist_ok=True)
    now.save(FOUND / f"{name}.png")
    changed.save(FOUND / f"{name}-changed.png")
    return f"{name}: {share:.2%} of it differ; see {FOUND}"
